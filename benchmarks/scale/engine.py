"""The engine of a world: the real scheduler and object store, and workers that are a number each.

Does what the engine's server does with the scheduler's outputs, in the same order.
"""

from typing import TYPE_CHECKING, Any

from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.scheduler import Scheduler
from futurefsm.client.engine.store import ObjectStore
from futurefsm.protocol.ids import IdSource
from futurefsm.protocol.messages import StorageAddress
from futurefsm.protocol.task_flags import Profile

if TYPE_CHECKING:
    from benchmarks.scale.world import World

_ADDRESS = StorageAddress("simulated", 0, "ipc")
_PROFILE = Profile(0.5, 1 << 20, 0.5).pack()
_VALUE = b"v" * 16
_KILLED = -9
STARTS_S = 0.1
"""What a worker needs to come up."""


class ScaleEngine:
    """Scheduler, store and workers.

    Attributes:
        marked: tasks that their user will cancel: when they end (True), or half-way.
        messages: how many the scheduler took in or gave out, those of workers included.
        died: workers that were killed.
    """

    def __init__(self, world: "World") -> None:
        self.world = world
        self.store = ObjectStore(1 << 34)
        ids = IdSource(b"engine")
        self.scheduler = Scheduler(_ADDRESS, ids, self.store, workers=world.size.workers)
        self.marked: dict[bytes, bool] = {}
        self.messages = 0
        self.died = 0
        self._meter = world.meter("scheduler")
        self._store_meter = world.meter("object store")
        self._to_client, self._from_store = world.line(), world.line(store=True)
        # One line for all workers would keep their order; each has its own latency instead.
        self._to_worker = world.line
        self._runs: dict[int, bytes] = {}
        self._next = 0
        self._tick_at = 0.0

    def open(self) -> None:
        """All workers are up."""
        for _ in range(self.world.size.workers):
            self.start()

    def start(self) -> None:
        """A worker comes up."""
        worker, self._next = self._next, self._next + 1
        self._do(self.scheduler.worker_started, worker)

    def received(self, client: bytes, message: Any) -> None:
        """A message of the client."""
        self._do(self.scheduler.received, client, message)

    # The store's requests.

    def put(self, object_id: bytes, payload: bytes) -> None:
        """An object arrives."""
        self._store_meter.run(self.store.put, object_id, payload)
        self._changed()
        self._from_store.send(self.world.client.stored, object_id)

    def get(self, object_id: bytes) -> None:
        """An object is asked for."""
        payload = self._store_meter.run(self.store.get, object_id)
        self._from_store.send(self.world.client.fetched, object_id, payload)

    def delete(self, object_id: bytes) -> None:
        """An object is deleted."""
        self._store_meter.run(self.store.delete, object_id)
        self._changed()

    def _changed(self) -> None:
        changes = self._store_meter.run(self.store.changes)
        for object_id in changes.stored:
            self._do(self.scheduler.object_stored, object_id)

    # The workers.

    def _run(self, run: out.Run) -> None:
        world = self.world
        worker, task_id = run.worker, run.task_id
        assert worker not in self._runs, "one task at a time"
        self._runs[worker] = task_id
        takes = world.takes()
        ends = world.now + takes
        world.at(ends, self.ends, worker, task_id)
        at_the_end = self.marked.pop(task_id, None)
        if at_the_end is not None:
            when = ends if at_the_end else world.now + takes / 2
            world.at(when, world.client.cancel_now, task_id)

    def ends(self, worker: int, task_id: bytes) -> None:
        """A task has returned; its answer is on its way, unless its worker was killed."""
        if self._runs.get(worker) == task_id:
            self._to_worker().send(self.answered, worker, task_id)

    def answered(self, worker: int, task_id: bytes) -> None:
        """The answer arrives, unless the worker was killed meanwhile."""
        if self._runs.get(worker) == task_id:
            del self._runs[worker]
            self._do(self.scheduler.worker_done, worker, task_id, True, _PROFILE)

    def dies(self, worker: int) -> None:
        """A killed worker is dead."""
        self.died += 1
        self._do(self.scheduler.worker_died, worker, _KILLED)

    # What the scheduler wants.

    def _do(self, call: Any, *args: Any) -> None:
        self.messages += 1
        world = self.world
        outputs = self._meter.run(call, *args, world.now)
        if outputs:
            self._perform(outputs)
            self._changed()
        if world.now >= self._tick_at:
            self._tick_at = world.now + 1.0
            assert not self._meter.run(self.scheduler.tick, world.now), "its client is heard"

    def _perform(self, outputs: list[out.Output]) -> None:
        world = self.world
        for output in outputs:
            kind = output.__class__
            if kind is out.SendTo:
                self.messages += 1
                self._to_client.send(world.client.receive, output.message)
            elif kind is out.Run:
                self.messages += 1
                self._run(output)
            elif kind is out.StoreResult:
                self._store_meter.run(self.store.put, output.object_id, _VALUE)
            elif kind is out.Kill:
                self._runs.pop(output.worker, None)
                self._to_worker().send(self.dies, output.worker)
            elif kind is out.StartWorker:
                world.at(world.now + STARTS_S, self.start)
            elif kind is out.Delete:
                for object_id in output.object_ids:
                    self._store_meter.run(self.store.delete, object_id)
            else:
                raise AssertionError(f"{output} was not expected")

    def over(self) -> bool:
        """Whether nothing is left."""
        scheduler = self.scheduler
        idle = scheduler.idle == self.world.size.workers
        return idle and not scheduler.tasks and not scheduler.counts and not self.store.count
