"""A one-shot event that Ctrl-C cannot break.

`threading.Event` and ``with condition`` run Python code between taking a lock and being sure to
give it back. Ctrl-C there leaves it taken for ever, and the pump, which needs it, stands still.
What waits on the pump, or shares a lock with it, uses ``with`` on a bare lock, and this.
"""

from _thread import allocate_lock
from threading import TIMEOUT_MAX


class Latch:
    """Set once, never reset."""

    __slots__ = ("_lock", "_set")

    def __init__(self) -> None:
        self._lock = allocate_lock()
        self._lock.acquire()
        self._set = False

    def is_set(self) -> bool:
        """Whether `set` was called."""
        return self._set

    def set(self) -> None:
        """Let all who wait go on. By one thread at a time; never blocks."""
        if not self._set:
            self._set = True
            self._lock.release()

    def wait(self, timeout: float | None = None) -> bool:
        """Wait at most `timeout` seconds; whether it is set."""
        seconds = -1.0 if timeout is None else min(max(0.0, timeout), TIMEOUT_MAX)
        if not self._set and self._lock.acquire(timeout=seconds):
            # For the next who waits. Were Ctrl-C to come in between: they see the flag.
            self._lock.release()
        return self._set
