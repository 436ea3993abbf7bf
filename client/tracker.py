"""The client's tracker: message and time in, outputs out. PURE.

It knows ids, never a future: the shell owns the map from ids to futures. The lifecycle of a task is
its future's; what is kept here is what the wire needs to know of it. `outgoing.py` is the
half that sends, `values.py` has the values' own machine, `ties.py` holds tasks back that need the
results of others.
"""

from collections.abc import Iterable
from typing import Any

from futurefsm.client.ended import ENDED_MAX as ENDED_MAX
from futurefsm.client.ended import Ended
from futurefsm.client.outgoing import Outgoing
from futurefsm.client.outputs import (
    Delete,
    Drop,
    Fire,
    Forget,
    LinkLost,
    Lose,
    Put,
    Rest,
    Say,
    Send,
    Shutdown,
    Violation,
)
from futurefsm.client.overdue import Overdue
from futurefsm.client.tracked import Call as Call
from futurefsm.client.tracked import Tracked
from futurefsm.client.uploads import IDLE_BYTES_MAX, serializer_announcement
from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm.outcomes import NEVER_SENT
from futurefsm.fsm.states import FINISHED, OFFERED, State
from futurefsm.fsm.story import WIRE
from futurefsm.fsm.table import Lifecycle
from futurefsm.protocol.ids import IdSource, owner_prefix, serializer_id, short
from futurefsm.protocol.mapping import arrival, task_cancel
from futurefsm.protocol.messages import (
    ClientDisconnect,
    ClientHeartbeat,
    ClientHeartbeatEcho,
    ClientShutdownResponse,
    DisconnectType,
    LogType,
    Message,
    Resource,
    StorageAddress,
    TaskCancelConfirm,
    TaskLog,
    TaskResult,
)
from futurefsm.protocol.session import SendHeartbeat, Session

# Who is late by more, in seconds, may have been forgotten by a scheduler that is strict.
_AWAY_S = 2.0


