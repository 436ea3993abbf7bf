"""The half of the tracker that sends: tasks, and the objects that they need. PURE."""

from collections import deque
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from futurefsm.client.outputs import Output, Put, Send
from futurefsm.client.ties import Ties
from futurefsm.client.tracked import Call, Links, Stored, Tracked
from futurefsm.client.uploads import (
    IDLE_BYTES_MAX,
    Blob,
    Upload,
    Uploads,
    announcement,
    deletion,
)
from futurefsm.client.values import Values
from futurefsm.fsm import events as ev
from futurefsm.protocol.ids import IdSource
from futurefsm.protocol.messages import Task, TaskCancel

# No task has come for so many seconds: what none needs is given back, a part with each heartbeat,
# for it costs the cluster something that others may want.
QUIET_S = 60.0
QUIET_DROPS = 512

# After a link broke, a result that is not here after so many seconds may be lost.
DOUBT_S = 5.0


class Outgoing:
    """What a client has to send, and what it waits for before it does. See `Tracker`."""

    def __init__(
        self,
        identity: bytes,
        ids: IdSource,
        credits: int | None,
        idle_bytes_max: int = IDLE_BYTES_MAX,
        announces: bool = True,
    ) -> None:
        self.identity = identity
        # Whether the scheduler is told of each object. Ours knows by their ids whose they are.
        self.announces = announces
        self.ids = ids
        self.credits = credits
        self._tasks: dict[bytes, Tracked] = {}
        self._waiting: deque[bytes] = deque()
        self._now = 0.0
        self._submitted_at = 0.0
        self._doubted: list[bytes] = []
        self._doubt_at = 0.0
        self._uploads = Uploads(lambda: ids.object_id(identity), idle_bytes_max=idle_bytes_max)
        # One list, which all parts know: emptied, never replaced.
        self._out: list[Output] = []
        self.values = Values(self._out)
        self.ties = Ties(
            self._tasks,
            self.values,
            self._out,
            ready=self._ready,
            over=self._forget_if_over,
            waits=credits is None,
        )

    def __len__(self) -> int:
        return len(self._tasks)

    def sent_at(self, task_id: bytes) -> float | None:
        """When the task was sent; None where it was not, or is forgotten."""
        tracked = self._tasks.get(task_id)
        return tracked.sent_at if tracked is not None and tracked.sent else None

    def cancel_sent(self, task_id: bytes) -> bool:
        """Whether a cancel of the task was sent for its user."""
        tracked = self._tasks.get(task_id)
        return tracked is not None and tracked.asked

    def take(self) -> list[Output]:
        """Everything to do since the last call, in order.

        Announcements go first and drops last, one message for all objects of the batch.
        """
        created, dropped = self._uploads.created, self._uploads.dropped
        if not (self._out or created or dropped):
            return []
        out = self._out[:]
        self._out.clear()
        if created:
            self._uploads.created = []
        if created and self.announces:
            out.insert(0, Send(announcement(self.identity, created)))
        if dropped:
            self._uploads.dropped = []
            out.append(Send(deletion(self.identity, dropped)))
        return out

    def submit(self, call: Call, now: float) -> None:
        """A task, accepted by the outgoing queue. It waits for the results that it needs, and,
        with credits, for `grant`."""
        self._now = self._submitted_at = now
        tracked = self._tasks[call.task_id] = Tracked()
        tracked.delayed = call.delayed
        if call.needed_by is not None:
            tracked.links = Links()
            tracked.links.needed_by = call.needed_by
            self.values.step(call.task_id, tracked, ev.DISCARD)
        function = self._upload(call.function)
        uploads = [function]
        parts: list[Any] = []
        for argument in call.arguments:
            if type(argument) is Blob:
                upload = self._upload(argument)
            elif isinstance(argument, Stored):
                upload = self._use(argument)
            else:
                parts.append(argument)
                continue
            uploads.append(upload)
            parts.append(upload.argument)
        tracked.uploads = tuple(uploads)
        tracked.message = Task(
            call.task_id,
            self.identity,
            call.metadata,
            function.object_id,
            tuple(parts),
            call.capabilities,
        )
        if len(uploads) <= len(parts):
            self.ties.bind(call.task_id, tuple(parts))
        elif self.credits is not None:
            self._waiting.append(call.task_id)

    def send_object(self, object_id: bytes, blob: Blob) -> None:
        """An object that its user sent; it stays until `disown`."""
        self._uploads.own(object_id, blob)
        self._out.append(Put(object_id, blob.payload))

    def disown(self, object_id: bytes, promised: int) -> None:
        """Its user holds no reference any more. `promised`: how many tasks it was used by."""
        self._uploads.disown(object_id, promised)

    def return_object(self, object_id: bytes) -> None:
        """A task that was announced to need an owned object will not come."""
        upload = self._uploads.borrow(object_id)
        if upload is not None:
            self._uploads.release(upload)

    def grant(self) -> bytes | None:
        """The next task that a free worker can have; None where none waits or none is free.

        Its future must be asked (`submit`), for its user may have cancelled it.
        """
        if not self.credits or not self._waiting:
            return None
        return self._waiting.popleft()

    def clear(self) -> None:
        """Drop the uploads that no task and no reference needs."""
        self._uploads.clear_idle()

    def give_back(self, now: float) -> None:
        """Drop some of them, where no task has come for a while."""
        if now - self._submitted_at >= QUIET_S:
            self._uploads.clear_idle(QUIET_DROPS)

    def doubt(self, now: float, resent: Collection[bytes]) -> None:
        """The link broke: a result that was on its way is lost, and nobody will say so. Those that
        are still waited for after a while are asked for.

        Args:
            resent: tasks that were sent again.
        """
        self._doubt_at = now + DOUBT_S
        self._doubted = [
            task_id
            for task_id, tracked in self._tasks.items()
            if tracked.sent and tracked.settled is None and task_id not in resent
        ]

    def ask_doubted(self, now: float) -> None:
        """An unforced cancel finds out: what runs goes on; what has not begun is cancelled, and is
        sent again; what the scheduler does not know has ended."""
        if not self._doubted or now < self._doubt_at:
            return
        for task_id in self._doubted:
            tracked = self._tasks.get(task_id)
            if tracked is not None and tracked.settled is None and not tracked.asked:
                tracked.doubted = tracked.task
                self._out.append(Send(TaskCancel(task_id, False)))
        self._doubted = []

    def upload_again(self) -> None:
        """Announce and upload once more what live tasks and references need."""
        needed = [upload for tracked in self._tasks.values() for upload in tracked.uploads]
        found = self._uploads.again(needed)
        if found:
            self._out.append(Send(announcement(self.identity, [upload for upload, _ in found])))
            self._out += [Put(upload.object_id, payload) for upload, payload in found]

    # Inside.

    def _upload(self, blob: Blob) -> Upload:
        upload, new = self._uploads.need(blob)
        if new:
            self._out.append(Put(upload.object_id, blob.payload))
        return upload

    def _use(self, stored: Stored) -> Upload:
        upload = self._uploads.borrow(stored.object_id)
        assert upload is not None, "a reference keeps its object for the tasks that it was told of"
        return upload

    def _ready(self, task_id: bytes, tracked: Tracked) -> None:
        """All results that a task waited for are there."""
        assert tracked.links is not None
        if tracked.message is None:
            return  # cancelled meanwhile
        tracked.message = replace(tracked.message, function_args=tracked.links.arguments())
        if self.credits is not None:
            self._waiting.append(task_id)
        elif tracked.links.accepted:
            self._send_task(task_id, tracked, self._now)

    def _send_task(self, task_id: bytes, tracked: Tracked | None, now: float) -> None:
        # It may have ended first, where two threads moved it.
        if tracked is None or tracked.settled is not None:
            return
        if tracked.links is not None and not self.ties.accepted(tracked.links):
            return
        if tracked.message is None:
            return
        if self.credits is not None:
            self.credits -= 1
        self._out.append(Send(tracked.message))
        tracked.task, tracked.message = tracked.message, None
        tracked.sent = True
        tracked.sent_at = now

    def _forget_if_over(self, task_id: bytes, tracked: Tracked) -> None:
        """It may have become forgettable."""
        raise NotImplementedError
