"""Who runs what: the half of the scheduler that knows the workers. PURE.

A worker runs one task at a time, and a task is queued until a worker has it. Between two tasks that
take microseconds a worker would mostly wait for the engine. So one whose last task was quick is
offered a few of those that are queued: it takes them one by one when it has nothing else. An
offered task is still queued. Before anything that may end queued tasks the shell takes back what
was not taken (`disturbs`), and tells what has begun; so a cancel finds each task either queued, and
then it never starts, or running. What lies behind a task that takes long is taken back soon.
"""

from collections import OrderedDict, deque
from collections.abc import Collection, Iterable, Sequence
from math import inf
from typing import Any

from futurefsm.client.deadlines import Alarm
from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.answers import Answers
from futurefsm.client.engine.backlog import Backlog, Objects, Task
from futurefsm.client.engine.crew import Crew
from futurefsm.client.errors import WorkerStartError
from futurefsm.fsm import events as ev
from futurefsm.fsm.events import Event
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import IdSource

AHEAD_MAX = 8
"""So many tasks are offered to one worker, at the most."""

QUICK_S = 0.001
"""And not more than would take so long, all together, if they took as long as its last one."""

STUCK_S = 0.01
"""After so long what is offered is taken back from a worker that has ended nothing since."""

RETURNS_MAX = 2
"""So often a task is queued again whose worker died before it had begun it. Then it is blamed:
where every worker dies like that, it must not wait for ever."""

_HARMLESS = (m.Task, m.ObjectInstruction, m.ClientHeartbeat)


