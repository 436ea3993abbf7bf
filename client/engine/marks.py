"""What each worker has begun, written where its death leaves it.

A page of memory that the engine shares with its workers: before a worker looks at a task it writes
the task's number there. That costs no message, and is there when the worker is not any more: of the
tasks that it had been handed, none but that one can have begun. Light: every worker imports it.
"""

from __future__ import annotations

import errno
import os
from mmap import mmap
from struct import Struct

_BYTES = 1 << 20
# A line of a processor's cache for each, so that workers on different cores do not share one.
_STRIDE = 64
_NUMBER = Struct("<I")
_write = _NUMBER.pack_into


class Marks:
    """The engine's end: of all its workers.

    Attributes:
        fd: what a worker opens its own with.

    Raises:
        OSError: the system has no memory to share.
    """

    def __init__(self) -> None:
        self.fd = _memory()
        try:
            os.ftruncate(self.fd, _BYTES)
            self._memory = mmap(self.fd, _BYTES)
        except BaseException:
            os.close(self.fd)
            raise
        self._free: list[int] = []
        self._next = 0

    def take(self) -> int:
        """A place for a new worker, which has begun nothing.

        Raises:
            OSError: there are no more.
        """
        if self._free:
            at = self._free.pop()
        elif self._next < _BYTES:
            at = self._next
            self._next += _STRIDE
        else:
            raise OSError(errno.EAGAIN, "too many workers")
        _write(self._memory, at, 0)
        return at

    def begun(self, at: int) -> int:
        """The number of the task that a worker began last; 0 for none."""
        number: int = _NUMBER.unpack_from(self._memory, at)[0]
        return number

    def give_back(self, at: int) -> None:
        """The worker is gone."""
        self._free.append(at)

    def close(self) -> None:
        """The workers' ends stay."""
        self._memory.close()
        if self.fd >= 0:
            os.close(self.fd)
        self.fd = -1


class Mark:
    """A worker's end.

    Args:
        fd: of `Marks`; closed here. -1 for a worker whom nobody asks.
        at: its place.
    """

    __slots__ = ("_at", "_memory")

    def __init__(self, fd: int = -1, at: int = 0) -> None:
        self._at = at
        self._memory: mmap | bytearray = bytearray(_NUMBER.size)
        if fd >= 0:
            self._memory = mmap(fd, _BYTES)
            os.close(fd)

    def begins(self, number: int) -> None:
        """It is about to look at this task."""
        _write(self._memory, self._at, number)


def _memory() -> int:
    if hasattr(os, "memfd_create"):
        return os.memfd_create("futurefsm")
    import tempfile

    with tempfile.TemporaryFile() as file:
        return os.dup(file.fileno())
