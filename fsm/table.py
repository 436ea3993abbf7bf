"""Row and Lifecycle: a total table of states and events, checked when it is made. PURE.

The rule of the project: nothing changes a state but a row of a table.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from futurefsm.fsm import validation
from futurefsm.fsm.compiled import Node, compile_lifecycle
from futurefsm.fsm.effects import FUTURE_EFFECTS, Effect
from futurefsm.fsm.errors import LifecycleError
from futurefsm.fsm.events import Event
from futurefsm.fsm.outcomes import Outcome
from futurefsm.fsm.states import State

if TYPE_CHECKING:
    from futurefsm.fsm.machine import LifecycleMachine


class Kind(Enum):
    """What an event means in a state."""

    GOES = "goes"
    IGNORES = "ignores"
    VIOLATES = "violates"


@dataclass(frozen=True, slots=True)
class Row:
    """One entry of a table: in `source`, on `event`.

    `goes`, `ignores` and `violates` make rows; a reader of a table meets nothing else.

    Attributes:
        target: the state afterwards; `source` itself where the future stays.
        effects: what somebody has to do, in order.
        why: the reason, one phrase; for an ignored event, the race that it absorbs.
        answer: what the call that fired the event returns; None where it returns nothing.
        outcome: what the event tells about a cancel.
        violates_by_caller: right from the wire, forbidden to a caller in this process.
    """

    source: State
    event: Event
    kind: Kind
    target: State
    effects: tuple[Effect, ...] = ()
    why: str = ""
    answer: bool | None = None
    outcome: Outcome | None = None
    violates_by_caller: bool = False

    def __str__(self) -> str:
        arrow = {Kind.GOES: f"→ {self.target}", Kind.IGNORES: "-", Kind.VIOLATES: "violation"}
        return f"({self.source}, {self.event}) {arrow[self.kind]}"


def goes(
    source: State,
    event: Event,
    target: State,
    *effects: Effect,
    why: str = "",
    answer: bool | None = None,
    outcome: Outcome | None = None,
) -> Row:
    """The event moves it."""
    return Row(source, event, Kind.GOES, target, effects, why, answer, outcome)


def ignores(
    source: State,
    event: Event,
    *effects: Effect,
    why: str = "",
    answer: bool | None = None,
    outcome: Outcome | None = None,
    violates_by_caller: bool = False,
) -> Row:
    """The event does not move it; effects may still have to be performed."""
    return Row(
        source, event, Kind.IGNORES, source, effects, why, answer, outcome, violates_by_caller
    )


def violates(source: State, event: Event, *, why: str = "") -> Row:
    """A correct peer never sends it here; a correct caller never calls it here."""
    return Row(source, event, Kind.VIOLATES, source, why=why)


class Lifecycle:
    """A named, frozen, total table.

    Args:
        name: an identifier, for diagrams and errors.
        start: the state in which it begins.
        rows: one for each pair of a state and an event.
        effects: the effects that its rows may name.
        about: what the table is about, for messages: "future", "value", "task".
        standard_repr: its futures print as `concurrent.futures` prints its own.

    Raises:
        LifecycleError: the table is not total, names unknown effects, has unreachable states, leads
            out of an absorbing state, or breaks a rule of futures (`validation` has them all).
    """

    def __init__(
        self,
        name: str,
        start: State,
        rows: Iterable[Row],
        *,
        effects: Iterable[Effect] = FUTURE_EFFECTS,
        about: str = "future",
        standard_repr: bool = False,
    ) -> None:
        self.name = name
        self.start = start
        self.rows = tuple(rows)
        self.effects = tuple(effects)
        self.about = about
        self.standard_repr = standard_repr
        problems = validation.problems(self)
        if problems:
            raise LifecycleError(name, problems)
        self._by_pair = {(row.source, row.event): row for row in self.rows}

    def __setattr__(self, name: str, value: object) -> None:
        if "_by_pair" in self.__dict__:
            raise AttributeError(f"lifecycle {self.name!r} is frozen; derive() makes a variant")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        return (
            f"<Lifecycle {self.name}: {len(self.states)} states, "
            f"{len(self.events)} events, {len(self.rows)} rows>"
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (
            _rebuild,
            (self.name, self.start, self.rows, self.effects, self.about, self.standard_repr),
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Lifecycle):
            return NotImplemented
        return self._identity == other._identity

    def __hash__(self) -> int:
        return hash((self.name, self.start, len(self.rows)))

    @cached_property
    def _identity(self) -> tuple[object, ...]:
        """All that makes two lifecycles the same; the order of rows does not."""
        return (
            self.name,
            self.start,
            self.about,
            self.standard_repr,
            frozenset(self.effects),
            frozenset(self.rows),
            # A state equals its name; here what is said about it counts too.
            frozenset(repr(state.__getnewargs_ex__()) for state in self.states),
        )

    @cached_property
    def states(self) -> tuple[State, ...]:
        """Every state, `start` first, then in the order of the rows."""
        found = [self.start, *(row.source for row in self.rows), *(row.target for row in self.rows)]
        return tuple(dict.fromkeys(found))

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """Every event, in the order of the rows."""
        return tuple(dict.fromkeys(row.event for row in self.rows))

    @cached_property
    def compiled(self) -> Node:
        """The compiled table's start node; what futures step through."""
        return compile_lifecycle(self)

    def row(self, state: str, event: str) -> Row:
        """The entry for a pair.

        Raises:
            KeyError: the lifecycle has no such state or event.
        """
        try:
            return self._by_pair[state, event]  # type: ignore[index]
        except KeyError:
            raise KeyError(f"lifecycle {self.name!r} has no entry for ({state}, {event})") from None

    def derive(
        self,
        name: str,
        *rows: Row,
        without: Iterable[str] = (),
        effects: Iterable[Effect] = (),
    ) -> "Lifecycle":
        """A variant: `rows` replace the entries of the same pairs, or add states and events.

        Args:
            name: the variant's name.
            rows: the entries that differ.
            without: states and events to leave out, with all their rows.
            effects: effects that the variant may name in addition.

        Raises:
            LifecycleError: as for a new lifecycle; also where `without` names what is not there.
        """
        gone = dict.fromkeys(str(each) for each in without)
        strangers = [each for each in gone if each not in (*self.states, *self.events)]
        if strangers:
            raise LifecycleError(
                name, tuple(f"{self.name!r} has no state or event {each}" for each in strangers)
            )
        # A new entry takes the place of the old one, so that a table keeps its order. A pair that
        # `rows` name twice stays twice, to be refused.
        new: dict[tuple[State, Event], list[Row]] = {}
        for row in rows:
            new.setdefault((row.source, row.event), []).append(row)
        table: list[Row] = []
        for pair, row in self._by_pair.items():
            if row.source not in gone and row.event not in gone:
                table += new.pop(pair, [row])
        table += [row for added in new.values() for row in added]
        return Lifecycle(
            name,
            self.start,
            table,
            effects=dict.fromkeys((*self.effects, *effects)),
            about=self.about,
            standard_repr=self.standard_repr,
        )

    def machine(self) -> "LifecycleMachine":
        """The same table as a `transitions.Machine`, for checking, introspection and drawing."""
        from futurefsm.fsm.machine import LifecycleMachine

        return LifecycleMachine(self)

    def to_mermaid(self, counts: Mapping[tuple[str, str], int] | None = None) -> str:
        """The diagram in Mermaid; `counts` puts numbers on the arrows, by (state, event)."""
        from futurefsm.fsm.diagram import to_mermaid

        return to_mermaid(self, counts=counts)

    def to_dot(self, counts: Mapping[tuple[str, str], int] | None = None) -> str:
        """The diagram in Graphviz' DOT; `counts` as for Mermaid."""
        from futurefsm.fsm.diagram import to_dot

        return to_dot(self, counts=counts)

    def to_markdown(self) -> str:
        """The table and its reasons in Markdown."""
        from futurefsm.fsm.document import to_markdown

        return to_markdown(self)


def checked(given: Any) -> Lifecycle:
    """What a user gave as a lifecycle.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(given, Lifecycle):
        raise TypeError(
            f"a Lifecycle is wanted, not {given!r}: one of futurefsm.fsm.LIFECYCLES, or your own"
        )
    return given


def unfit(given: Any) -> ValueError:
    """Why no future can have this lifecycle.

    Raises:
        TypeError: it is none.
    """
    return ValueError(f"{given!r} is about a {checked(given).about}, not about a future")


def _rebuild(
    name: str,
    start: State,
    rows: tuple[Row, ...],
    effects: tuple[Effect, ...],
    about: str,
    standard_repr: bool,
) -> Lifecycle:
    return Lifecycle(name, start, rows, effects=effects, about=about, standard_repr=standard_repr)
