"""Events: what can happen to a lifecycle. PURE."""

from typing import Any


class Event(str):
    """One event of a lifecycle; equal to, and hashed as, its name.

    Args:
        name: a Python identifier in lower case.
        comes_from: one phrase for the documentation: who fires it.
        by_user: fired by the future's own user. Only such an event may move a settled future.

    Raises:
        ValueError: the name is not an identifier.
    """

    __slots__ = ("by_user", "comes_from")

    comes_from: str
    by_user: bool

    def __new__(cls, name: str, comes_from: str = "", *, by_user: bool = False) -> "Event":
        if not name.isidentifier():
            raise ValueError(f"an event's name must be a Python identifier, not {name!r}")
        self = super().__new__(cls, name)
        self.comes_from = comes_from
        self.by_user = by_user
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]:
        return (str(self), self.comes_from), {"by_user": self.by_user}

    def __repr__(self) -> str:
        return f"<Event {self!s}>"


# The future.
SUBMIT = Event(
    "submit",
    "the caller's thread, when the outgoing queue has accepted the task; "
    "`set_running_or_notify_cancel()`",
)
CANCEL = Event("cancel", "the user called `cancel()`", by_user=True)
CANCEL_TIMED_OUT = Event("cancel_timed_out", "the wait of a `cancel()` ran out")
CONFIRM_CANCELED = Event("confirm_canceled", "TaskCancelConfirm, canceled")
CONFIRM_NOT_FOUND = Event("confirm_not_found", "TaskCancelConfirm, not found")
CONFIRM_FAILED = Event("confirm_failed", "TaskCancelConfirm, cancel failed")
RESULT_SUCCESS = Event("result_success", "TaskResult, success; `set_result()`")
RESULT_FAILED = Event("result_failed", "TaskResult, failed; `set_exception()`")
RESULT_WORKER_DIED = Event("result_worker_died", "TaskResult, the worker died")
DISCONNECT = Event("disconnect", "the user closed the client")
CONNECTION_LOST = Event(
    "connection_lost", "the scheduler ended the link, was silent for too long, or refuses"
)
RECONNECTED = Event("reconnected", "the link to the same scheduler is back")

FUTURE_EVENTS = (
    SUBMIT,
    CANCEL,
    CANCEL_TIMED_OUT,
    CONFIRM_CANCELED,
    CONFIRM_NOT_FOUND,
    CONFIRM_FAILED,
    RESULT_SUCCESS,
    RESULT_FAILED,
    RESULT_WORKER_DIED,
    DISCONNECT,
    CONNECTION_LOST,
    RECONNECTED,
)

# The value of a future that finished.
OFFER = Event("offer", "the lifecycle: the task ended and left an object")
WANT = Event("want", "result(), exception() or a callback; at once unless the future is delayed")
BYTES = Event("bytes", "the object store's answer")
FETCH_FAILED = Event("fetch_failed", "the storage channel ended, or the object is gone")
DISCARD = Event("discard", "cancelled, or the future is no longer referenced", by_user=True)

VALUE_EVENTS = (OFFER, WANT, BYTES, FETCH_FAILED, DISCARD)

# A task, as its scheduler sees it.
TASK = Event("task", "Task, from its client")
ASSIGN = Event("assign", "a worker is free and the task's objects are here")
CANCEL_FORCED = Event("cancel_forced", "TaskCancel with force")
CANCEL_GENTLE = Event("cancel_gentle", "TaskCancel without force")
WORKER_DONE = Event("worker_done", "the worker's answer: a value or an exception")
WORKER_DIED = Event("worker_died", "the worker's process ended without an answer")
NEVER_BEGUN = Event("never_begun", "the worker's process ended before it had begun the task")
NO_WORKER = Event("no_worker", "no worker can be started any more")
CLIENT_GONE = Event("client_gone", "its client left, or was silent for too long")

TASK_EVENTS = (
    TASK,
    ASSIGN,
    CANCEL_FORCED,
    CANCEL_GENTLE,
    WORKER_DONE,
    WORKER_DIED,
    NEVER_BEGUN,
    NO_WORKER,
    CLIENT_GONE,
)
