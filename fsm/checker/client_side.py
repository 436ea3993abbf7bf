"""A client's half of a system: its future, the value of that, and what its user is told. PURE.

The future and the value step through their own tables. What stands here is the client around them:
what each effect of a row does, and what is written down for the invariants to be asked of.
"""

from dataclasses import dataclass

from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm import outcomes as oc
from futurefsm.fsm.checker.model import (
    Assign,
    Condition,
    Count,
    Fire,
    Look,
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
from futurefsm.fsm.states import (
    DISCARDED,
    FETCHING,
    LOADED,
    LOST,
    NONE,
    OFFERED,
    PENDING_VIEW,
    RUNNING_VIEW,
)
from futurefsm.fsm.table import Kind, Lifecycle, Row

FUTURE, VALUE = "future", "value"
REQUESTS, ANSWERS, GETS, BYTES = "requests", "answers", "gets", "bytes"

TASK, TASK_CANCEL, GENTLE, GOODBYE = "Task", "TaskCancel", "TaskCancel_gentle", "ClientDisconnect"
REQUEST_MESSAGES = (TASK, TASK_CANCEL, GENTLE, GOODBYE)

# Message → the event that it is to the future.
ANSWER_EVENTS = {
    "TaskResult_success": ev.RESULT_SUCCESS,
    "TaskResult_failed": ev.RESULT_FAILED,
    "TaskResult_worker_died": ev.RESULT_WORKER_DIED,
    "TaskCancelConfirm_canceled": ev.CONFIRM_CANCELED,
    "TaskCancelConfirm_not_found": ev.CONFIRM_NOT_FOUND,
    "TaskCancelConfirm_failed": ev.CONFIRM_FAILED,
}
RESULTS = (ev.RESULT_SUCCESS, ev.RESULT_FAILED)

# What a finished future must be given, by the event that finished it.
_GIVEN: dict[str, Effect] = {
    ev.RESULT_SUCCESS: fx.OFFER_VALUE,
    ev.RESULT_FAILED: fx.OFFER_ERROR,
    ev.RESULT_WORKER_DIED: fx.WORKER_DIED_ERROR,
    ev.CONNECTION_LOST: fx.CONNECTION_LOST_ERROR,
    ev.DISCONNECT: fx.CLIENT_CLOSED_ERROR,
}
_GIVES = tuple(_GIVEN.values())

# Variables, and what their values mean.
SENT = "sent"  # Tasks sent
CANCELS = "cancels"  # TaskCancels sent on this connection; 3: one that must not be
MISUSED = 3
TOLD = "told"  # how often callbacks and waiters of result() were told
ANNOUNCED = "announced"  # wait() and as_completed() were told; the compiled table does it once
PROMISED = "promised"  # what the latest cancel() said
NO_WORD, SAID_TRUE, SAID_FALSE, CONTRADICTED = 0, 1, 2, 3
CHANGED = "changed"  # a settled future changed otherwise than by its user's cancel
WRONG = "wrong"  # it was given what its event did not bring, or answered wrongly
OUTCOME = "outcome"  # what is known of the cancel
CLOSED = "closed"  # its client has ended
DROPPED = "dropped"  # its user has let go of it
QUEUED = "queued"  # its client has yet to submit it
WAITING = "waiting"  # a cancel() waits
OBJECT = "object"  # the result object: none, in the store, deleted
KNOWN = "known"  # its client was told the object's name
OFFERED_ONCE = "offered"  # the value was offered it
FETCHED = "fetched"  # its bytes were asked for
DELETES = "deletes"  # deletions that its client asked for; 3: one that must not be
UNENDED = "unended"  # nobody knows its task, it was told so, and it did not settle
BLAME = "blame"  # somebody did what a correct peer never does

_NUMBER = {None: 0} | {str(outcome): n for n, outcome in enumerate(oc.OUTCOMES, 1)}
UNANSWERED = _NUMBER[str(oc.UNANSWERED)]
OWN = len(oc.OUTCOMES) + 1
LIE = OWN + 1
_OUTCOMES = ("nothing", *map(str, oc.OUTCOMES), "own", "a_lie")

VARIABLES = (
    Variable(SENT, 2),
    Variable(CANCELS, 3),
    Variable(TOLD, 2),
    Variable(ANNOUNCED, 1),
    Variable(PROMISED, 3, names=("nothing", "true", "false", "contradicted")),
    Variable(CHANGED),
    Variable(WRONG),
    Variable(OUTCOME, LIE, names=_OUTCOMES),
    Variable(CLOSED),
    Variable(DROPPED),
    Variable(QUEUED, 1, start=1),
    Variable(WAITING),
    Variable(OBJECT, 2, names=("none", "stored", "deleted")),
    Variable(KNOWN),
    Variable(OFFERED_ONCE),
    Variable(FETCHED),
    Variable(DELETES, 3),
    Variable(UNENDED),
    Variable(BLAME),
)


@dataclass(frozen=True, slots=True)
class Facts:
    """What the states of a future's lifecycle mean, read from the states themselves."""

    settled: tuple[str, ...]
    cancelled: tuple[str, ...]
    decided: tuple[str, ...]
    running: tuple[str, ...]

    @staticmethod
    def of(lifecycle: Lifecycle) -> "Facts":
        """Those of a lifecycle."""
        states = lifecycle.states
        return Facts(
            tuple(str(s) for s in states if s.settled),
            tuple(str(s) for s in states if s.is_cancelled),
            tuple(str(s) for s in states if s.cancel_decided and not s.settled),
            tuple(str(s) for s in states if s.view == RUNNING_VIEW),
        )


def future_part(lifecycle: Lifecycle, *, wired: bool, dedups: bool, blames: bool = True) -> Part:
    """The future: its table, and what each row does.

    Args:
        wired: there is a scheduler behind a channel, and a store.
        dedups: results may be repeated, so the client compares the names of objects before it
            deletes one.
        blames: what the table forbids is written down.
    """
    effects = {
        (str(row.source), str(row.event)): _future_row(lifecycle, row, wired, dedups)
        for row in lifecycle.rows
        if row.kind is not Kind.VIOLATES
    }
    return Part(FUTURE, "client", lifecycle, effects, BLAME if blames else None)


def value_part(lifecycle: Lifecycle, *, dedups: bool, blames: bool = True) -> Part:
    """The value of a finished future."""
    effects: dict[tuple[str, str], tuple[Operation, ...]] = {}
    for row in lifecycle.rows:
        does: list[Operation] = []
        if not _goes_on(row):
            does.append(Assign(WRONG, 1))
        for effect in row.effects:
            if effect == fx.GET_OBJECT:
                # Once, and only for what is known to be there.
                known = every(value(KNOWN, 1), value(FETCHED, 0))
                does.append(When(known, (Assign(FETCHED, 1),), (Assign(WRONG, 1),)))
                does.append(Send(GETS, "get"))
            elif effect == fx.DELETE_OBJECT:
                does += _deletion(dedups=dedups)
        effects[str(row.source), str(row.event)] = tuple(does)
    return Part(VALUE, "client", lifecycle, effects, BLAME if blames else None)


# How far a value has come, and the event that brings it there. Other states are not judged.
_STAGES: dict[str, tuple[int, str]] = {
    NONE: (0, ""),
    OFFERED: (1, ev.OFFER),
    FETCHING: (2, ev.WANT),
    LOADED: (3, ev.BYTES),
    LOST: (3, ev.FETCH_FAILED),
    DISCARDED: (4, ev.DISCARD),
}


def _goes_on(row: Row) -> bool:
    """Whether a row of the value is what its words mean: a value goes on and never back, and is
    offered, fetched, loaded, lost, discarded by the event of that name; what is asked for is
    fetched, and only what is loaded or unwanted is deleted."""
    before, after = _STAGES.get(str(row.source)), _STAGES.get(str(row.target))
    if before is None or after is None:
        return True
    asks, deletes = fx.GET_OBJECT in row.effects, fx.DELETE_OBJECT in row.effects
    begins = row.target != row.source and row.target == FETCHING
    if asks != begins or (deletes and row.target not in (LOADED, DISCARDED)):
        return False
    if row.target != row.source:
        return before[0] < after[0] and row.event == after[1]
    # What is offered and asked for is fetched. That nobody will ask any more must be known, but for
    # what is lost anyway.
    left = row.event == ev.WANT and row.source == OFFERED
    kept = row.event == ev.DISCARD and row.source not in (DISCARDED, LOST)
    return not (left or kept)


def _deletion(*, dedups: bool) -> tuple[Operation, ...]:
    """Ask the store to delete the result object."""
    # Somebody may still ask for it, or nobody ever said that it is there.
    wanted = state(VALUE, str(OFFERED), str(FETCHING))
    allowed = every(value(KNOWN, 1), Not(wanted))
    does: Operation = When(
        allowed,
        (Count(DELETES), When(value(OBJECT, 1), (Assign(OBJECT, 2),))),
        (Assign(DELETES, MISUSED),),
    )
    return (When(value(DELETES, 0), (does,)),) if dedups else (does,)


def late_bytes(*, dedups: bool) -> tuple[Operation, ...]:
    """Bytes that come when the loss was told: the client's book of the store deletes them."""
    return (When(state(VALUE, "lost"), _deletion(dedups=dedups)),)


def _future_row(lifecycle: Lifecycle, row: Row, wired: bool, dedups: bool) -> tuple[Operation, ...]:
    does: list[Operation] = []
    if row.event == ev.CANCEL:
        does += _answered(row)
    if row.source.settled and row.target != row.source:
        own = row.event.by_user and row.target.is_cancelled and not row.source.is_cancelled
        if not own:
            does.append(Assign(CHANGED, 1))
    if not (_rightly_given(row) and _rightly_taken(row) and _submit_says(row, wired)):
        does.append(Assign(WRONG, 1))
    if lifecycle.standard_repr and not _is_standard(row):
        does.append(Assign(WRONG, 1))
    if wired:
        does += _learned(row)
    for effect in row.effects:
        does += _performed(row, effect, wired, dedups)
    return tuple(does)


def _answered(row: Row) -> tuple[Operation, ...]:
    """What `cancel()` said."""
    if row.answer is True:
        return (When(Not(value(PROMISED, CONTRADICTED)), (Assign(PROMISED, SAID_TRUE),)),)
    if row.answer is None:
        return (Assign(PROMISED, CONTRADICTED),)
    never_back = value(PROMISED, SAID_TRUE, CONTRADICTED)
    return (When(never_back, (Assign(PROMISED, CONTRADICTED),), (Assign(PROMISED, SAID_FALSE),)),)


def _rightly_given(row: Row) -> bool:
    """Whether a settling row gives the future what its event brought, and no other row gives."""
    given = [effect for effect in row.effects if effect in _GIVES]
    finishes = row.target.settled and not row.source.settled and not row.target.is_cancelled
    if not finishes:
        return not given
    wanted = _GIVEN.get(str(row.event))
    return len(given) == 1 and wanted in (None, given[0])


def _rightly_taken(row: Row) -> bool:
    """Whether a row lets go of the value exactly where a finished future is cancelled."""
    lets_go = fx.DISCARD_VALUE in row.effects
    undone = row.source.settled and not row.source.is_cancelled and row.target.is_cancelled
    return row.effects.count(fx.DISCARD_VALUE) == undone if lets_go else not undone


def _submit_says(row: Row, wired: bool) -> bool:
    """`submit` says True exactly where the task has to run."""
    if row.event != ev.SUBMIT:
        return fx.SEND_TASK not in row.effects
    runs = row.target != row.source and row.target.view == RUNNING_VIEW
    return row.answer is runs and (not wired or (fx.SEND_TASK in row.effects) == runs)


def _is_standard(row: Row) -> bool:
    """`concurrent.futures`: what is pending is cancelled, what runs or has ended is not; a result
    finishes what is pending or runs."""
    stays = row.target == row.source
    if row.event == ev.CANCEL:
        cancels = row.source.view == PENDING_VIEW or row.source.is_cancelled
        return row.answer is cancels and (row.target.is_cancelled if cancels else stays)
    return row.event not in RESULTS or row.source.settled or not stays


def _learned(row: Row) -> tuple[Operation, ...]:
    """What a row says of the cancel, and whether that is so."""
    outcome = row.outcome
    cancelled = row.target.is_cancelled
    if outcome is None:
        # A result that came is the most that can be known, and must be said; so must a refusal.
        late = row.event in RESULTS and cancelled
        refused = row.event == ev.CONFIRM_FAILED and row.source.cancel_decided
        return (When(value(SENT, 1, 2), (Assign(OUTCOME, LIE),)),) if late or refused else ()
    after = [0] * (LIE + 1)
    for known in (None, *oc.OUTCOMES):
        number = _NUMBER[None if known is None else str(known)]
        after[number] = _NUMBER.get(str(oc.refine(known, outcome)), OWN)
    after[OWN], after[LIE] = OWN, LIE
    learn = Look(OUTCOME, tuple(after))
    return (When(_is_true(row), (learn,), (Assign(OUTCOME, LIE),)),)


def _is_true(row: Row) -> Condition:
    """Where the outcome of a row is a fact."""
    outcome, event = row.outcome, row.event
    asked = value(PROMISED, SAID_TRUE)
    sent = value(SENT, 1, 2)
    meanings: dict[str, tuple[bool, Condition]] = {
        oc.NEVER_SENT: (row.target.is_cancelled and not row.source.settled, Not(sent)),
        oc.CONFIRMED_OUTCOME: (event == ev.CONFIRM_CANCELED, asked),
        oc.TOO_LATE: (event in RESULTS and row.target.is_cancelled, sent),
        oc.NOT_FOUND: (event == ev.CONFIRM_NOT_FOUND, asked),
        oc.REFUSED: (event == ev.CONFIRM_FAILED and row.source.cancel_decided, asked),
        oc.AFTER_FINISH: (row.source.settled and event.by_user, every()),
        oc.DISCONNECTED: (event == ev.DISCONNECT, sent),
        oc.CONNECTION_LOST_OUTCOME: (event == ev.CONNECTION_LOST, every()),
        oc.UNANSWERED: (event.by_user and not row.target.settled, sent),
        oc.WORKER_DIED_OUTCOME: (event == ev.RESULT_WORKER_DIED, asked),
        oc.BY_SCHEDULER: (event in (ev.CONFIRM_CANCELED, ev.CONFIRM_NOT_FOUND), Not(asked)),
    }
    # An outcome of somebody's own lifecycle: nothing is known about it.
    fits, where = meanings.get(str(outcome), (True, every()))
    return where if fits else some()


def _performed(row: Row, effect: Effect, wired: bool, dedups: bool) -> tuple[Operation, ...]:
    """What an effect of the future does."""
    if effect == fx.NOTIFY:
        return (Count(TOLD),)
    if effect == fx.ANNOUNCE:
        return (Count(ANNOUNCED),)
    if not wired:
        return ()
    if effect == fx.SEND_TASK:
        return (When(value(CLOSED, 1), (Assign(SENT, 2),), (Count(SENT), Send(REQUESTS, TASK))),)
    if effect == fx.SEND_CANCEL:
        asked = every(value(SENT, 1, 2), value(CLOSED, 0), value(PROMISED, SAID_TRUE))
        allowed = some() if row.source.settled else asked
        # Never below what was wrong before.
        send = (Count(CANCELS), Send(REQUESTS, TASK_CANCEL))
        return (When(allowed, send, (Assign(CANCELS, MISUSED),)),)
    if effect == fx.DELETE_RESULT:
        deletion = _deletion(dedups=dedups)
        # What was offered is the value's to delete, also when a repeated result is unwanted.
        return (When(value(OFFERED_ONCE, 0), deletion),) if dedups else deletion
    if effect in (fx.OFFER_VALUE, fx.OFFER_ERROR):
        return (Assign(OFFERED_ONCE, 1), Fire(VALUE, ev.OFFER))
    if effect == fx.DISCARD_VALUE:
        return (Fire(VALUE, ev.DISCARD),)
    return ()
