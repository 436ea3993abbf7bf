"""A client without thread, socket or clock: what happens is what a test does.

The test plays the scheduler and the object store; everything else is real.
"""

from typing import Any

from futurefsm.client.callbacks import CallbackThread
from futurefsm.client.future import Future
from futurefsm.client.inbox import Inbox, Submitted
from futurefsm.client.outputs import Delete, Get, Put, Send
from futurefsm.client.pump import Pump
from futurefsm.client.serializer import Serializer
from futurefsm.client.tracked import Call, ResultOf
from futurefsm.client.tracker import Tracker
from futurefsm.client.uploads import Blob
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import IdSource

ME = b"Client|me"
FUNCTION = Blob(b"fn", b"fn", "work")
VALUE = Serializer().argument("a value", "x", len).payload
ERROR = Serializer().argument(ZeroDivisionError("of a task"), "x", len).payload


class Desk:
    """Implements what futures need of their client.

    Attributes:
        tasks: the Task messages that were sent, by task id.
        cancels: the ids of the tasks that the scheduler was asked to cancel, in order.
        objects: the results that are in the store, and the bytes of each.
        deleted: how often each was deleted.
        gets: the objects that were asked for and not answered.
    """

    def __init__(self, lifecycle: Any = CONFIRMED, credits: int | None = None) -> None:
        self.lifecycle = lifecycle
        self.inbox = Inbox(lambda: None)
        self.tracker = Tracker(ME, IdSource(b"seed"), lifecycle, credits=credits, timeout_s=5)
        self.pump = Pump(self.tracker, self.inbox)
        self.name, self.cancel_timeout = "desk", 0.0
        self.serializer, self.callbacks = Serializer(), CallbackThread("desk")
        self.tasks: dict[bytes, m.Task] = {}
        self.cancels: list[bytes] = []
        self.objects: dict[bytes, bytes] = {}
        self.deleted: dict[bytes, int] = {}
        self.gets: list[bytes] = []
        self.pump.opened(0.0)
        self.flush()

    def stepped(self, task_id: bytes, step: Any, value: Any) -> None:
        self.pump.stepped(task_id, step, value)

    def violated(self, task_id: bytes, what: str) -> None:
        self.pump.violated(task_id, what)

    def want(self, future: Any) -> bool:
        return self.pump.want(future)

    def check_process(self, *, waits: bool = False) -> None: ...

    # A user.

    def future(self, *, delayed: bool = False) -> Future[Any]:
        return Future(self.lifecycle, self, self.tracker.ids.task_id(), "work", delayed=delayed)

    def submit(
        self,
        *inputs: Future[Any],
        future: Future[Any] | None = None,
        delayed: bool = False,
        needed_by: int | None = None,
    ) -> Future[Any]:
        """A task; its inputs have been told (`promise`)."""
        future = future or self.future(delayed=delayed)
        parts = tuple(ResultOf(each.task_id) for each in inputs)
        call = Call(future.task_id, FUNCTION, parts, b"flags!", delayed, needed_by)
        self.inbox.put_task(Submitted(future, call, 1), 0)
        self.pump.accepted(future)
        return future

    def after(self, *inputs: Future[Any], **options: Any) -> Future[Any]:
        """A task that needs these, and its pump has seen it."""
        for each in dict.fromkeys(inputs):
            assert each.promise()
        made = self.submit(*inputs, **options)
        self.flush()
        return made

    # The wire.

    def flush(self) -> None:
        """The pump looks at its inbox; what it wants sent arrives."""
        while True:
            done = self.pump.run_inbox(1.0)
            outputs = self.pump.take()
            for output in outputs:
                if isinstance(output, Send):
                    self._sent(output.message)
                elif isinstance(output, Get):
                    self.gets.append(output.object_id)
                elif isinstance(output, Delete):
                    self.deleted[output.object_id] = self.deleted.get(output.object_id, 0) + 1
                    del self.objects[output.object_id]
                elif isinstance(output, Put):
                    self.pump.stored(output.object_id)
            if not done and not outputs:
                return

    def _sent(self, message: m.Message) -> None:
        if isinstance(message, m.Task):
            assert message.task_id not in self.tasks
            self.tasks[message.task_id] = message
        elif isinstance(message, m.TaskCancel):
            self.cancels.append(message.task_id)

    def result(self, future: Future[Any], *, failed: bool = False) -> bytes:
        """The task ends."""
        object_id = self.tracker.ids.object_id(ME)
        self.objects[object_id] = ERROR if failed else VALUE
        kind = m.TaskResultType.FAILED if failed else m.TaskResultType.SUCCESS
        self.pump.receive(m.TaskResult(future.task_id, kind, b"", (object_id,)), 2.0)
        self.flush()
        return object_id

    def died(self, future: Future[Any]) -> None:
        """Its worker dies."""
        kind = m.TaskResultType.FAILED_WORKER_DIED
        self.pump.receive(m.TaskResult(future.task_id, kind, b"", ()), 2.0)
        self.flush()

    def confirm(self, future: Future[Any]) -> None:
        """The scheduler confirms a cancel."""
        kind = m.CancelConfirmType.CANCELED
        self.pump.receive(m.TaskCancelConfirm(future.task_id, kind), 2.0)
        self.flush()

    def answer(self, place: int = 0) -> None:
        """The store answers a get."""
        object_id = self.gets.pop(place)
        self.pump.fetched(object_id, self.objects[object_id], 3.0)
        self.flush()

    def answer_all(self) -> None:
        while self.gets:
            self.answer()

    def arguments(self, future: Future[Any]) -> tuple[bytes, ...]:
        """What its task was sent with."""
        return tuple(each.data for each in self.tasks[future.task_id].function_args)

    def check_empty(self) -> None:
        """Nothing is kept for anybody."""
        self.flush()
        assert not self.objects
        assert all(count == 1 for count in self.deleted.values())
        assert len(self.tracker.values) == 0
        assert not self.tracker.values.fetching
        assert len(self.tracker) == 0
        assert not self.pump.futures
        assert not self.pump.resting
        assert self.tracker.violations == 0
