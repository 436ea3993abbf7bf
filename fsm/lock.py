"""The lock of one future, which is its condition too.

`concurrent.futures` knows a future's lock as `_condition`. A `threading.Condition` costs 900 bytes,
and a microsecond; wait() and as_completed() need none of what it adds, and most futures nobody
sleeps on. So the lock itself can put threads to sleep: each on a queue of its own, into which who
wakes it puts something. Other than behind a condition, who wakes up need not take the lock first;
and who sleeps says what for, so that nobody is woken who would only look, and sleep again.
"""

from _thread import RLock
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import TIMEOUT_MAX, Condition
from typing import TYPE_CHECKING, Any, TypeAlias

# In words: the race kit's queue has no brackets.
Bed: TypeAlias = "SimpleQueue[None]"
# What somebody sleeps for: asked under the lock; it neither waits nor raises.
Met: TypeAlias = Callable[[], bool]


def _always() -> bool:
    return True


class FutureLock(RLock):  # type: ignore[valid-type, misc, unused-ignore]
    """A re-entrant lock with what a `threading.Condition` has.

    Who makes one sets `_waiters` to None: an `__init__` would be a third of a future's birth.
    """

    __slots__ = ("_waiters",)

    # What threads sleep on, and what for.
    _waiters: list[tuple[Bed, Met]] | None

    if TYPE_CHECKING:
        # What `threading.Condition` asks of a lock.
        def _is_owned(self) -> bool: ...
        def _release_save(self) -> Any: ...
        def _acquire_restore(self, saved: Any) -> None: ...

    def enlist(self, bed: Bed, met: Met = _always) -> None:
        """Who is about to sleep on `bed` will be woken, once `met()`. Under the lock."""
        waiters = self._waiters
        if waiters is None:
            self._waiters = [(bed, met)]
        else:
            waiters.append((bed, met))

    def sleep(self, bed: Bed, seconds: float | None) -> bool:
        """Sleep until somebody wakes `bed`; False where the time ran out. Not under the lock."""
        woken = False
        try:
            bed.get(True, None if seconds is None else min(seconds, TIMEOUT_MAX))
            woken = True
        except Empty:
            pass
        finally:
            # The time ran out, or Ctrl-C.
            if not woken:
                with self:
                    left = [one for one in self._waiters or () if one[0] is not bed]
                    self._waiters = left or None
        return woken

    def wake(self) -> None:
        """Wake who sleeps for what is there now. Under the lock.

        After Ctrl-C in the middle it can be done again.
        """
        waiters = self._waiters
        if waiters is not None:
            asleep = []
            for one in waiters:
                bed, met = one
                # Asked once: a finalizer in between may make it true, and wakes by itself.
                if met():
                    bed.put(None)
                else:
                    asleep.append(one)
            self._waiters = asleep or None

    # What code of others knows of a condition.

    def wait(self, timeout: float | None = None) -> bool:
        """As `threading.Condition.wait`."""
        if not self._is_owned():
            raise RuntimeError("cannot wait on un-acquired lock")
        bed: Bed = SimpleQueue()
        self.enlist(bed)
        saved = self._release_save()
        try:
            return self.sleep(bed, None if timeout is None else max(timeout, 0.0))
        finally:
            self._acquire_restore(saved)

    wait_for = Condition.wait_for

    def notify(self, n: int = 1) -> None:
        """As `threading.Condition.notify`, which may wake more than `n`."""
        if not self._is_owned():
            raise RuntimeError("cannot notify on un-acquired lock")
        self.wake()

    notify_all = notify
