"""The story of a future: what moved it, when, and from where. PURE.

While a future lives no object is made for a step until somebody reads it. Most futures go the same
few ways: then its node knows the steps and their sources, and the future keeps their times, in one
number. What another went through is a flat tuple (step, time, source, step, time, source, ...).
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, overload

if TYPE_CHECKING:
    from futurefsm.fsm.compiled import Step
    from futurefsm.fsm.events import Event
    from futurefsm.fsm.states import State

# Moves kept. A shipped lifecycle moves a future at most four times; a lifecycle with a loop can
# move it for ever, and then the oldest are forgotten.
MOVES_MAX = 32
FIELDS = 3
RAW_MAX = MOVES_MAX * FIELDS

# Where an event came from.
CALLER = "caller"
WIRE = "wire"
CLIENT = "client"

# (step, time, source) repeated; a tuple, so that readers need no lock.
Raw = tuple[Any, ...]


# What a future keeps: that tuple; or the time of the first step; or a complex number, whose parts
# are the times of the first and the second. It takes 32 bytes; the tuple and its times, 160.
Kept = complex | Raw
UNMOVED = 0.0


def raw_of(moves: "tuple[tuple[Step, str], ...]", kept: Kept) -> Raw:
    """The flat tuple of what a future kept, whose node knows those steps and sources."""
    if isinstance(kept, tuple):
        return kept
    raw: Raw = ()
    for (step, source), time in zip(moves, (kept.real, kept.imag), strict=False):
        raw += (step, time, source)
    return raw


def extended(raw: Raw, step: "Step", time: float, source: str) -> Raw:
    """The story with one move more; the oldest move goes when there are too many."""
    if len(raw) >= RAW_MAX:
        raw = raw[FIELDS:]
    return (*raw, step, time, source)


class Move(NamedTuple):
    """One move of a future.

    Attributes:
        state: the state afterwards.
        event: what moved it.
        time: monotonic seconds.
        source: where the event came from: "caller", "wire" or "client" (its timers and its end).
    """

    state: "State"
    event: "Event"
    time: float
    source: str


class Story(Sequence[Move]):
    """What happened to a future, oldest first. Immutable; `str()` gives the text of errors.

    Attributes:
        start: the state in which it began.
        forgotten: how many of the oldest moves are not kept any more.
    """

    __slots__ = ("_made", "_raw", "_stays", "forgotten", "start")

    def __init__(
        self, start: "State", raw: Raw, stays: Mapping[str, int] | None = None, forgotten: int = 0
    ) -> None:
        self.start = start
        self._raw = raw
        self._stays = dict(stays) if stays else None
        self.forgotten = forgotten
        # Made when somebody reads them: an error has a story, and most errors are only caught.
        self._made: tuple[Move, ...] | None = None

    def __reduce__(self) -> Any:
        # What was read travels, and not the steps, which lead to the whole table.
        return _read, (self.start, self._moves, self._stays, self.forgotten)

    @property
    def _moves(self) -> tuple[Move, ...]:
        made, raw = self._made, self._raw
        if made is None:
            made = self._made = tuple(
                Move(raw[i].row.target, raw[i].event, raw[i + 1], raw[i + 2])
                for i in range(0, len(raw), FIELDS)
            )
        return made

    @property
    def stays(self) -> Counter[str]:
        """Events that did not move it, counted."""
        return Counter(self._stays or {})

    @overload
    def __getitem__(self, index: int) -> Move: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Move]: ...
    def __getitem__(self, index: int | slice) -> Move | Sequence[Move]:
        return self._moves[index]

    def __len__(self) -> int:
        return len(self._moves)

    def __iter__(self) -> Iterator[Move]:
        return iter(self._moves)

    def __repr__(self) -> str:
        return f"<Story {self.path()}>"

    def path(self) -> str:
        """The states in order: "pending → running → finished"."""
        begin = "…" if self.forgotten else str(self.start)
        return " → ".join([begin, *(str(move.state) for move in self._moves)])

    def __str__(self) -> str:
        lines = [f"Story: {self.path()}"]
        origin = self._moves[0].time if self._moves else 0.0
        if self.forgotten:
            lines.append(f"  ({self.forgotten} earlier moves forgotten)")
        for move in self._moves:
            lines.append(
                f"  {move.time - origin:+10.6f} s  {move.event} → {move.state}"
                f"  (from {move.source})"
            )
        if self._stays:
            counted = ", ".join(f"{event} x{n}" for event, n in sorted(self._stays.items()))
            lines.append(f"  without moving it: {counted}")
        return "\n".join(lines)


def _read(
    start: "State", moves: tuple[Move, ...], stays: Mapping[str, int] | None, forgotten: int
) -> Story:
    """A story that was read before it travelled."""
    story = Story(start, (), stays, forgotten)
    story._made = moves
    return story
