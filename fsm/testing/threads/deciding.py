"""Who can go on, who goes on, and what that costs."""

import sys
from collections.abc import Callable
from operator import attrgetter

from futurefsm.fsm.testing.threads.active import ACTIVE
from futurefsm.fsm.testing.threads.steps import Choose, Option, Run, Uncontrolled
from futurefsm.fsm.testing.threads.tasks import CALL, LATE, LOCK, RUN, Task, where
from futurefsm.fsm.testing.threads.tripwire import held_unseen


def _costs(mine: bool, ready: int, timers: int) -> tuple[int, ...]:
    """Preemption cost of each option: the current task first if `mine`, others, timers."""
    others = (0, *[1] * (ready - 1)) if mine else (0,) * ready
    return (*others, *[1 if ready else 0] * timers)


_COSTS: dict[tuple[bool, int, int], tuple[int, ...]] = {}


_deadline = attrgetter("deadline")


class Deciding:
    """The part of an arena that knows its tasks and picks one."""

    on_step: Callable[[], None] | None = None

    def __init__(self, choose: Choose, max_steps: int, detailed: bool) -> None:
        self.choose = choose
        self.max_steps = max_steps
        self.detailed = detailed
        self.run = run = Run()
        self._raw = run.raw
        self.tasks: list[Task] = []
        self.live: list[Task] = []
        # Tasks that the run does not end without.
        self.owed = 0
        self.me: Task | None = None
        self.now = 0.0
        self.fatal: BaseException | None = None

    @property
    def progress(self) -> int:
        """Steps made so far."""
        return len(self._raw)

    def pick(self, me: Task | None) -> Task | None:
        """Who goes on; None: the run is over, `run.end` says why.

        Args:
            me: the task that was running, if it is still alive.
        """
        # What is asked here, and who chooses, is in no task: nothing of it is to switch.
        self.me = None
        if self.detailed and not self._seen(me):
            return None
        if len(self._raw) >= self.max_steps:
            self.run.end = "livelock" if self.owed else "done"
            return None
        options: list[Option] = []
        timers: list[Task] | None = None
        mine = False
        for task in self.live:
            state = task.state
            if (
                state == RUN
                or (state == LOCK and task.lock._owner is None)
                or (state == CALL and task.ready())
            ):
                if task is me:
                    mine = True
                    options.insert(0, task.go)
                else:
                    options.append(task.go)
            elif task.timed:
                if timers is None:
                    timers = [task]
                else:
                    timers.append(task)
        ready = len(options)
        if timers is not None:
            if len(timers) > 1:
                # The first is the one that a clock would let fire: else a task that sleeps again
                # and again would starve the others.
                timers.sort(key=_deadline)
            options += [task.fire for task in timers]
        if len(options) > 1:
            if not (ready or self.owed):
                return None
            index = self._choose(options, me, mine, ready)
            if index is None:
                return None
            chosen = options[index]
        elif not options or not (ready or self.owed):
            if self.owed:
                self.run.end = "deadlock"
            return None
        else:
            chosen = options[0]
        return self._take(chosen)

    def _choose(self, options: list[Option], me: Task | None, mine: bool, ready: int) -> int | None:
        # Primitives that it makes are not of the run.
        ACTIVE.arena = None
        try:
            index = self.choose(options, None if me is None else me.number)
            options[index]
        except BaseException as raised:
            # It must not be seen, and perhaps swallowed, by the code under test.
            self.fatal = raised
            return None
        finally:
            ACTIVE.arena = self  # type: ignore[assignment]
        run = self.run
        run.choices.append(index)
        shape = (mine, ready, len(options) - ready)
        costs = _COSTS.get(shape)
        if costs is None:
            costs = _COSTS[shape] = _costs(*shape)
        run.costs.append(costs)
        return index

    def _take(self, chosen: Option) -> Task:
        task = self.tasks[chosen.task]
        self._raw.append((chosen, task.op, task.what, task.where))
        task.state = RUN
        if chosen.fires:
            task.fired = True
            task.timed = False
            task.fires += 1
            if task.deadline > self.now:
                self.now = task.deadline
            self.now += LATE
        elif task.timed:
            task.timed = task.fired = False
        else:
            task.fired = False
        self.me = task
        return task

    def _seen(self, me: Task | None) -> bool:
        """In a detailed run: keep the line, tell who wants to know; False: the run must end."""
        if me is not None:
            frame = sys._getframe(2)
            me.where = where(frame)
            unseen = held_unseen(frame)
            if unseen is not None:
                self.fatal = Uncontrolled(f"{me.name} {unseen}")
                return False
        if self.on_step is not None:
            try:
                self.on_step()
            except BaseException as raised:
                self.fatal = raised
                return False
        return True
