"""Messages to events, effects to messages: total both ways. PURE.

`EVENTS` names every kind of message and `CARRIERS` every effect of every lifecycle, those included
that mean nothing here, so that a new one cannot be forgotten in silence.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm.effects import Effect
from futurefsm.fsm.events import Event
from futurefsm.protocol import messages as m
from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.object_store import RequestKind
from futurefsm.protocol.task_flags import Profile

EVENTS: Mapping[type[m.Message], tuple[Event, ...]] = {
    # By the number of the message's own enum.
    m.TaskResult: (ev.RESULT_SUCCESS, ev.RESULT_FAILED, ev.RESULT_WORKER_DIED),
    m.TaskCancelConfirm: (ev.CONFIRM_CANCELED, ev.CONFIRM_FAILED, ev.CONFIRM_NOT_FOUND),
    m.Task: (ev.TASK,),
    # By `force`.
    m.TaskCancel: (ev.CANCEL_GENTLE, ev.CANCEL_FORCED),
    # To every task of the client; it names none.
    m.ClientDisconnect: (ev.CLIENT_GONE,),
    # Of no task: what they are for is the session's or the object store's business.
    m.TaskLog: (),
    m.GraphTask: (),
    m.ObjectInstruction: (),
    m.ClientHeartbeat: (),
    m.ClientHeartbeatEcho: (),
    m.ClientShutdownResponse: (),
}
"""Kind of message → the events that it can be, to a client's or a scheduler's lifecycle."""

_RESULTS = EVENTS[m.TaskResult]
_CONFIRMS = EVENTS[m.TaskCancelConfirm]

Carrier: TypeAlias = type[m.Message] | RequestKind | None

CARRIERS: Mapping[Effect, Carrier] = {
    # A client's future. The value is offered to the value's own lifecycle.
    fx.NOTIFY: None,
    fx.ANNOUNCE: None,
    fx.WORKER_DIED_ERROR: None,
    fx.CONNECTION_LOST_ERROR: None,
    fx.CLIENT_CLOSED_ERROR: None,
    fx.OFFER_VALUE: None,
    fx.OFFER_ERROR: None,
    fx.DISCARD_VALUE: None,
    fx.SEND_TASK: m.Task,
    fx.SEND_CANCEL: m.TaskCancel,
    fx.DELETE_RESULT: RequestKind.DELETE,
    # Its value.
    fx.GET_OBJECT: RequestKind.GET,
    fx.DELETE_OBJECT: RequestKind.DELETE,
    # A scheduler's task. Its queue and its workers are its own affair.
    fx.ENQUEUE: None,
    fx.DEQUEUE: None,
    fx.RUN: None,
    fx.KILL_WORKER: None,
    fx.CONFIRM_CANCELED_EFFECT: m.TaskCancelConfirm,
    fx.CONFIRM_NOT_FOUND_EFFECT: m.TaskCancelConfirm,
    fx.CONFIRM_FAILED_EFFECT: m.TaskCancelConfirm,
    fx.SEND_RESULT: m.TaskResult,
    fx.SEND_WORKER_DIED: m.TaskResult,
}
"""Effect → what carries it: a message to the other side, a request to the object store, nothing."""

_CONFIRM_TYPES: Mapping[Effect, m.CancelConfirmType] = {
    fx.CONFIRM_CANCELED_EFFECT: m.CancelConfirmType.CANCELED,
    fx.CONFIRM_FAILED_EFFECT: m.CancelConfirmType.CANCEL_FAILED,
    fx.CONFIRM_NOT_FOUND_EFFECT: m.CancelConfirmType.CANCEL_NOT_FOUND,
}


EXIT_ZERO = 256
"""Stands for exit code 0 in `TaskResult.worker_exit`, where 0 means that nobody knows. No process
can end with it."""

_EXITS: Mapping[int, int | None] = {0: None, EXIT_ZERO: 0}


class Arrival(NamedTuple):
    """What a message from a scheduler means to one task.

    Attributes:
        object_id: where the value or the exception lies, if anywhere.
        worker_exit: of a dead worker: exit code, or minus the signal; None when nobody knows.
        metadata: as it came.
    """

    task_id: bytes
    event: Event
    object_id: bytes | None = None
    worker_exit: int | None = None
    metadata: bytes = b""

    @property
    def profile(self) -> Profile | None:
        """What the task cost; None when the message does not say, or not readably."""
        return profile_of(self.metadata)


def profile_of(metadata: bytes) -> Profile | None:
    """What the metadata of a TaskResult say; None where they say nothing, or not readably.

    A bad profile is no reason to lose a result.
    """
    if not metadata:
        return None
    try:
        return Profile.unpack(metadata)
    except ProtocolError:
        return None


class Request(NamedTuple):
    """What a message from a client means to one task of a scheduler."""

    task_id: bytes
    event: Event


def arrival(message: m.Message) -> Arrival | None:
    """A client's view of a message; None for one that answers no task."""
    if message.__class__ is m.TaskResult:
        results = message.results
        return Arrival(
            message.task_id,
            _RESULTS[message.result_type],
            results[0] if results else None,
            _EXITS.get(message.worker_exit, message.worker_exit),
            message.metadata,
        )
    if message.__class__ is m.TaskCancelConfirm:
        return Arrival(message.task_id, _CONFIRMS[message.cancel_confirm_type])
    return None


def request(message: m.Message) -> Request | None:
    """A scheduler's view of a message; None for one that concerns no single task."""
    if message.__class__ is m.Task:
        return Request(message.task_id, ev.TASK)
    if message.__class__ is m.TaskCancel:
        return Request(message.task_id, EVENTS[m.TaskCancel][message.force])
    return None


def task_cancel(task_id: bytes) -> m.TaskCancel:
    """For `send_cancel`. Always forced: a Scaler answers an unforced one with silence."""
    return m.TaskCancel(task_id, True)


def cancel_confirm(task_id: bytes, effect: Effect) -> m.TaskCancelConfirm:
    """For the three `confirm_...` effects. Raises `KeyError` for another effect."""
    return m.TaskCancelConfirm(task_id, _CONFIRM_TYPES[effect])


def task_result(
    task_id: bytes, object_id: bytes, *, failed: bool, profile: Profile
) -> m.TaskResult:
    """For `send_result`: the object holds the value, or the exception when it `failed`."""
    kind = m.TaskResultType.FAILED if failed else m.TaskResultType.SUCCESS
    return m.TaskResult(task_id, kind, profile.pack(), (object_id,))


def worker_died(task_id: bytes, worker_exit: int | None = None) -> m.TaskResult:
    """For `send_worker_died`: the exit code, or minus the signal, or None when nobody knows."""
    code = 0 if worker_exit is None else worker_exit or EXIT_ZERO
    return m.TaskResult(task_id, m.TaskResultType.FAILED_WORKER_DIED, worker_exit=code)
