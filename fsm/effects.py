"""Effects: what a step asks somebody to do. PURE.

A table never acts. It names effects; the future performs those that concern itself, after its lock
is released, and hands the others to whoever owns the wire.
"""

from typing import Any

FUTURE = "future"
WIRE = "wire"


class Effect(str):
    """One effect of a step; equal to, and hashed as, its name.

    Args:
        name: a Python identifier in lower case, an imperative.
        means: one phrase for the documentation.
        performer: `FUTURE` (the future itself does it) or `WIRE` (the owner of the link does).

    Raises:
        ValueError: the name is not an identifier, or the performer is unknown.
    """

    __slots__ = ("means", "performer")

    means: str
    performer: str

    def __new__(cls, name: str, means: str = "", *, performer: str = WIRE) -> "Effect":
        if not name.isidentifier():
            raise ValueError(f"an effect's name must be a Python identifier, not {name!r}")
        if performer not in (FUTURE, WIRE):
            raise ValueError(f"effect {name!r}: performer must be {FUTURE!r} or {WIRE!r}")
        self = super().__new__(cls, name)
        self.means = means
        self.performer = performer
        return self

    def __getnewargs_ex__(self) -> tuple[tuple[str, str], dict[str, Any]]:
        return (str(self), self.means), {"performer": self.performer}

    def __repr__(self) -> str:
        return f"<Effect {self!s}>"


# The future itself. NOTIFY and ANNOUNCE are one act but for STRICT, where `concurrent.futures`
# wants that `wait` and `as_completed` hear of a cancel only when the executor has seen it.
NOTIFY = Effect("notify", "wake result() and hand over the callbacks, once", performer=FUTURE)
ANNOUNCE = Effect("announce", "tell wait() and as_completed(), once", performer=FUTURE)
WORKER_DIED_ERROR = Effect("worker_died_error", "the error is WorkerDiedError", performer=FUTURE)
CONNECTION_LOST_ERROR = Effect(
    "connection_lost_error", "the error is ConnectionLostError", performer=FUTURE
)
CLIENT_CLOSED_ERROR = Effect(
    "client_closed_error", "the error is ClientClosedError", performer=FUTURE
)

# Both: a bare future keeps or drops the value that came with the event; a client's future leaves an
# object in the store, and the value's own machine says what to do with it.
OFFER_VALUE = Effect("offer_value", "the value is there to be had")
OFFER_ERROR = Effect("offer_error", "the exception is there to be had")
DISCARD_VALUE = Effect("discard_value", "nobody will ask for the value any more")

# The wire.
SEND_TASK = Effect("send_task", "send the Task")
SEND_CANCEL = Effect("send_cancel", "send one TaskCancel")
DELETE_RESULT = Effect("delete_result", "delete the result object that nobody will ask for")

FUTURE_EFFECTS = (
    NOTIFY,
    ANNOUNCE,
    WORKER_DIED_ERROR,
    CONNECTION_LOST_ERROR,
    CLIENT_CLOSED_ERROR,
    OFFER_VALUE,
    OFFER_ERROR,
    DISCARD_VALUE,
    SEND_TASK,
    SEND_CANCEL,
    DELETE_RESULT,
)

# The value of a future that finished.
GET_OBJECT = Effect("get_object", "ask the object store for the bytes")
DELETE_OBJECT = Effect("delete_object", "delete the object from the store")

VALUE_EFFECTS = (GET_OBJECT, DELETE_OBJECT)

# A task, as its scheduler sees it.
ENQUEUE = Effect("enqueue", "put it behind its equals")
DEQUEUE = Effect("dequeue", "take it out of the queue")
RUN = Effect("run", "hand it to the worker")
KILL_WORKER = Effect("kill_worker", "kill the worker's process group")
CONFIRM_CANCELED_EFFECT = Effect("confirm_canceled", "send TaskCancelConfirm, canceled")
CONFIRM_NOT_FOUND_EFFECT = Effect("confirm_not_found", "send TaskCancelConfirm, not found")
CONFIRM_FAILED_EFFECT = Effect("confirm_failed", "send TaskCancelConfirm, cancel failed")
SEND_RESULT = Effect("send_result", "store the result object and send TaskResult")
SEND_WORKER_DIED = Effect("send_worker_died", "send TaskResult, the worker died")

TASK_EFFECTS = (
    ENQUEUE,
    DEQUEUE,
    RUN,
    KILL_WORKER,
    CONFIRM_CANCELED_EFFECT,
    CONFIRM_NOT_FOUND_EFFECT,
    CONFIRM_FAILED_EFFECT,
    SEND_RESULT,
    SEND_WORKER_DIED,
)


def in_words(effects: tuple[Effect, ...]) -> list[str]:
    """Effects as a reader says them: "send cancel". Waking and announcing are one act for him."""
    both = NOTIFY in effects and ANNOUNCE in effects
    return [each.replace("_", " ") for each in effects if not (both and each == ANNOUNCE)]
