"""The cooperative scheduler: who can go on, who goes on, and what that costs. No backend in it.

One task runs at a time. It stops in front of each operation of a primitive, says what it is about
to do, and asks `pick` who goes on.
"""

import sys
from collections.abc import Callable
from typing import Any
from weakref import proxy

from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident
from futurefsm.fsm.testing.threads.steps import (
    Blocked,
    Choose,
    Ended,
    Option,
    Run,
    Trouble,
    Uncontrolled,
)
from futurefsm.fsm.testing.threads.tasks import (
    CALL,
    FIRE,
    GO,
    LATE,
    LOCK,
    RUN,
    Abort,
    Task,
    is_ready,
    mark_ended,
    nothing,
    where,
)


def _costs(mine: bool, ready: int, timers: int) -> tuple[int, ...]:
    """Preemption cost of each option: the current task first if `mine`, others, timers."""
    others = (0, *[1] * (ready - 1)) if mine else (0,) * ready
    return (*others, *[1 if ready else 0] * timers)


_COSTS: dict[tuple[bool, int, int], tuple[int, ...]] = {}


class Arena:
    """One run, seen from the code that runs in it.

    Attributes:
        now: virtual seconds since its start; moves only when a timer fires.
        on_wait: told (task, op, what, timed, lock released or None) before a task waits for
            others: of every wait, and of `acquire` where the lock is taken.
        on_release: told (task, lock) when a lock is free again.
        on_acquire: told (task, lock) when a task has got a lock, also again after a wait.
        on_step: in a detailed run, called when a step is over, before anybody is picked.
        finish: called once after a run that ended as "done", in no task: operations do not switch,
            and a wait that would have to wait raises `Uncontrolled`.

    Hooks run in the task's step, and must not use the primitives.
    """

    on_wait: Callable[[int, str, Any, bool, Any], None] | None = None
    on_release: Callable[[int, Any], None] | None = None
    on_acquire: Callable[[int, Any], None] | None = None
    on_step: Callable[[], None] | None = None
    finish: Callable[[], None] | None = None
    backend = ""

    def __init__(self, choose: Choose, max_steps: int, detailed: bool) -> None:
        self.choose = choose
        # Of the OS thread that may touch the run now.
        self.ident = get_ident()
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
        self.over = False
        self.fatal: BaseException | None = None
        self.locks: list[Any] = []
        self.serials: dict[str, int] = {}
        # Owner of what is taken while no task runs: in the setup, or after the run.
        self.outside = Task(self, 0, "setup", nothing, True)
        self.outside.number = -1

    @property
    def progress(self) -> int:
        """Steps made so far."""
        return len(self._raw)

    # What tasks and their harness call.

    @property
    def current(self) -> int | None:
        """Number of the task that runs; None in the setup and after the run."""
        return None if self.me is None else self.me.number

    def spawn(self, name: str, fn: Callable[[], Any], *, daemon: bool = False) -> int:
        """A new task; returns its number. It starts when the scheduler picks it.

        Args:
            name: for reports.
            fn: what it runs; its value or exception is kept in `Run.ended`.
            daemon: the run ends once all others are done and this one waits for something.
        """
        return self.add(name, fn, daemon).number

    def add(self, name: str, fn: Callable[[], Any], daemon: bool) -> Task:
        """`spawn`, for the engine."""
        number = len(self.tasks)
        if number >= len(GO):
            GO.append(Option(number, False))
            FIRE.append(Option(number, True))
        task = Task(self, number, name, fn, daemon)
        self.tasks.append(task)
        self.live.append(task)
        if not daemon:
            self.owed += 1
        return task

    def point(self, op: str, what: Any = "") -> None:
        """A switch point of one's own: others may run here.

        Args:
            op: what the caller is about to do ("send").
            what: to what; its text, or an object that has a name here.
        """
        me = self.me
        if me is None:
            return
        me.op = op
        me.what = what
        self.step(me)

    def block(
        self, op: str, what: Any, ready: Callable[[], bool], timeout: float | None = None
    ) -> bool:
        """Wait until `ready()`, which must be a pure look at the state.

        Args:
            op: what the caller waits in ("await").
            what: for what.
            ready: asked whenever somebody is to go on.
            timeout: virtual seconds after which it may give up; None: never. It may fire at any
                moment while `ready()` is false.

        Returns:
            False: the timer fired.

        Raises:
            Uncontrolled: no task is running, and it is not ready.
        """
        me = self.me
        if me is None:
            if ready():
                return True
            raise self.stuck(op, what)
        me.op = op
        me.what = what
        me.ready = ready
        me.state = CALL
        if timeout is not None:
            me.timed = True
            me.deadline = self.now + timeout
        if self.on_wait is not None:
            self.on_wait(me.number, op, what, timeout is not None, None)
        self.step(me)
        return not me.fired

    def note(self, text: str) -> None:
        """Write something beside the present step."""
        self.run.notes.setdefault(len(self._raw) - 1, []).append(text)

    def trouble(self, check: str, words: str, *, fatal: bool = False) -> None:
        """Something is wrong.

        Args:
            check: name of the check that saw it.
            words: what, for the report.
            fatal: the run ends here; else it goes on.
        """
        self.run.troubles.append(Trouble(check, words, len(self._raw) - 1))
        if fatal and self.me is not None:
            self.run.end = "trouble"
            self.leave()

    def held(self, task: int | None = None) -> list[Any]:
        """Locks that a task (the current one) holds now, in order of their making."""
        owner = self.me if task is None else self.tasks[task]
        return [] if owner is None else [each for each in self.locks if each._owner is owner]

    def pending(self, task: int) -> tuple[str, Any]:
        """What a task is stopped in front of: operation, and its object (see `name_of`)."""
        each = self.tasks[task]
        return each.op, each.what

    def fired(self, task: int) -> int:
        """How many timers have fired for a task so far."""
        return self.tasks[task].fires

    def name_of(self, thing: Any) -> str:
        """What reports call an object: its label, or its kind and number ("RLock 1")."""
        return self.run.name_of(thing)

    def label(self, thing: Any, text: str) -> None:
        """Call an object so in reports: "future 1's lock"."""
        # The object is kept: its id must not be given to another.
        self.run.labels[id(thing)] = (thing, text)

    def serial(self, kind: str) -> int:
        """The next number of a kind, from 1."""
        number = self.serials[kind] = self.serials.get(kind, 0) + 1
        return number

    # The heart.

    def step(self, me: Task) -> None:
        """Stop in front of an operation; returns when the task is picked. Backends define it."""
        raise NotImplementedError

    def leave(self) -> None:
        """End the run from within a task. Backends define it."""
        raise NotImplementedError

    def pick(self, me: Task | None) -> Task | None:
        """Who goes on; None: the run is over, `run.end` says why.

        Args:
            me: the task that was running, if it is still alive.
        """
        if self.detailed:
            if me is not None:
                me.where = where(sys._getframe(2))
            if self.on_step is not None:
                self.on_step()
        options: list[Option] = []
        timers: list[Option] | None = None
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
                    timers = [task.fire]
                else:
                    timers.append(task.fire)
        ready = len(options)
        if timers is not None:
            options += timers
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
        # What chooses is not a task: primitives that it uses are not to switch.
        self.me = ACTIVE.arena = None
        try:
            index = self.choose(options, None if me is None else me.number)
            options[index]
        except BaseException as raised:
            # It must not be seen, and perhaps swallowed, by the code under test.
            self.fatal = raised
            return None
        finally:
            ACTIVE.arena = self
        run = self.run
        run.choices.append(index)
        shape = (mine, ready, len(options) - ready)
        costs = _COSTS.get(shape)
        if costs is None:
            costs = _COSTS[shape] = _costs(*shape)
        run.costs.append(costs)
        return index

    def _take(self, chosen: Option) -> Task | None:
        raw = self._raw
        if len(raw) >= self.max_steps:
            self.run.end = "livelock" if self.owed else "done"
            return None
        task = self.tasks[chosen.task]
        raw.append((chosen, task.op, task.what, task.where))
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

    def perform(self, task: Task) -> None:
        """Run a task to its end; nothing comes out of it."""
        try:
            task.value = task.fn()
        except Abort:
            pass
        except BaseException as raised:
            task.error = raised
            if _is_control(raised) and not self.over:
                self.fatal = raised
        task.done = not self.over
        self.drop(task)

    def drop(self, task: Task) -> None:
        """A task has ended, or will never begin."""
        task._owner = None
        if task.thread is not None:
            mark_ended(task.thread)
        if task not in self.live:
            # A thread that was given up woke after all.
            return
        self.live.remove(task)
        if not task.daemon:
            self.owed -= 1

    def play(self, setup: "Setup") -> Run:
        """The whole run."""
        ACTIVE.arena = ACTIVE.run = self
        try:
            try:
                setup(self)
            except Abort:
                return self.conclude()
            return self.go()
        finally:
            ACTIVE.arena = ACTIVE.run = None

    def go(self) -> Run:
        """Run the tasks to their end. Backends define it."""
        raise NotImplementedError

    def close(self) -> None:
        """No task goes on any more; who is blocked is written down before all are unwound."""
        self.me = None
        run = self.run
        if self.finish is not None and run.end == "done" and self.fatal is None:
            try:
                self.finish()
            except BaseException as raised:
                self.fatal = raised
        self.over = True
        run.now = self.now
        if run.end != "done":
            run.blocked = [self._blocked(task) for task in self.live if not is_ready(task)]

    def _blocked(self, task: Task) -> Blocked:
        owner = task.lock._owner if task.state == LOCK else None
        holder = owner.name if isinstance(owner, Task) else ""
        line = task.where or self.line_of(task)
        return Blocked(task.number, task.name, task.op, self.name_of(task.what), holder, line)

    def line_of(self, task: Task) -> str:
        """Where a stopped task is. Backends define it."""
        raise NotImplementedError

    def conclude(self) -> Run:
        """The run, after all tasks were unwound."""
        self.me = None
        run = self.run
        run.ended = [Ended(t.name, t.value, t.error, t.done) for t in self.tasks]
        # So that what belongs to the run is let go with it, not when the collector comes round.
        self.tasks.clear()
        self.locks.clear()
        self._raw = []
        self.run = proxy(run)
        fatal, self.fatal = self.fatal, None
        if fatal is not None:
            raise fatal
        return run

    def stuck(self, op: str, what: Any) -> Uncontrolled:
        """The error of code that would wait while no task runs."""
        return Uncontrolled(
            f"{op} of {self.name_of(what)} would wait, and no task is running that could end it: "
            "the setup of a run, and what looks at its objects later, must not wait"
        )


Setup = Callable[[Arena], None]


def _is_control(raised: BaseException) -> bool:
    """Ctrl-C, and what Hypothesis and pytest raise to steer a test: theirs, not the code's."""
    if isinstance(raised, Exception | SystemExit | GeneratorExit):
        return False
    return type(raised).__name__ != "CancelledError"