class Assigning(Answers):
    """The part of the scheduler that gives tasks to workers.

    Args:
        ids: makes the ids of result objects.
        objects: the object store.
        workers: how many there are to be; see `Crew`.
        alarm: rings when `tick` is to be called.
    """

    def __init__(self, ids: IdSource, objects: Objects, workers: int, alarm: Alarm) -> None:
        super().__init__(ids, objects)
        self._alarm = alarm
        self._crew = Crew(workers, alarm)
        self._workers = self._crew.tasks
        self._backlog = Backlog(objects.has)
        self._no_worker: str | None = None
        # Worker → the tasks that it was offered and has not answered. Who ended one last is last.
        self._ahead: OrderedDict[int, deque[Task]] = OrderedDict()
        self._moved: dict[int, float] = {}
        # Worker → how many it may be offered; the quick ones only, those with room in `_hungry`.
        self._room: dict[int, int] = {}
        self._hungry: OrderedDict[int, None] = OrderedDict()

    def _fire(self, task: Task, event: Event, **fact: Any) -> None:
        """Let an event happen to a task."""
        raise NotImplementedError

    @property
    def idle(self) -> int:
        """Workers without a task."""
        return self._crew.idle

    @property
    def offered(self) -> list[int]:
        """Workers that were offered tasks which they have not answered."""
        return list(self._ahead)

    def disturbs(self, message: m.Message) -> bool:
        """Whether what was offered is to be taken back before this message is received."""
        return bool(self._ahead) and not isinstance(message, _HARMLESS)

    def _moves(self, worker: int, now: float) -> None:
        """It was offered something, or takes it."""
        self._moved[worker] = now
        self._alarm.by(now + STUCK_S)

    def _stuck_at(self) -> float | None:
        for worker in self._ahead:
            return self._moved[worker] + STUCK_S
        return None

    # -- what happens

    def worker_started(self, worker: int, now: float) -> list[out.Output]:
        """A worker is up and has nothing to do."""
        self._no_worker = None
        self._crew.started(worker, now)
        return self._done()

    def worker_done(
        self,
        worker: int,
        task_id: bytes,
        ok: bool,
        profile: bytes,
        now: float,
        seconds: float = inf,
    ) -> list[out.Output]:
        """A worker answered. The shell holds the payload until `StoreResult`, or drops it.

        Args:
            ok: the payload is a value, not an exception.
            profile: `Profile.pack()`.
            seconds: that the task took.
        """
        task = self._workers.get(worker)
        ahead = self._ahead.get(worker)
        if task is None and ahead and ahead[0].task_id == task_id:
            task = self._begin(worker, ahead)
        if task is None or task.task_id != task_id:
            self._complain(b"", f"worker {worker} answered for a task that it has not")
            return self._done()
        self._room[worker] = room = min(AHEAD_MAX, int(QUICK_S / max(seconds, 1e-9)))
        if room and worker not in self._crew.doomed:
            self._hungry[worker] = None
        if worker in self._ahead:
            self._moved[worker] = now
            self._ahead.move_to_end(worker)
            self._crew.freed(worker, now, idle=False)
        else:
            self._crew.freed(worker, now)
        self._fire(task, ev.WORKER_DONE, ok=ok, profile=profile)
        return self._done()

    def dying(self, workers: Iterable[int]) -> None:
        """Their processes have ended. Their last answers are told next, and then their deaths:
        nothing may be given to them any more."""
        for worker in workers:
            self._hungry.pop(worker, None)
            self._crew.dying(worker)

    def worker_died(
        self, worker: int, exit: int, now: float, begun: tuple[bytes, bytes] | None = None
    ) -> list[out.Output]:
        """A worker's process ended.

        Args:
            exit: its code or minus the signal.
            begun: client and id of the task that it began last, if it began one: it may have been
                offered. Whatever else it has never began, and may run on another.
        """
        ahead = self._ahead.get(worker)
        if ahead and self._workers.get(worker) is None and _key(ahead[0]) == begun:
            self._begin(worker, ahead)
        self._forget_offers(worker)
        task, owed = self._crew.died(worker)
        if task is not None and (_key(task) == begun or task.returns == RETURNS_MAX):
            self._fire(task, ev.WORKER_DIED, exit=exit)
        elif task is not None:
            task.returns += 1
            self._fire(task, ev.NEVER_BEGUN)
        if owed:
            self._out.append(out.StartWorker())
        return self._done()

    def workers_unavailable(self, reason: str, now: float) -> list[out.Output]:
        """There is no worker and none can be started: what is queued fails, until one starts."""
        self._no_worker = reason
        for task in self._alive():
            self._fire_no_worker(task)
        return self._done()

    def _alive(self) -> Sequence[Task]:
        """All tasks."""
        raise NotImplementedError

    def _fire_no_worker(self, task: Task) -> None:
        assert self._no_worker is not None
        self._fire(task, ev.NO_WORKER, error=WorkerStartError(self._no_worker))

    # -- what is offered

    def offer(self, now: float) -> list[out.Output]:
        """Offer the next queued task to a quick worker, until there is nothing to offer. To be
        called when all else was done, and each offer made before the next call."""
        hungry = self._hungry
        if not hungry or self._crew.resting:
            return []
        task = self._backlog.next()
        if task is None:
            return self._done()
        worker = next(iter(hungry))
        running = self._workers.get(worker)
        urgent = running is not None and task.priority > running.priority
        if urgent or task.graph is not None or task.stream_output:
            # It would wait for the one that waits for it; or others decide on its end.
            self._backlog.add(task)
            return []
        ahead = self._ahead.get(worker)
        if ahead is None:
            ahead = self._ahead[worker] = deque()
            self._moves(worker, now)
        ahead.append(task)
        if len(ahead) >= self._room[worker]:
            del hungry[worker]
        elif len(self._backlog.ready) < AHEAD_MAX * len(hungry):
            # So few that each gets its share. Of many one worker gets all that it has room for: it
            # is woken by the first, and finds the others.
            hungry.move_to_end(worker)
        self._out.append(out.Offer(self._order_for(worker, task)))
        return self._done()

    def taken_back(
        self, worker: int, tasks: Collection[tuple[bytes, bytes]], now: float
    ) -> list[out.Output]:
        """Some of what a worker was offered was taken back, or did not fit: it never began.

        Args:
            tasks: their clients and ids. What is not among them, the worker has taken.
        """
        ahead = self._ahead.get(worker, ())
        left = deque(task for task in ahead if _key(task) not in tasks)
        back = [task for task in ahead if _key(task) in tasks]
        # It is offered nothing until it has ended another.
        self._forget_offers(worker, back)
        if left:
            self._ahead[worker] = left
            self._moves(worker, now)
        elif back and self._workers[worker] is None:
            self._crew.rests(worker, now)
        return self._done()

    def begun(self, worker: int, now: float) -> list[out.Output]:
        """All its answers were heard: what it has taken and not answered runs."""
        ahead = self._ahead.get(worker)
        if ahead and self._workers[worker] is None:
            self._begin(worker, ahead)
        if worker in self._ahead:
            self._complain(b"", f"worker {worker} has taken a task and does not run it")
            self._crew.doomed.add(worker)
            self._out.append(out.Kill(worker))
        return self._done()

    def _begin(self, worker: int, ahead: deque[Task]) -> Task:
        task = ahead.popleft()
        if not ahead:
            del self._ahead[worker], self._moved[worker]
        self._fire(task, ev.ASSIGN, worker=worker, taken=True)
        return task

    def _forget_offers(self, worker: int, back: Collection[Task] | None = None) -> None:
        """Nothing is ahead of the worker any more; what goes back is queued as it was."""
        ahead = self._ahead.pop(worker, ())
        self._moved.pop(worker, None)
        self._room.pop(worker, None)
        self._hungry.pop(worker, None)
        for task in ahead if back is None else back:
            self._backlog.add(task)

    # -- effects

    def _run(self, task: Task, fact: dict[str, Any]) -> None:
        task.worker = fact["worker"]
        self._crew.busy(task.worker, task)
        if "taken" not in fact:
            self._out.append(self._order_for(task.worker, task))

    def _order_for(self, worker: int, task: Task) -> out.Run:
        client = task.client
        own = client.serializer if self._objects.has(client.serializer) else None
        return out.Run(
            worker,
            task.task_id,
            client.identity,
            own,
            task.function,
            task.arguments,
            task.priority,
            task.stream_output,
        )

    def _kill(self, task: Task, fact: dict[str, Any]) -> None:
        self._crew.doomed.add(task.worker)
        self._hungry.pop(task.worker, None)
        self._out.append(out.Kill(task.worker))

    # -- the end of every step

    def _done(self) -> list[out.Output]:
        """Give work to idle workers; hand out what was caused."""
        crew, ready = self._crew, self._backlog.ready
        idle = crew.resting
        while idle and ready:
            task = self._backlog.next()
            if task is None:
                break
            self._fire(task, ev.ASSIGN, worker=crew.take())
        if not idle:
            # Nearly always nothing that runs is less urgent than the first of the queue.
            if ready and crew.running and crew.running[0] < -ready[0][0]:
                urgent = self._backlog.top()
                while urgent is not None and crew.wants_extra(urgent):
                    crew.extra()
                    self._out.append(out.StartWorker())
        elif self._ahead:
            self._out.append(out.TakeBack())
        done, self._out = self._out, []
        return done


def _key(task: Task) -> tuple[bytes, bytes]:
    return task.client.identity, task.task_id