class Tracker(Outgoing):
    """One client's side of the protocol.

    Args:
        identity: the client's identity, in bytes.
        ids: makes task and object ids.
        lifecycle: what the client's futures obey.
        credits: how many tasks may be with the engine at once; None sends every task at once.
        serializer: the serialised serializer to upload, where workers look for one.
        timeout_s: seconds of silence after which the scheduler counts as lost.
        period_s: seconds between two heartbeats.
        hostname: for display by the scheduler.
        idle_bytes_max: what uploads that no task needs may occupy.
        announces: tell the scheduler of each object that is uploaded, as a real one wants it.
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
        period_s: float = 2.0,
        hostname: str = "",
        idle_bytes_max: int = IDLE_BYTES_MAX,
        announces: bool = True,
    ) -> None:
        super().__init__(identity, ids, credits, idle_bytes_max, announces)
        self.lifecycle = lifecycle
        self.storage_address: StorageAddress | None = None
        self.session = Session(period_s, timeout_s)
        # When `tick` wants to be called next.
        self.deadline = self.session.deadline
        self._period = period_s
        self.violations = 0
        self.shutdown_asked = False
        # Monotonic seconds of the last sign of life.
        self.last_heard: float | None = None
        self._hostname = hostname
        self._serializer = serializer
        self._prefix = owner_prefix(identity)
        self._ended = Ended(lifecycle)
        self._overdue = Overdue(timeout_s)
        self._probe: bytes | None = None
        self._renewed_at = 0.0

    # Time.

    def opened(self, now: float) -> None:
        """The scheduler channel is open: a session begins."""
        self.session.opened(now)
        self._upload_serializer()
        self.tick(now)

    def reopened(self, now: float) -> None:
        """The scheduler channel was broken, and is there again: a heartbeat, at once."""
        self.session.reopened(now)
        if self.last_heard is not None and now - self.last_heard > self._period + _AWAY_S:
            self.renew(now)
        self.tick(now)

    def renew(self, now: float) -> None:
        """A scheduler that heard nothing of this client for too long has forgotten it, deleted its
        objects, and says nothing of it. Register again, and upload what is needed from now on.

        Where it has not, nothing is lost by it: the same bytes take the place of the same.
        """
        self._renewed_at = now
        if self._serializer is not None:
            self.session.reopened(now)
            self._upload_serializer()
            self.upload_again()

    def _doubt_ends(self, task_id: bytes, tracked: Tracked, event: ev.Event) -> None:
        task, tracked.doubted = tracked.doubted, None
        if event == ev.CONFIRM_CANCELED and task is not None:
            self._out.append(Send(task))
        else:
            why = "the link broke; the task has ended since, and its result was lost on the way"
            self._out.append(Fire(task_id, ev.CONNECTION_LOST, why))

    def _upload_serializer(self) -> None:
        if self._serializer is not None:
            object_id = serializer_id(self.identity)
            create = serializer_announcement(self.identity, object_id, len(self._serializer))
            self._out += (Send(create), Put(object_id, self._serializer))

    def tick(self, now: float) -> None:
        """Let time pass: heartbeats, and the end of patience."""
        if self.session.away(now) > _AWAY_S:
            self.renew(now)
        for due in self.session.due(now):
            if isinstance(due, SendHeartbeat):
                beat = ClientHeartbeat(Resource(), due.latency_microseconds, self._hostname)
                # Before anything else: the first heartbeat is what registers the client.
                self._out.insert(0, Send(beat))
            else:
                self._out.append(LinkLost(f"the scheduler was silent for {due.seconds:.0f} s"))
        self.ask_doubted(now)
        self.give_back(now)
        if self._overdue.look(self.values.fetching, now):
            self._probe = self.ids.object_id(self.identity)
            self._out += (Put(self._probe, b""), Delete(self._probe))

    # The user's side: see also `Outgoing`.

    def want(self, task_id: bytes) -> None:
        """Somebody asked for the value of a delayed task."""
        tracked = self._tasks.get(task_id)
        if tracked is not None:
            tracked.delayed = tracked.resting = False
            self.values.step(task_id, tracked, ev.WANT)
            self._forget_if_over(task_id, tracked)

    def discard(self, task_id: bytes) -> None:
        """Nobody can ask for the task's value any more."""
        tracked = self._tasks.get(task_id)
        if tracked is not None:
            self.values.step(task_id, tracked, ev.DISCARD)
            self._forget_if_over(task_id, tracked)

    def perform(self, task_id: bytes, effects: Iterable[str], value: Any, now: float) -> None:
        """Do what a step of the task's future asks of the wire.

        Args:
            value: what came with the event: a result's object id.
        """
        tracked = self._tasks.get(task_id)
        for effect in effects:
            if effect == fx.SEND_TASK:
                self._send_task(task_id, tracked, now)
            elif effect == fx.SEND_CANCEL:
                if tracked is not None and tracked.sent:
                    tracked.asked = True
                    self._out.append(Send(task_cancel(task_id)))
                elif tracked is not None:
                    # Held back: no scheduler has heard of it, so the answer is ours. Nor will one:
                    # the step that was to send it may come behind, where two threads moved it.
                    tracked.message = None
                    self._out.append(Drop(task_id, NEVER_SENT))
            elif effect in (fx.OFFER_VALUE, fx.OFFER_ERROR):
                self._offer(task_id, tracked, value, failed=effect == fx.OFFER_ERROR)
            elif effect == fx.DISCARD_VALUE:
                if tracked is not None:
                    self.values.step(task_id, tracked, ev.DISCARD)
            elif effect == fx.DELETE_RESULT:
                # An object that was offered is the value's own machine's to delete, also when a
                # duplicate of its result comes after its user cancelled. What was never sent has
                # none: what it is told of is the error of another.
                if tracked is None or not tracked.sent:
                    continue
                if value not in (None, tracked.object_id, tracked.deleted):
                    tracked.deleted = value
                    self._out.append(Delete(value))
            else:
                raise AssertionError(f"effect {effect!r} is not the wire's")
        if tracked is not None and tracked.settled is not None:
            self._forget_if_over(task_id, tracked)

    def settled(self, task_id: bytes, state: State, error: object = None) -> None:
        """The task's future has settled: what it needed may go.

        Args:
            error: the exception that it ended with, where that came with no object.
        """
        tracked = self._tasks.get(task_id)
        if tracked is None:
            return
        first = tracked.settled is None
        tracked.settled = state
        if first:
            if tracked.links is not None:
                self.ties.settled(task_id, tracked, error)
            for upload in tracked.uploads:
                self._uploads.release(upload)
            tracked.uploads = ()
            if tracked.sent and self.credits is not None:
                self.credits += 1
        self._forget_if_over(task_id, tracked)

    def shutdown(self) -> None:
        """Ask the scheduler to end, with all its workers. It answers."""
        self.shutdown_asked = True
        self._out.append(Send(ClientDisconnect(DisconnectType.SHUTDOWN)))

    def disconnect(self) -> None:
        """Say good-bye. A scheduler answers nothing to it."""
        self._out.append(Send(ClientDisconnect(DisconnectType.DISCONNECT)))

    # The scheduler's side.

    def received(self, message: Message, now: float) -> None:
        """A message from the scheduler. Never raises, whatever it is."""
        self.session.heard(now)
        self.last_heard = self._now = now
        if type(message) is TaskResult or type(message) is TaskCancelConfirm:
            self._task_message(message)
        elif isinstance(message, ClientHeartbeatEcho):
            self.session.echoed(now)
            self.storage_address = message.object_storage_address
        elif isinstance(message, TaskLog):
            self._out.append(Say(message.content, message.log_type is LogType.STDERR))
        elif isinstance(message, ClientShutdownResponse) and self.shutdown_asked:
            self._out.append(Shutdown(message.accepted))
        else:
            self._violated(b"", f"a {type(message).__name__} is not for a client")

    def _task_message(self, message: TaskResult | TaskCancelConfirm) -> None:
        came = arrival(message)
        assert came is not None
        task_id, event, object_id, worker_exit, metadata = came
        tracked = self._tasks.get(task_id)
        if tracked is None:
            self._late(task_id, event, object_id)
            return
        if object_id is None and event in (ev.RESULT_SUCCESS, ev.RESULT_FAILED):
            self._violated(task_id, "a TaskResult without its object")
            return
        if event in (ev.CONFIRM_CANCELED, ev.CONFIRM_NOT_FOUND):
            unasked = not (tracked.asked or tracked.settled)
            if unasked and tracked.doubted:
                self._doubt_ends(task_id, tracked, event)
                return
            if unasked and event == ev.CONFIRM_CANCELED:
                self._cancelled_unasked()
        value = worker_exit if event == ev.RESULT_WORKER_DIED else object_id
        self._out.append(Fire(task_id, event, value, WIRE, metadata))
        if object_id is not None and tracked.settled is FINISHED:
            # A second result. The first counts, and nobody will ask for what this one brings.
            self.perform(task_id, (fx.DELETE_RESULT,), object_id, self._now)

    def _cancelled_unasked(self) -> None:
        """Nobody cancelled it: the scheduler has ended all tasks of a client that was silent."""
        if self._now >= self._renewed_at + _AWAY_S:
            self.renew(self._now)

    def _late(self, task_id: bytes, event: ev.Event, object_id: bytes | None) -> None:
        """A message for a task whose future is forgotten: the table still says what to do."""
        if task_id in self._ended:
            stray = self._ended.stray(task_id, event, object_id)
            if stray is not None:
                self._out.append(Delete(stray))
            return
        self._violated(task_id, f"{event} for a task that this client never had")
        ours = object_id is not None and object_id.startswith(self._prefix)
        if ours and not self.values.knows(object_id or b""):
            self._out.append(Delete(object_id or b""))

    def _violated(self, task_id: bytes, what: str) -> None:
        self.violations += 1
        self._out.append(Violation(task_id, what))

    # The object store's side.

    def fetched(self, object_id: bytes, payload: bytes) -> None:
        """The bytes of an object that was asked for."""
        waiting = self.values.fetching.pop(object_id, None)
        if waiting is None and self._overdue.came(object_id):
            self._out.append(Delete(object_id))
            return
        if waiting is None:
            self._violated(b"", f"bytes of object {short(object_id)}, which nobody asked for")
            return
        if len(waiting) > 1:
            payload = bytes(payload)  # each gives its own buffer back
        for task_id in waiting:
            tracked = self._tasks[task_id]
            self.values.came(task_id, tracked, payload)
            self._forget_if_over(task_id, tracked)

    def stored(self, object_id: bytes) -> None:
        """The store has an object that was uploaded."""
        self._uploads.stored(object_id)
        if object_id == self._probe:
            self._probe = None
            patience = f"{self._overdue.patience_s:g} s"
            for each in self._overdue.answered():
                if each in self.values.fetching:
                    self._overdue.give_up(each)
                self.fetch_failed(each, f"the object store has not sent it for {patience}")

    def fetch_failed(self, object_id: bytes, reason: str) -> None:
        """The bytes of an object cannot be had."""
        for task_id in self.values.fetching.pop(object_id, ()):
            tracked = self._tasks[task_id]
            self.values.lost(object_id)
            if self.values.step(task_id, tracked, ev.FETCH_FAILED).moves:
                self._out.append(Lose(task_id, object_id, reason))
            self._forget_if_over(task_id, tracked)

    def storage_lost(self, reason: str) -> None:
        """The storage channel is gone for good: so is every value that was on its way."""
        for object_id in list(self.values.fetching):
            self.fetch_failed(object_id, reason)

    # Inside.

    def _offer(
        self, task_id: bytes, tracked: Tracked | None, object_id: bytes | None, *, failed: bool
    ) -> None:
        if tracked is None or object_id is None or tracked.object_id is not None:
            return
        tracked.object_id, tracked.failed = object_id, failed
        self.values.hold(object_id)
        if tracked.links is not None:
            self.ties.offered(task_id, tracked)
        self.values.step(task_id, tracked, ev.OFFER)
        if not tracked.delayed:
            self.values.step(task_id, tracked, ev.WANT)

    def _forget_if_over(self, task_id: bytes, tracked: Tracked) -> None:
        """Settled, no bytes on their way, and nobody to come who needs its result: the table of
        ended tasks is all that is kept."""
        if tracked.settled is None:
            return
        if self.values.fetching and self.values.is_fetched(task_id, tracked):
            return
        if task_id not in self._tasks:
            return
        if tracked.value.state == OFFERED:
            if not tracked.resting:
                tracked.resting = True
                self._out.append(Rest(task_id))
            return
        links = tracked.links
        if links is not None and links.promised > links.redeemed:
            return
        del self._tasks[task_id]
        self._ended.add(task_id, tracked.settled, tracked)
        self._out.append(Forget(task_id))
