"""THE DATA: every lifecycle that ships, one row a line, whatever its length. PURE.

The documentation's tables and diagrams are generated from here. Read a row as: in this state, on
this event, to that state, with these effects. `answer` is what the call returns that fired it.
"""

from futurefsm.fsm.effects import (
    ANNOUNCE,
    CLIENT_CLOSED_ERROR,
    CONFIRM_CANCELED_EFFECT,
    CONFIRM_FAILED_EFFECT,
    CONFIRM_NOT_FOUND_EFFECT,
    CONNECTION_LOST_ERROR,
    DELETE_OBJECT,
    DELETE_RESULT,
    DEQUEUE,
    DISCARD_VALUE,
    ENQUEUE,
    GET_OBJECT,
    KILL_WORKER,
    NOTIFY,
    OFFER_ERROR,
    OFFER_VALUE,
    RUN,
    SEND_CANCEL,
    SEND_RESULT,
    SEND_TASK,
    SEND_WORKER_DIED,
    TASK_EFFECTS,
    VALUE_EFFECTS,
    WORKER_DIED_ERROR,
)
from futurefsm.fsm.events import (
    ASSIGN,
    BYTES,
    CANCEL,
    CANCEL_FORCED,
    CANCEL_GENTLE,
    CANCEL_TIMED_OUT,
    CLIENT_GONE,
    CONFIRM_CANCELED,
    CONFIRM_FAILED,
    CONFIRM_NOT_FOUND,
    CONNECTION_LOST,
    DISCARD,
    DISCONNECT,
    FETCH_FAILED,
    NEVER_BEGUN,
    NO_WORKER,
    OFFER,
    RECONNECTED,
    RESULT_FAILED,
    RESULT_SUCCESS,
    RESULT_WORKER_DIED,
    SUBMIT,
    TASK,
    WANT,
    WORKER_DIED,
    WORKER_DONE,
)
from futurefsm.fsm.outcomes import (
    AFTER_FINISH,
    BY_SCHEDULER,
    CONFIRMED_OUTCOME,
    CONNECTION_LOST_OUTCOME,
    DISCONNECTED,
    NEVER_SENT,
    NOT_FOUND,
    REFUSED,
    TOO_LATE,
    UNANSWERED,
    WORKER_DIED_OUTCOME,
)
from futurefsm.fsm.states import (
    ASSIGNED,
    CANCEL_REQUESTED,
    CANCELING,
    CANCELLED,
    DISCARDED,
    ENDED,
    FETCHING,
    FINISHED,
    LOADED,
    LOST,
    NONE,
    OFFERED,
    PENDING,
    QUEUED,
    RUNNING,
    UNKNOWN,
)
from futurefsm.fsm.table import Lifecycle, goes, ignores, violates

# fmt: off

# What settling means to those who wait. They are one act, but for a cancel under STRICT.
TELL = (NOTIFY, ANNOUNCE)

_UNSENT = "nothing was sent, so nothing can be answered"
_DUPLICATE = "a duplicate: the task has ended, once"
_OVER = "the future has settled; nothing is owed any more"

