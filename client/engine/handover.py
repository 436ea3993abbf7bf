"""Hands sealed objects to one other process: descriptors, over a socket for nothing else.

What is said of an object travels on another channel, behind its descriptor. So the descriptor is
here when it is asked for, or will never be, and nobody waits. Light: workers import it.
"""

from __future__ import annotations

import os
import resource
import socket
import struct
from contextlib import suppress

from futurefsm.client.engine import sealed
from futurefsm.client.engine.sealed import Sealed
from futurefsm.protocol.piggyback import plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from futurefsm.protocol.piggyback import Buffer, Payload

LEAST = 2**20
"""Bytes; a smaller object of a client is as quickly sent."""

_RECORD = struct.Struct("<QQ")
"""The number by which it will be asked for, and its bytes. Fewer than any system cuts."""

# Where a process may have fewer descriptors, and fewer for each worker, nothing is handed over.
_FILES = 192
_FILES_EACH = 8

_FD = struct.Struct("@i")
_FD_SPACE = socket.CMSG_LEN(_FD.size)
_RIGHTS = (socket.SOL_SOCKET, socket.SCM_RIGHTS)
_FLAGS = getattr(socket, "MSG_DONTWAIT", 0) | getattr(socket, "MSG_CMSG_CLOEXEC", 0)


class Handover:
    """One end of the socket. One thread.

    Args:
        sock: one of a `pair`; owned from here on.
        spare: one that several ends on this thread share; by default one of its own.
    """

    def __init__(self, sock: socket.socket, spare: Spare | None = None) -> None:
        self._sock = sock
        self._spare = Spare() if spare is None else spare
        self._shares = spare is not None

    def give(self, what: Payload, number: int) -> bool:
        """Hand an object over, for whoever asks for this number; False where it cannot go so."""
        if not isinstance(what, Sealed):
            return len(what) >= LEAST and self.write((plain(what),), number)
        record = _RECORD.pack(number, len(what))
        try:
            # `socket.send_fds` and its brother overlook the flags.
            self._sock.sendmsg([record], [(*_RIGHTS, _FD.pack(what.fileno()))], _FLAGS)
        except OSError:
            return False
        return True

    def write(self, parts: Sequence[Buffer], number: int) -> bool:
        """The same for bytes that are not sealed yet."""
        made = sealed.seal(parts)
        return made is not None and self.give(made, number)

    def take(self, number: int, size: int) -> Sealed | bytes | None:
        """The object with this number; what was given before it is dropped.

        None where it was not given, or is not what was said. Bytes where this process holds enough
        descriptors.
        """
        self._spare.give_up()
        taken = self._find(number, size)
        plenty = self._spare.take() and sealed.room()
        if taken is None or plenty:
            return taken
        try:
            whole = bytes(taken)
        except MemoryError:
            return None
        del taken
        self._spare.take()
        return whole

    def _find(self, number: int, size: int) -> Sealed | None:
        while True:
            try:
                data, extra, _, _ = self._sock.recvmsg(_RECORD.size, _FD_SPACE, _FLAGS)
            except OSError:
                return None
            fds = [_FD.unpack(each)[0] for *kind, each in extra if tuple(kind) == _RIGHTS]
            if len(data) == _RECORD.size and fds and _RECORD.unpack(data) == (number, size):
                return sealed.accept(fds[0], size)
            for fd in fds:
                os.close(fd)
            if not data:
                return None

    def close(self) -> None:
        """Close this end; what nobody took is dropped. Any number of times."""
        self._sock.close()
        if not self._shares:
            self._spare.give_up()


class Spare:
    """A descriptor that is given up for the moment in which another one comes: where none is left,
    what was sent is not lost."""

    def __init__(self) -> None:
        self._fd = -1
        self.take()

    def take(self) -> bool:
        """Have it again; False where there is none left."""
        if self._fd < 0:
            with suppress(OSError):
                self._fd = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
        return self._fd >= 0

    def give_up(self) -> None:
        """Any number of times."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Pair(Handover):
    """This end, and the other one, which a child inherits.

    Attributes:
        theirs: the other end's descriptor; -1 once it is let go.

    Raises:
        OSError: no descriptors are left.
    """

    def __init__(self, spare: Spare | None = None) -> None:
        ours, theirs = socket.socketpair()
        self.theirs = theirs.detach()
        super().__init__(ours, spare)

    def let_go(self) -> None:
        """The child has its end."""
        if self.theirs >= 0:
            os.close(self.theirs)
            self.theirs = -1

    def close(self) -> None:
        """Close both ends. Any number of times."""
        super().close()
        self.let_go()


def affordable(workers: int) -> bool:
    """Whether an engine with so many has descriptors to spare for it."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return soft < 0 or soft >= _FILES + _FILES_EACH * workers


def pair(spare: Spare | None = None) -> Pair | None:
    """A new one; None where nothing can be handed over."""
    try:
        return Pair(spare) if hasattr(os, "memfd_create") else None
    except OSError:
        return None


def inherited(fd: int) -> Handover:
    """The other end."""
    return Handover(socket.socket(fileno=fd))
