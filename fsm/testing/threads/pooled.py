"""The backend without greenlet: each task runs in an OS thread of a pool, one at a time.

A thread gives its turn away by opening the next one's gate, and parks behind its own. The calling
thread only waits: so a task that blocks in C can be left where it is, and the run is refused.
"""

import os
import sys
from collections.abc import Callable
from contextvars import Context
from typing import Any

from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident, real_lock, start_thread
from futurefsm.fsm.testing.threads.scheduler import Arena, Setup
from futurefsm.fsm.testing.threads.steps import Choose, Run
from futurefsm.fsm.testing.threads.tasks import PATIENCE, Abort, Task, nothing, where
from futurefsm.fsm.testing.threads.watchdog import ASLEEP, LOOK, Watch, in_main_thread, uncontrolled


class _Worker:
    """A thread of the pool."""

    __slots__ = ("gate", "ident", "lost")

    def __init__(self) -> None:
        self.gate = real_lock()
        self.gate.acquire()
        self.ident = 0
        # It was left blocked in C: should it ever wake, its run is long over.
        self.lost = False
        born = real_lock()
        born.acquire()
        start_thread(lambda: self._live(born))
        born.acquire()

    def _live(self, born: Any) -> None:
        self.ident = get_ident()
        born.release()
        gate = self.gate
        while True:
            gate.acquire()
            arena: PooledArena = ACTIVE.arena  # type: ignore[assignment]
            task = arena.me
            if task is None:
                arena.do_aside()
            else:
                Context().run(arena.perform, task)
            if self.lost:
                return
            if task is not None:
                task = None if arena.over or arena.fatal is not None else arena.pick(None)
            # Parked before it hands over: what comes next may be a task that begins in this one.
            _pool.append(self)
            opened = arena.given_back() if task is None else arena.gate_of(task)
            # From here on another thread runs: nothing may be let go by this one any more.
            del arena, task
            opened.release()
            del opened


_pool: list[_Worker] = []


def _take() -> _Worker:
    return _pool.pop() if _pool else _Worker()


# In a child of a fork none of the threads exists.
os.register_at_fork(after_in_child=_pool.clear)


class PooledArena(Arena):
    """A run whose tasks are OS threads."""

    backend = "pooled"

    def __init__(self, choose: Choose, max_steps: int, detailed: bool) -> None:
        super().__init__(choose, max_steps, detailed)
        self.caller = self.ident
        # Open when it is the calling thread's turn.
        self.turn = real_lock()
        self.turn.acquire()
        # A thread of the pool has opened it.
        self._given = False
        self._aside: Callable[[], None] = nothing
        self._failure: BaseException | None = None

    def step(self, me: Task) -> None:
        if self.over:
            self._refuse(me)
        task = self.pick(me)
        if task is me:
            return
        (self.given_back() if task is None else self.gate_of(task)).release()
        me.handle.gate.acquire()
        if self.over:
            raise Abort

    def leave(self) -> None:
        me = self.me
        assert me is not None
        self.given_back().release()
        me.handle.gate.acquire()
        raise Abort

    def _refuse(self, me: Task) -> None:
        """An operation of a task that is being unwound."""
        me.refused += 1
        if me.refused > PATIENCE:
            # Its thread sleeps for ever; it is not in the pool.
            self.drop(me)
            self.given_back().release()
            me.handle.gate.acquire()
        raise Abort

    def given_back(self) -> Any:
        """The gate of the calling thread, which is opened next."""
        self._given = True
        return self.turn

    def gate_of(self, task: Task) -> Any:
        """The gate of the thread that runs a task; from now on that thread is the run's."""
        worker = task.handle
        if worker is None:
            worker = task.handle = _take()
        self.ident = worker.ident
        return worker.gate

    def begin(self, setup: Setup) -> None:
        self.aside(lambda: setup(self))

    def aside(self, function: Callable[[], None]) -> None:
        """In the main thread the guard sees a block; elsewhere a thread of the pool must do it."""
        if in_main_thread():
            function()
            return
        worker = _take()
        self.ident = worker.ident
        self._aside = function
        worker.gate.release()
        self._await_turn(worker)
        self.ident = self.caller
        self._aside = nothing
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def do_aside(self) -> None:
        """In that thread."""
        try:
            self._aside()
        except BaseException as raised:
            self._failure = raised

    def go(self) -> Run:
        task = self.pick(None)
        if task is not None:
            self.gate_of(task).release()
            self._await_turn()
        self.ident = self.caller
        self.close()
        while self.live:
            task = self.live[0]
            if task.handle is None:
                self.drop(task)
            else:
                self.me = task
                self.gate_of(task).release()
                self._await_turn()
        self.ident = self.caller
        return self.conclude()

    def _await_turn(self, aside: _Worker | None = None) -> None:
        """Wait for the tasks. One that blocks where the scheduler cannot see it is left alone."""
        watch = Watch()
        interrupted = 0
        while True:
            try:
                # What was interrupted may have had the turn already: it does not come twice.
                if self.turn.acquire(timeout=LOOK) or (interrupted and self._given):
                    self._given = False
                    return
            except BaseException as raised:
                # Ctrl-C: the task that runs ends at its next operation.
                self.fatal = raised
                self.over = True
                interrupted = 1
                continue
            words = watch.look(self, self.ident)
            if interrupted:
                interrupted += 1
                # Who pressed Ctrl-C does not wait for what spins; the error is that of Ctrl-C.
                words = words or "goes on" * (interrupted * LOOK > ASLEEP)
            if words:
                self.fatal = self.fatal or uncontrolled(self, words)
                self.over = True
                if aside is not None:
                    aside.lost = True
                    self._failure = Abort()
                else:
                    stuck = self.me
                    assert stuck is not None
                    stuck.handle.lost = True
                    self.drop(stuck)
                return

    def line_of(self, task: Task) -> str:
        return where(sys._current_frames().get(task.handle.ident))


def run_pooled(setup: Setup, choose: Choose, max_steps: int, detailed: bool) -> Run:
    """`run`, on pooled threads, with the primitives installed."""
    return PooledArena(choose, max_steps, detailed).play(setup)
