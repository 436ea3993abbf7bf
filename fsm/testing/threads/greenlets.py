"""The fast backend: each task is a greenlet, all in the thread that runs the schedule.

Greenlets are kept from run to run: making one costs as much as ten steps.
"""

from contextvars import Context
from typing import Any

import greenlet

from futurefsm.fsm.testing.threads.active import ACTIVE
from futurefsm.fsm.testing.threads.scheduler import Arena, Setup
from futurefsm.fsm.testing.threads.steps import Choose, Run
from futurefsm.fsm.testing.threads.tasks import PATIENCE, Abort, Task, where

_getcurrent = greenlet.getcurrent
# Parked greenlets, by the OS thread that they belong to.
_pools: dict[int, list[Any]] = {}
# Greenlets that would not end. They are kept: letting one go would try to end it again.
_lost: list[Any] = []


class GreenletArena(Arena):
    """A run whose tasks are greenlets."""

    backend = "greenlets"

    def __init__(self, choose: Choose, max_steps: int, detailed: bool) -> None:
        Arena.__init__(self, choose, max_steps, detailed)
        self.hub = _getcurrent()
        self.pool = _pools.setdefault(self.ident, [])
        # A task that begins, and for which no greenlet is parked.
        self.unborn: Task | None = None

    def step(self, me: Task) -> None:
        if self.over:
            self._refuse(me)
        task = self.pick(me)
        if task is me:
            return
        if task is None:
            self.hub.switch()
        else:
            handle = task.handle
            if handle is None and self._begun(task) is None:
                self.unborn = task
                self.hub.switch()
            else:
                task.handle.switch()
        if self.over:
            raise Abort

    def leave(self) -> None:
        self.hub.switch()
        raise Abort

    def _refuse(self, me: Task) -> None:
        """An operation of a task that is being unwound."""
        me.refused += 1
        if me.refused > PATIENCE:
            _lost.append(me.handle)
            self.drop(me)
            self.hub.switch()
        raise Abort

    def _begun(self, task: Task) -> Any:
        """A parked greenlet for a task that begins; None: there is none."""
        if self.pool:
            task.handle = self.pool.pop()
        return task.handle

    def go(self) -> Run:
        task = self.pick(None)
        while task is not None:
            self.unborn = None
            # Made here, and only here: a greenlet counts its stack from where it was first entered,
            # and each that another one enters would be deeper, up to the limit of recursion.
            if self._begun(task) is None:
                task.handle = greenlet.greenlet(_work)
            task.handle.switch()
            task = self.unborn
        self.close()
        while self.live:
            task = self.live[0]
            if task.handle is None:
                self.drop(task)
            else:
                self.me = task
                task.handle.switch()
        return self.conclude()

    def line_of(self, task: Task) -> str:
        return where(task.handle.gr_frame)


def _work() -> None:
    """Life of a greenlet: one task after the other, parked between.

    The task is not handed over as an argument: a parked greenlet would keep it, and with it the
    whole run, until it is used again; and finalizers would run in a later run.
    """
    own = _getcurrent()
    while True:
        arena: GreenletArena = ACTIVE.arena  # type: ignore[assignment]
        task = arena.me
        assert task is not None
        Context().run(arena.perform, task)
        task = None if arena.over or arena.fatal is not None else arena.pick(None)
        # Parked before it switches: what comes next may be a task that begins in this very one.
        arena.pool.append(own)
        handle = arena.hub if task is None else task.handle or arena._begun(task)
        del arena, task
        handle.switch()


def run_greenlets(setup: Setup, choose: Choose, max_steps: int, detailed: bool) -> Run:
    """`run`, on greenlets, with the primitives installed."""
    return GreenletArena(choose, max_steps, detailed).play(setup)
