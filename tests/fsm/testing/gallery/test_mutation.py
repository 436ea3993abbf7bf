"""Mutants that a program makes."""

import ast
import textwrap
from itertools import chain

from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.testing.gallery import mutation

SOURCE = textwrap.dedent(
    """
    class A:
        def take(self, timeout):
            with self._lock:
                if self.free:
                    self.free = False
                elif self.other:
                    return
                self._condition.notify_all()
            self._tell(self)
            logger.warning("taken")
            try:
                self.work()
            except ValueError:
                pass
            with self._condition:
                while not self.free:
                    self._condition.wait(timeout)

        def left_alone(self):
            self.work()
    """
)


def mutants() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in mutation.source_mutants(SOURCE, "a.py", ["take"]):
        assert each.where == "take"
        assert each.name.startswith("a.py ")
        found.setdefault(each.operator, []).append(each.source)
    return found


def test_every_operator_finds_its_place() -> None:
    found = mutants()
    assert set(found) == set(mutation.OPERATORS)
    assert "_tested_0 = self.free" in found["test before lock"][0]
    assert "_tested_1 = self.other" in found["test before lock"][0]
    assert found["split lock"][0].count("with self._lock") == 2
    assert "        self._tell(self)\n            logger" not in found["act under lock"][0]
    assert "if not self.free" in found["wait once"][0]
    assert "wait(None)" in found["wait without bound"][0]
    assert "except" not in found["not caught"][0]
    assert len(found["double call"]) == 1
    assert len(found["drop call"]) == 4
    assert len(found["drop assignment"]) == 1
    assert all("left_alone(self):\n        self.work()" in text for text in chain(*found.values()))


def test_mutants_are_made_once_each_and_differ_from_the_original() -> None:
    texts = [*chain(*mutants().values())]
    assert len(set(texts)) == len(texts)
    assert ast.unparse(ast.parse(SOURCE)) not in [ast.unparse(ast.parse(each)) for each in texts]


def test_tables_are_edited_one_entry_at_a_time() -> None:
    for lifecycle in (CONFIRMED, STRICT):
        made = list(mutation.table_mutants(lifecycle))
        assert len({each.name for each in made}) == len(made)
        for each in made:
            if each.lifecycle is None:
                assert each.refused
                continue
            differ = [
                row for row in each.lifecycle.rows if row != lifecycle.row(row.source, row.event)
            ]
            assert len(differ) == 1, each.name
    assert {each.refused for each in mutation.table_mutants(CONFIRMED)} == {True, False}
