"""Large objects in memory of their own, which processes hand to each other as descriptors.

Written once, and sealed: from then on nobody can change or shorten it, whoever holds it. Whoever
needs the value reads it straight to where it stays, and nothing of it is sent through a socket.
Linux only; where there is none, or none any more, callers go the ordinary way. Light: workers
import it.
"""

from __future__ import annotations

import _thread
import fcntl
import io
import mmap
import os
import pickle
import resource

from futurefsm.client.engine.worker_pipe import send
from futurefsm.protocol.piggyback import Handed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from futurefsm.protocol.piggyback import Buffer

# One process holds so many at the most, or that part of the descriptors it may have.
_MOST = 1024
_PART = 4

_HUGE_PAGE = 2 * 2**20
_HUGE_BYTES = 4 * 2**20
"""Fresh memory for so many bytes is asked for in large pages."""

_BEHIND_BYTES = 16 * 2**20
"""To give back so many takes the last who holds them milliseconds, which nobody should wait for: a
thread does it."""

_READ = 64 * 1024

# Descriptors of all that this process holds. A set, for that needs no lock.
_held: set[int] = set()


def room() -> bool:
    """Whether this process may hold another one: the rest of the descriptors are the user's."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return len(_held) < (_MOST if soft < 0 else min(_MOST, soft // _PART))


class Sealed(Handed):
    """One object's bytes. Closed with the last reference.

    Args:
        fd: owned from here on.
        size: bytes.
    """

    __slots__ = ("_fd", "_size")

    def __init__(self, fd: int, size: int) -> None:
        self._fd = fd
        self._size = size
        _held.add(fd)

    def __len__(self) -> int:
        return self._size

    def fileno(self) -> int:
        """The descriptor, to pass on while this object lives."""
        return self._fd

    def __bytes__(self) -> bytes:
        return self._source().read(self._size)

    def load(self) -> Any:
        """The object that is pickled here. Its large parts are read straight to where they stay."""
        return pickle.load(self._source())

    def view(self) -> memoryview:
        """The bytes, to be sent where no descriptor can go."""
        return memoryview(mmap.mmap(self._fd, self._size, mmap.MAP_PRIVATE, mmap.PROT_READ))

    def _source(self) -> io.BufferedReader:
        return io.BufferedReader(_Source(self), _READ)

    def __del__(self, close: Callable[[int], None] = os.close, held: set[int] = _held) -> None:
        held.discard(self._fd)
        if self._size >= _BEHIND_BYTES:
            try:
                _thread.start_new_thread(close, (self._fd,))
            except (RuntimeError, MemoryError):
                pass  # there are enough of them, no memory is left, or this process ends
            else:
                return
        close(self._fd)


class _Source(io.RawIOBase):
    """Reads from the beginning. The offset is its own: processes share that of a descriptor."""

    def __init__(self, sealed: Sealed) -> None:
        self._sealed = sealed
        self._at = 0

    def readable(self) -> bool:
        return True

    def readinto(self, into: Any) -> int:
        if len(into) >= _HUGE_BYTES:
            _use_large_pages(into)
        count = os.preadv(self._sealed.fileno(), (into,), self._at)
        self._at += count
        return count


def seal(parts: Sequence[Buffer]) -> Sealed | None:
    """The parts, one behind the other; None where the system has no such memory (left)."""
    if not room():
        return None
    size = sum([memoryview(part).nbytes for part in parts])
    try:
        fd = os.memfd_create("futurefsm", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    except (OSError, AttributeError):
        return None
    try:
        send(fd, parts)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, _SEALS)
    except BaseException as error:
        os.close(fd)
        if _of_the_system(error):
            return None
        raise
    return Sealed(fd, size)


def _of_the_system(error: BaseException) -> bool:
    """Not Ctrl-C, and not what another signal's handler raised: a `TimeoutError` is one, too."""
    from futurefsm.client.blame import of_a_signal

    return isinstance(error, OSError) and not of_a_signal(error)


def accept(fd: int, size: int) -> Sealed | None:
    """What another process has handed over; None, and closed, where it is not what was said."""
    try:
        sealed = fcntl.fcntl(fd, fcntl.F_GET_SEALS) & _SEALS == _SEALS
        if sealed and os.fstat(fd).st_size == size:
            return Sealed(fd, size)
    except (OSError, AttributeError):
        pass
    os.close(fd)
    return None


# What nobody maps needs no more than to forbid what is to come. To forbid all writing, the system
# looks at each page, and may wait some milliseconds for it.
_SEAL_FUTURE_WRITE = 0x10
_SEALS = getattr(fcntl, "F_SEAL_SHRINK", 0) | getattr(fcntl, "F_SEAL_GROW", 0) | _SEAL_FUTURE_WRITE


def _use_large_pages(memory: Any) -> None:
    """Fresh memory comes page by page, each on its first use, which takes longer than to copy the
    bytes. Asked so, it comes 2 MiB at a time. A hint: nothing else changes."""
    try:
        import ctypes

        begin = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        first = -(-begin // _HUGE_PAGE) * _HUGE_PAGE
        size = (begin + len(memory)) // _HUGE_PAGE * _HUGE_PAGE - first
        advise = ctypes.CDLL(None).madvise
        advise(ctypes.c_void_p(first), ctypes.c_size_t(size), mmap.MADV_HUGEPAGE)
    except (ImportError, OSError, AttributeError):
        return
