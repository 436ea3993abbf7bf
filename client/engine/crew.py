"""The workers, as the scheduler sees them: who has which task, who is free, how many there should
be. PURE.

A task may wait for tasks that it submitted itself, and those have a higher priority. So that they
cannot wait for its worker in turn, tasks below a waiting one's priority count as paused: when fewer
workers than the engine was given are busy with tasks of at least that priority, an extra one is
started. It is ended when it has been idle for a while.
"""

from bisect import bisect_left, bisect_right, insort

from futurefsm.client.deadlines import AT_ONCE, Alarm
from futurefsm.client.engine.backlog import Task

EXTRA_MAX = 64
"""So many workers beyond those that the engine was given."""

EXTRA_IDLE_S = 2.0
"""After so long without a task a worker that is one too many is ended."""


class Crew:
    """All workers.

    Args:
        size: how many the engine was given; 0 when nobody said: then each death is to be answered
            by a start, and there are no extra ones.
        alarm: rings at `deadline`.

    Attributes:
        tasks: worker → its task, or None.
        doomed: workers that were told to die.
        resting: those without a task, since when; who was freed last is last.
        running: the priorities of the tasks that run, sorted; empty where `size` is 0.
    """

    def __init__(self, size: int, alarm: Alarm) -> None:
        self._alarm = alarm
        self.tasks: dict[int, Task | None] = {}
        self.doomed: set[int] = set()
        self._size = size
        # Alive, or being started, and not retired.
        self._number = size
        self.resting: dict[int, float] = {}
        self._retired: set[int] = set()
        # Looked at in each step, and there may be as many different ones as workers.
        self.running: list[int] = []

    @property
    def idle(self) -> int:
        """How many have no task."""
        return len(self.resting)

    def started(self, worker: int, now: float) -> None:
        """One is up."""
        self.tasks[worker] = None
        self.rests(worker, now)

    def take(self) -> int:
        """An idle worker; whoever was freed last, for its caches are warm."""
        return self.resting.popitem()[0]

    def busy(self, worker: int, task: Task) -> None:
        """It has a task now."""
        self.tasks[worker] = task
        if self._size:
            insort(self.running, task.priority)

    def freed(self, worker: int, now: float, *, idle: bool = True) -> None:
        """It answered. Not `idle`: it has been offered others."""
        self._ends(self.tasks[worker])
        self.tasks[worker] = None
        if idle:
            self.rests(worker, now)

    def rests(self, worker: int, now: float) -> None:
        """It has nothing to do."""
        if worker not in self.doomed:
            self.resting[worker] = now
            if self._number > self._size:
                self._alarm.by(now + EXTRA_IDLE_S)

    def dying(self, worker: int) -> None:
        """Its process has ended; what it said last is still to be heard."""
        self.doomed.add(worker)
        self.resting.pop(worker, None)

    def died(self, worker: int) -> tuple[Task | None, bool]:
        """Its process ended: the task it had, and whether one should be started in its place."""
        task = self.tasks.pop(worker, None)
        self._ends(task)
        self.resting.pop(worker, None)
        self.doomed.discard(worker)
        if worker in self._retired:
            self._retired.discard(worker)
            return task, False
        self._number -= 1
        if self._size and self._number >= self._size:
            return task, False
        self._number += 1
        return task, True

    def _ends(self, task: Task | None) -> None:
        if task is not None and self._size:
            # The last of its equals: where all are equal, nothing is moved.
            del self.running[bisect_right(self.running, task.priority) - 1]

    def wants_extra(self, priority: int) -> bool:
        """Whether to start one more, for a task of this priority that nobody is free for."""
        if not self._size or self._number >= self._size + EXTRA_MAX:
            return False
        less_urgent = bisect_left(self.running, priority)
        if not less_urgent:
            return False
        as_urgent = len(self.running) - less_urgent
        starting = self._number + len(self._retired) - len(self.tasks)
        return as_urgent + starting < self._size

    def extra(self) -> None:
        """One more is being started."""
        self._number += 1
        self._alarm.by(AT_ONCE)

    def retire(self, now: float) -> list[int]:
        """Those that are too many and were idle for long: to be killed."""
        retired = []
        while self._too_many():
            worker, since = next(iter(self.resting.items()))
            if now - since < EXTRA_IDLE_S:
                break
            del self.resting[worker]
            self._number -= 1
            self._retired.add(worker)
            self.doomed.add(worker)
            retired.append(worker)
        return retired

    def _too_many(self) -> bool:
        return bool(self._size) and self._number > self._size and bool(self.resting)

    def deadline(self) -> float | None:
        """When `retire` should be called next."""
        if not self._too_many():
            return None
        return next(iter(self.resting.values())) + EXTRA_IDLE_S
