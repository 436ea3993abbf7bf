"""The fast backend: each task is a greenlet, all in the thread that runs the schedule.

Greenlets are kept from run to run: making one costs as much as ten steps.
"""

from _thread import get_ident
from collections.abc import Callable
from typing import Any

import greenlet

from futurefsm.fsm.testing.threads.active import ACTIVE
from futurefsm.fsm.testing.threads.scheduler import Abort, Arena, Task, where
from futurefsm.fsm.testing.threads.steps import Choose, Run

_getcurrent = greenlet.getcurrent
# Parked greenlets, by the OS thread that they belong to.
_pools: dict[int, list[Any]] = {}
# How often a task may swallow its end before it is left where it is.
_PATIENCE = 20
# Greenlets that would not end. They are kept: letting one go would try to end it again.
_lost: list[Any] = []


class GreenletArena(Arena):
    """A run whose tasks are greenlets."""

    backend = "greenlets"

    def __init__(self, choose: Choose, max_steps: int, detailed: bool) -> None:
        ident = get_ident()
        super().__init__(choose, ident, max_steps, detailed)
        self.hub = _getcurrent()
        self.pool = _pools.setdefault(ident, [])

    def step(self, me: Task) -> None:
        if self.over:
            self._refuse(me)
        task = self.pick(me)
        if task is me:
            return
        if task is None:
            self.hub.switch(None)
        else:
            (task.handle or self._begin(task)).switch(task)
        if self.over:
            raise Abort

    def leave(self) -> None:
        self.hub.switch(None)
        raise Abort

    def _refuse(self, me: Task) -> None:
        """An operation of a task that is being unwound."""
        me.refused += 1
        if me.refused > _PATIENCE:
            _lost.append(me.handle)
            self.done(me)
            self.hub.switch(None)
        raise Abort

    def _begin(self, task: Task) -> Any:
        handle = task.handle = self.pool.pop() if self.pool else greenlet.greenlet(_work)
        return handle

    def go(self) -> Run:
        """Run the tasks to the end; the arena is the active one."""
        task = self.pick(None)
        if task is not None:
            self._begin(task).switch(task)
        self.me = None
        self.report()
        self.over = True
        while self.live:
            task = self.live[0]
            if task.handle is None:
                self.done(task)
            else:
                self.me = task
                task.handle.switch(task)
        self.me = None
        return self.conclude()

    def line_of(self, task: Task) -> str:
        return where(task.handle.gr_frame) if task.handle is not None else ""


def _work(task: Task | None) -> None:
    """Life of a greenlet: one task after the other, parked between."""
    own = _getcurrent()
    while True:
        assert task is not None
        arena: GreenletArena = task.arena  # type: ignore[assignment]
        arena.perform(task)
        following = None if arena.over or arena.fatal is not None else arena.pick(None)
        # Parked before it switches: what comes next may be a task that begins in this very one.
        arena.pool.append(own)
        handle = arena.hub if following is None else following.handle or arena._begin(following)
        task = None
        del arena
        task = handle.switch(following)


def run_greenlets(
    setup: Callable[[Arena], None], choose: Choose, max_steps: int, detailed: bool
) -> Run:
    """`run`, on greenlets, with the primitives installed."""
    arena = GreenletArena(choose, max_steps, detailed)
    ACTIVE.arena = arena
    try:
        setup(arena)
        return arena.go()
    finally:
        ACTIVE.arena = None
