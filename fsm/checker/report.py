"""`check`: explore a system, or all systems of a lifecycle, and say what holds. PURE."""

import textwrap
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from futurefsm.fsm.checker.counterexample import Counterexample, tell
from futurefsm.fsm.checker.model import Invariant, NoDeadlock, System
from futurefsm.fsm.checker.search import STATES_MAX, Graph, look
from futurefsm.fsm.checker.systems import systems_for
from futurefsm.fsm.table import Kind, Lifecycle, Row


@dataclass(frozen=True, slots=True)
class Result:
    """Whether a property holds of a system.

    Attributes:
        name, words: the property's.
        story: how it is broken; None where it holds.
    """

    name: str
    words: str
    story: Counterexample | None

    @property
    def holds(self) -> bool:
        """No reachable state, and no fair run, breaks it."""
        return self.story is None


@dataclass(frozen=True, slots=True)
class Checked:
    """One explored system.

    Attributes:
        system: which.
        states, transitions: how many can be reached; how many steps there are between them.
        complete: these are all; else the bound was met, and nothing is proven.
        full: channels on which a message did not fit, and was lost although the channel loses none.
        results: for each property; where not all was explored, only for those of single states.
        rows: (part, state, event) of the rows that were taken.
    """

    system: System
    states: int
    transitions: int
    complete: bool
    full: tuple[str, ...]
    results: tuple[Result, ...]
    rows: frozenset[tuple[str, str, str]]

    @property
    def broken(self) -> tuple[Result, ...]:
        """The properties that do not hold."""
        return tuple(result for result in self.results if not result.holds)

    @property
    def holds(self) -> bool:
        """Everything was explored, and every property holds."""
        return self.complete and not self.full and not self.broken

    def __str__(self) -> str:
        if self.broken:
            said = "broken: " + ", ".join(result.name for result in self.broken)
        elif not self.complete:
            said = f"not proven: more than {self.states - 1:,} states"
        elif self.full:
            said = f"not proven: {', '.join(self.full)} too small"
        else:
            said = "holds"
        return f"{self.system.name:24} {self.states:>9,} {self.transitions:>11,}  {said}"


