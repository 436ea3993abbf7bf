"""The other machines of a system, as tables: a worker of ours, and OpenGRIS Scaler's scheduler and
worker as they behave. PURE.

`SCHEDULER` of `fsm.lifecycles` is the scheduler as the protocol means it. `SCALER` has what a real
one (2.9) was seen or read to do instead: it forgets a task at its end, tells nobody of a refused
cancel, drops the result of a task that is being cancelled, takes tasks back to balance its workers,
and can lose a task without a word.
"""

from futurefsm.fsm.effects import (
    CONFIRM_CANCELED_EFFECT,
    CONFIRM_NOT_FOUND_EFFECT,
    DEQUEUE,
    ENQUEUE,
    RUN,
    SEND_RESULT,
    TASK_EFFECTS,
    Effect,
)
from futurefsm.fsm.events import (
    ASSIGN,
    CANCEL_FORCED,
    CANCEL_GENTLE,
    CLIENT_GONE,
    TASK,
    WORKER_DONE,
    Event,
)
from futurefsm.fsm.states import ASSIGNED, CANCELING, QUEUED, UNKNOWN, State
from futurefsm.fsm.table import Lifecycle, Row, goes, ignores, violates

# A worker of ours: one process, one task at a time.

IDLE = State("idle", "has nothing to do")
BUSY = State("busy", "runs the task")
DEAD = State("dead", "its process has ended")

STARTED = Event("started", "the scheduler handed it the task")
RETURNED = Event("returned", "the task returned")
RAISED = Event("raised", "the task raised")
KILLED = Event("killed", "the scheduler killed it")
CRASHED = Event("crashed", "its process ended by itself")
REPLACED = Event("replaced", "a new process takes its place")

REPORT_VALUE = Effect("report_value", "tell the scheduler: a value")
REPORT_ERROR = Effect("report_error", "tell the scheduler: an exception")
REPORT_DEATH = Effect("report_death", "tell the scheduler: the process has ended")

_NOTHING_RUNS = "nothing runs in it"

WORKER = Lifecycle(
    "worker",
    IDLE,
    (
        goes(IDLE, STARTED, BUSY, why="it has nothing else"),
        violates(BUSY, STARTED, why="one task at a time"),
        ignores(DEAD, STARTED, why="it died while the task was on its way"),
        violates(IDLE, RETURNED, why=_NOTHING_RUNS),
        goes(BUSY, RETURNED, IDLE, REPORT_VALUE, why="the task ended"),
        violates(DEAD, RETURNED, why=_NOTHING_RUNS),
        violates(IDLE, RAISED, why=_NOTHING_RUNS),
        goes(BUSY, RAISED, IDLE, REPORT_ERROR, why="the task ended"),
        violates(DEAD, RAISED, why=_NOTHING_RUNS),
        goes(IDLE, KILLED, DEAD, REPORT_DEATH, why="the task ended first; the process dies"),
        goes(BUSY, KILLED, DEAD, REPORT_DEATH, why="the task dies with its process"),
        ignores(DEAD, KILLED, why="it was dead already"),
        goes(IDLE, CRASHED, DEAD, REPORT_DEATH, why="any process may end"),
        goes(BUSY, CRASHED, DEAD, REPORT_DEATH, why="any process may end"),
        violates(DEAD, CRASHED, why="once"),
        violates(IDLE, REPLACED, why="it lives"),
        violates(BUSY, REPLACED, why="it lives"),
        goes(DEAD, REPLACED, IDLE, why="there are to be as many as before"),
    ),
    effects=(REPORT_VALUE, REPORT_ERROR, REPORT_DEATH),
    about="worker",
)

# Scaler's scheduler.

BALANCING = State("balancing", "asked back from its worker, to be given to another")

SAYS_CANCELED = Event("says_canceled", "the worker's answer: canceled")
SAYS_FAILED = Event("says_failed", "the worker's answer: it runs, and was not forced")
SAYS_NOT_FOUND = Event("says_not_found", "the worker's answer: not found")
WORKER_LOST = Event("worker_lost", "the worker was silent for too long")
BALANCE = Event("balance", "other workers have less to do")
FOREIGN_CANCEL = Event("foreign_cancel", "a TaskCancel from a client that does not own it")
FORGETS = Event("forgets", "the scheduler loses it")

