"""The client's tracker: message and time in, outputs out. PURE.

It knows ids, never a future: the shell owns the map from ids to futures. The lifecycle of a task is
its future's; what is kept here is what the wire needs to know of it, and the value's own machine.
"""

from collections import OrderedDict, deque
from collections.abc import Iterable
from typing import Any

from futurefsm.client.outputs import (
    Delete,
    Deliver,
    Fire,
    Forget,
    Get,
    LinkLost,
    Lose,
    Output,
    Put,
    Send,
    Violation,
)
from futurefsm.client.tracked import Call as Call
from futurefsm.client.tracked import Tracked
from futurefsm.client.uploads import Upload, Uploads
from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm.states import State
from futurefsm.fsm.table import Lifecycle
from futurefsm.protocol.ids import IdSource, owner_prefix, serializer_id, short
from futurefsm.protocol.mapping import arrival, task_cancel
from futurefsm.protocol.messages import (
    Argument,
    ArgumentType,
    ClientDisconnect,
    ClientHeartbeat,
    ClientHeartbeatEcho,
    DisconnectType,
    InstructionType,
    Message,
    ObjectInstruction,
    ObjectMetadata,
    ObjectType,
    Resource,
    StorageAddress,
    Task,
    TaskCancelConfirm,
    TaskResult,
)
from futurefsm.protocol.session import SendHeartbeat, Session

# Settled tasks that are remembered, so that a late or duplicate message is known for what it is.
ENDED_MAX = 16_384


