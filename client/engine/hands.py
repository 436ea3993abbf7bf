"""What the workers have in hand: gives the scheduler's tasks to the pool, under numbers."""

from collections import deque
from itertools import count

from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.holdings import Blob
from futurefsm.client.engine.store import ObjectStore
from futurefsm.client.engine.workers import WorkerPool

# No task's number.
_TO_BLAME = -1
_NOTHING = (0, out.Run(-1, b"", b"", None, b"", ()))


class Hands:
    """Of all workers.

    Args:
        pool: the workers.
        store: all objects that are needed.
    """

    def __init__(self, pool: WorkerPool, store: ObjectStore) -> None:
        self._pool = pool
        self._store = store
        self._sequence = count(1)
        # Worker → what it has, and behind that what it was offered, in order.
        self._tasks: dict[int, deque[tuple[int, out.Run]]] = {}

    def run(self, run: out.Run) -> None:
        """Send a task to a worker that has none."""
        sequence = self._next(run)
        self._pool.run(run.worker, sequence, *self._parts(run), run.priority, run.stream_output)

    def offer(self, run: out.Run) -> bool:
        """Offer a task to a worker; False where that cannot be."""
        sequence = self._next(run)
        if self._pool.offer(run.worker, sequence, *self._parts(run), run.priority):
            return True
        self._tasks[run.worker].pop()
        return False

    def _next(self, run: out.Run) -> int:
        sequence = next(self._sequence) & 0xFFFFFFFF
        tasks = self._tasks.get(run.worker)
        if tasks is None:
            tasks = self._tasks[run.worker] = deque()
        tasks.append((sequence, run))
        return sequence

    def _parts(self, run: out.Run) -> tuple[Blob | None, Blob, list[Blob]]:
        get = self._store.get
        codec = run.serializer_id
        return (
            None if codec is None else (codec, get(codec)),
            (run.func_object_id, get(run.func_object_id)),
            [(one, get(one)) for one in run.arg_object_ids],
        )

    def first(self, worker: int) -> tuple[int, out.Run]:
        """The task that a worker answers next, and its number; 0 if there is none."""
        tasks = self._tasks.get(worker)
        return tasks[0] if tasks else _NOTHING

    def answered(self, worker: int, sequence: int) -> out.Run | None:
        """It has answered for the task of this number: that task, if it was to answer that next."""
        tasks = self._tasks.get(worker)
        if not tasks or tasks[0][0] != sequence:
            return None
        return tasks.popleft()[1]

    def take_back(self, worker: int) -> set[tuple[bytes, bytes]]:
        """Take back what a worker was offered and has not taken: clients and ids."""
        taken = self._pool.take_back(worker)
        tasks = self._tasks[worker]
        self._tasks[worker] = deque(each for each in tasks if each[0] not in taken)
        return {(run.source, run.task_id) for sequence, run in tasks if sequence in taken}

    def lost(self, worker: int) -> None:
        """User code wrote into its pipe: nothing that it says is an answer any more. Its death says
        so, and to the right task, whatever it has begun by its own word."""
        tasks = self._tasks.get(worker)
        if tasks:
            tasks[0] = (_TO_BLAME, tasks[0][1])

    def died(self, worker: int, begun: int) -> tuple[bytes, bytes] | None:
        """A worker ended: client and id of the task that it had begun; None if it had begun none.

        Args:
            begun: the number of the task that it began last, by its own word.
        """
        tasks = self._tasks.pop(worker, deque())
        if any(sequence in (begun, _TO_BLAME) for sequence, _ in tasks):
            # One at a time, in order: if it has begun a later one, it has begun the first.
            first = tasks[0][1]
            return first.source, first.task_id
        return None