ASK_FORCED = Effect("ask_forced", "ask the worker to cancel it by force")
ASK_GENTLE = Effect("ask_gentle", "ask the worker for it back")

_OVER = "forgotten"
_NOT_WITH_A_WORKER = "no worker has it"


def _same(event: Event, row: "dict[State, Row]", why: str) -> tuple[Row, ...]:
    """The rows of one event: those given, and nothing happens in the other states."""
    states = (UNKNOWN, QUEUED, ASSIGNED, CANCELING, BALANCING)
    return tuple(row.get(state) or ignores(state, event, why=why) for state in states)


def _rows(event: Event, *given: Row, why: str) -> tuple[Row, ...]:
    return _same(event, {row.source: row for row in given}, why)


SCALER = Lifecycle(
    "scaler",
    UNKNOWN,
    (
        *_rows(
            TASK,
            goes(UNKNOWN, TASK, QUEUED, ENQUEUE, why="also one that ended before: it runs again"),
            why="a duplicate of a task that is alive",
        ),
        *_rows(
            ASSIGN,
            goes(QUEUED, ASSIGN, ASSIGNED, DEQUEUE, RUN, why="executes it, or keeps it queued"),
            why=_NOT_WITH_A_WORKER,
        ),
        *(
            row
            for event in (CANCEL_FORCED, CANCEL_GENTLE)
            for row in _rows(
                event,
                ignores(UNKNOWN, event, CONFIRM_NOT_FOUND_EFFECT, why="also where it ran"),
                goes(QUEUED, event, UNKNOWN, DEQUEUE, CONFIRM_CANCELED_EFFECT, why="not begun"),
                goes(
                    ASSIGNED,
                    event,
                    CANCELING,
                    ASK_FORCED if event == CANCEL_FORCED else ASK_GENTLE,
                    why="the worker decides",
                ),
                goes(BALANCING, event, CANCELING, why="nothing is sent: the worker was asked"),
                why="no second answer",
            )
        ),
        *_rows(
            SAYS_CANCELED,
            goes(CANCELING, SAYS_CANCELED, UNKNOWN, CONFIRM_CANCELED_EFFECT, why="confirmed"),
            goes(BALANCING, SAYS_CANCELED, QUEUED, ENQUEUE, why="placed again"),
            why=_OVER,
        ),
        *_rows(
            SAYS_FAILED,
            goes(CANCELING, SAYS_FAILED, ASSIGNED, why="the client is told nothing"),
            goes(BALANCING, SAYS_FAILED, ASSIGNED, why="it stays where it is"),
            why=_OVER,
        ),
        *_rows(
            SAYS_NOT_FOUND,
            goes(CANCELING, SAYS_NOT_FOUND, UNKNOWN, CONFIRM_NOT_FOUND_EFFECT, why="it had ended"),
            goes(BALANCING, SAYS_NOT_FOUND, QUEUED, ENQUEUE, why="placed again"),
            why=_OVER,
        ),
        *_rows(
            WORKER_DONE,
            goes(ASSIGNED, WORKER_DONE, UNKNOWN, SEND_RESULT, why="the task ended"),
            goes(BALANCING, WORKER_DONE, UNKNOWN, SEND_RESULT, why="the task ended"),
            why="the result is dropped",
        ),
        *_rows(
            WORKER_LOST,
            goes(ASSIGNED, WORKER_LOST, QUEUED, ENQUEUE, why="placed again: at least once"),
            goes(CANCELING, WORKER_LOST, UNKNOWN, CONFIRM_CANCELED_EFFECT, why="it may still run"),
            goes(BALANCING, WORKER_LOST, QUEUED, ENQUEUE, why="placed again"),
            why=_NOT_WITH_A_WORKER,
        ),
        *_rows(
            BALANCE,
            goes(ASSIGNED, BALANCE, BALANCING, ASK_GENTLE, why="to be placed elsewhere"),
            why=_NOT_WITH_A_WORKER,
        ),
        *_rows(
            FOREIGN_CANCEL,
            goes(ASSIGNED, FOREIGN_CANCEL, UNKNOWN, SEND_RESULT, why="its owner gets an error"),
            why="only what runs",
        ),
        *_rows(
            FORGETS,
            goes(QUEUED, FORGETS, UNKNOWN, DEQUEUE, why="no answer, ever"),
            goes(ASSIGNED, FORGETS, UNKNOWN, why="no answer, ever"),
            why=_OVER,
        ),
        *_rows(
            CLIENT_GONE,
            goes(QUEUED, CLIENT_GONE, UNKNOWN, DEQUEUE, CONFIRM_CANCELED_EFFECT, why="not begun"),
            goes(ASSIGNED, CLIENT_GONE, CANCELING, ASK_FORCED, why="nobody waits for it"),
            goes(BALANCING, CLIENT_GONE, CANCELING, why="nothing is sent: the worker was asked"),
            why=_OVER,
        ),
    ),
    effects=(*TASK_EFFECTS, ASK_FORCED, ASK_GENTLE),
    about="task",
)

