"""The client of a world: the real pump, tracker, inbox and futures, without sockets."""

from typing import TYPE_CHECKING, Any

from futurefsm.client.future import Future
from futurefsm.client.inbox import Inbox, Submitted
from futurefsm.client.outputs import Delete, Get, Put, Send
from futurefsm.client.pump import Pump
from futurefsm.client.tracker import Call, Tracker
from futurefsm.client.uploads import Blob
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.protocol.ids import IdSource, new_identity
from futurefsm.protocol.task_flags import TaskFlags

if TYPE_CHECKING:
    from benchmarks.scale.world import Meter, World

_FUNCTION = Blob(b"f" * 200, b"digest of the function", "function")
_FLAGS = TaskFlags().pack()
_WHILE_QUEUED, _WHILE_RUNNING, _AT_THE_END = range(3)


class Measured:
    """A tracker whose public calls are measured."""

    def __init__(self, tracker: Tracker, meter: "Meter") -> None:
        self._tracker = tracker
        self._meter = meter

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._tracker, name)
        if not callable(value):
            return value
        run = self._meter.run

        def measured(*args: Any) -> Any:
            return run(value, *args)

        # Found without a detour from now on.
        self.__dict__[name] = measured
        return measured


class ScaleClient:
    """One client. Implements what futures need of their client (`Home`), as `Agent` does.

    Args:
        world: where it lives.
        split: measure the tracker; else the whole pump.

    Attributes:
        answers: how many tasks ended by which message.
        outcomes: how the cancelled tasks' futures ended.
        messages: how many came or went, on both lines.
    """

    name = "scale"
    cancel_timeout = 0.0
    serializer: Any = None
    callbacks: Any = None

    def __init__(self, world: "World", *, split: bool) -> None:
        self.world = world
        self.identity = new_identity("scale")[:-32] + b"0" * 32
        self.ids = IdSource(b"client")
        tracker: Any = Tracker(self.identity, self.ids, CONFIRMED)
        self.tracker = tracker
        if split:
            self.tracker = Measured(tracker, world.meter("tracker"))
        self.inbox = Inbox(lambda: None)
        self.pump = Pump(self.tracker, self.inbox)
        self.pump_meter = world.meter("looking" if split else "pump")
        self.submit_meter = world.meter("submit")
        self.messages = 0
        self.peak = 0
        self._cancelled: dict[bytes, Future[Any]] = {}
        self._asked: list[Future[Any]] = []
        self._to_engine, self._to_store = world.line(), world.line(store=True)
        self._submitted = 0

    # What its futures need.

    def stepped(self, task_id: bytes, step: Step, value: Any) -> None:
        """A future's step has effects for the wire."""
        self.pump.stepped(task_id, step, value)

    def violated(self, task_id: bytes, what: str) -> None:
        """The scheduler broke the protocol."""
        self.pump.violated(task_id, what)

    def want(self, future: Future[Any]) -> bool:
        """Somebody asks for the value of a delayed future."""
        return self.pump.want(future)

    def check_process(self, *, waits: bool = False) -> None:
        """It is this one."""

    # What happens.

    def open(self) -> None:
        """The session begins."""
        self._act(self.pump.opened, self.world.now)
        self.world.at(self.pump.tracker.deadline() or 1.0, self.tick)

    def tick(self) -> None:
        """A heartbeat is due; none is, once everything is over."""
        if self._submitted == self.world.size.tasks and not self.pump.futures:
            return
        now = self.world.now
        self._act(self.pump.tick, now)
        self.world.at(max(self.tracker.deadline() or 0.0, now + 0.001), self.tick)

    def submit(self, first: int, many: int) -> None:
        """Submit some tasks; mark one of a hundred of them for a cancel."""
        futures = self.submit_meter.run(self._submit, first, many)
        self._submitted += many
        for number, future in enumerate(futures, first):
            if number % 100 == 50:
                self._mark(number // 100 % 3, future)
        self._act(self.pump.run_inbox, self.world.now)
        self.peak = max(self.peak, len(self.pump.futures))

    def _submit(self, first: int, many: int) -> list[Future[Any]]:
        """What the user's thread does, but for pickling."""
        futures = []
        for number in range(first, first + many):
            arguments = tuple(
                Blob(b"%16d" % (number * 8 + place), None, "argument")
                for place in range(self.world.size.arguments)
            )
            call = Call(self.ids.task_id(), _FUNCTION, arguments, _FLAGS)
            future: Future[Any] = Future(CONFIRMED, self, call.task_id, "task")
            self.inbox.put_task(Submitted(future, call, 512), 0.0)
            self.pump.accepted(future)
            futures.append(future)
        return futures

    def _mark(self, kind: int, future: Future[Any]) -> None:
        if kind == _WHILE_QUEUED:
            wait = self.world.random.random()
            self.world.at(self.world.now + wait, self.cancel, future)
        else:
            self._cancelled[future.task_id] = future
            self.world.engine.marked[future.task_id] = kind == _AT_THE_END

    def cancel_now(self, task_id: bytes) -> None:
        """The world says that the moment has come."""
        self.cancel(self._cancelled.pop(task_id))

    def cancel(self, future: Future[Any]) -> None:
        """Its user cancels it."""
        self.submit_meter.run(future.cancel, 0)
        self._asked.append(future)
        self._act(self.pump.run_inbox, self.world.now)

    def clear(self) -> None:
        """What is kept in the store for tasks to come is needed no more."""
        self._act(self.pump.tracker.clear)

    def receive(self, message: Any) -> None:
        """A message of the scheduler."""
        self.messages += 1
        self._act(self.pump.receive, message, self.world.now)

    def fetched(self, object_id: bytes, payload: bytes) -> None:
        """The bytes of an object."""
        self.messages += 1
        self._act(self.pump.fetched, object_id, payload, self.world.now)

    def stored(self, object_id: bytes) -> None:
        """The store has an object."""
        self.messages += 1
        self._act(self.pump.stored, object_id)

    def _act(self, call: Any, *args: Any) -> None:
        run = self.pump_meter.run
        run(call, *args)
        outputs = run(self.pump.take)
        engine = self.world.engine
        self.messages += len(outputs)
        for output in outputs:
            kind = output.__class__
            if kind is Send:
                self._to_engine.send(engine.received, self.identity, output.message)
            elif kind is Get:
                self._to_store.send(engine.get, output.object_id)
            elif kind is Put:
                self._to_store.send(engine.put, output.object_id, output.payload)
            else:
                assert kind is Delete
                self._to_store.send(engine.delete, output.object_id)

    def over(self) -> bool:
        """Whether nothing is left."""
        cancelled = all(each.cancelled() for each in self._asked)
        quiet = not (self.pump.futures or self._left() or self.tracker.violations)
        return cancelled and quiet and self._submitted == self.world.size.tasks

    def _left(self) -> int:
        return self.tracker.__len__()

    @property
    def cancels(self) -> int:
        """How many were asked for."""
        return len(self._asked)
