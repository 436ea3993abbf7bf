"""What share of the mistakes in a table the checker notices. PURE."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from futurefsm.fsm.checker.model import Invariant, Not, System, every
from futurefsm.fsm.checker.search import Graph, look
from futurefsm.fsm.checker.systems import systems_for
from futurefsm.fsm.checker.variants import mutants, unchecked
from futurefsm.fsm.effects import ANNOUNCE, Effect
from futurefsm.fsm.table import Kind, Lifecycle, Row

ROWS = "rows"
"""Killer of a mutant that ignores what no correct peer does: the list of such rows is longer."""


@dataclass(slots=True)
class Bite:
    """What became of the mutants of a lifecycle.

    Attributes:
        killed: by the property that noticed, or `ROWS`.
        survived: what was done to those that nothing noticed.
        unmet: of these, mutants of rows that only a peer that breaks the protocol leads to.
        same: mutants that are none: the compiled table, which futures step through, does the same.
    """

    killed: Counter[str] = field(default_factory=Counter)
    survived: list[str] = field(default_factory=list)
    unmet: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        """All mutants that were tried, and that do something else."""
        return self.killed.total() + len(self.survived)


def bite(lifecycle: Lifecycle, *, nth: int = 1, first: int = 0, states_max: int = 10_000) -> Bite:
    """Try the mutants of a lifecycle.

    Args:
        nth, first: try each n-th only, from the first one on.
        states_max: how far to look in a system. Most mistakes show within the first few steps; a
            graph that was not explored to its end is asked for invariants alone.
    """
    found = Bite()
    jaws = Jaws(lifecycle, states_max)
    for number, (what, row) in enumerate(mutants(lifecycle)):
        if (number - first) % nth:
            continue
        if _is_same(lifecycle, row):
            found.same.append(what)
            continue
        killer = jaws.killer(row)
        if killer is not None:
            found.killed[killer] += 1
            continue
        found.survived.append(what)
        if not jaws.meets(row):
            found.unmet.append(what)
    return found


class Jaws:
    """What a lifecycle does in its systems, looked at once for many mutants of it.

    Args: those of `bite`.
    """

    def __init__(self, lifecycle: Lifecycle, states_max: int = 10_000) -> None:
        self._lifecycle = lifecycle
        self._states_max = states_max
        # The smallest first: most mistakes show there.
        graphs = [Graph(each, states_max) for each in systems_for(lifecycle)]
        graphs.sort(key=lambda graph: len(graph.states))
        self._used = {graph.system.name: _used(graph, lifecycle) for graph in graphs}
        right = [graph.system.name for graph in graphs if graph.system.correct]
        self._met = {pair for name in right for pair in self._used[name]}

    def meets(self, row: Row) -> bool:
        """Whether correct peers alone lead to a row."""
        return _pair(row) in self._met

    def killer(self, row: Row) -> str | None:
        """The first property that the lifecycle breaks with this row in the place of its own, or
        `ROWS`; None: nothing notices."""
        if not self.meets(row) and _is_silent(self._lifecycle, row):
            return ROWS
        mutant = unchecked(self._lifecycle, self._lifecycle.name, row)
        names = [name for name, pairs in self._used.items() if _pair(row) in pairs]
        return _killer(mutant, names, self._states_max)


def _pair(row: Row) -> tuple[str, str]:
    return str(row.source), str(row.event)


def _used(graph: Graph, lifecycle: Lifecycle) -> set[tuple[str, str]]:
    """The rows of a lifecycle that a system takes."""
    return {
        (state, event)
        for part, state, event in graph.first
        if graph.system.part(part).lifecycle is lifecycle
    }


def _is_same(lifecycle: Lifecycle, row: Row) -> bool:
    """Announcing is done once, whatever the rows say: the compiled table sees to it."""
    before = lifecycle.row(row.source, row.event)
    if replace(row, effects=before.effects) != before:
        return False
    if _but_announce(row) != _but_announce(before):
        return False
    if ANNOUNCE in row.effects and ANNOUNCE in before.effects:
        return True
    # Whether somebody who was not told yet can come to this row.
    todo = [lifecycle.compiled]
    for node in todo:
        if node.state == row.source and node.settled and not node.announced:
            return False
        todo += [step.node for step in node.on.values() if step.node not in todo]
    return row.source.settled


def _but_announce(row: Row) -> tuple[Effect, ...]:
    return tuple(effect for effect in row.effects if effect != ANNOUNCE)


def _is_silent(lifecycle: Lifecycle, row: Row) -> bool:
    """What was forbidden is ignored: the report then lists one row more that no correct peer
    leads to."""
    before = lifecycle.row(row.source, row.event)
    return before.kind is Kind.VIOLATES and row.kind is Kind.IGNORES


def _killer(mutant: Lifecycle, names: Iterable[str], states_max: int) -> str | None:
    """The first property that a mutant breaks in the systems of these names."""
    systems = {each.name: each for each in systems_for(mutant)}
    for name in names:
        killer = _noticed(systems[name], states_max)
        if killer is not None:
            return killer
    return None


def _noticed(system: System, states_max: int) -> str | None:
    """The property of a system that is broken first."""
    invariants = [each for each in system.properties if isinstance(each, Invariant)]
    bad = Not(every(*(each.holds for each in invariants)))
    graph = Graph(system, states_max, until=bad)
    last = graph.states[-1]
    for each in invariants:
        if not graph.stepper.predicate(each.holds)(last):
            return each.name
    if graph.complete:
        for other in system.properties:
            if not isinstance(other, Invariant) and look(graph, other) is not None:
                return other.name
    return None