@dataclass(frozen=True, slots=True)
class Rows:
    """Which rows of a lifecycle can be taken.

    Attributes:
        taken: by peers that keep to the protocol, whatever the network and the users do.
        rogue: only by peers that do not. Rows that ignore are there for those, too.
        never: by nobody.
    """

    lifecycle: Lifecycle
    taken: tuple[Row, ...]
    rogue: tuple[Row, ...]
    never: tuple[Row, ...]

    @property
    def dead(self) -> tuple[Row, ...]:
        """Rows that move, and that no correct peer ever leads to."""
        return tuple(row for row in (*self.rogue, *self.never) if row.kind is Kind.GOES)

    @property
    def guards(self) -> tuple[Row, ...]:
        """Rows that ignore what no correct peer does."""
        return tuple(row for row in (*self.rogue, *self.never) if row.kind is Kind.IGNORES)

    def __str__(self) -> str:
        counts = {kind: sum(row.kind is kind for row in self.taken) for kind in Kind}
        totals = {kind: sum(row.kind is kind for row in self.lifecycle.rows) for kind in Kind}
        moves = f"{counts[Kind.GOES]} of {totals[Kind.GOES]} rows that move are taken"
        stays = f"{counts[Kind.IGNORES]} of {totals[Kind.IGNORES]} that ignore"
        forbids = f"{counts[Kind.VIOLATES]} of {totals[Kind.VIOLATES]} that forbid"
        return f"{self.lifecycle.name}: {moves}, {stays}, {forbids}"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found.

    Attributes:
        checked: the systems.
        rows: for each lifecycle in question. Empty for a single system, which need not take all.
    """

    checked: tuple[Checked, ...]
    rows: tuple[Rows, ...] = ()

    @property
    def states(self) -> int:
        """In all systems."""
        return sum(each.states for each in self.checked)

    @property
    def transitions(self) -> int:
        """In all systems."""
        return sum(each.transitions for each in self.checked)

    @property
    def holds(self) -> bool:
        """Every property of every system holds, and every row that moves is taken somewhere."""
        return all(each.holds for each in self.checked) and not any(r.dead for r in self.rows)

    @property
    def stories(self) -> tuple[Counterexample, ...]:
        """The counterexamples."""
        return tuple(
            result.story for each in self.checked for result in each.broken if result.story
        )

    def __str__(self) -> str:
        lines = [HEADLINE, *map(str, self.checked), *self.about_rows()]
        for story in self.stories:
            lines += ["", str(story)]
        return "\n".join(lines)

    def about_rows(self) -> Iterator[str]:
        """What is to be said of the rows, a line each."""
        explored = all(each.complete for each in self.checked)
        for rows in self.rows:
            yield str(rows) if explored else f"{rows} (so far)"
            if not explored:
                continue
            if rows.dead:
                yield from _wrapped(f"never taken: {_named(rows.dead)}")
            if rows.guards:
                what = "taken only if a peer breaks the protocol"
                yield from _wrapped(f"{what}: {_named(rows.guards)}")


HEADLINE = f"{'system':24} {'states':>9} {'steps':>11}"


def check(what: System | Lifecycle, *, states_max: int = STATES_MAX) -> Report:
    """Explore every reachable state, and ask every property.

    Args:
        what: a system; or a lifecycle, for all systems that it can be a part of.
        states_max: give up on a system that has more states.

    Raises:
        TypeError: it is neither.
        ModelError: the lifecycle cannot be a part of the systems that there are.

    >>> from futurefsm.fsm.checker import check, system
    >>> check(system("meant")).holds
    True
    """
    if isinstance(what, System):
        return Report((check_system(what, states_max=states_max),))
    if not isinstance(what, Lifecycle):
        raise TypeError(f"check takes a System or a Lifecycle, not {what!r}")
    checked = [check_system(each, states_max=states_max) for each in systems_for(what)]
    return Report(tuple(checked), (rows_of(what, checked),))


def check_system(system: System, *, states_max: int = STATES_MAX) -> Checked:
    """Explore one system."""
    graph = Graph(system, states_max)
    results = []
    for each in system.properties:
        if not (graph.complete or isinstance(each, Invariant | NoDeadlock)):
            # What goes on behind the bound nobody knows.
            continue
        broken = look(graph, each)
        story = None if broken is None else tell(graph, broken)
        results.append(Result(each.name, each.words, story))
    return Checked(
        system,
        len(graph.states),
        graph.transitions,
        graph.complete,
        tuple(sorted(graph.stepper.full)),
        tuple(results),
        frozenset(graph.first),
    )


def rows_of(lifecycle: Lifecycle, checked: Iterable[Checked]) -> Rows:
    """Which rows of a lifecycle were taken in some systems."""
    taken: set[tuple[str, str]] = set()
    rogue: set[tuple[str, str]] = set()
    for each in checked:
        found = taken if each.system.correct else rogue
        for part, state, event in each.rows:
            if each.system.part(part).lifecycle is lifecycle:
                found.add((state, event))
    rogue -= taken
    pairs = {(str(row.source), str(row.event)): row for row in lifecycle.rows}
    return Rows(
        lifecycle,
        tuple(row for pair, row in pairs.items() if pair in taken),
        tuple(row for pair, row in pairs.items() if pair in rogue),
        tuple(row for pair, row in pairs.items() if pair not in taken | rogue),
    )


def _wrapped(line: str) -> list[str]:
    return textwrap.wrap(line, 100, initial_indent="  ", subsequent_indent="    ")


def _named(rows: tuple[Row, ...]) -> str:
    return ", ".join(f"({row.source}, {row.event})" for row in rows)