class Tracker:
    """One client's side of the protocol.

    Args:
        identity: the client's identity, in bytes.
        ids: makes task and object ids.
        lifecycle: what the client's futures obey.
        credits: how many tasks may be with the engine at once; None sends every task at once.
        serializer: the serialised serializer to upload, where workers look for one.
        timeout_s: seconds of silence after which the scheduler counts as lost.
        hostname: for display by the scheduler.
    """

    def __init__(
        self,
        identity: bytes,
        ids: IdSource,
        lifecycle: Lifecycle,
        *,
        credits: int | None = None,
        serializer: bytes | None = None,
        timeout_s: float = 60.0,
        hostname: str = "",
    ) -> None:
        self.identity = identity
        self.ids = ids
        self.lifecycle = lifecycle
        self.credits = credits
        self.storage_address: StorageAddress | None = None
        self.session = Session(timeout_s=timeout_s)
        self.violations = 0
        # Monotonic seconds of the last sign of life.
        self.last_heard: float | None = None
        self._hostname = hostname
        self._serializer = serializer
        self._prefix = owner_prefix(identity)
        self._tasks: dict[bytes, Tracked] = {}
        # Task id → how it ended, the object that was offered, and the losing one that was deleted.
        self._ended: OrderedDict[bytes, tuple[State, bytes | None, bytes | None]] = OrderedDict()
        self._fetching: dict[bytes, bytes] = {}
        self._waiting: deque[bytes] = deque()
        self._uploads = Uploads(lambda: ids.object_id(identity))
        self._out: list[Output] = []

    # What the shell asks.

    def __len__(self) -> int:
        return len(self._tasks)

    def sent_at(self, task_id: bytes) -> float | None:
        """When the task was sent; None where it was not, or is forgotten."""
        tracked = self._tasks.get(task_id)
        return tracked.sent_at if tracked is not None and tracked.sent else None

    def take(self) -> list[Output]:
        """Everything to do since the last call, in order.

        Announcements go first and drops last, one message for all objects of the batch.
        """
        created, dropped = self._uploads.created, self._uploads.dropped
        if not (self._out or created or dropped):
            return []
        out, self._out = self._out, []
        if created:
            self._uploads.created = []
            out.insert(0, self._announce(created))
        if dropped:
            self._uploads.dropped = []
            out.append(Send(self._instruction(InstructionType.DELETE, dropped)))
        return out

    # Time.

    def opened(self, now: float) -> None:
        """The scheduler channel is open: a session begins."""
        self.session.opened(now)
        if self._serializer is not None:
            object_id = serializer_id(self.identity)
            metadata = ObjectMetadata(
                (object_id,), (ObjectType.SERIALIZER,), (b"serializer",), (len(self._serializer),)
            )
            create = ObjectInstruction(InstructionType.CREATE, self.identity, metadata)
            self._out += (Send(create), Put(object_id, self._serializer))
        self.tick(now)

    def tick(self, now: float) -> None:
        """Let time pass: heartbeats, and the end of patience."""
        for due in self.session.due(now):
            if isinstance(due, SendHeartbeat):
                beat = ClientHeartbeat(Resource(), due.latency_microseconds, self._hostname)
                # Before anything else: the first heartbeat is what registers the client.
                self._out.insert(0, Send(beat))
            else:
                self._out.append(LinkLost(f"the scheduler was silent for {due.seconds:.0f} s"))

    def deadline(self) -> float | None:
        """When `tick` wants to be called next."""
        return self.session.deadline()

    # The user's side.

    def submit(self, call: Call, now: float) -> None:
        """A task, accepted by the outgoing queue. With credits it waits for `grant`."""
        tracked = self._tasks[call.task_id] = Tracked()
        blobs = (call.function, *call.arguments)
        uploads = []
        for blob in blobs:
            upload, new = self._uploads.need(blob)
            uploads.append(upload)
            if new:
                self._out.append(Put(upload.object_id, blob.payload))
        tracked.uploads = tuple(uploads)
        tracked.message = Task(
            call.task_id,
            self.identity,
            call.metadata,
            uploads[0].object_id,
            tuple(Argument(ArgumentType.OBJECT_ID, up.object_id) for up in uploads[1:]),
            call.capabilities,
        )
        if self.credits is not None:
            self._waiting.append(call.task_id)

    def grant(self) -> bytes | None:
        """The next task that a free worker can have; None where none waits or none is free.

        Its future must be asked (`submit`), for its user may have cancelled it.
        """
        if not self.credits or not self._waiting:
            return None
        return self._waiting.popleft()

    def perform(self, task_id: bytes, effects: Iterable[str], value: Any, now: float) -> None:
        """Do what a step of the task's future asks of the wire.

        Args:
            value: what came with the event: a result's object id.
        """
        tracked = self._tasks.get(task_id)
        for effect in effects:
            if effect == fx.SEND_TASK:
                self._send_task(tracked, now)
            elif effect == fx.SEND_CANCEL:
                if tracked is not None and tracked.sent:
                    self._out.append(Send(task_cancel(task_id)))
            elif effect in (fx.OFFER_VALUE, fx.OFFER_ERROR):
                self._offer(task_id, tracked, value)
            elif effect == fx.DISCARD_VALUE:
                if tracked is not None:
                    self._step_value(task_id, tracked, ev.DISCARD)
            elif effect == fx.DELETE_RESULT:
                # An object that was offered is the value's own machine's to delete, also when a
                # duplicate of its result comes after its user cancelled.
                if tracked is not None and value not in (None, tracked.object_id, tracked.deleted):
                    tracked.deleted = value
                    self._out.append(Delete(value))
            else:
                raise AssertionError(f"effect {effect!r} is not the wire's")
        if tracked is not None:
            self._forget_if_over(task_id, tracked)

    def settled(self, task_id: bytes, state: State) -> None:
        """The task's future has settled: what it needed may go."""
        tracked = self._tasks.get(task_id)
        if tracked is None:
            return
        first = tracked.settled is None
        tracked.settled = state
        if first:
            for upload in tracked.uploads:
                self._uploads.release(upload)
            tracked.uploads = ()
            if tracked.sent and self.credits is not None:
                self.credits += 1
        self._forget_if_over(task_id, tracked)

    def clear(self) -> None:
        """Drop the uploads that no task needs."""
        self._uploads.clear_idle()

    def disconnect(self) -> None:
        """Say good-bye. A scheduler answers nothing to it."""
        self._out.append(Send(ClientDisconnect(DisconnectType.DISCONNECT)))

    # The scheduler's side.

    def received(self, message: Message, now: float) -> None:
        """A message from the scheduler. Never raises, whatever it is."""
        self.session.heard(now)
        self.last_heard = now
        if isinstance(message, (TaskResult, TaskCancelConfirm)):
            self._task_message(message)
        elif isinstance(message, ClientHeartbeatEcho):
            self.session.echoed(now)
            self.storage_address = message.object_storage_address
        else:
            self._violated(b"", f"a {type(message).__name__} is not for a client")

    def _task_message(self, message: TaskResult | TaskCancelConfirm) -> None:
        came = arrival(message)
        assert came is not None
        task_id = came.task_id
        died = came.event == ev.RESULT_WORKER_DIED
        tracked = self._tasks.get(task_id)
        if tracked is None:
            self._late(task_id, came.event, came.object_id)
        elif came.event in (ev.RESULT_SUCCESS, ev.RESULT_FAILED) and came.object_id is None:
            self._violated(task_id, "a TaskResult without its object")
        else:
            value = came.worker_exit if died else came.object_id
            self._out.append(Fire(task_id, came.event, value))

    def _late(self, task_id: bytes, event: ev.Event, object_id: bytes | None) -> None:
        """A message for a task whose future is forgotten: the table still says what to do."""
        known = self._ended.get(task_id)
        if known is None:
            self._violated(task_id, f"{event} for a task that this client never had")
            ours = object_id is not None and object_id.startswith(self._prefix)
            if ours and object_id not in self._fetching:
                self._out.append(Delete(object_id or b""))
            return
        state, offered, deleted = known
        row = self.lifecycle.row(state, event)
        if fx.DELETE_RESULT in row.effects and object_id not in (None, offered, deleted):
            self._ended[task_id] = (state, offered, object_id)
            self._out.append(Delete(object_id or b""))

    def _violated(self, task_id: bytes, what: str) -> None:
        self.violations += 1
        self._out.append(Violation(task_id, what))

    # The object store's side.

    def fetched(self, object_id: bytes, payload: bytes) -> None:
        """The bytes of an object that was asked for."""
        task_id = self._fetching.pop(object_id, None)
        tracked = self._tasks.get(task_id) if task_id is not None else None
        if task_id is None or tracked is None:
            self._violated(b"", f"bytes of object {short(object_id)}, which nobody asked for")
            return
        step = self._step_value(task_id, tracked, ev.BYTES)
        if step.moves:
            self._out.append(Deliver(task_id, payload))
        self._forget_if_over(task_id, tracked)

    def stored(self, object_id: bytes) -> None:
        """The store has an object that was uploaded."""
        self._uploads.stored(object_id)

    def fetch_failed(self, object_id: bytes, reason: str) -> None:
        """The bytes of an object cannot be had."""
        task_id = self._fetching.pop(object_id, None)
        tracked = self._tasks.get(task_id) if task_id is not None else None
        if task_id is None or tracked is None:
            return
        if self._step_value(task_id, tracked, ev.FETCH_FAILED).moves:
            self._out.append(Lose(task_id, object_id, reason))
        self._forget_if_over(task_id, tracked)

    def storage_lost(self, reason: str) -> None:
        """The storage channel is gone for good: so is every value that was on its way."""
        for object_id in list(self._fetching):
            self.fetch_failed(object_id, reason)

    # Inside.

    def _send_task(self, tracked: Tracked | None, now: float) -> None:
        if tracked is None or tracked.message is None:
            return
        if self.credits is not None:
            self.credits -= 1
        self._out.append(Send(tracked.message))
        tracked.message = None
        tracked.sent = True
        tracked.sent_at = now

    def _offer(self, task_id: bytes, tracked: Tracked | None, object_id: bytes | None) -> None:
        if tracked is None or object_id is None:
            return
        tracked.object_id = object_id
        self._step_value(task_id, tracked, ev.OFFER)
        self._step_value(task_id, tracked, ev.WANT)

    def _step_value(self, task_id: bytes, tracked: Tracked, event: ev.Event) -> Any:
        step = tracked.value.on[event]
        tracked.value = step.node
        for effect in step.row.effects:
            object_id = tracked.object_id
            if object_id is None:
                continue
            if effect == fx.GET_OBJECT:
                self._fetching[object_id] = task_id
                self._out.append(Get(object_id))
            else:
                self._out.append(Delete(object_id))
        return step

    def _forget_if_over(self, task_id: bytes, tracked: Tracked) -> None:
        """Settled, and no bytes on their way: the table of ended tasks is all that is kept."""
        if tracked.settled is None or tracked.object_id in self._fetching:
            return
        if task_id not in self._tasks:
            return
        del self._tasks[task_id]
        self._ended[task_id] = (tracked.settled, tracked.object_id, tracked.deleted)
        if len(self._ended) > ENDED_MAX:
            self._ended.popitem(last=False)
        self._out.append(Forget(task_id))

    def _announce(self, created: list[Upload]) -> Send:
        metadata = ObjectMetadata(
            tuple(up.object_id for up in created),
            (ObjectType.OBJECT,) * len(created),
            tuple(up.name.encode(errors="backslashreplace") for up in created),
            tuple(up.size for up in created),
        )
        return Send(ObjectInstruction(InstructionType.CREATE, self.identity, metadata))

    def _instruction(self, kind: InstructionType, object_ids: list[bytes]) -> ObjectInstruction:
        return ObjectInstruction(kind, self.identity, ObjectMetadata(tuple(object_ids)))
