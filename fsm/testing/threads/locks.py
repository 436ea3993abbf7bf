"""Lock and RLock of a run.

A stop lies in front of each acquire, none behind a release: to run another task right after a
release is the same as to run it before the next operation, but for code that reads shared fields
without a lock; for that there is the line level.
"""

from typing import Any

from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident, real_lock, real_rlock
from futurefsm.fsm.testing.threads.scheduler import Arena
from futurefsm.fsm.testing.threads.steps import Uncontrolled
from futurefsm.fsm.testing.threads.tasks import LOCK, Task


def checked(blocking: bool, timeout: float) -> float | None:
    """The timeout of an acquire, None for none; raises what the real one raises."""
    real_lock().acquire(blocking, timeout)
    return None if not blocking or timeout == -1 else timeout


class Lock:
    """`threading.Lock` of a run; made outside one, the real thing."""

    __slots__ = ("__weakref__", "_arena", "_count", "_owner", "number")

    kind = "Lock"
    reentrant = False

    _arena: Arena
    # The task that has it; None: it is free.
    _owner: Task | None
    _count: int
    number: int

    def __new__(cls) -> "Lock":
        arena = ACTIVE.arena
        if arena is None or arena.ident != get_ident():
            return real_lock()  # type: ignore[return-value]
        return cls._made(arena)  # type: ignore[no-any-return]

    @classmethod
    def _made(cls, arena: Arena) -> Any:
        self = object.__new__(cls)
        self._arena = arena
        self._owner = None
        self._count = 0
        # As `serial`, without the call.
        serials, kind = arena.serials, cls.kind
        self.number = serials[kind] = serials.get(kind, 0) + 1
        arena.locks.append(self)
        return self

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        arena = self._arena
        me = arena.me
        if me is None or arena.ident != get_ident():
            return self._acquire_outside(blocking, timeout)
        if blocking is not True or timeout != -1:
            return self._acquire_oddly(me, blocking, timeout)
        me.op = "acquire"
        me.what = me.lock = self
        me.state = LOCK
        arena.step(me)
        self._owner = me
        self._count = 1
        if arena.on_acquire is not None:
            arena.tell_lock(arena.on_acquire, self)
        return True

    __enter__ = acquire

    def _acquire_oddly(self, me: Task, blocking: bool, timeout: float) -> bool:
        """Try it, or wait for it with a timer."""
        arena = self._arena
        seconds = checked(blocking, timeout)
        me.what = me.lock = self
        if not blocking or seconds == 0:
            me.op = "try"
        else:
            me.op = "acquire"
            me.state = LOCK
            if seconds is not None:
                me.timed = True
                me.deadline = arena.now + seconds
        arena.step(me)
        if me.fired or self._owner is not None:
            return False
        self._owner = me
        self._count = 1
        if arena.on_acquire is not None:
            arena.tell_lock(arena.on_acquire, self)
        return True

    def _acquire_outside(self, blocking: bool, timeout: float) -> bool:
        """No task of its run is running here: it is taken if it is free, nobody waits."""
        arena = self._arena
        plain = blocking is True and timeout == -1
        seconds = None if plain else checked(blocking, timeout)
        arena.elsewhere(self)
        running = ACTIVE.arena
        owner = arena.outside if running is None or running.me is None else running.me
        if self._owner is None:
            self._owner = owner
            self._count = 1
            return True
        if self._owner is owner and self.reentrant:
            self._count += 1
            return True
        if not blocking or seconds is not None:
            return False
        if running is not None and running is not arena:
            raise Uncontrolled(
                f"{self!r} of an earlier run is used in this one: make it in the setup of each "
                "run, or name its module to installed()"
            )
        raise arena.stuck("acquire", self)

    def release(self) -> None:
        arena = self._arena
        if self._owner is None:
            if arena.over:
                return
            raise RuntimeError("release unlocked lock")
        self._owner = None
        if arena.on_release is not None and arena.me is not None:
            arena.tell_free(self)

    def __exit__(self, *exc: object) -> None:
        self.release()

    def locked(self) -> bool:
        """Whether somebody has it."""
        return self._owner is not None

    acquire_lock = acquire
    release_lock = release
    locked_lock = locked

    def mine(self, me: Task | None) -> bool:
        """What `Condition` asks before it waits. A plain lock does not know whose it is."""
        return self._owner is not None

    def _at_fork_reinit(self) -> None:
        self._owner = None
        self._count = 0

    def __repr__(self) -> str:
        owner = self._owner
        state = "unlocked" if owner is None else "locked"
        held = "" if owner is None else f"held by {owner.name} "
        return f"<{state} threading.{self.kind} object {held}at {self._arena.name_of(self)}>"


class RLock(Lock):
    """`threading.RLock` of a run; made outside one, the real thing."""

    __slots__ = ()

    kind = "RLock"
    reentrant = True

    def __new__(cls) -> "RLock":
        arena = ACTIVE.arena
        if arena is None or arena.ident != get_ident():
            return real_rlock()  # type: ignore[return-value]
        return cls._made(arena)  # type: ignore[no-any-return]

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        arena = self._arena
        me = arena.me
        if me is None or arena.ident != get_ident():
            return self._acquire_outside(blocking, timeout)
        if blocking is not True or timeout != -1:
            checked(blocking, timeout)
            if self._owner is not me:
                return self._acquire_oddly(me, blocking, timeout)
        if self._owner is me:
            if arena.over:
                arena.step(me)
            self._count += 1
            return True
        me.op = "acquire"
        me.what = me.lock = self
        me.state = LOCK
        arena.step(me)
        self._owner = me
        self._count = 1
        if arena.on_acquire is not None:
            arena.tell_lock(arena.on_acquire, self)
        return True

    __enter__ = acquire
    acquire_lock = acquire

    def release(self) -> None:
        arena = self._arena
        me = arena.me
        if self._owner is not (me or arena.outside):
            if arena.over:
                return
            raise RuntimeError("cannot release un-acquired lock")
        count = self._count = self._count - 1
        if not count:
            self._owner = None
            if arena.on_release is not None and me is not None:
                arena.tell_free(self)

    release_lock = release

    def __exit__(self, *exc: object) -> None:
        # As `release`, but for the price of a call: most locks are let go here.
        arena = self._arena
        if self._count != 1 or self._owner is not arena.me:
            self.release()
            return
        self._count = 0
        self._owner = None
        if arena.on_release is not None:
            arena.tell_free(self)

    def mine(self, me: Task | None) -> bool:
        return self._owner is (me or self._arena.outside)

    # What threading.Condition and its users call.

    def _is_owned(self) -> bool:
        arena = self._arena
        return self._owner is (arena.me or arena.outside)

    def _release_save(self) -> tuple[int, Any]:
        if not self.mine(self._arena.me):
            raise RuntimeError("cannot release un-acquired lock")
        saved = (self._count, self._owner)
        self._count = 1
        self.release()
        return saved

    def _acquire_restore(self, saved: tuple[int, Any]) -> None:
        self.acquire()
        self._count = saved[0]

    def _recursion_count(self) -> int:
        return self._count if self._is_owned() else 0
