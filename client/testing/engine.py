"""The simulated engine: the real scheduler and object store, simulated worker processes.

Does what the engine's server does with the scheduler's outputs, and looks at each.
"""

from collections import deque
from typing import TYPE_CHECKING, Any

from futurefsm.client.engine import outputs as out
from futurefsm.client.testing.invariants import (
    ENGINE,
    NEVER_TWICE,
    NO_PREFETCH,
    ONE_TASK,
    Broken,
)
from futurefsm.protocol.codec import decode
from futurefsm.protocol.ids import IdSource
from futurefsm.protocol.messages import CancelConfirmType, StorageAddress, TaskCancelConfirm
from futurefsm.protocol.task_flags import Profile

if TYPE_CHECKING:
    from futurefsm.client.testing.record import Record
    from futurefsm.client.testing.world import World

_ADDRESS = StorageAddress("simulated", 0, "ipc")
_PROFILE = Profile(0.0, 0, 0.0).pack()
_KILLED = -9
STORE_BYTES = 1 << 30


class Worker:
    """A worker process.

    Attributes:
        task: what it runs; None when it has answered.
        mark: client and id of what it began last.
        pipe: its answers and its death, as the engine will find them.
    """

    __slots__ = ("alive", "mark", "number", "pipe", "task")

    def __init__(self, number: int) -> None:
        self.number = number
        self.alive = True
        self.task: bytes | None = None
        self.mark: tuple[bytes, bytes] | None = None
        self.pipe: deque[tuple[str, Any]] = deque()