CONFIRMED = Lifecycle(
    "confirmed",
    PENDING,
    (
        goes(PENDING, SUBMIT, RUNNING, SEND_TASK, why="the queue accepted it", answer=True),
        violates(RUNNING, SUBMIT, why="a task is sent once"),
        violates(CANCEL_REQUESTED, SUBMIT, why="a task is sent once"),
        ignores(CANCELLED, SUBMIT, why="cancelled before it left: do not send", answer=False),
        violates(FINISHED, SUBMIT, why="a task is sent once"),
        # cancel
        goes(PENDING, CANCEL, CANCELLED, *TELL, why="it never left", answer=True, outcome=NEVER_SENT),
        goes(RUNNING, CANCEL, CANCEL_REQUESTED, SEND_CANCEL, why="asked; the scheduler decides how it ends", answer=True, outcome=UNANSWERED),
        ignores(CANCEL_REQUESTED, CANCEL, why="one request stands: no second TaskCancel", answer=True),
        ignores(CANCELLED, CANCEL, why="it is cancelled already", answer=True),
        goes(FINISHED, CANCEL, CANCELLED, DISCARD_VALUE, why="its user does not want the value; waiters were told when it finished", answer=True, outcome=AFTER_FINISH),
        # cancel_timed_out
        violates(PENDING, CANCEL_TIMED_OUT, why="no cancel() waits for a future that never left"),
        ignores(RUNNING, CANCEL_TIMED_OUT, why="no request stands"),
        ignores(CANCEL_REQUESTED, CANCEL_TIMED_OUT, why="the request stands; a late answer settles it"),
        ignores(CANCELLED, CANCEL_TIMED_OUT, why="the answer came with the timer"),
        ignores(FINISHED, CANCEL_TIMED_OUT, why="the timer was late"),
        # confirm_canceled
        violates(PENDING, CONFIRM_CANCELED, why=_UNSENT),
        goes(RUNNING, CONFIRM_CANCELED, CANCELLED, *TELL, why="the scheduler ended it unasked (it evicted us, or somebody else cancelled it)", outcome=BY_SCHEDULER),
        goes(CANCEL_REQUESTED, CONFIRM_CANCELED, CANCELLED, *TELL, why="the scheduler says that it will not finish", outcome=CONFIRMED_OUTCOME),
        ignores(CANCELLED, CONFIRM_CANCELED, why=_OVER),
        ignores(FINISHED, CONFIRM_CANCELED, why="late: one verdict"),
        # confirm_not_found
        violates(PENDING, CONFIRM_NOT_FOUND, why=_UNSENT),
        goes(RUNNING, CONFIRM_NOT_FOUND, CANCELLED, *TELL, why="the scheduler lost it; no answer will come", outcome=BY_SCHEDULER),
        goes(CANCEL_REQUESTED, CONFIRM_NOT_FOUND, CANCELLED, *TELL, why="the scheduler does not know it; it may have run", outcome=NOT_FOUND),
        ignores(CANCELLED, CONFIRM_NOT_FOUND, why=_OVER),
        ignores(FINISHED, CONFIRM_NOT_FOUND, why="late: the result overtook the request"),
        # confirm_failed
        violates(PENDING, CONFIRM_FAILED, why=_UNSENT),
        ignores(RUNNING, CONFIRM_FAILED, why="nobody asked; the result is still owed"),
        ignores(CANCEL_REQUESTED, CONFIRM_FAILED, why="the worker would not stop; the result is still owed", outcome=REFUSED),
        ignores(CANCELLED, CONFIRM_FAILED, why=_OVER),
        ignores(FINISHED, CONFIRM_FAILED, why="late: the result overtook the refusal"),
        # result_success
        violates(PENDING, RESULT_SUCCESS, why=_UNSENT),
        goes(RUNNING, RESULT_SUCCESS, FINISHED, OFFER_VALUE, *TELL, why="the task returned"),
        goes(CANCEL_REQUESTED, RESULT_SUCCESS, CANCELLED, DELETE_RESULT, *TELL, why="the task ended first, but cancel() has said True", outcome=TOO_LATE),
        ignores(CANCELLED, RESULT_SUCCESS, DELETE_RESULT, why="late: nobody will ask", outcome=TOO_LATE),
        ignores(FINISHED, RESULT_SUCCESS, why=_DUPLICATE),
        # result_failed
        violates(PENDING, RESULT_FAILED, why=_UNSENT),
        goes(RUNNING, RESULT_FAILED, FINISHED, OFFER_ERROR, *TELL, why="the task raised"),
        goes(CANCEL_REQUESTED, RESULT_FAILED, CANCELLED, DELETE_RESULT, *TELL, why="the task ended first, but cancel() has said True", outcome=TOO_LATE),
        ignores(CANCELLED, RESULT_FAILED, DELETE_RESULT, why="late: nobody will ask", outcome=TOO_LATE),
        ignores(FINISHED, RESULT_FAILED, why=_DUPLICATE),
        # result_worker_died
        violates(PENDING, RESULT_WORKER_DIED, why=_UNSENT),
        goes(RUNNING, RESULT_WORKER_DIED, FINISHED, WORKER_DIED_ERROR, *TELL, why="nothing is run twice unless asked for"),
        goes(CANCEL_REQUESTED, RESULT_WORKER_DIED, CANCELLED, *TELL, why="dead is as good as cancelled", outcome=WORKER_DIED_OUTCOME),
        ignores(CANCELLED, RESULT_WORKER_DIED, why=_OVER),
        ignores(FINISHED, RESULT_WORKER_DIED, why=_DUPLICATE),
        # disconnect
        goes(PENDING, DISCONNECT, CANCELLED, *TELL, why="it never left", outcome=NEVER_SENT),
        goes(RUNNING, DISCONNECT, CANCELLED, *TELL, why="its client is closed", outcome=DISCONNECTED),
        goes(CANCEL_REQUESTED, DISCONNECT, CANCELLED, *TELL, why="the answer cannot arrive any more", outcome=DISCONNECTED),
        ignores(CANCELLED, DISCONNECT, why=_OVER),
        ignores(FINISHED, DISCONNECT, why=_OVER),
        # connection_lost
        goes(PENDING, CONNECTION_LOST, FINISHED, CONNECTION_LOST_ERROR, *TELL, why="it can never leave"),
        goes(RUNNING, CONNECTION_LOST, FINISHED, CONNECTION_LOST_ERROR, *TELL, why="nobody can say any more how it ended"),
        goes(CANCEL_REQUESTED, CONNECTION_LOST, CANCELLED, *TELL, why="cancel() has said True", outcome=CONNECTION_LOST_OUTCOME),
        ignores(CANCELLED, CONNECTION_LOST, why=_OVER),
        ignores(FINISHED, CONNECTION_LOST, why=_OVER),
        # reconnected
        ignores(PENDING, RECONNECTED, why="it was never sent"),
        ignores(RUNNING, RECONNECTED, why="the scheduler still has it"),
        ignores(CANCEL_REQUESTED, RECONNECTED, SEND_CANCEL, why="the answer may have been lost; the scheduler knows, or says not_found"),
        ignores(CANCELLED, RECONNECTED, why=_OVER),
        ignores(FINISHED, RECONNECTED, why=_OVER),
    ),
)

