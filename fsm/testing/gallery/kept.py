"""Programs that are drawn seldom, and in which a mistake was found once: the bite runs them, too.

As the examples that Hypothesis keeps. None belongs to a mutant: each is run with all of them.
"""

from collections.abc import Iterator

from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.programs import Call, Move, Program

# Of each program so many schedules.
SCHEDULES = 300

_SUBMIT = Move("submit")
_RESULT = Move("result_success")
_AGAIN = Move("result_success", forced=True)

PROGRAMS = (
    # Its user cancels what has finished, while asyncio copies it.
    Program(((Call("result"),), (Call("cancel"),)), (_SUBMIT, _RESULT), early=1),
    # He does while it is fetched, and the result comes again.
    Program(((Call("exception"),), (Call("cancel"),)), (_SUBMIT, _RESULT, _AGAIN), early=1),
    # Another thread settles it between a look and the lock, and somebody waits.
    Program(
        ((Call("disconnect"),), (Call("as_completed"),)),
        (_SUBMIT, Move("confirm_canceled")),
        early=1,
    ),
)


def kept(harness: Harness) -> Iterator[Program]:
    """Those that a harness can run: it has the calls."""
    for program in PROGRAMS:
        if {call.name for calls in program.threads for call in calls} <= {*harness.calls}:
            yield program