# Scaler's worker: an agent with a queue of its own, and a process that runs one task.

FREE = State("free", "the worker does not have it")
HELD = State("held", "in the worker's own queue")
RUNS = State("runs", "executing")
SUSPENDED = State("suspended", "stopped for a task with a higher priority")

BEGINS = Event("begins", "it is its turn")
SUSPENDS = Event("suspends", "a task with a higher priority came")
RESUMES = Event("resumes", "that one has ended")

SAY_CANCELED = Effect("say_canceled", "tell the scheduler: canceled")
SAY_FAILED = Effect("say_failed", "tell the scheduler: it runs")
SAY_NOT_FOUND = Effect("say_not_found", "tell the scheduler: not found")


def _all(event: Event, *given: Row, why: str) -> tuple[Row, ...]:
    sources = {row.source: row for row in given}
    states = (FREE, HELD, RUNS, SUSPENDED)
    return tuple(sources.get(state) or ignores(state, event, why=why) for state in states)


SCALER_WORKER = Lifecycle(
    "scaler_worker",
    FREE,
    (
        *_all(STARTED, goes(FREE, STARTED, HELD, why="queued"), why="it has it"),
        *_all(BEGINS, goes(HELD, BEGINS, RUNS, why="its turn"), why="not queued"),
        *_all(SUSPENDS, goes(RUNS, SUSPENDS, SUSPENDED, why="less urgent"), why="not running"),
        *_all(RESUMES, goes(SUSPENDED, RESUMES, RUNS, why="its turn again"), why="not suspended"),
        *_all(RETURNED, goes(RUNS, RETURNED, FREE, REPORT_VALUE, why="ended"), why="not running"),
        *_all(RAISED, goes(RUNS, RAISED, FREE, REPORT_ERROR, why="ended"), why="not running"),
        *_all(
            CANCEL_FORCED,
            ignores(FREE, CANCEL_FORCED, SAY_NOT_FOUND, why="it ended, or never came"),
            goes(HELD, CANCEL_FORCED, FREE, SAY_CANCELED, why="never begun"),
            goes(RUNS, CANCEL_FORCED, FREE, SAY_CANCELED, why="killed"),
            goes(
                SUSPENDED, CANCEL_FORCED, HELD, SAY_CANCELED, why="a stale entry: it begins again"
            ),
            why="",
        ),
        *_all(
            CANCEL_GENTLE,
            ignores(FREE, CANCEL_GENTLE, SAY_NOT_FOUND, why="it ended, or never came"),
            goes(HELD, CANCEL_GENTLE, FREE, SAY_CANCELED, why="never begun"),
            ignores(RUNS, CANCEL_GENTLE, SAY_FAILED, why="not without force"),
            ignores(SUSPENDED, CANCEL_GENTLE, SAY_FAILED, why="not without force"),
            why="",
        ),
    ),
    effects=(REPORT_VALUE, REPORT_ERROR, SAY_CANCELED, SAY_FAILED, SAY_NOT_FOUND),
    about="worker",
)