_TRUE_ONCE = "`concurrent.futures`: what runs cannot be cancelled"

STRICT = Lifecycle(
    "strict",
    PENDING,
    (
        goes(PENDING, SUBMIT, RUNNING, SEND_TASK, why="a worker is free for it", answer=True),
        violates(RUNNING, SUBMIT, why="a task starts once"),
        ignores(CANCELLED, SUBMIT, ANNOUNCE, why="the executor has seen it: do not send", answer=False),
        violates(FINISHED, SUBMIT, why="a task starts once"),
        # cancel
        goes(PENDING, CANCEL, CANCELLED, NOTIFY, why="it never left", answer=True, outcome=NEVER_SENT),
        ignores(RUNNING, CANCEL, why=_TRUE_ONCE, answer=False),
        ignores(CANCELLED, CANCEL, why="it is cancelled already", answer=True),
        ignores(FINISHED, CANCEL, why=_TRUE_ONCE, answer=False),
        # confirm_*: nobody asked
        violates(PENDING, CONFIRM_CANCELED, why=_UNSENT),
        ignores(RUNNING, CONFIRM_CANCELED, why="nobody asked"),
        ignores(CANCELLED, CONFIRM_CANCELED, why=_OVER),
        ignores(FINISHED, CONFIRM_CANCELED, why=_OVER),
        violates(PENDING, CONFIRM_NOT_FOUND, why=_UNSENT),
        ignores(RUNNING, CONFIRM_NOT_FOUND, why="nobody asked"),
        ignores(CANCELLED, CONFIRM_NOT_FOUND, why=_OVER),
        ignores(FINISHED, CONFIRM_NOT_FOUND, why=_OVER),
        violates(PENDING, CONFIRM_FAILED, why=_UNSENT),
        ignores(RUNNING, CONFIRM_FAILED, why="nobody asked"),
        ignores(CANCELLED, CONFIRM_FAILED, why=_OVER),
        ignores(FINISHED, CONFIRM_FAILED, why=_OVER),
        # result_success
        goes(PENDING, RESULT_SUCCESS, FINISHED, OFFER_VALUE, *TELL, why="an executor may skip submit"),
        goes(RUNNING, RESULT_SUCCESS, FINISHED, OFFER_VALUE, *TELL, why="the task returned"),
        ignores(CANCELLED, RESULT_SUCCESS, DELETE_RESULT, why="late: nobody will ask", violates_by_caller=True),
        ignores(FINISHED, RESULT_SUCCESS, why=_DUPLICATE, violates_by_caller=True),
        # result_failed
        goes(PENDING, RESULT_FAILED, FINISHED, OFFER_ERROR, *TELL, why="an executor may skip submit"),
        goes(RUNNING, RESULT_FAILED, FINISHED, OFFER_ERROR, *TELL, why="the task raised"),
        ignores(CANCELLED, RESULT_FAILED, DELETE_RESULT, why="late: nobody will ask", violates_by_caller=True),
        ignores(FINISHED, RESULT_FAILED, why=_DUPLICATE, violates_by_caller=True),
        # result_worker_died
        goes(PENDING, RESULT_WORKER_DIED, FINISHED, WORKER_DIED_ERROR, *TELL, why="no worker can take it any more"),
        goes(RUNNING, RESULT_WORKER_DIED, FINISHED, WORKER_DIED_ERROR, *TELL, why="nothing is run twice unless asked for"),
        ignores(CANCELLED, RESULT_WORKER_DIED, why=_OVER),
        ignores(FINISHED, RESULT_WORKER_DIED, why=_DUPLICATE),
        # disconnect
        goes(PENDING, DISCONNECT, CANCELLED, *TELL, why="it never left", outcome=NEVER_SENT),
        goes(RUNNING, DISCONNECT, FINISHED, CLIENT_CLOSED_ERROR, *TELL, why="what runs cannot be cancelled, and no answer can arrive"),
        ignores(CANCELLED, DISCONNECT, why=_OVER),
        ignores(FINISHED, DISCONNECT, why=_OVER),
        # connection_lost
        goes(PENDING, CONNECTION_LOST, FINISHED, CONNECTION_LOST_ERROR, *TELL, why="it can never leave"),
        goes(RUNNING, CONNECTION_LOST, FINISHED, CONNECTION_LOST_ERROR, *TELL, why="nobody can say any more how it ended"),
        ignores(CANCELLED, CONNECTION_LOST, why=_OVER),
        ignores(FINISHED, CONNECTION_LOST, why=_OVER),
        # reconnected, cancel_timed_out: there is no request that could stand
        ignores(PENDING, RECONNECTED, why="it was never sent"),
        ignores(RUNNING, RECONNECTED, why="the scheduler still has it"),
        ignores(CANCELLED, RECONNECTED, why=_OVER),
        ignores(FINISHED, RECONNECTED, why=_OVER),
        ignores(PENDING, CANCEL_TIMED_OUT, why="no cancel() waits here"),
        ignores(RUNNING, CANCEL_TIMED_OUT, why="no cancel() waits here"),
        ignores(CANCELLED, CANCEL_TIMED_OUT, why=_OVER),
        ignores(FINISHED, CANCEL_TIMED_OUT, why=_OVER),
    ),
    standard_repr=True,
)

