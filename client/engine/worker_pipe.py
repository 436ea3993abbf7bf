"""The worker's end of its pipe to the engine, and of its lane. Light: every worker imports it."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from futurefsm.client.engine.results import Buffer

_READ = 65536
_IOV = 64


class EngineGone(Exception):
    """The engine closed the pipe, or died."""


class Inbox:
    """Reads from the engine: small messages from one buffer, large payloads into their own."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = bytearray(_READ)
        self._view = memoryview(self._buffer)
        # What was read and not taken yet lies between these.
        self._start = self._end = 0

    def exactly(self, size: int) -> bytearray:
        """The next `size` bytes; raises `EngineGone` at the end of the stream."""
        start = self._start
        if self._end - start < size:
            if size > _READ:
                return self._large(size)
            self._fill(size)
            start = self._start
        self._start = start + size
        return self._buffer[start : start + size]

    def _large(self, size: int) -> bytearray:
        taken = bytearray(size)
        held = self._end - self._start
        taken[:held] = self._view[self._start : self._end]
        self._start = self._end = 0
        with memoryview(taken) as view:
            while held < size:
                with view[held:] as rest:
                    held += self._read(rest)
        return taken

    def _fill(self, size: int) -> None:
        held = self._end - self._start
        if self._start:
            self._buffer[:held] = self._buffer[self._start : self._end]
            self._start, self._end = 0, held
        while self._end < size:
            self._end += self._read(self._view[self._end :])

    def _read(self, into: memoryview) -> int:
        count = os.readv(self._fd, (into,))
        if not count:
            raise EngineGone
        return count

    @property
    def held(self) -> bool:
        """Whether something was read that was not taken yet."""
        return self._end > self._start

    def packet(self) -> bool:
        """Read one packet, if there is one: whoever sent it may have taken it back."""
        try:
            self._end = os.readv(self._fd, (self._view,))
        except BlockingIOError:
            return False
        self._start = 0
        return self._end > 0


def send(fd: int, parts: Sequence[Buffer]) -> None:
    """Write all of it, blocking; large parts are not copied."""
    if sum([memoryview(part).nbytes for part in parts]) <= _READ:
        whole = b"".join(parts)
        written = os.write(fd, whole)
        if written == len(whole):
            return
        views = [memoryview(whole)[written:]]
    else:
        views = [memoryview(part).cast("B") for part in parts if memoryview(part).nbytes]
    at = 0
    while at < len(views):
        written = os.writev(fd, views[at : at + _IOV])
        while at < len(views) and written >= views[at].nbytes:
            written -= views[at].nbytes
            at += 1
        if written:
            views[at] = views[at][written:]
