"""The scheduler's half of a system, twice: as the protocol means it, as Scaler behaves. PURE."""

from collections.abc import Callable

from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm.checker import peers
from futurefsm.fsm.checker.client_side import (
    ANSWER_EVENTS,
    ANSWERS,
    BLAME,
    CLOSED,
    GENTLE,
    GOODBYE,
    OBJECT,
    REQUEST_MESSAGES,
    REQUESTS,
    TASK,
    TASK_CANCEL,
)
from futurefsm.fsm.checker.model import (
    Action,
    Assign,
    Channel,
    Clear,
    Condition,
    Count,
    Empty,
    Fire,
    Not,
    Operation,
    Part,
    Send,
    Variable,
    When,
    every,
    some,
    state,
    value,
)
from futurefsm.fsm.effects import Effect
from futurefsm.fsm.states import ASSIGNED, CANCELING, ENDED, UNKNOWN
from futurefsm.fsm.states import QUEUED as QUEUED_STATE
from futurefsm.fsm.table import Kind, Lifecycle, Row

SERVED, WORKER = "task", "worker"
ORDERS, REPORTS = "orders", "reports"

IN_QUEUE = (
    "in_queue"  # the scheduler's queue has the task; 2: put in twice, or taken out of nothing
)
ANSWERED = "answered"  # answers that end the task, sent to its client
RUNS = "runs"  # how often it was handed to a worker, and did not come back
BEGUN = "begun"  # how often a worker began it
GIVEN_BACK = "given_back"  # it came back from one that died before it began
KILLS = "kills"  # how often its worker was killed for it
MADE = "made"  # what the worker made: nothing, a value, an exception
OWED = "owed"  # a TaskCancel came, and was not answered
LEFT = "left"  # its client has left
LIED = "lied"  # an answer that is not so

VALUE, ERROR = 1, 2

VARIABLES = (
    Variable(IN_QUEUE, 2),
    Variable(ANSWERED, 2),
    Variable(RUNS, 2),
    Variable(BEGUN, 2),
    Variable(GIVEN_BACK),
    Variable(KILLS, 2),
    Variable(MADE, 2),
    Variable(OWED),
    Variable(LEFT),
    Variable(LIED),
)

_SWEEP = When(value(OBJECT, 1), (Assign(OBJECT, 2),))
_STORE = Assign(OBJECT, 1)


def _answer(message: str, *does: Operation) -> tuple[Operation, ...]:
    return (*does, Assign(OWED, 0), Send(ANSWERS, message))


_CANCELED = "TaskCancelConfirm_canceled"


def _result() -> tuple[Operation, ...]:
    """Store the result object and say so. One whose client has left gets a confirmation: an object
    that nobody can fetch would stay for ever."""
    made = When(value(MADE, VALUE), _answer("TaskResult_success"), _answer("TaskResult_failed"))
    return (Count(ANSWERED), When(value(LEFT, 1), _answer(_CANCELED), (_STORE, made)))


# Ours.


# Of interest while it lives; that it is handed out no more, the other counts tell.
_OVER = (Assign(BEGUN, 0), Assign(GIVEN_BACK, 0))