_ONE_OFFER = "one object is offered, once"
_NOT_ASKED = "nobody asked for it"

VALUE = Lifecycle(
    "value",
    NONE,
    (
        goes(NONE, OFFER, OFFERED, why="the task left an object"),
        ignores(OFFERED, OFFER, why=_ONE_OFFER),
        ignores(FETCHING, OFFER, why=_ONE_OFFER),
        ignores(LOADED, OFFER, why=_ONE_OFFER),
        ignores(DISCARDED, OFFER, DELETE_OBJECT, why="discarded before it was offered"),
        ignores(LOST, OFFER, why=_ONE_OFFER),
        # want
        ignores(NONE, WANT, why="there is nothing to ask for yet"),
        goes(OFFERED, WANT, FETCHING, GET_OBJECT, why="asked for"),
        ignores(FETCHING, WANT, why="it is on its way"),
        ignores(LOADED, WANT, why="it is here"),
        ignores(DISCARDED, WANT, why="it is gone"),
        ignores(LOST, WANT, why="it cannot be had"),
        # bytes
        violates(NONE, BYTES, why=_NOT_ASKED),
        violates(OFFERED, BYTES, why=_NOT_ASKED),
        goes(FETCHING, BYTES, LOADED, DELETE_OBJECT, why="here, so the store may forget it"),
        ignores(LOADED, BYTES, why="a second answer"),
        ignores(DISCARDED, BYTES, DELETE_OBJECT, why="discarded on its way"),
        ignores(LOST, BYTES, why="too late: the loss was told"),
        # fetch_failed
        ignores(NONE, FETCH_FAILED, why=_NOT_ASKED),
        ignores(OFFERED, FETCH_FAILED, why=_NOT_ASKED),
        goes(FETCHING, FETCH_FAILED, LOST, why="the channel ended, or the object is gone"),
        ignores(LOADED, FETCH_FAILED, why="it is here"),
        ignores(DISCARDED, FETCH_FAILED, why="nobody waits for it"),
        ignores(LOST, FETCH_FAILED, why="told once"),
        # discard
        goes(NONE, DISCARD, DISCARDED, why="nobody will ask"),
        goes(OFFERED, DISCARD, DISCARDED, DELETE_OBJECT, why="nobody will ask"),
        goes(FETCHING, DISCARD, DISCARDED, why="deleted when the bytes arrive"),
        goes(LOADED, DISCARD, DISCARDED, why="it was deleted when it was loaded"),
        ignores(DISCARDED, DISCARD, why="once"),
        ignores(LOST, DISCARD, why="there is nothing to delete"),
    ),
    effects=VALUE_EFFECTS,
    about="value",
)

