"""A class that is made of the real RLock is one of the run's in a run."""

import _thread
from typing import Any

from futurefsm.fsm.testing.threads import benign, installed, locks, run


class Named(_thread.RLock):
    __slots__ = ("name",)

    def say(self) -> str:
        return f"{self.name} {self._is_owned()}"  # type: ignore[attr-defined, no-any-return]


class Plain(_thread.RLock):
    __slots__ = "one"


def test_it_is_the_run_s_in_a_run_and_the_real_one_outside() -> None:
    made: list[Any] = []

    def make() -> None:
        made.append((Named(), Plain()))

    def use() -> str:
        named, plain = made[0]
        named.name, plain.one = "lock", 1
        with named:
            return str(named.say())

    def setup(arena: Any) -> None:
        make()
        arena.spawn("user", use)
        arena.spawn("user", use)

    with installed():
        done = run(setup, benign)
        # Beside the run, the real ones.
        assert type(Named()).__mro__[1] is type(_thread.RLock())
    assert [each.value for each in done.ended] == ["lock True"] * 2
    assert all(isinstance(each, locks.RLock) for each in made[0])
    assert type(Named()) is Named


def test_one_class_stands_for_it_for_good() -> None:
    made: list[type] = []

    def setup(arena: Any) -> None:
        made.append(type(Named()))

    for _ in range(2):
        with installed():
            run(setup, benign)
    assert made[0] is made[1]
