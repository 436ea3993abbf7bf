"""Stage: runs a program under a schedule, and has what was seen of it judged.

Everything that a run does is in its log (`history`), so that a log that was seen before need not be
judged again: most schedules of a program look the same to its users. Nor need one be that no check
can tell from another in which nothing was wrong (`alike`).
"""

import logging
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import partial
from types import ModuleType
from typing import Any, NamedTuple

from futurefsm.fsm.testing import checks
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.alike import likeness
from futurefsm.fsm.testing.checks import Subject
from futurefsm.fsm.testing.checks.answers import VALUES
from futurefsm.fsm.testing.env import FAULTS, Env, raised
from futurefsm.fsm.testing.failure import Counts, Trouble
from futurefsm.fsm.testing.fit import blame, fresh, known_states, several, usable
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.history import Seen, Stopped
from futurefsm.fsm.testing.parts import parts
from futurefsm.fsm.testing.programs import AWAIT, Program
from futurefsm.fsm.testing.threads import installed, run
from futurefsm.fsm.testing.threads.scheduler import Arena
from futurefsm.fsm.testing.threads.steps import Choose, Run, Uncontrolled

# A user's class may poll: it must not be taken for an endless loop too early.
MAX_STEPS = 2000
# So many verdicts of one program are kept.
_REMEMBERED = 20_000

Key = tuple[str, tuple[tuple[Any, ...], ...], tuple[Stopped, ...]]


class Shown(NamedTuple):
    """One run, judged. `troubles` is empty where nothing is wrong."""

    run: Run
    seen: Seen
    troubles: tuple[Trouble, ...]
    stories: tuple[str, ...] = ()


_seen = h.maker(Seen)
_shown = h.maker(Shown)


class Stage:
    """Where the programs of one harness run.

    Args:
        harness: what is tested.
        only: names of the checks to look at; None: all.
        backend: of the engine.
        lines: modules whose every line is a point where another thread may go on.
        max_steps: a run that takes more goes round for ever.

    Attributes:
        counts: what was run so far.
        lines: names of those modules.
    """

    def __init__(
        self,
        harness: Harness,
        *,
        only: Collection[str] | None = None,
        backend: str | None = None,
        lines: Collection[str | ModuleType] = (),
        max_steps: int = MAX_STEPS,
    ) -> None:
        usable(harness)
        unknown = set(only or ()) - set(checks.ORDER)
        if unknown:
            raise ValueError(f"no such check: {', '.join(sorted(unknown))}")
        self.harness = harness
        self.subject = subject_of(harness)
        self.counts = Counts(all_rows=len(harness.lifecycle.rows))
        self._only = only
        self._backend = backend
        self.lines: tuple[str | ModuleType, ...] = (
            (lines,) if isinstance(lines, str) else tuple(several("lines", lines, "modules"))
        )
        self._max_steps = max_steps
        self._pumps = type(harness).pump is not Harness.pump
        self._program: Program | None = None
        self._verdicts: dict[Key, tuple[Trouble, ...]] = {}
        # What is alike in logs in which nothing is wrong.
        self._fine: set[tuple[Any, ...]] = set()

    @contextmanager
    def open(self) -> Iterator["Stage"]:
        """Keep the primitives swapped over many runs, and the loggers of callbacks silent."""
        before = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
        try:
            modules = self.harness.modules
            with installed(*modules, lines=self.lines, hashed=self.harness.hashed):
                yield self
        finally:
            logging.disable(before)

    def run(self, program: Program, choose: Choose, *, detailed: bool = False) -> Shown:
        """Run a program under a schedule, and judge it.

        Raises:
            Uncontrolled: something runs that no scheduler can control.
            Exception: the harness itself raised.
        """
        scene = _Scene(self.harness, program, detailed, self._pumps, self.subject.settled)
        try:
            done = run(
                scene.set_up,
                choose,
                backend=self._backend,
                max_steps=self._max_steps,
                detailed=detailed,
            )
            for number, ended in enumerate(done.ended):
                if ended.error is not None:
                    scene.died(number, ended.name, ended.error)
        except Exception as error:
            blame(self.harness, error)
            raise
        stopped: tuple[Stopped, ...] = ()
        if done.blocked:
            stopped = tuple(Stopped(b.task, b.name, b.op, b.what, b.holder) for b in done.blocked)
        log = tuple(scene.env.log)
        if not self.counts.schedules:
            said = [fields[1] for kind, *fields in log if kind == h.STATE]
            known_states(self.harness, said[: program.futures])
        self.counts.add(done)
        troubles = self._judge(program, (done.end, log, stopped))
        seen = _seen((program, log, done.end, stopped))
        stories = scene.stories() if detailed else ()
        scene.close()
        return _shown((done, seen, troubles, stories))

    def _judge(self, program: Program, key: Key) -> tuple[Trouble, ...]:
        if program is not self._program:
            if program != self._program:
                self.counts.programs += 1
                self._forget()
            self._program = program
        verdict = self._verdicts.get(key)
        if verdict is None:
            if len(self._verdicts) >= _REMEMBERED:
                self._forget()
            self.counts.seen += 1
            verdict = self._verdicts[key] = self._judge_anew(program, key)
        return verdict

    def _judge_anew(self, program: Program, key: Key) -> tuple[Trouble, ...]:
        end, log, stopped = key
        alike = (end, stopped, likeness(log, self.subject.settled))
        if alike in self._fine:
            return ()
        history = h.read(Seen(program, log, end, stopped))
        verdict = checks.judge(history, self.subject, self._only)
        self.counts.rows |= history.rows
        if not verdict:
            self._fine.add(alike)
        return verdict

    def _forget(self) -> None:
        self._verdicts.clear()
        self._fine.clear()


