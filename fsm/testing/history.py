"""What was seen of one run: calls, answers, messages, in order. PURE.

A run is judged by what was seen of it and by nothing else. So two runs of which the same was seen
are judged once, and every check is a pure function that can be tried on a history written by hand.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple, TypeVar

from futurefsm.fsm.testing.programs import Call, Move, Program

# Kinds of records. A record is a flat tuple that begins with one of these; its place in the log is
# its time. Threads and tasks are numbered from 0; what a callback calls, it calls as thread -n.
CALL = "call"  # thread, number of the call in its thread
ANSWER = "answer"  # thread, number of the call, answer, whether the clock moved meanwhile
ADDS = "adds"  # number of the callback (from 1), thread, number of the call
DELIVER = "deliver"  # number of the move
DELIVERED = "delivered"  # number of the move, answer
SENT = "sent"  # message, future, task, locks held
OFFERED = "offered"  # key
FETCHED = "fetched"  # key, task, locks held, found
DELETED = "deleted"  # key, task, locks held
CALLBACK = "callback"  # number of the callback, future, task, locks held
STATE = "state"  # future, state
WAITED = "waited"  # task, op, what, locks held: a wait that nobody should do
WOKE = "woke"  # task, future, state: it was settled when a timed wait came back
MAKING = "making"  # future, whether: a thread makes its value of what was fetched, or no longer
# A cancel that was not asked for by name, but came of a time-out: `asyncio.wait_for` does that.
ASKS = "asks"  # future
ASKED = "asked"  # future, answer
DIED = "died"  # name of a thread that a future started, the error that ended it
LISTED = "listed"  # future, how many it still has in its lists, when all is over
FINAL = "final"  # future, state, done (None: it would wait for ever), running, outcome

T = TypeVar("T")

# When what never ended ends.
NEVER = 1 << 60


def maker(kind: type[T]) -> Callable[[tuple[Any, ...]], T]:
    """What makes a named tuple of a whole tuple: for those that are made in every run, since their
    own class does it in Python code."""
    new: Any = tuple.__new__
    return partial(new, kind)


class Returned(NamedTuple):
    """A call returned; `value` is hashable."""

    value: Any = None

    def __str__(self) -> str:
        return str(self.value)


class Raised(NamedTuple):
    """A call raised; `name` as `Harness.error_name` says, `text` what is in it."""

    name: str
    text: str = ""

    def __str__(self) -> str:
        return f"raised {self.name}" + (f"({self.text})" if self.text else "")


class Error(NamedTuple):
    """An exception that is a value: what `exception()` returned."""

    name: str
    text: str = ""

    def __str__(self) -> str:
        return f"{self.name}({self.text})"


Answer = Returned | Raised


class Stopped(NamedTuple):
    """A task that did not end: what it waits in, and who holds it."""

    task: int
    name: str
    op: str
    what: str
    holder: str


class Seen(NamedTuple):
    """All that was seen of one run.

    Attributes:
        program: what ran.
        log: records, in order.
        end: "done", "deadlock" or "livelock".
        stopped: the tasks that did not end, where it is no "done".
    """

    program: Program
    log: tuple[tuple[Any, ...], ...]
    end: str = "done"
    stopped: tuple[Stopped, ...] = ()


class Made(NamedTuple):
    """A call that was made, from `begin` to `end` (`NEVER`: it did not come back).

    `clock_moved`: a timer fired meanwhile; for cancelled(), also before it.
    """

    thread: int
    number: int
    call: Call
    begin: int
    end: int = NEVER
    answer: Answer | None = None
    clock_moved: bool = False

    @property
    def by(self) -> str:
        """Who made it, in words."""
        return f"user {self.thread + 1}" if self.thread >= 0 else f"callback {-self.thread}"


class Brought(NamedTuple):
    """An event that the pump delivered, from `begin` to `end`."""

    number: int
    move: Move
    begin: int
    end: int = NEVER
    answer: Answer | None = None


_made = maker(Made)
_brought = maker(Brought)


@dataclass
class History:
    """A log, read once: who called what, from when to when, and what was told.

    Attributes:
        made: calls in the order of their beginnings.
        brought: deliveries in the order of their beginnings.
        adds: for each callback, by its number, the call that added it.
        others: the records of every other kind, each with its time in front.
        rows: rows of the table that were taken, in an order that explains it; filled in by the
            check that looks for one.
    """

    seen: Seen
    made: list[Made] = field(default_factory=list)
    brought: list[Brought] = field(default_factory=list)
    adds: dict[int, Made] = field(default_factory=dict)
    others: dict[str, list[tuple[Any, ...]]] = field(default_factory=dict)
    rows: set[tuple[str, str]] = field(default_factory=set)

    def of(self, kind: str) -> list[tuple[Any, ...]]:
        """The records of a kind: (time, fields...)."""
        return self.others.get(kind, [])

    @property
    def length(self) -> int:
        """The time at the end."""
        return len(self.seen.log)


# What a callback asks its future, by `Call.how`.
INSIDE: dict[str, tuple[Call, ...]] = {
    "asks": (Call("done"), Call("result", 0.0)),
    "cancels": (Call("cancel"),),
    "cancels next": (Call("cancel"),),
}


def inside(how: str, number: int, future: int, futures: int) -> Call:
    """The call of that number that a callback of a future makes, of so many futures."""
    whose = (future + 1) % futures if how == "cancels next" else future
    return INSIDE[how][number]._replace(future=whose)


def read(seen: Seen) -> History:
    """Read a log."""
    program = seen.program
    history = History(seen)
    # What has begun; a whole `Made` or `Brought` once it has ended.
    made: dict[tuple[int, int], Any] = {}
    brought: dict[int, Any] = {}
    adding: dict[int, tuple[int, int]] = {}
    others = history.others
    for time, record in enumerate(seen.log):
        kind = record[0]
        if kind == CALL:
            _, thread, number = record
            if thread >= 0:
                call = program.threads[thread][number]
            else:
                add = made[adding[-thread]][2]
                call = inside(add.how, number, add.future, program.futures)
            made[thread, number] = (thread, number, call, time)
        elif kind == ANSWER:
            _, thread, number, answer, moved = record
            begun = made[thread, number]
            made[thread, number] = _made((*begun[:4], time, answer, moved))
        elif kind == DELIVER:
            brought[record[1]] = (record[1], program.path[record[1]], time)
        elif kind == DELIVERED:
            number = record[1]
            begun = brought[number]
            brought[number] = _brought((*begun[:3], time, record[2]))
        elif kind == ADDS:
            adding[record[1]] = record[2:]
        elif kind in others:
            others[kind].append((time, *record[1:]))
        else:
            others[kind] = [(time, *record[1:])]
    history.made = [each if len(each) == 7 else Made(*each) for each in made.values()]
    history.brought = [each if len(each) == 5 else Brought(*each) for each in brought.values()]
    # The calls that add callbacks have their ends by now.
    history.adds = {n: Made(*made[key]) for n, key in adding.items()} if adding else {}
    return history
