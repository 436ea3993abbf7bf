"""What our scheduler owes to its clients. PURE."""

from futurefsm.fsm.checker.client_side import OBJECT
from futurefsm.fsm.checker.model import (
    Condition,
    Empty,
    Invariant,
    LeadsTo,
    Not,
    Property,
    every,
    implies,
    some,
    state,
    value,
)
from futurefsm.fsm.checker.scheduler_side import (
    ANSWERED,
    BEGUN,
    IN_QUEUE,
    KILLS,
    LEFT,
    LIED,
    ORDERS,
    OWED,
    REPORTS,
    RUNS,
    SERVED,
    WORKER,
)
from futurefsm.fsm.states import ASSIGNED, CANCELING, ENDED
from futurefsm.fsm.states import QUEUED as QUEUED_STATE


def our_properties() -> tuple[Property, ...]:
    """What our scheduler promises."""
    ended = state(SERVED, str(ENDED))
    queued, assigned = state(SERVED, str(QUEUED_STATE)), state(SERVED, str(ASSIGNED))
    canceling, busy = state(SERVED, str(CANCELING)), state(WORKER, "busy")
    in_queue = value(IN_QUEUE, 1)
    left: Condition = every(value(LEFT, 1), Not(busy), Empty(ORDERS), Empty(REPORTS))
    stopped = every(
        value(IN_QUEUE, 0, 1),
        implies(queued, in_queue),
        implies(in_queue, queued),
        implies(busy, some(assigned, canceling)),
        implies(assigned, every(value(RUNS, 1), value(KILLS, 0))),
        implies(canceling, every(value(RUNS, 1), value(KILLS, 1))),
    )
    return (
        Invariant(
            "One answer",
            every(
                value(ANSWERED, 0, 1),
                implies(ended, value(ANSWERED, 1)),
                implies(value(ANSWERED, 1), ended),
            ),
            "a task gets one result or one confirmation",
        ),
        Invariant(
            "True answer", value(LIED, 0), "what the scheduler says of a task is so when it says it"
        ),
        Invariant(
            "Never run twice",
            every(value(RUNS, 0, 1), value(BEGUN, 0, 1), value(KILLS, 0, 1)),
            "a task is begun once, on one worker at a time, and its worker killed once",
        ),
        Invariant(
            "Stopped", stopped, "queue, worker and state agree; what has ended is in neither"
        ),
        Invariant(
            "Cancel heard",
            implies(value(OWED, 1), value(KILLS, 1)),
            "a TaskCancel has its answer at once, or when the worker is dead",
        ),
        LeadsTo("Cancel answered", value(OWED, 1), value(OWED, 0), "every TaskCancel gets a word"),
        Invariant(
            "Nothing left behind",
            every(
                implies(every(left, Not(assigned), Not(canceling)), Not(value(OBJECT, 1))),
                implies(value(LEFT, 1), Not(some(queued, assigned))),
            ),
            "of a client that has left nothing waits, runs or is kept",
        ),
    )
