"""The cooperative scheduler, as the code that runs in it sees it. No backend in it.

One task runs at a time. It stops in front of each operation of a primitive, says what it is about
to do, and asks `pick` who goes on.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import Any
from weakref import proxy

from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident
from futurefsm.fsm.testing.threads.deciding import Deciding
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
    KNOWN,
    LOCK,
    Abort,
    Nobody,
    Task,
    is_control,
    is_ready,
    mark_ended,
    nothing,
)

# As `history.maker`, which is not the engine's.
_ended: Callable[[tuple[Any, ...]], Ended] = partial(tuple.__new__, Ended)


class Arena(Deciding, ABC):
    """One run, seen from the code that runs in it.

    Attributes:
        now: virtual seconds since its start; moves only when a timer fires.
        on_wait: told (task, op, what, timed, lock released or None) before a task waits for
            others: of every wait that is not over at once (an Event that is set, a queue that is
            not empty), and of `acquire` where the lock is taken.
        on_release: told (task, lock) when a lock is free again.
        watched: (ask, thing, answers): `on_release` is told only where `ask(thing)` is not what is
            first in `answers`: most releases change nothing, and they are many.
        on_acquire: told (task, lock) when a task has got a lock, also again after a wait.
        on_step: in a detailed run, called when a step is over, before anybody is picked.
        late: task → hook. Others may overtake this task between a timer of its that fires and the
            return of the wait (without a hook that is one step, unless it takes a lock again); then
            the hook is told (task), once.
        finish: called once after a run that ended as "done", in no task: operations do not switch,
            and a wait that would have to wait raises `Uncontrolled`.

    Hooks run in a step and do not switch. What one raises ends the run and comes out of it.
    """

    on_wait: Callable[[int, str, Any, bool, Any], None] | None = None
    on_release: Callable[[int, Any], None] | None = None
    watched: tuple[Callable[[Any], Any], Any, list[Any]] | None = None
    on_acquire: Callable[[int, Any], None] | None = None
    finish: Callable[[], None] | None = None
    backend = ""

    def __init__(self, choose: Choose, max_steps: int, detailed: bool) -> None:
        # By name: a run makes one, and `super()` costs as much as a step.
        Deciding.__init__(self, choose, max_steps, detailed)
        # Of the OS thread that may touch the run now.
        self.ident = get_ident()
        self.over = False
        self.late: dict[int, Callable[[int], None]] = {}
        self.locks: list[Any] = []
        self.serials: dict[str, int] = {}
        # Owner of what is taken while no task runs: in the setup, or after the run.
        self.outside: Task = Nobody(self)

    # What tasks and their harness call.

    @property
    def current(self) -> int | None:
        """Number of the task that runs; None in the setup and after the run."""
        who = self.me or self.outside
        return None if who.number < 0 else who.number

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
            KNOWN.append({})
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
        if me is None or self.ident != get_ident():
            self.elsewhere(what)
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
        if self.on_wait is not None and not ready():
            self.tell(self.on_wait, me.number, op, what, timeout is not None, None)
        self.step(me)
        return not me.fired

    def come_back(self, me: Task, what: Any) -> None:
        """The timer of a wait has fired; it is about to say so."""
        hook = self.late.pop(me.number, None)
        if hook is not None:
            me.op = "come back"
            me.what = what
            self.step(me)
            self.tell(hook, me.number)

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
        try:
            return self.run.name_of(thing)
        except ReferenceError:
            # The run was let go; its objects live on.
            return Run().name_of(thing)

    def label(self, thing: Any, text: str) -> None:
        """Call an object so in reports: "future 1's lock"."""
        # The object is kept: its id must not be given to another.
        self.run.labels[id(thing)] = (thing, text)

    def serial(self, kind: str) -> int:
        """The next number of a kind, from 1."""
        number = self.serials[kind] = self.serials.get(kind, 0) + 1
        return number

    def tell(self, hook: Callable[..., None], *what: Any) -> None:
        """Call a hook. It is in no task: what it looks at must not switch; what its task has
        locked is open to it."""
        me, outside = self.me, self.outside
        assert me is not None
        self.me, self.outside = None, me
        try:
            hook(*what)
        except BaseException as raised:
            # Not an error of the code that was running.
            self.fatal = self.fatal or raised
        self.me, self.outside = me, outside
        if self.fatal is not None and not self.over:
            self.leave()

    def tell_lock(self, hook: Callable[[int, Any], None], lock: Any) -> None:
        """`tell`, of a lock."""
        me, outside = self.me, self.outside
        assert me is not None
        self.me, self.outside = None, me
        try:
            hook(me.number, lock)
        except BaseException as raised:
            self.fatal = self.fatal or raised
        self.me, self.outside = me, outside
        if self.fatal is not None and not self.over:
            self.leave()

    def tell_free(self, lock: Any) -> None:
        """`tell_lock`, of a lock that is free again; there must be who hears of it."""
        hook = self.on_release if self.watched is None else self._tell_if_changed
        assert hook is not None
        self.tell_lock(hook, lock)

    def _tell_if_changed(self, task: int, lock: Any) -> None:
        assert self.watched is not None
        assert self.on_release is not None
        ask, thing, answers = self.watched
        if ask(thing) != answers[0]:
            self.on_release(task, lock)

    # The heart.

    @abstractmethod
    def step(self, me: Task) -> None:
        """Stop in front of an operation; returns when the task is picked. Backends define it."""

    @abstractmethod
    def leave(self) -> None:
        """End the run from within a task. Backends define it."""

    def perform(self, task: Task) -> None:
        """Run a task to its end; nothing comes out of it."""
        try:
            task.value = task.fn()
        except Abort:
            pass
        except BaseException as raised:
            if not self.over:
                task.error = raised
                if is_control(raised):
                    self.fatal = raised
        task.done = not self.over
        self.drop(task)

    def drop(self, task: Task) -> None:
        """A task has ended, or will never begin."""
        task._owner = None
        # A lock that it never released keeps the task, but not what it worked on.
        task.fn = nothing
        if task.thread is not None:
            mark_ended(task.thread)
        try:
            self.live.remove(task)
        except ValueError:
            # A thread that was given up woke after all.
            return
        if not task.daemon:
            self.owed -= 1

    def play(self, setup: "Setup") -> Run:
        """The whole run."""
        ACTIVE.arena = ACTIVE.run = self
        try:
            try:
                self.begin(setup)
            except Abort:
                return self.conclude()
            return self.go()
        finally:
            ACTIVE.arena = ACTIVE.run = None

    def begin(self, setup: "Setup") -> None:
        """Call the setup: no task, and yet it may block in C."""
        setup(self)

    def aside(self, function: Callable[[], None]) -> None:
        """The same for what looks at the end."""
        function()

    @abstractmethod
    def go(self) -> Run:
        """Run the tasks to their end. Backends define it."""

    def close(self) -> None:
        """No task goes on any more; who is blocked is written down before all are unwound."""
        self.me = None
        run = self.run
        if self.finish is not None and run.end == "done" and self.fatal is None:
            try:
                self.aside(self.finish)
            except BaseException as raised:
                self.fatal = self.fatal or raised
        self.over = True
        run.now = self.now
        if run.end != "done":
            run.blocked = [self._blocked(task) for task in self.live if not is_ready(task)]

    def _blocked(self, task: Task) -> Blocked:
        owner = task.lock._owner if task.state == LOCK else None
        holder = owner.name if isinstance(owner, Task) else ""
        line = task.where or self.line_of(task)
        return Blocked(task.number, task.name, task.op, self.name_of(task.what), holder, line)

    @abstractmethod
    def line_of(self, task: Task) -> str:
        """Where a stopped task is. Backends define it."""

    def conclude(self) -> Run:
        """The run, after all tasks were unwound."""
        self.me = None
        run = self.run
        run.ended = [_ended((t.name, t.value, t.error, t.done)) for t in self.tasks]
        # So that what belongs to the run is let go with it, not when the collector comes round.
        self.tasks.clear()
        self.locks.clear()
        self.outside.arena = None  # type: ignore[assignment]
        self._raw, self._choices, self._costs = [], [], []
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

    def elsewhere(self, what: Any) -> None:
        """Called where no task of the run uses what belongs to it; a real thread must not.

        Raises:
            Uncontrolled: it does, while the run is going on.
        """
        if ACTIVE.run is self and self.ident != get_ident():
            raise Uncontrolled(
                f"{self.name_of(what)} is used by a thread that is not of the run: start threads "
                "in the run, or make what they share outside it"
            )


Setup = Callable[[Arena], None]
