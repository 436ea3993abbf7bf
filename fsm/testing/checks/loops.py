"""No event loop is blocked. PURE."""

from collections.abc import Iterator

from futurefsm.fsm.testing.checks.base import Subject
from futurefsm.fsm.testing.checks.locks import task_name
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.history import History

LOOP_BLOCKED = "loop blocked"

# Kind of a record: task, op, what. Somebody waited on the thread of a loop that was running.
LOOPED = "looped"


def loop_blocked(history: History, subject: Subject) -> Iterator[Trouble]:
    """Nobody waits on a loop's thread but the loop."""
    for _, task, op, what in history.of(LOOPED):
        yield Trouble(
            LOOP_BLOCKED, stands_still(f"the loop of {task_name(history, task)}", op, what)
        )


def stands_still(who: str, op: str, what: str) -> str:
    """What is wrong, in words."""
    return f"{who} stands still: there was a wait ({op}, {what}) on the thread that runs it"