def _ours(row: Row, effect: Effect) -> tuple[Operation, ...]:
    """What an effect of our scheduler's table does. An answer that is not so is written down."""
    alive = str(row.source) not in (str(UNKNOWN), str(ENDED))
    lies: dict[str, tuple[Operation, ...]] = {
        fx.CONFIRM_CANCELED_EFFECT: (
            _lie(not row.target.absorbing),
            # It says that the task will not finish: so it neither runs nor has ended.
            When(some(state(WORKER, "busy"), value(MADE, VALUE, ERROR)), (Assign(LIED, 1),)),
        ),
        # These two are answers: to somebody who has asked.
        fx.CONFIRM_NOT_FOUND_EFFECT: (_lie(alive), When(value(OWED, 0), (Assign(LIED, 1),))),
        fx.CONFIRM_FAILED_EFFECT: (
            _lie(not alive or row.source != row.target),
            # Nor is it a refusal where the worker is being killed.
            When(some(value(OWED, 0), value(KILLS, 1, 2)), (Assign(LIED, 1),)),
        ),
        # What has ended is on no worker.
        fx.KILL_WORKER: (_lie(row.target.absorbing),),
        fx.SEND_RESULT: (_lie(row.event not in (ev.WORKER_DONE, ev.NO_WORKER)),),
        fx.SEND_WORKER_DIED: (
            _lie(row.event != ev.WORKER_DIED),
            # Nobody is blamed who had not begun, the first time.
            When(every(value(BEGUN, 0), value(GIVEN_BACK, 0)), (Assign(LIED, 1),)),
        ),
    }
    does: dict[str, tuple[Operation, ...]] = {
        fx.ENQUEUE: (
            When(value(IN_QUEUE, 0), (Assign(IN_QUEUE, 1),), (Assign(IN_QUEUE, 2),)),
            # From a worker that is dead: it may be handed out anew.
            *((Assign(RUNS, 0), Assign(GIVEN_BACK, 1)) if alive else ()),
        ),
        fx.DEQUEUE: (When(value(IN_QUEUE, 1), (Assign(IN_QUEUE, 0),), (Assign(IN_QUEUE, 2),)),),
        fx.RUN: (Count(RUNS), Send(ORDERS, "Run")),
        fx.KILL_WORKER: (Count(KILLS), Assign(GIVEN_BACK, 0), Send(ORDERS, "Kill")),
        fx.CONFIRM_CANCELED_EFFECT: (Count(ANSWERED), *_OVER, *_answer(_CANCELED)),
        fx.CONFIRM_NOT_FOUND_EFFECT: _answer("TaskCancelConfirm_not_found"),
        fx.CONFIRM_FAILED_EFFECT: _answer("TaskCancelConfirm_failed"),
        fx.SEND_RESULT: (*_OVER, *_result()),
        fx.SEND_WORKER_DIED: (Count(ANSWERED), *_OVER, *_answer("TaskResult_worker_died")),
    }
    return (*lies.get(effect, ()), *does.get(effect, ()))


def _lie(is_one: bool) -> Operation:
    return When(every(), (Assign(LIED, 1),) if is_one else ())


def _part(
    name: str,
    lane: str,
    lifecycle: Lifecycle,
    performed: Callable[[Row, Effect], tuple[Operation, ...]],
) -> Part:
    effects = {
        (str(row.source), str(row.event)): tuple(
            operation for effect in row.effects for operation in performed(row, effect)
        )
        for row in lifecycle.rows
        if row.kind is not Kind.VIOLATES
    }
    return Part(name, lane, lifecycle, effects, BLAME)


def _reports(_: Row, effect: Effect) -> tuple[Operation, ...]:
    """What a worker tells its scheduler."""
    messages: dict[str, tuple[Operation, ...]] = {
        peers.REPORT_VALUE: (Send(REPORTS, "Value"),),
        peers.REPORT_ERROR: (Send(REPORTS, "Error"),),
        peers.REPORT_DEATH: (Send(REPORTS, "Death"),),
        peers.SAY_CANCELED: (Send(REPORTS, "Canceled"),),
        peers.SAY_FAILED: (Send(REPORTS, "Failed"),),
        peers.SAY_NOT_FOUND: (Send(REPORTS, "NotFound"),),
    }
    return messages[effect]


def client_channels(*, reorders: bool, duplicates: bool, loses: bool) -> tuple[Channel, ...]:
    """The link between the client and the scheduler."""
    faults = {"reorders": reorders, "duplicates": duplicates, "loses": loses}
    return (
        Channel(REQUESTS, "client", "scheduler", REQUEST_MESSAGES, 2 if loses else 4, **faults),
        Channel(ANSWERS, "scheduler", "client", tuple(ANSWER_EVENTS), 2 if loses else 6, **faults),
    )


def _requests(*, owed: bool) -> dict[tuple[str, str], tuple[Operation, ...]]:
    """What the scheduler does with what its client sends."""
    ask: tuple[Operation, ...] = (Assign(OWED, 1),) if owed else ()
    return {
        # What comes behind a good-bye was sent before it, and is for nobody.
        (REQUESTS, TASK): (When(value(LEFT, 0), (Fire(SERVED, ev.TASK),)),),
        (REQUESTS, TASK_CANCEL): (*ask, Fire(SERVED, ev.CANCEL_FORCED)),
        (REQUESTS, GENTLE): (*ask, Fire(SERVED, ev.CANCEL_GENTLE)),
        (REQUESTS, GOODBYE): _leave(),
    }


def _leave() -> tuple[Operation, ...]:
    return (When(value(LEFT, 0), (Assign(LEFT, 1), Fire(SERVED, ev.CLIENT_GONE), _SWEEP)),)