_SAME_ID = "a duplicate of a task that is alive"
_NO_WORKER_HAS_IT = "no worker has it"
_FORGOTTEN = "an ended task is forgotten"

SCHEDULER = Lifecycle(
    "scheduler",
    UNKNOWN,
    (
        goes(UNKNOWN, TASK, QUEUED, ENQUEUE, why="accepted"),
        ignores(QUEUED, TASK, why=_SAME_ID),
        ignores(ASSIGNED, TASK, why=_SAME_ID),
        ignores(CANCELING, TASK, why=_SAME_ID),
        ignores(ENDED, TASK, why=_FORGOTTEN),
        # assign
        violates(UNKNOWN, ASSIGN, why="only a queued task can be assigned"),
        goes(QUEUED, ASSIGN, ASSIGNED, DEQUEUE, RUN, why="a worker is free for it, or has taken it"),
        violates(ASSIGNED, ASSIGN, why="nothing is run twice"),
        violates(CANCELING, ASSIGN, why="nothing is run twice"),
        violates(ENDED, ASSIGN, why="nothing is run twice"),
        # cancel_forced
        ignores(UNKNOWN, CANCEL_FORCED, CONFIRM_NOT_FOUND_EFFECT, why="never heard of, or ended"),
        goes(QUEUED, CANCEL_FORCED, ENDED, DEQUEUE, CONFIRM_CANCELED_EFFECT, why="it never started, and never will"),
        goes(ASSIGNED, CANCEL_FORCED, CANCELING, KILL_WORKER, why="confirmed when the worker is dead"),
        ignores(CANCELING, CANCEL_FORCED, why="one confirmation is owed"),
        ignores(ENDED, CANCEL_FORCED, CONFIRM_NOT_FOUND_EFFECT, why=_FORGOTTEN),
        # cancel_gentle
        ignores(UNKNOWN, CANCEL_GENTLE, CONFIRM_NOT_FOUND_EFFECT, why="never heard of, or ended"),
        goes(QUEUED, CANCEL_GENTLE, ENDED, DEQUEUE, CONFIRM_CANCELED_EFFECT, why="it never started, and never will"),
        ignores(ASSIGNED, CANCEL_GENTLE, CONFIRM_FAILED_EFFECT, why="what runs stops only by force"),
        ignores(CANCELING, CANCEL_GENTLE, why="one confirmation is owed"),
        ignores(ENDED, CANCEL_GENTLE, CONFIRM_NOT_FOUND_EFFECT, why=_FORGOTTEN),
        # worker_done
        violates(UNKNOWN, WORKER_DONE, why=_NO_WORKER_HAS_IT),
        violates(QUEUED, WORKER_DONE, why=_NO_WORKER_HAS_IT),
        goes(ASSIGNED, WORKER_DONE, ENDED, SEND_RESULT, why="the task ended"),
        goes(CANCELING, WORKER_DONE, ENDED, SEND_RESULT, why="it ended before it could be killed"),
        ignores(ENDED, WORKER_DONE, why=_FORGOTTEN),
        # worker_died
        violates(UNKNOWN, WORKER_DIED, why=_NO_WORKER_HAS_IT),
        violates(QUEUED, WORKER_DIED, why=_NO_WORKER_HAS_IT),
        goes(ASSIGNED, WORKER_DIED, ENDED, SEND_WORKER_DIED, why="nothing is run twice"),
        goes(CANCELING, WORKER_DIED, ENDED, CONFIRM_CANCELED_EFFECT, why="the process is dead"),
        ignores(ENDED, WORKER_DIED, why=_FORGOTTEN),
        # never_begun
        violates(UNKNOWN, NEVER_BEGUN, why=_NO_WORKER_HAS_IT),
        violates(QUEUED, NEVER_BEGUN, why=_NO_WORKER_HAS_IT),
        goes(ASSIGNED, NEVER_BEGUN, QUEUED, ENQUEUE, why="it may run on another worker: nothing is run twice"),
        goes(CANCELING, NEVER_BEGUN, ENDED, CONFIRM_CANCELED_EFFECT, why="it never started, and never will"),
        ignores(ENDED, NEVER_BEGUN, why=_FORGOTTEN),
        # no_worker
        violates(UNKNOWN, NO_WORKER, why="it is not queued"),
        goes(QUEUED, NO_WORKER, ENDED, DEQUEUE, SEND_RESULT, why="an error says that nobody can run it"),
        ignores(ASSIGNED, NO_WORKER, why="its own worker is alive"),
        ignores(CANCELING, NO_WORKER, why="its own worker is alive"),
        ignores(ENDED, NO_WORKER, why=_FORGOTTEN),
        # client_gone
        ignores(UNKNOWN, CLIENT_GONE, why="never heard of"),
        goes(QUEUED, CLIENT_GONE, ENDED, DEQUEUE, CONFIRM_CANCELED_EFFECT, why="nobody waits for it; a real scheduler still confirms"),
        goes(ASSIGNED, CLIENT_GONE, CANCELING, KILL_WORKER, why="nobody waits for it"),
        ignores(CANCELING, CLIENT_GONE, why="one confirmation is owed"),
        ignores(ENDED, CLIENT_GONE, why=_FORGOTTEN),
    ),
    effects=TASK_EFFECTS,
    about="task",
)

LIFECYCLES = (CONFIRMED, STRICT, VALUE, SCHEDULER)
