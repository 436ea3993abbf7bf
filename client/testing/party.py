"""One simulated client: the real tracker, pump, inbox, futures and storage book, and in place of
the agent's thread and sockets the channels of a world.

What `agent.py` does in a turn is a step of the world here, so that the world decides the order.
"""

import pickle
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from futurefsm.client.inbox import Inbox, Submitted
from futurefsm.client.outputs import Delete, Get, Put, Send
from futurefsm.client.testing.invariants import (
    CREDITS,
    DELETED_ONCE,
    ONE_CANCEL,
    PUMP,
    RIGHT_VALUE,
    Broken,
)
from futurefsm.client.testing.network import Channel
from futurefsm.client.testing.record import Record
from futurefsm.client.testing.trackers import TrackerLike, fetches
from futurefsm.client.tracker import Tracker
from futurefsm.client.uploads import Blob
from futurefsm.fsm import events as ev
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.errors import ClientClosedError, InvalidStateError
from futurefsm.fsm.story import CALLER
from futurefsm.fsm.threads import calling_back
from futurefsm.protocol.codec import decode
from futurefsm.protocol.ids import IdSource, owner_prefix
from futurefsm.protocol.messages import Task, TaskCancel
from futurefsm.protocol.object_store import Got, StoreClient
from futurefsm.protocol.object_store import Put as Stored

if TYPE_CHECKING:
    from futurefsm.client.testing.world import World
    from futurefsm.client.tracker import Call


IDLE_MAX = 1
"""How many objects that no task needs a client may leave in the store: so few that a short story
meets the limit."""


class TaskFailed(Exception):
    """What a simulated task raises. `args[0]`: the task's id."""


class Values:
    """The serializer of a world: a value is its task's id, an exception names it."""

    def loads(self, payload: Any) -> Any:
        """What the bytes of a result stand for. Real pickles come from the scheduler itself."""
        data = bytes(payload)
        if data[:1] == b"V":
            return data[1:]
        if data[:1] == b"E":
            return TaskFailed(data[1:])
        return pickle.loads(data)

    loads_error, guarded = loads, False


class Callbacks:
    """The callback thread, as a queue that a step of the world serves."""

    def __init__(self) -> None:
        self.jobs: deque[tuple[Any, list[Callable[[Any], object]]]] = deque()
        self.closed = False

    def put(self, future: Any, callbacks: list[Callable[[Any], object]]) -> bool:
        """As `CallbackThread.put`."""
        if not self.closed:
            self.jobs.append((future, callbacks))
        return not self.closed


