"""YMQ over TCP and unix sockets: the storage channel of every engine. Non-blocking.

A stream belongs to one thread. On this framing the end of a stream has two meanings: an orderly
one (FIN) says that the peer is gone for good, a reset says 'try again'; `YmqStream` tells which.
"""

import errno
import socket
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from futurefsm.protocol.errors import ProtocolError, TransportClosedError
from futurefsm.protocol.transport.framing import (
    MAX_MESSAGE,
    Payload,
    YmqFraming,
    frame_header,
    opening,
)

__all__ = [
    "Payload",
    "YmqFraming",
    "YmqStream",
    "accept",
    "connect_tcp",
    "connect_unix",
    "listen_tcp",
    "listen_unix",
]

_CHUNK = 262_144
_PER_CALL = 16 * _CHUNK
_SMALL = 4096
_BATCH = 64


class YmqStream:
    """A connection that was dialled or accepted; the same on both sides.

    Args:
        sock: connected; made non-blocking and owned from here on.
        identity: ours, sent at once.
        max_message: bytes; see `YmqFraming`.

    Attributes:
        eof: nothing more will come: the peer's side has ended, or is not to be understood (see
            `failure`). What came before was returned by `receive`.
        reset: it ended by a reset or another failure of the link, not in order.
    """

    def __init__(
        self, sock: socket.socket, identity: bytes, *, max_message: int = MAX_MESSAGE
    ) -> None:
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 30)
        self.eof = False
        self.reset = False
        self._sock = sock
        self._framing = YmqFraming(max_message)
        self._queue: deque[memoryview] = deque()
        self._tail = bytearray(opening(identity))
        self._unsent = len(self._tail)
        self._chunk = bytearray(_CHUNK)
        self._closed = False

    @property
    def poll_item(self) -> int:
        """The file descriptor, for `Poller.register`."""
        return self._sock.fileno()

    @property
    def peer_identity(self) -> bytes | None:
        """The peer's, once it has arrived."""
        return self._framing.peer_identity

    @property
    def failure(self) -> ProtocolError | None:
        """What was wrong with what the peer sent; `receive` raises it from then on."""
        return self._framing.failure

    @property
    def unsent(self) -> int:
        """Bytes that wait for `flush`; whoever sends without end should look."""
        return self._unsent

    @property
    def wants_write(self) -> bool:
        """Whether `flush` has something left to do: poll for writing too."""
        return self._unsent > 0

    def send_frames(self, payloads: Iterable[bytes | bytearray | memoryview]) -> None:
        """Queue messages, one frame each; `flush` sends them.

        Small ones are copied together; a large one is referred to until it was sent, so leave its
        bytes alone.

        Raises:
            TransportClosedError: after `close`.
        """
        if self._closed:
            raise TransportClosedError("the stream is closed")
        for payload in payloads:
            size = payload.nbytes if isinstance(payload, memoryview) else len(payload)
            self._tail += frame_header(size)
            if size <= _SMALL:
                self._tail += payload
            else:
                self._seal()
                self._queue.append(memoryview(payload).cast("B"))
            self._unsent += 8 + size

    def _seal(self) -> None:
        if self._tail:
            self._queue.append(memoryview(self._tail))
            self._tail = bytearray()

    def flush(self) -> bool:
        """Send what the link takes now.

        Returns:
            Whether everything queued was sent.

        Raises:
            TransportClosedError: the link is broken or was closed; what was queued is dropped.
        """
        if self._closed:
            raise TransportClosedError("the stream is closed")
        self._seal()
        while self._queue:
            batch = [self._queue[index] for index in range(min(_BATCH, len(self._queue)))]
            try:
                sent = self._sock.sendmsg(batch)
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                self._queue.clear()
                self._unsent = 0
                reason = f"the peer does not take any more: {error.strerror}"
            else:
                self._advance(sent)
                continue
            raise TransportClosedError(reason)
        return True

    def _advance(self, sent: int) -> None:
        self._unsent -= sent
        while sent:
            first = self._queue[0]
            if sent < len(first):
                self._queue[0] = first[sent:]
                return
            sent -= len(first)
            self._queue.popleft()

    def receive(self) -> list[Payload]:
        """The messages that have arrived, of at most 4 MiB at a time.

        The descriptor stays readable while more is there. After the last message `eof` is set.

        Raises:
            ProtocolError: the peer does not speak this framing, or announced too much; whatever
                came before the fault is returned first, with `eof` set.
            TransportClosedError: after `close`.
        """
        if self._closed:
            raise TransportClosedError("the stream is closed")
        if self.failure is not None:
            raise self.failure
        messages: list[Payload] = []
        taken = 0
        while taken < _PER_CALL and not self.eof:
            try:
                count = self._sock.recv_into(self._chunk)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                self.eof = self.reset = True
                break
            if not count:
                self.eof = True
                break
            taken += count
            with memoryview(self._chunk) as view, suppress(ProtocolError):
                messages += self._framing.feed(view[:count])
            if self._framing.failure is not None:
                self.eof = True
                if not messages:
                    raise self._framing.failure
            if count < _CHUNK:
                break
        return messages

    def close(self) -> None:
        """Give the connection back; what was not flushed is dropped. Any number of times."""
        if not self._closed:
            self._closed = True
            self._queue.clear()
            self._unsent = 0
            self._sock.close()


def connect_unix(path: str, timeout_s: float = 5.0) -> socket.socket:
    """Dial a unix socket. Blocks for at most `timeout_s`; raises `OSError`."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        sock.settimeout(timeout_s)
        sock.connect(path)
    except BaseException:
        sock.close()
        raise
    return sock


def connect_tcp(host: str, port: int, timeout_s: float = 5.0) -> socket.socket:
    """Dial a TCP address. Blocks for at most `timeout_s` per resolved address; raises `OSError`."""
    return socket.create_connection((host, port), timeout_s)


def listen_unix(path: str, backlog: int = 128) -> socket.socket:
    """A non-blocking listener at a path that does not exist yet; raises `OSError`.

    Who may connect is a matter of the directory: make it 0700.
    """
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    return _listening(sock, path, backlog)


def listen_tcp(host: str, port: int = 0, backlog: int = 128) -> socket.socket:
    """A non-blocking TCP listener; port 0 lets the system choose. Raises `OSError`."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    return _listening(sock, (host, port), backlog)


def _listening(sock: socket.socket, address: str | tuple[str, int], backlog: int) -> socket.socket:
    try:
        sock.bind(address)
        sock.listen(backlog)
    except BaseException:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


def accept(listener: socket.socket) -> socket.socket | None:
    """The next connection, or None when none waits or the one that waited has gone.

    Raises:
        OSError: the listener is closed, or the process has no descriptor left.
    """
    try:
        sock, _ = listener.accept()
    except OSError as error:
        if error.errno in (errno.EMFILE, errno.ENFILE, errno.EBADF, errno.EINVAL):
            raise
        return None
    return sock
