"""Semaphore, BoundedSemaphore and Barrier of a run.

CPython's semaphore is a counter under a condition of its own. Nothing happens under that lock but
counting, so it is left out here: one stop in front of each operation. Who waits is woken in order,
but somebody else may be quicker; a wait whose timer fired looks at the counter once more.
"""

import threading
from collections.abc import Callable
from typing import Any

from futurefsm.fsm.testing.threads import conditions
from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident
from futurefsm.fsm.testing.threads.tasks import CELL, RUN, Task

real_semaphore = threading.Semaphore
real_bounded = threading.BoundedSemaphore
real_barrier = threading.Barrier


def _in_run() -> bool:
    arena = ACTIVE.arena
    return arena is not None and arena.ident == get_ident()


class Semaphore(real_semaphore):
    """`threading.Semaphore` of a run; made outside one, the real thing."""

    kind = "Semaphore"

    def __new__(cls, value: int = 1) -> Any:
        if cls is Semaphore and not _in_run():
            return real_semaphore(value)
        return object.__new__(cls)

    def __init__(self, value: int = 1) -> None:
        arena = ACTIVE.arena
        if arena is None or not _in_run():
            real_semaphore.__init__(self, value)
            conditions.as_real(self, real_semaphore, "acquire release")
            return
        if value < 0:
            raise ValueError("semaphore initial value must be >= 0")
        self._arena = arena
        self._value = value
        self._most: int | None = None
        self._waiters: list[Task] = []
        self.number = arena.serial(self.kind)

    def acquire(self, blocking: bool = True, timeout: float | None = None) -> bool:
        if not blocking and timeout is not None:
            raise ValueError("can't specify timeout for non-blocking acquire")
        arena = self._arena
        me = arena.me
        if me is None or arena.ident != get_ident():
            arena.elsewhere(self)
            if self._value:
                self._value -= 1
                return True
            if not blocking or timeout is not None:
                return False
            raise arena.stuck("acquire", self)
        if blocking and arena.on_wait is not None:
            arena.tell(arena.on_wait, me.number, "acquire", self, timeout is not None, None)
        me.op = "acquire" if blocking else "try"
        me.what = self
        arena.step(me)
        end = None if timeout is None else arena.now + timeout
        while not self._value:
            if not blocking or (end is not None and end < arena.now):
                return False
            if end is not None:
                me.timed = True
                me.deadline = end
            self._waiters.append(me)
            me.op = "acquire"
            me.what = self
            me.state = CELL
            arena.step(me)
            if me.fired:
                self._waiters.remove(me)
        self._value -= 1
        return True

    def __enter__(self, blocking: bool = True, timeout: float | None = None, /) -> bool:
        return self.acquire(blocking, timeout)

    def __exit__(self, *exc: object) -> None:
        self.release()

    def release(self, n: int = 1) -> None:
        if n < 1:
            raise ValueError("n must be one or more")
        self._arena.point("release", self)
        if self._most is not None and self._value + n > self._most:
            raise ValueError("Semaphore released too many times")
        self._value += n
        waiters = self._waiters
        for task in waiters[:n]:
            task.state = RUN
            task.timed = False
        del waiters[:n]

    def __repr__(self) -> str:
        most = "" if self._most is None else f"/{self._most}"
        return f"<threading.{self.kind} at {self._arena.name_of(self)}: value={self._value}{most}>"


class BoundedSemaphore(Semaphore, real_bounded):
    """`threading.BoundedSemaphore` of a run; made outside one, the real thing."""

    kind = "BoundedSemaphore"

    def __new__(cls, value: int = 1) -> Any:
        if cls is BoundedSemaphore and not _in_run():
            return real_bounded(value)
        return object.__new__(cls)

    def __init__(self, value: int = 1) -> None:
        Semaphore.__init__(self, value)
        self._most = self._initial_value = value
        if not _in_run():
            conditions.as_real(self, real_bounded, "release")


class Barrier(real_barrier):
    """`threading.Barrier`: its own code, which runs on the conditions of the run."""

    kind = "Barrier"

    def __init__(
        self, parties: int, action: Callable[[], None] | None = None, timeout: float | None = None
    ) -> None:
        super().__init__(parties, action, timeout)
        arena = ACTIVE.arena
        if arena is not None and _in_run():
            self.number = arena.serial("Barrier")
            name = f"Barrier {self.number}"
            condition: Any = self._cond  # type: ignore[attr-defined]
            arena.label(condition, name)
            arena.label(condition._lock, f"{name}'s lock")

    def __repr__(self) -> str:
        if not hasattr(self, "number"):
            return super().__repr__()
        waiting = f"waiters={self.n_waiting}/{self.parties}"
        return (
            f"<threading.Barrier at Barrier {self.number}: {'broken' if self.broken else waiting}>"
        )
