"""A system to be checked: machines, channels between them, and what may happen by itself. PURE.

It is data. `stepping.py` makes Python of it, `promela.py` makes a model for SPIN of the same data,
so that two tools of different origin can be compared. The machines are lifecycles, the tables that
the library itself runs: nothing about them is written a second time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from futurefsm.fsm.table import Lifecycle

# Conditions.


@dataclass(frozen=True, slots=True)
class In:
    """A part is in one of these states."""

    part: str
    states: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Is:
    """A variable has one of these values."""

    variable: str
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Empty:
    """Nothing is under way on a channel."""

    channel: str


@dataclass(frozen=True, slots=True)
class Every:
    """All of these hold. Of none: true."""

    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one of these holds. Of none: false."""

    of: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """It does not hold."""

    of: "Condition"


Condition: TypeAlias = In | Is | Empty | Every | Some | Not

ALWAYS = Every(())
NEVER = Some(())


def state(part: str, *states: str) -> In:
    """The part is in one of these states."""
    return In(part, states)


def value(variable: str, *values: int) -> Is:
    """The variable has one of these values."""
    return Is(variable, values)


def every(*of: Condition) -> Every:
    """All of these hold."""
    return Every(of)


def some(*of: Condition) -> Some:
    """At least one of these holds."""
    return Some(of)


def implies(first: Condition, then: Condition) -> Some:
    """Where the first holds, the second holds too."""
    return Some((Not(first), then))


# What is done.


@dataclass(frozen=True, slots=True)
class Fire:
    """An event happens to a part, in the same step: one row of its table is taken."""

    part: str
    event: str


@dataclass(frozen=True, slots=True)
class Send:
    """A message goes onto a channel. On a full one it is lost, and the result says so."""

    channel: str
    message: str


@dataclass(frozen=True, slots=True)
class Assign:
    """A variable gets a value."""

    variable: str
    value: int


@dataclass(frozen=True, slots=True)
class Count:
    """A variable goes up by one; at its bound it stays."""

    variable: str


@dataclass(frozen=True, slots=True)
class Look:
    """A variable becomes what a list has at its place."""

    variable: str
    after: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Clear:
    """All that is under way on a channel is lost."""

    channel: str


@dataclass(frozen=True, slots=True)
class When:
    """What is done depends."""

    condition: Condition
    then: tuple["Operation", ...]
    otherwise: tuple["Operation", ...] = ()


Operation: TypeAlias = Fire | Send | Assign | Count | Look | Clear | When

# The system.


@dataclass(frozen=True, slots=True)
class Channel:
    """One direction of a link.

    Args:
        name: a Python identifier.
        source, target: the lanes that it joins.
        messages: every message that it can carry.
        capacity: how many messages fit.
        reorders: they may arrive in any order.
        duplicates: each may arrive any number of times.
        loses: each may be lost.
    """

    name: str
    source: str
    target: str
    messages: tuple[str, ...]
    capacity: int = 4
    reorders: bool = False
    duplicates: bool = False
    loses: bool = False

    @property
    def is_set(self) -> bool:
        """Where any message may come in any order and any number of times, a second copy of one
        that is under way adds nothing, and is not kept."""
        return self.reorders and self.duplicates


@dataclass(frozen=True, slots=True)
class Part:
    """A machine of the system.

    Args:
        name: a Python identifier.
        lane: whose it is, for pictures.
        lifecycle: its table.
        effects: (state, event) → what a row of the table does beside the move.
        correct: a row that violates is a mistake of the system: then `blame` becomes 1.
    """

    name: str
    lane: str
    lifecycle: Lifecycle
    effects: Mapping[tuple[str, str], tuple[Operation, ...]] = field(default_factory=dict)
    blame: str | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """Something that may happen wherever its guard holds.

    Args:
        name: a Python identifier.
        lane: who does it.
        words: how a story tells it.
        guard: where it may happen.
        does: what is done then.
        fair: if it could happen for ever, it does, some time. A user's calls, faults and timers are
            not fair: they may never come.
    """

    name: str
    lane: str
    words: str
    guard: Condition
    does: tuple[Operation, ...]
    fair: bool = False


@dataclass(frozen=True, slots=True)
class Variable:
    """A small number that is remembered: 0 at first, `bound` at most.

    `names`: what its values are called in stories; by default they are numbers.
    """

    name: str
    bound: int = 1
    start: int = 0
    names: tuple[str, ...] = ()


# Properties.


@dataclass(frozen=True, slots=True)
class Invariant:
    """Holds in every reachable state."""

    name: str
    holds: Condition
    words: str


@dataclass(frozen=True, slots=True)
class LeadsTo:
    """Wherever `start` holds, `goal` holds some time later, on every fair run."""

    name: str
    start: Condition
    goal: Condition
    words: str


@dataclass(frozen=True, slots=True)
class AlwaysPossible:
    """From every reachable state there is a way to `goal`, by fair actions alone."""

    name: str
    goal: Condition
    words: str


@dataclass(frozen=True, slots=True)
class NoDeadlock:
    """Where no fair action can happen any more, `final` holds."""

    name: str
    final: Condition
    words: str


Property: TypeAlias = Invariant | LeadsTo | AlwaysPossible | NoDeadlock


class ModelError(ValueError):
    """A system that cannot be: it names what is not there."""


@dataclass(frozen=True, slots=True)
class System:
    """Lifecycles joined by channels, and what must hold of them.

    Args:
        name: a Python identifier.
        title: one phrase for tables.
        lanes: everybody who does something, in the order of a picture.
        parts: the machines.
        variables: what is remembered beside.
        channels: the links.
        deliveries: (channel, message) → what the receiver does.
        actions: what may happen by itself.
        properties: what must hold.
        correct: its peers keep to the protocol, so what it reaches counts as reachable.
        scene: which of `systems.SCENES` it is; empty for one of somebody's own.

    Raises:
        ModelError: a name is used twice, or is not there.
    """

    name: str
    title: str
    lanes: tuple[str, ...]
    parts: tuple[Part, ...]
    variables: tuple[Variable, ...] = ()
    channels: tuple[Channel, ...] = ()
    deliveries: Mapping[tuple[str, str], tuple[Operation, ...]] = field(default_factory=dict)
    actions: tuple[Action, ...] = ()
    properties: tuple[Property, ...] = ()
    correct: bool = True
    scene: str = ""

    def __post_init__(self) -> None:
        from futurefsm.fsm.checker import wellformed

        problems = tuple(dict.fromkeys(wellformed.problems(self)))
        if problems:
            raise ModelError(f"system {self.name!r}: {'; '.join(problems)}")

    def part(self, name: str) -> Part:
        """The part of that name."""
        return next(part for part in self.parts if part.name == name)