class _Scene:
    """One run: makes the futures, starts the threads, listens to the locks."""

    def __init__(
        self,
        harness: Harness,
        program: Program,
        detailed: bool,
        pumps: bool,
        settled: frozenset[str],
    ) -> None:
        self._harness = harness
        self._program = program
        self._detailed = detailed
        self._pumps = pumps
        self._settled = settled
        self.env: Env
        # The number of the pump's task; -1: there is none.
        self._pump = -1
        # For each future the state that was seen last.
        self._states: list[str | None] = []
        # Of which a value is being made; None: such a thing is not known here.
        self._making: list[bool] | None = None
        # Task → the lock that it wants back after a timed wait.
        self._timed: dict[int, Any] = {}

    def set_up(self, arena: Arena) -> None:
        program, harness = self._program, self._harness
        self.env = env = Env(harness, program, arena, detailed=self._detailed)
        # Before the futures are made, so that threads which these start have higher numbers.
        for number in range(len(program.threads)):
            arena.spawn(f"user {number + 1}", partial(env.user, number))
        if self._pumps or program.early < len(program.path):
            self._pump = arena.spawn("pump", partial(harness.pump, env))
        for _ in range(program.futures):
            future = harness.make(env)
            if future is None or env.futures:
                fresh(harness, future, env.futures)
            env.futures.append(future)
        for number in range(program.early):
            env.move(number)
        self._states = [harness.state(future) for future in env.futures]
        if type(harness).making is not Harness.making:
            self._making = [False] * len(env.futures)
        if self._detailed:
            for name, part in parts(env.futures, arena.name_of, env.box):
                arena.note(f"name {name} = {part}")
        for number, state in enumerate(self._states):
            env.log.append((h.STATE, number, state))
            if self._detailed:
                self._note(number, state)
        arena.on_wait = self._on_wait
        if self._detailed:
            arena.on_acquire = self._on_acquire
            arena.on_step = self._look
        only = program.futures == 1 and not self._detailed and self._making is None
        if only:
            arena.watched = harness.state, env.futures[0], self._states
        arena.on_release = self._on_release
        arena.finish = self._finish

    def _on_wait(self, task: int, op: str, what: Any, timed: bool, released: Any) -> None:
        if op in ("acquire", AWAIT):
            return
        arena = self.env.arena
        if timed and released is not None:
            self._timed[task] = released
            arena.on_acquire = self._on_acquire
        elif timed and self._asks_for_value(task):
            arena.late[task] = self._on_late
        # As `held`, without the call.
        me = arena.tasks[task]
        held = [lock for lock in arena.locks if lock._owner is me and lock is not released]
        if held or task == self._pump:
            names = tuple(arena.name_of(lock) for lock in held)
            self.env.log.append((h.WAITED, task, op, arena.name_of(what), names))

    def _asks_for_value(self, task: int) -> bool:
        """Whether it is in a call of a user's whose time-out must be true when it comes."""
        thread, number = self.env.calling.get(task, (-1, 0))
        return thread >= 0 and self._program.threads[thread][number].name in VALUES

    def _on_late(self, task: int) -> None:
        arena = self.env.arena
        # What somebody changes under a lock counts when the lock is free again.
        if all(lock._owner is None for lock in arena.locks):
            self._look()
            self._note_settled(task)

    def _note_settled(self, task: int) -> None:
        """The state that whoever waited finds when he looks again."""
        for number, state in enumerate(self._states):
            if state in self._settled:
                self.env.log.append((h.WOKE, task, number, state))

    def _on_acquire(self, task: int, lock: Any) -> None:
        if self._detailed:
            self.env.arena.note(f"hold {self.env.arena.name_of(lock)}")
        if self._timed.get(task) is lock:
            del self._timed[task]
            self._look()
            self._note_settled(task)
        if not self._timed and not self._detailed:
            self.env.arena.on_acquire = None

    def _on_release(self, task: int, lock: Any) -> None:
        # What a task lets go when it is unwound, at the end, is no step.
        if self._detailed and not self.env.arena.over:
            self.env.arena.note(f"release {self.env.arena.name_of(lock)}")
        self._look()

    def _look(self) -> None:
        """See whether a future moved."""
        states, look = self._states, self._harness.state
        for number, future in enumerate(self.env.futures):
            state = look(future)
            if state != states[number]:
                states[number] = state
                self.env.log.append((h.STATE, number, state))
                if self._detailed:
                    self._note(number, state)
        if self._making is not None:
            self._look_who_makes(self._making)

    def _look_who_makes(self, making: list[bool]) -> None:
        for number, future in enumerate(self.env.futures):
            if (now := self._harness.making(future)) != making[number]:
                making[number] = now
                self.env.log.append((h.MAKING, number, now))

    def _note(self, number: int, state: str | None) -> None:
        if state is not None:  # it does not say
            self.env.arena.note(f"state future {number + 1} {state}")

    def _finish(self) -> None:
        """Ask every future once more, when all is over and nothing switches."""
        harness, env = self._harness, self.env
        for number, future in enumerate(env.futures):
            outcome = harness.outcome(future) if harness.outcomes else None
            done: bool | None = None
            running: bool | None = None
            # Where it would wait, it would for ever: nobody is left who could help.
            state = harness.state(future)
            try:
                done = bool(future.done())
                if state is None:
                    running = bool(future.running())
            except Uncontrolled:
                pass
            if listed := harness.listed(future):
                env.log.append((h.LISTED, number, listed))
            env.log.append((h.FINAL, number, state, done, running, outcome))

    def died(self, task: int, name: str, error: BaseException) -> None:
        """A task ended by an error. That of a thread which a future started is its own fault."""
        given = task < len(self._program.threads) or task == self._pump
        if given or not isinstance(error, FAULTS):
            raise error
        self.env.log.append((h.DIED, name, raised(self._harness, error)))

    def close(self) -> None:
        """Let go of everything: what goes round in circles costs the garbage collector's time."""
        env, arena = self.env, self.env.arena
        arena.on_wait = arena.on_acquire = arena.on_release = None
        arena.finish = arena.on_step = arena.watched = None
        arena.late.clear()
        env.futures.clear()
        env.box.clear()

    def stories(self) -> tuple[str, ...]:
        """What the futures tell of themselves."""
        return tuple(str(getattr(future, "story", "")) for future in self.env.futures)


def subject_of(harness: Harness) -> Subject:
    """The facts of a harness that the checks need."""
    return Subject(
        lifecycle=harness.lifecycle,
        source=harness.source,
        untimed=tuple(harness.untimed),
        events=dict(harness.events),
        objects=harness.objects,
        messages=harness.messages,
        outcomes=harness.outcomes,
        lost=tuple(each.__name__ for each in harness.lost),
        refuses=tuple(each.__name__ for each in harness.refuses),
        cancel_waits=harness.cancel_waits,
        cancelled_waits=harness.cancelled_waits,
    )
