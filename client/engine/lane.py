"""The lane to one worker: tasks that it may take when it has nothing else, one packet each.

Whoever takes a packet first has it, the worker or the engine: the system sees to that. So a task
that lies here has not begun, one that was taken back never will, and one that cannot be taken back
has begun.
"""

import socket
from contextlib import suppress


class Lane:
    """Both ends. The engine keeps the worker's end open too: it takes back through that.

    Attributes:
        theirs: the worker's end. It does not block, there as here: they share its mode.

    Raises:
        OSError: the system has no such sockets.
    """

    def __init__(self) -> None:
        self._ours, self.theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.setblocking(False)
        self.theirs.setblocking(False)

    def send(self, packet: bytes) -> bool:
        """Put a packet behind the others; False where there is no room."""
        try:
            self._ours.send(packet)
        except OSError:
            return False
        return True

    def take_back(self, most: int) -> list[bytes]:
        """All packets that the worker has not taken, which have at most `most` bytes."""
        packets: list[bytes] = []
        with suppress(OSError):
            while packet := self.theirs.recv(most):
                packets.append(packet)
        return packets

    def close(self) -> None:
        """Close both ends."""
        self._ours.close()
        self.theirs.close()
