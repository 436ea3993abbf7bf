"""The checks that are always on. Each is a pure function of what was seen of a run.

`ORDER` has their names, the plainest fault first: where several are true of a run, that one names
the failure.
"""

from collections.abc import Collection

from futurefsm.fsm.testing.checks.answers import (
    AGREEMENT,
    ANSWERS,
    RE_READ,
    agreement,
    answers,
    re_read,
)
from futurefsm.fsm.testing.checks.base import Check, Subject
from futurefsm.fsm.testing.checks.ending import RELEASED, TIMED_CALLS_END, endings
from futurefsm.fsm.testing.checks.locks import (
    PUMP_RAISES,
    PUMP_WAITS,
    UNDER_A_LOCK,
    pump_raises,
    pump_waits,
    under_a_lock,
)
from futurefsm.fsm.testing.checks.loops import LOOP_BLOCKED, loop_blocked
from futurefsm.fsm.testing.checks.table import (
    LINEARIZABLE,
    ONE_TASK_CANCEL,
    OUTCOME,
    PROTOCOL,
    VALUE,
    on_the_table,
)
from futurefsm.fsm.testing.checks.told import (
    ABSORBING,
    CALLBACKS_ONCE,
    WAITERS_ONCE,
    absorbing,
    callbacks_once,
    waiters_once,
)
from futurefsm.fsm.testing.checks.wire import NO_LEAK, no_leak
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.history import History

ORDER = (
    PUMP_RAISES,
    UNDER_A_LOCK,
    PUMP_WAITS,
    LOOP_BLOCKED,
    CALLBACKS_ONCE,
    WAITERS_ONCE,
    ANSWERS,
    ABSORBING,
    VALUE,
    AGREEMENT,
    RE_READ,
    LINEARIZABLE,
    OUTCOME,
    ONE_TASK_CANCEL,
    PROTOCOL,
    NO_LEAK,
    TIMED_CALLS_END,
    RELEASED,
)

_ALL: tuple[Check, ...] = (
    pump_raises,
    under_a_lock,
    pump_waits,
    loop_blocked,
    callbacks_once,
    waiters_once,
    answers,
    absorbing,
    agreement,
    re_read,
    on_the_table,
    no_leak,
    endings,
)
_PLACE = {name: place for place, name in enumerate(ORDER)}


def judge(
    history: History, subject: Subject, only: Collection[str] | None = None
) -> tuple[Trouble, ...]:
    """Everything that is wrong with what was seen, the plainest first.

    Args:
        only: names of the checks to look at; None: all.
    """
    found = [trouble for check in _ALL for trouble in check(history, subject)]
    if only is not None:
        found = [trouble for trouble in found if trouble.check in only]
    found.sort(key=lambda trouble: _PLACE.get(trouble.check, len(ORDER)))
    return tuple(dict.fromkeys(found))


__all__ = ["ORDER", "Check", "Subject", "judge"]