class Party:
    """One client of a world. Implements what futures need of their client (`future.Home`).

    Args:
        world: where it lives.
        index: its number; also its lane, A, B or C.

    Attributes:
        records: by task id, oldest first.
        live: those that were not settled at the last look.
        held: what interrupted threads have yet to tell the pump.
        half: submits that were interrupted; with the task where it is not in the inbox yet.
        late: cancels whose wait ran out, and that were interrupted before they said so.
        acted: its pump did something since the last look.
        gone: its agent has ended.
        forgotten: the scheduler heard nothing of it for too long.
    """

    cancel_timeout: float | None = 30.0

    def __init__(self, world: "World", index: int) -> None:
        parts = world.parts
        self.world = world
        self.name = self.lane = "ABCDEFGH"[index]
        self.identity = f"Client|{self.name}|{index:032x}".encode()
        self.prefix = owner_prefix(self.identity)
        self.serializer: Any = Values()
        self.callbacks: Any = Callbacks()
        self.ids = IdSource(b"client %d" % index)
        credits = world.workers if world.holds else None
        tracker: Any = parts.tracker(self.identity, self.ids, world.lifecycle, credits=credits)
        self.tracker: TrackerLike = tracker
        if isinstance(tracker, Tracker):
            tracker._uploads = parts.uploads(
                lambda: self.ids.object_id(self.identity), idle_count_max=IDLE_MAX
            )
        self.inbox = Inbox(lambda: None)
        self.pump = parts.pump(tracker, self.inbox)
        self.book = StoreClient()
        self.records: dict[bytes, Record] = {}
        self.order: list[Record] = []
        self.live: dict[bytes, Record] = {}
        self.held: deque[tuple[bytes, Step, Any]] = deque()
        self.half: deque[tuple[Record, Submitted | None]] = deque()
        self.late: deque[Record] = deque()
        self.hold = False
        self.acted = True
        self.gone = False
        self.forgotten = False
        self.leaving = False
        self.open_tasks = 0
        self.deleted: set[bytes] = set()
        lane = self.lane
        self.to_scheduler = Channel(lane, "S", self._reach_scheduler, lossy=True)
        self.from_scheduler = Channel("S", lane, self.receive, lossy=True)
        self.to_store = Channel(lane, "O", self._reach_store, lossy=False)
        self.from_store = Channel("O", lane, self.receive_object, lossy=False)
        self.channels = (
            self.to_scheduler,
            self.from_scheduler,
            self.to_store,
            self.from_store,
        )

    def _reach_scheduler(self, message: Any) -> None:
        self.world.engine.received(self.identity, message)

    def _reach_store(self, buffers: Any) -> None:
        self.world.engine.received_object(self.lane, buffers)

    # What its futures need.

    def stepped(self, task_id: bytes, step: Step, value: Any) -> None:
        """A future's step has effects for the wire."""
        if self.hold and self.pump._firing_in is None:
            self.held.append((task_id, step, value))
        else:
            self.pump.stepped(task_id, step, value)

    def violated(self, task_id: bytes, what: str) -> None:
        """The scheduler broke the protocol."""
        self.pump.violated(task_id, what)

    def want(self, future: Any) -> bool:
        """Somebody asks for the value of a delayed future."""
        return self.pump.want(future)

    def check_process(self, *, waits: bool = False) -> None:
        """It is this one."""

    # What its agent does, one turn each.

    def act(self, act: Callable[..., Any], *args: Any) -> None:
        """Do something on the pump, and what it wants done on the wire."""
        self.acted = True
        try:
            act(*args)
            outputs = self.pump.take()
        except Broken:
            raise
        except Exception as error:
            name = getattr(act, "__name__", "")
            what = f"{name}() raised out of client {self.name}'s pump: {error!r}"
            raise self.world.broken(PUMP, what) from error
        if outputs:
            self.perform(outputs)
        if self.pump.lost is not None and not self.gone:
            self.end()

    def open(self) -> None:
        """The session begins, and the first echo is here: what a Client() waits for."""
        self.act(self.pump.opened, self.world.now)

    def receive(self, message: Any) -> None:
        """A message from the scheduler."""
        if message.__class__ is bytes:
            message = decode(message)
        self.act(self.pump.receive, message, self.world.now)

    def receive_object(self, buffers: Any) -> None:
        """An answer of the object store."""
        for buffer in buffers:
            for event in self.book.receive(buffer):
                if event.__class__ is Got:
                    self.act(self.pump.fetched, event.object_id, event.payload, self.world.now)
                elif event.__class__ is Stored:
                    self.act(self.pump.stored, event.object_id)

    def run_inbox(self) -> None:
        """The pump looks at what other threads want."""
        self.act(self.pump.run_inbox, self.world.now)

    def tick(self) -> None:
        """A deadline has come."""
        self.act(self.pump.tick, self.world.now)

    def end(self) -> None:
        """The agent ends: by its user's wish, or because the link is lost."""
        pump, now = self.pump, self.world.now
        self.gone = self.leaving = True
        self.inbox.shut(f"client {self.name} is closed")
        self.world.note(self.lane, f"its link is lost: {pump.lost}" if pump.lost else "disconnects")
        if pump.lost is not None:
            self.act(pump.connection_lost, pump.lost, now)
        else:
            self.act(pump.disconnect, now)
        self.from_scheduler.flight.clear()
        self.from_store.flight.clear()
        self.world.closed()

    def lose(self, reason: str) -> None:
        """The link ends, with all that is in flight."""
        if not self.gone:
            for channel in self.channels:
                channel.flight.clear()
            self.pump.lost = reason
            self.end()
            for channel in self.channels:
                channel.flight.clear()

    def perform(self, outputs: list[Any]) -> None:
        """Put on the channels what the pump wants sent; look at each."""
        book, put = self.book, self.world.put
        for output in outputs:
            kind = output.__class__
            if kind is Send:
                self._look_at(output.message)
                put(self.to_scheduler, output.message)
            elif kind is Get:
                put(self.to_store, book.get(output.object_id))
            elif kind is Delete:
                self._deletes(output.object_id)
                put(self.to_store, book.delete(output.object_id))
            elif kind is Put:
                put(self.to_store, book.put(output.object_id, output.payload))

    def _look_at(self, message: Any) -> None:
        kind = message.__class__
        if kind is not Task and kind is not TaskCancel:
            return
        record = self.records.get(message.task_id)
        if record is None:
            raise self.world.broken(ONE_CANCEL, f"{message} is about no task of this client")
        if kind is Task:
            record.sent += 1
            if record.sent > 1:
                raise self.world.broken(ONE_CANCEL, f"task {record.name} was sent twice")
            self.open_tasks += not record.settled
            self._look_at_inputs(record, message)
            return
        record.cancels += 1
        if record.cancels > 1:
            raise self.world.broken(
                ONE_CANCEL, f"a second TaskCancel for task {record.name} on one connection"
            )
        if not record.sent:
            raise self.world.broken(
                ONE_CANCEL, f"a TaskCancel for task {record.name}, which was never sent"
            )

    def _look_at_inputs(self, record: Record, task: Task) -> None:
        """What a task gets of others is there, and is a value."""
        for argument in task.function_args:
            source = self.records.get(self.world.engine.results.get(argument.data, b""))
            if source is not None and not (source.ended and argument.data not in self.deleted):
                raise self.world.broken(
                    RIGHT_VALUE,
                    f"task {record.name} was sent with the result of {source.name}, which is none",
                )

    def _deletes(self, object_id: bytes) -> None:
        name = self.world.object_name(object_id)
        if object_id in self.deleted and object_id not in self.world.engine.strays:
            raise self.world.broken(DELETED_ONCE, f"object {name} is deleted a second time")
        self.deleted.add(object_id)
        task_id = self.world.engine.results.get(object_id)
        record = self.records.get(task_id) if task_id is not None else None
        future = record.future if record is not None else None
        if (
            future is not None
            and not future._node.state.is_cancelled
            and future._phase.value == "none"
            and future.done()
        ):
            return
        wanted = future is not None and not future._node.state.is_cancelled
        if wanted and fetches(self.tracker, object_id):
            raise self.world.broken(DELETED_ONCE, f"object {name} is deleted while it is fetched")

    def check_credits(self) -> None:
        """Under a lifecycle that holds tasks back: no credit is lost, none is made."""
        left = self.tracker.credits
        if left is None or self.held or len(self.inbox):
            return
        if left < 0 or left + self.open_tasks != self.world.workers:
            raise self.world.broken(
                CREDITS,
                f"client {self.name} has {left} credits and {self.open_tasks} tasks with the "
                f"engine, which has {self.world.workers} workers",
            )

    # What its user's threads do.

    def submit(self, call: "Call", *, interrupted: int) -> Record | None:
        """As `Client.submit`; None where the client is closed.

        Args:
            interrupted: 1: before the task is in the inbox; 2: after that; 3: after its future
                runs.
        """
        size = 512 + sum(len(each.payload) for each in call.arguments if isinstance(each, Blob))
        if self.inbox.closed is not None:
            return None
        world = self.world
        future: Any = world.parts.future(world.lifecycle, self, call.task_id, "task")
        record = Record(self, future, world.number())
        self.records[call.task_id] = self.live[call.task_id] = record
        self.order.append(record)
        record.visible = False
        task = Submitted(future, call, size)
        if interrupted == 1:
            self.half.append((record, task))
            return record
        if not self._put(record, task):
            return record
        if interrupted == 2:
            self.half.append((record, None))
            return record
        self.hold = interrupted == 3
        self._runs(record)
        record.visible = not self.held
        self.hold = False
        return record

    def _put(self, record: Record, task: Submitted) -> bool:
        """The second part of a submit: the inbox takes the task. False where the client was closed
        meanwhile: then the future settles, and submit() raises."""
        try:
            self.inbox.put_task(task, 0.0)
        except ClientClosedError:
            assert record.future is not None
            record.future.fire(ev.DISCONNECT, None, CALLER)
            return False
        return True

    def _runs(self, record: Record) -> None:
        """The third part: the future runs."""
        assert record.future is not None
        try:
            self.pump.accepted(record.future)
        except InvalidStateError as error:
            what = f"submit() of task {record.name} raised {str(error).splitlines()[0]}"
            raise self.world.broken(PUMP, what) from error

    def resume(self) -> bool:
        """An interrupted thread goes on; False where there is none."""
        if not (self.held or self.half):
            return False
        self.acted = True
        if self.held:
            task_id, step, value = self.held.popleft()
            self.records[task_id].visible = True
            self.pump.stepped(task_id, step, value)
        else:
            record, task = self.half.popleft()
            if task is None or self._put(record, task):
                self._runs(record)
            record.visible = True
        return True

    def call_back(self) -> None:
        """The callback thread does its oldest job."""
        self.acted = True
        future, callbacks = self.callbacks.jobs.popleft()
        with calling_back():
            future.load()
            for fn in callbacks:
                future.call_one(fn)