def _common_actions(*, evicts: bool) -> tuple[Action, ...]:
    gone = every(value(CLOSED, 1), value(LEFT, 0))
    notice = Action(
        "notice", "scheduler", "hears nothing of the client any more", gone, _leave(), fair=True
    )
    if not evicts:
        return (notice,)
    here = every(value(CLOSED, 0), value(LEFT, 0))
    does = (Fire(SERVED, ev.CLIENT_GONE), _SWEEP)
    return (notice, Action("evict", "scheduler", "the client was silent for too long", here, does))


def ours(
    lifecycle: Lifecycle, *, faulty: bool, evicts: bool
) -> tuple[
    tuple[Part, ...],
    tuple[Channel, ...],
    dict[tuple[str, str], tuple[Operation, ...]],
    tuple[Action, ...],
]:
    """The scheduler as the protocol means it, with one worker.

    Args:
        lifecycle: the task's table.
        faulty: the worker's reports may be repeated and overtake each other.
        evicts: a client that is silent for too long is taken for gone.
    """
    parts = (
        _part(SERVED, "scheduler", lifecycle, _ours),
        _part(WORKER, "worker", peers.WORKER, _reports),
    )
    reports = ("Value", "Error", "Death")
    channels = (
        Channel(ORDERS, "scheduler", "worker", ("Run", "Kill"), 3),
        Channel(REPORTS, "worker", "scheduler", reports, 3, reorders=faulty, duplicates=faulty),
    )
    had_it = Not(state(SERVED, str(UNKNOWN), str(QUEUED_STATE)))
    deliveries: dict[tuple[str, str], tuple[Operation, ...]] = {
        **_requests(owed=True),
        (ORDERS, "Run"): (
            When(state(WORKER, "idle"), (Count(BEGUN), Assign(GIVEN_BACK, 0))),
            Fire(WORKER, peers.STARTED),
        ),
        (ORDERS, "Kill"): (Fire(WORKER, peers.KILLED),),
        (REPORTS, "Value"): (Assign(MADE, VALUE), Fire(SERVED, ev.WORKER_DONE)),
        (REPORTS, "Error"): (Assign(MADE, ERROR), Fire(SERVED, ev.WORKER_DONE)),
        # The scheduler knows which task its worker has, and whether that was begun; an idle one
        # dies for itself. What comes back again and again is blamed in the end (here the second
        # time): workers that never begin must not keep a future for ever.
        (REPORTS, "Death"): (When(had_it, (_death(),)),),
    }
    return parts, channels, deliveries, _our_actions(evicts=evicts)


def _death() -> Operation:
    blamed = some(Not(value(BEGUN, 0)), value(GIVEN_BACK, 1))
    return When(blamed, (Fire(SERVED, ev.WORKER_DIED),), (Fire(SERVED, ev.NEVER_BEGUN),))


def _our_actions(*, evicts: bool) -> tuple[Action, ...]:
    busy, dead = state(WORKER, "busy"), state(WORKER, "dead")
    free = every(state(WORKER, "idle"), Empty(ORDERS), Empty(REPORTS), value(IN_QUEUE, 1))
    known = Not(state(SERVED, str(UNKNOWN)))
    at_risk = some(busy, every(state(WORKER, "idle"), Not(Empty(ORDERS))))
    return (
        Action("assign", "scheduler", "gives work", free, (Fire(SERVED, ev.ASSIGN),), fair=True),
        Action(
            "no_worker",
            "scheduler",
            "can start no more workers",
            known,
            (When(value(IN_QUEUE, 1), (Assign(MADE, ERROR),)), Fire(SERVED, ev.NO_WORKER)),
        ),
        Action("return_", "worker", "returns", busy, (Fire(WORKER, peers.RETURNED),), fair=True),
        Action("raise_", "worker", "raises", busy, (Fire(WORKER, peers.RAISED),)),
        # One that has nothing to do may crash too, and is replaced; of interest is where a task
        # is on its way to it.
        Action("crash", "worker", "crashes", at_risk, (Fire(WORKER, peers.CRASHED),)),
        Action(
            "replace",
            "worker",
            "is started anew",
            every(dead, Empty(REPORTS)),
            (Clear(ORDERS), Fire(WORKER, peers.REPLACED)),
            fair=True,
        ),
        *_common_actions(evicts=evicts),
    )


# Scaler's.


