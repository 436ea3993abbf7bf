"""Condition and Event of a run, exactly as CPython's are.

What matters of CPython's: a wait whose timer fired stays on the list of waiters until it has the
lock again, and a notify in between is spent on it, in vain. `Event.wait` returns what its wait
returned, not the flag: False after its timer fired, although the flag was set meanwhile.
"""

import threading
from types import MethodType
from typing import Any

from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident, real_lock
from futurefsm.fsm.testing.threads.locks import Lock, RLock
from futurefsm.fsm.testing.threads.scheduler import Arena
from futurefsm.fsm.testing.threads.tasks import CELL, LOCK, RUN, Task

real_condition = threading.Condition
real_event = threading.Event


def _refuse_endless(timeout: float) -> None:
    """Raise what the real lock raises, in which a wait sleeps."""
    if timeout > 0:
        real_lock().acquire(True, timeout)


def as_real(thing: Any, real: type, names: str) -> None:
    """An object of a subclass, made outside a run: its methods are the real ones."""
    for name in names.split():
        setattr(thing, name, MethodType(getattr(real, name), thing))


class Condition(real_condition):
    """`threading.Condition` of a run. On a lock that is not of the run: threading's own code."""

    kind = "Condition"

    def __new__(cls, lock: Any = None) -> Any:
        arena = ACTIVE.arena
        if arena is None or arena.ident != get_ident():
            if cls is Condition:
                return real_condition(lock)
        elif lock is not None and not isinstance(lock, Lock) and cls is Condition:
            return real_condition(lock)
        return object.__new__(cls)

    def __init__(self, lock: Any = None) -> None:
        if lock is None:
            lock = RLock()
        if not isinstance(lock, Lock):
            super().__init__(lock)
            known = hasattr(lock, "_is_owned")
            as_real(self, real_condition, "wait notify" if known else "wait notify _is_owned")
            return
        self._lock: Any = lock
        self.acquire = lock.acquire  # type: ignore[method-assign]
        self.release = lock.release  # type: ignore[method-assign]
        self._arena: Arena = lock._arena
        self._waiters: list[Task] = []
        self.number = self._arena.serial("Condition")

    def __enter__(self) -> bool:
        return self._lock.acquire()  # type: ignore[no-any-return]

    def __exit__(self, *exc: object) -> None:
        self._lock.release()

    def _is_owned(self) -> bool:
        return self._lock.mine(self._arena.me)  # type: ignore[no-any-return]

    def wait(self, timeout: float | None = None) -> bool:
        arena = self._arena
        me = arena.me
        lock = self._lock
        if not lock.mine(me):
            raise RuntimeError("cannot wait on un-acquired lock")
        if me is None or arena.ident != get_ident():
            arena.elsewhere(self)
            if timeout is None:
                raise arena.stuck("wait", self)
            return False
        if timeout is not None:
            _refuse_endless(timeout)
            me.timed = True
            me.deadline = arena.now + timeout
        self._waiters.append(me)
        count = lock._count
        lock._owner = None
        me.op = "wait"
        me.what = self
        me.lock = lock
        me.state = CELL
        if arena.on_release is not None:
            arena.tell_free(lock)
        if arena.on_wait is not None:
            arena.tell(arena.on_wait, me.number, "wait", self, timeout is not None, lock)
        arena.step(me)
        notified = not me.fired
        if not notified:
            me.op = "reacquire"
            me.what = me.lock = lock
            me.state = LOCK
            arena.step(me)
        lock._owner = me
        lock._count = count
        if not notified and me in self._waiters:
            self._waiters.remove(me)
        if arena.on_acquire is not None:
            arena.tell_lock(arena.on_acquire, lock)
        return notified

    def notify(self, n: int = 1) -> None:
        if not self._lock.mine(self._arena.me):
            raise RuntimeError("cannot notify on un-acquired lock")
        waiters = self._waiters
        for task in waiters[:n]:
            # Not timed any more: it goes on as soon as the lock is free. One whose timer has fired
            # waits for the lock already: the notify is spent on it, in vain.
            task.state = LOCK
            task.timed = False
        del waiters[:n]

    def notify_all(self) -> None:
        self.notify(len(self._waiters))

    def _at_fork_reinit(self) -> None:
        self._lock._at_fork_reinit()
        self._waiters.clear()

    def __repr__(self) -> str:
        return f"<Condition({self._lock!r}, {len(self._waiters)})>"


class Event(real_event):
    """`threading.Event` of a run; made outside one, the real thing."""

    kind = "Event"

    def __new__(cls) -> Any:
        arena = ACTIVE.arena
        if (arena is None or arena.ident != get_ident()) and cls is Event:
            return real_event()
        return object.__new__(cls)

    def __init__(self) -> None:
        arena = ACTIVE.arena
        if arena is None or arena.ident != get_ident():
            super().__init__()
            as_real(self, real_event, "is_set set clear wait")
            return
        self._arena = arena
        self._waiters: list[Task] = []
        self._flag = False
        self.number = arena.serial("Event")

    def is_set(self) -> bool:
        self._arena.point("is_set", self)
        return self._flag

    def set(self) -> None:
        self._arena.point("set", self)
        self._flag = True
        for task in self._waiters:
            task.state = RUN
            task.timed = False
        self._waiters.clear()

    def clear(self) -> None:
        self._arena.point("clear", self)
        self._flag = False

    def wait(self, timeout: float | None = None) -> bool:
        arena = self._arena
        me = arena.me
        if me is None or arena.ident != get_ident():
            arena.elsewhere(self)
            if not self._flag and timeout is None:
                raise arena.stuck("wait", self)
            return self._flag
        if arena.on_wait is not None and not self._flag:
            arena.tell(arena.on_wait, me.number, "wait", self, timeout is not None, None)
        me.op = "wait"
        me.what = self
        arena.step(me)
        if self._flag:
            return True
        if timeout is not None:
            _refuse_endless(timeout)
            me.timed = True
            me.deadline = arena.now + timeout
        self._waiters.append(me)
        me.op = "wait"
        me.what = self
        me.lock = None
        me.state = CELL
        arena.step(me)
        if me.fired:
            self._waiters.remove(me)
            arena.come_back(me, self)
            return False
        return True

    def _at_fork_reinit(self) -> None:
        self._waiters.clear()

    def __repr__(self) -> str:
        state = "set" if self._flag else "unset"
        return f"<threading.Event at {self._arena.name_of(self)}: {state}>"
