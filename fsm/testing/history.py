"""What was seen of one run: calls, answers, messages, in order. PURE.

A run is judged by what was seen of it and by nothing else. So two runs of which the same was seen
are judged once, and every check is a pure function that can be tried on a history written by hand.
"""

from typing import Any, NamedTuple

from futurefsm.fsm.testing.programs import Program

# Kinds of records. A record is a flat tuple that begins with one of these; its place in the log is
# its time.
CALL = "call"  # thread, number of the call in its thread
ANSWER = "answer"  # thread, number of the call, answer (see `Returned`, `Raised`)
DELIVER = "deliver"  # number of the move
DELIVERED = "delivered"  # number of the move, answer
SENT = "sent"  # message, future, task, locks held
OFFERED = "offered"  # key
FETCHED = "fetched"  # key, task, locks held, found
DELETED = "deleted"  # key, task, locks held
CALLBACK = "callback"  # number of the callback, future, task, locks held
STATE = "state"  # future, state
WAITED = "waited"  # task, op, what, locks held: a wait that nobody should do
WOKE = "woke"  # task, future, state: what it was when a timed wait had its lock again
FINAL = "final"  # future, state, done, running, outcome


class Returned(NamedTuple):
    """A call returned; `value` is hashable."""

    value: Any = None


class Raised(NamedTuple):
    """A call raised; `name` as `Harness.error_name` says, `text` what is in it."""

    name: str
    text: str = ""


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