def _scalers(_: Row, effect: Effect) -> tuple[Operation, ...]:
    does: dict[str, tuple[Operation, ...]] = {
        fx.ENQUEUE: (Assign(IN_QUEUE, 1),),
        fx.DEQUEUE: (Assign(IN_QUEUE, 0),),
        fx.RUN: (Send(ORDERS, "Run"),),
        peers.ASK_FORCED: (Send(ORDERS, "CancelForced"),),
        peers.ASK_GENTLE: (Send(ORDERS, "CancelGentle"),),
        fx.CONFIRM_CANCELED_EFFECT: _answer(_CANCELED),
        fx.CONFIRM_NOT_FOUND_EFFECT: _answer("TaskCancelConfirm_not_found"),
        fx.SEND_RESULT: _result(),
    }
    return does[effect]


def scalers() -> tuple[
    tuple[Part, ...],
    tuple[Channel, ...],
    dict[tuple[str, str], tuple[Operation, ...]],
    tuple[Action, ...],
]:
    """Scaler's scheduler and one of its workers, as they behave."""
    parts = (
        _part(SERVED, "scheduler", peers.SCALER, _scalers),
        _part(WORKER, "worker", peers.SCALER_WORKER, _reports),
    )
    reports = ("Value", "Error", "Canceled", "Failed", "NotFound")
    channels = (
        Channel(ORDERS, "scheduler", "worker", ("Run", "CancelForced", "CancelGentle"), 3),
        Channel(REPORTS, "worker", "scheduler", reports, 3),
    )
    deliveries: dict[tuple[str, str], tuple[Operation, ...]] = {
        **_requests(owed=False),
        (ORDERS, "Run"): (Fire(WORKER, peers.STARTED),),
        (ORDERS, "CancelForced"): (Fire(WORKER, ev.CANCEL_FORCED),),
        (ORDERS, "CancelGentle"): (Fire(WORKER, ev.CANCEL_GENTLE),),
        # The object of a result that is dropped has a name that its client never learns: it counts
        # only once it is told.
        (REPORTS, "Value"): (Assign(MADE, VALUE), Fire(SERVED, ev.WORKER_DONE)),
        (REPORTS, "Error"): (Assign(MADE, ERROR), Fire(SERVED, ev.WORKER_DONE)),
        (REPORTS, "Canceled"): (Fire(SERVED, peers.SAYS_CANCELED),),
        (REPORTS, "Failed"): (Fire(SERVED, peers.SAYS_FAILED),),
        (REPORTS, "NotFound"): (Fire(SERVED, peers.SAYS_NOT_FOUND),),
    }
    return parts, channels, deliveries, _scaler_actions()


def _scaler_actions() -> tuple[Action, ...]:
    runs, held = state(WORKER, "runs"), state(WORKER, "held")
    suspended = state(WORKER, "suspended")
    calm = every(Empty(ORDERS), Empty(REPORTS))
    served, foreign = state(SERVED, str(ASSIGNED)), (Assign(MADE, ERROR),)

    def worker(name: str, words: str, where: Condition, event: str, *, fair: bool) -> Action:
        return Action(name, "worker", words, where, (Fire(WORKER, event),), fair=fair)

    def scheduler(name: str, words: str, where: Condition, event: str) -> Action:
        return Action(name, "scheduler", words, where, (Fire(SERVED, event),))

    free = every(value(IN_QUEUE, 1), calm)
    give = (Fire(SERVED, ev.ASSIGN),)
    lost = (Clear(ORDERS), Clear(REPORTS), Fire(SERVED, peers.WORKER_LOST))
    fails = (*foreign, Fire(SERVED, peers.FOREIGN_CANCEL))
    with_worker = state(SERVED, str(ASSIGNED), str(CANCELING), str(peers.BALANCING))
    return (
        Action("assign", "scheduler", "hands it to a worker", free, give, fair=True),
        scheduler("balance", "wants to balance its workers", every(served, calm), peers.BALANCE),
        Action("foreign", "scheduler", "obeys a stranger's TaskCancel", served, fails),
        scheduler("forget", "loses the task", state(SERVED, "queued", "assigned"), peers.FORGETS),
        Action("worker_lost", "scheduler", "gives up the worker", with_worker, lost),
        worker("begin", "begins", held, peers.BEGINS, fair=True),
        worker("suspend", "turns to a more urgent task", runs, peers.SUSPENDS, fair=False),
        worker("resume", "goes on", suspended, peers.RESUMES, fair=True),
        worker("return_", "returns", runs, peers.RETURNED, fair=True),
        worker("raise_", "raises", runs, peers.RAISED, fair=False),
        *_common_actions(evicts=True),
    )