class Engine:
    """Scheduler, store and workers of a world.

    Attributes:
        workers: by number; a dead one stays until its death was reported.
        starting: workers that are being started.
        results: result object id → task id, for all that was ever stored.
        late: objects that arrived when the scheduler had forgotten their client. Nobody deletes
            them: an engine of one client ends with it.
        strays: forged results of tasks that were never sent; a client keeps no book of those.
    """

    def __init__(self, world: "World") -> None:
        parts = world.parts
        self.world = world
        self.store = parts.store(STORE_BYTES)
        self.scheduler = parts.scheduler(_ADDRESS, IdSource(b"engine"), self.store)
        self.workers: dict[int, Worker] = {}
        self.starting = 0
        self.starved = False
        self.results: dict[bytes, bytes] = {}
        self.late: set[bytes] = set()
        self.strays: set[bytes] = set()
        self._payloads: dict[bytes, bytes] = {}
        self._next = 0

    def open(self) -> None:
        """All workers are up, all storage channels open."""
        for party in self.world.parties:
            self.store.opened(party.lane)
        self.starting = self.world.workers
        while self.starting:
            self.start_worker()

    # In.

    def received(self, client: bytes, message: Any) -> None:
        """A message of a client."""
        if message.__class__ is bytes:
            message = decode(message)
        self._do(self.scheduler.received, client, message)

    def received_object(self, lane: str, buffers: Any) -> None:
        """A storage request."""
        replies: list[Any] = []
        for buffer in buffers:
            replies += self.store.receive(lane, buffer, self.world.now)
        self._reply(replies)
        party = self.world.by_lane[lane]
        if party.gone and party.identity not in self.scheduler._clients:
            self.late.update(self.store._objects)
        self._changed()

    def start_worker(self) -> None:
        """A worker comes up, or cannot."""
        self.starting -= 1
        if self.starved:
            if not self.starting and not any(each.alive for each in self.workers.values()):
                self._do(self.scheduler.workers_unavailable, "no more processes")
            return
        worker = self.workers[self._next] = Worker(self._next)
        self._next += 1
        self._do(self.scheduler.worker_started, worker.number)

    def finish(self, worker: Worker, ok: bool) -> None:
        """A worker's task ends; its answer is in the pipe."""
        task_id = worker.task
        assert task_id is not None
        record = self.world.record(task_id)
        if record is not None:
            record.ended = ok
        worker.task = None
        worker.pipe.append(("done", (task_id, ok)))

    def die(self, worker: Worker, exit: int, *, early: bool = False) -> None:
        """A worker's process ends; early: before it has begun what it was handed last."""
        worker.alive = False
        if early and worker.task is not None:
            worker.mark = None
            record = self.world.record(worker.task)
            if record is not None:
                record.starts -= 1
        worker.task = None
        worker.pipe.append(("died", exit))

    def report(self, worker: Worker, place: int = 0) -> None:
        """The engine reads a worker's pipe."""
        kind, fact = worker.pipe[place]
        del worker.pipe[place]
        if kind == "died":
            self.world.note("W", f"worker {worker.number} died ({fact})", "S")
            if not worker.pipe:
                self.workers.pop(worker.number, None)
            self._do(self._died, worker, fact)
            return
        task_id, ok = fact
        if not worker.alive and not worker.pipe:
            self.workers.pop(worker.number, None)
        record = self.world.record(task_id)
        self._payloads[task_id] = (b"V" if ok else b"E") + task_id
        if self.world.logs:
            name = record.name if record is not None else "?"
            said = "returned" if ok else "raised"
            self.world.note("W", f"worker {worker.number}: task {name} {said}", "S")
        self._do(self.scheduler.worker_done, worker.number, task_id, ok, _PROFILE)
        self._payloads.pop(task_id, None)

    def _died(self, worker: Worker, exit: int, now: float) -> list[out.Output]:
        return self.scheduler.worker_died(worker.number, exit, now, worker.mark)

    def tick(self) -> None:
        """Time passed. A client that lives and is forgotten is as good as cut off: nobody tells
        it, but its heartbeats were late beyond what a fair network does."""
        self._do(self.scheduler.tick)
        for party in self.world.parties:
            if party.identity not in self.scheduler._clients:
                party.forgotten = True

    def _do(self, act: Any, *args: Any) -> None:
        try:
            outputs = act(*args, self.world.now)
        except Broken:
            raise
        except Exception as error:
            what = f"the scheduler's {act.__name__}() raised {error!r}"
            raise self.world.broken(ENGINE, what) from error
        if outputs:
            self._perform(outputs)

    # Out.

    def _perform(self, outputs: list[out.Output]) -> None:
        world = self.world
        for output in outputs:
            if isinstance(output, out.SendTo):
                message = output.message
                if message.__class__ is TaskCancelConfirm:
                    self._confirms(message)
                party = world.by_identity.get(output.client)
                if party is not None and not party.gone:
                    world.put(party.from_scheduler, message)
            elif isinstance(output, out.Run):
                self._run(output)
            elif isinstance(output, out.StoreResult):
                self.results[output.object_id] = output.task_id
                self._keep(output.object_id, self._payloads.pop(output.task_id))
            elif isinstance(output, out.StoreError):
                self._keep(output.object_id, output.payload)
            elif isinstance(output, out.Kill):
                self._kill(output.worker)
            elif isinstance(output, out.StartWorker):
                self.starting += 1
            elif isinstance(output, out.Delete):
                for object_id in output.object_ids:
                    self.store.delete(object_id)
                self._changed()
            elif isinstance(output, out.DeleteOwned):
                self.store.delete_owned(output.owner, output.keep)
                self._changed()
            elif isinstance(output, out.Bar):
                self.store.bar(output.owner)
            elif isinstance(output, out.Admit):
                self.store.admit(output.owner)

    def _keep(self, object_id: bytes, payload: bytes) -> None:
        self._reply(self.store.put(object_id, payload))
        self._changed()

    def forge(self, object_id: bytes, task_id: bytes, *, exists: bool) -> None:
        """A result that no run made."""
        record = self.world.record(task_id)
        if record is None or not record.sent:
            self.strays.add(object_id)
        if not exists:
            return
        self._keep(object_id, b"V" + task_id)

    def _reply(self, replies: list[Any]) -> None:
        for lane, buffers in replies:
            party = self.world.by_lane[lane]
            if not party.gone:
                self.world.put(party.from_store, buffers)

    def _changed(self) -> None:
        changes = self.store.changes()
        for object_id in changes.stored:
            self._do(self.scheduler.object_stored, object_id)
        for object_id in changes.refused:
            self._do(self.scheduler.object_refused, object_id)

    def _run(self, run: out.Run) -> None:
        world = self.world
        record = world.record(run.task_id)
        name = record.name if record is not None else "?"
        worker = self.workers.get(run.worker)
        if worker is None or (not worker.alive and not worker.pipe):
            raise world.broken(ONE_TASK, f"task {name} was handed to worker {run.worker}: dead")
        if worker.task is not None:
            other = world.task_name(worker.task)
            raise world.broken(ONE_TASK, f"worker {run.worker} has task {other}, and got {name}")
        for object_id in (run.func_object_id, *run.arg_object_ids):
            if not self.store.has(object_id):
                raise world.broken(NO_PREFETCH, f"task {name} started without one of its objects")
        if world.logs:
            world.note("S", f"worker {run.worker}: run task {name}", "W")
        if not worker.alive:
            return
        worker.task = run.task_id
        worker.mark = (run.source, run.task_id)
        if record is not None:
            self._begins(record)

    def _begins(self, record: "Record") -> None:
        if record.confirmed:
            what = f"task {record.name} started although its cancel had been confirmed"
            raise self.world.broken(NO_PREFETCH, what)
        record.starts += 1
        if record.starts > 1 and not self.world.faults.duplicate:
            raise self.world.broken(NEVER_TWICE, f"task {record.name} was started twice")

    def _confirms(self, message: TaskCancelConfirm) -> None:
        """A task whose cancel is confirmed may not run, now or later."""
        if message.cancel_confirm_type is not CancelConfirmType.CANCELED:
            return
        record = self.world.record(message.task_id)
        if record is None:
            return
        for worker in self.workers.values():
            if worker.task == message.task_id and worker.alive:
                what = f"the cancel of task {record.name} was confirmed while it runs"
                raise self.world.broken(NO_PREFETCH, what)
        record.confirmed = not self.world.faults.duplicate

    def _kill(self, number: int) -> None:
        worker = self.workers.get(number)
        if self.world.logs:
            self.world.note("S", f"kill worker {number}", "W")
        if worker is not None and worker.alive:
            self.die(worker, _KILLED)
