"""YMQ over TCP and unix sockets, TLS and WebSocket between if wanted. Non-blocking.

A stream belongs to one thread. On this framing the end of a stream has two meanings: an orderly
one (FIN) says that the peer is gone for good, a reset says 'try again'; `YmqStream` tells which.
"""

import errno
import socket
from collections import deque
from collections.abc import Iterable
from contextlib import suppress
from itertools import islice
from typing import TYPE_CHECKING

from futurefsm.protocol.errors import ProtocolError, TransportClosedError
from futurefsm.protocol.transport.buffers import Buffers
from futurefsm.protocol.transport.framing import (
    MAX_MESSAGE,
    Payload,
    YmqFraming,
    frame_header,
    opening,
)

if TYPE_CHECKING:
    from futurefsm.protocol.transport.layers import Layer, Stack

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
        layers: TLS and WebSocket, fresh ones (see `layers.layers_for`). Reading may then need
            writing and the other way round: look at `wants_write` after each `receive`, and poll
            for reading also while there is something to send.
        patient: say nothing before the peer has begun with YMQ's magic. Whoever listens speaks at
            once on this framing, and Scaler 2.9 dies of bytes on its TLS port that are not TLS.

    Attributes:
        eof: nothing more will come: the peer's side has ended, or is not to be understood (see
            `failure`). What came before was returned by `receive`. TLS and WebSocket have ends of
            their own, which count as an orderly end.
        reset: it ended by a reset or another failure of the link, not in order. Also set by a
            `flush` that met it first.
    """

    def __init__(
        self,
        sock: socket.socket,
        identity: bytes,
        *,
        max_message: int = MAX_MESSAGE,
        layers: "Iterable[Layer]" = (),
        patient: bool = False,
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
        # Bytes that came, of half messages too.
        self.heard = 0
        self._chunk = memoryview(bytearray(_CHUNK))
        self._closed = self._ended = False
        self._patient = patient
        self._stack = _stacked(tuple(layers))
        # Bytes that the layers have made for the wire.
        self._wire = bytearray(self._stack.take() if self._stack is not None else b"")

    @property
    def poll_item(self) -> int:
        """The file descriptor, for `Poller.register`."""
        return self._sock.fileno()

    @property
    def peer_identity(self) -> bytes | None:
        """The peer's, once it has arrived."""
        return self._framing.peer_identity

    def use(self, buffers: Buffers) -> None:
        """Receive large messages into spare buffers; `buffers.give_back` makes them spare again."""
        self._framing.buffers = buffers

    @property
    def failure(self) -> ProtocolError | None:
        """What was wrong with what the peer sent; `receive` raises it from then on.

        A `HandshakeError`: TLS or WebSocket never began, and dialling again would not help.
        """
        return (self._stack is not None and self._stack.failure) or self._framing.failure

    @property
    def unsent(self) -> int:
        """Bytes that wait for `flush`; whoever sends without end should look."""
        return self._unsent + len(self._wire)

    @property
    def wants_write(self) -> bool:
        """Whether `flush` has something left to do: poll for writing too."""
        if self._stack is None:
            return self._unsent > 0 and not self._patient
        return bool(self._wire) or (self._unsent > 0 and self._stack.ready)

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
            Whether everything queued was sent, or waits for the peer to begin: False means that
            polling for writing helps.

        Raises:
            TransportClosedError: the link is broken or was closed; what was queued is dropped.
        """
        if self._closed:
            raise TransportClosedError("the stream is closed")
        if self._patient and self._stack is None:
            return True
        self._seal()
        while self._queue or self._wire:
            try:
                if self._stack is not None:
                    if self._flush_layers(self._stack):
                        continue
                    break
                if len(self._queue) == 1:
                    sent = self._sock.send(self._queue[0])
                else:
                    sent = self._sock.sendmsg(islice(self._queue, _BATCH))
            except (BlockingIOError, InterruptedError):
                return False
            except OSError as error:
                self._queue.clear()
                self._wire.clear()
                self._unsent = 0
                # EPIPE says only that the end was known before, orderly or not.
                self.reset = self.reset or error.errno != errno.EPIPE
                reason = f"the peer does not take any more: {error.strerror}"
            else:
                self._advance(sent)
                continue
            raise TransportClosedError(reason)
        if self._stack is not None and self._stack.failure is not None:
            raise TransportClosedError(str(self._stack.failure))
        return True

    def _flush_layers(self, stack: "Stack") -> bool:
        """Send once; False when there was nothing that can be sent. Raises `OSError`."""
        self._fill(stack)
        if not self._wire:
            return False
        sent = self._sock.send(self._wire)
        del self._wire[:sent]
        return True

    def _fill(self, stack: "Stack") -> None:
        """Let the layers make a bounded amount of bytes for the wire."""
        while len(self._wire) < _CHUNK:
            if self._queue and stack.ready:
                part = self._queue[0][:_CHUNK]
                stack.write(part)
                self._advance(len(part))
            made = stack.take()
            if not made:
                return
            self._wire += made

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
            # Most of a large message goes where it is to stay.
            buffers = self._stack is None and self._framing.buffers is not None
            room = self._framing.room() if buffers else None
            into = self._chunk if room is None else room
            try:
                count = self._sock.recv_into(into)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                self.eof = self.reset = True
                break
            if not count:
                self.eof = True
                break
            taken += count
            self.heard += count
            if room is not None:
                messages += self._framing.filled(count)
            else:
                self._feed(count, messages)
            if count < len(into):
                break
        if self._stack is not None:
            self._respond(self._stack)
        if not messages and self.failure is not None:
            raise self.failure
        return messages

    def _feed(self, count: int, messages: list[Payload]) -> None:
        came = self._chunk[:count]
        try:
            for part in (came,) if self._stack is None else self._stack.receive(came):
                messages += self._framing.feed(part)
        except ProtocolError:
            pass  # `failure` says it too
        if self._framing.failure is not None:
            self.eof = True
        self._patient = self._patient and not self._framing.begun

    def _respond(self, stack: "Stack") -> None:
        """Send what the layers have to say to what came, or make `wants_write` say so."""
        self.eof = self.eof or stack.eof
        if self.eof and not self.reset:
            stack.ended()
        self.eof = self.eof or stack.failure is not None
        self._seal()
        self._fill(stack)
        if self._wire:
            # Whoever reads will learn of a broken link by reading.
            with suppress(TransportClosedError):
                self.flush()

    def end(self) -> None:
        """Say that nothing more comes from here: the ends of the layers, then a FIN, at once.

        What the peer still says can be thrown away by `discard`. A socket that is closed while
        something lies there unread, or before something comes, ends by a reset instead, and a
        reset may overtake in the peer what was said last.
        """
        if not self._closed and not self._ended:
            self._end_layers()
            self._ended = True
            with suppress(OSError):  # broken: nobody is there to tell
                self._sock.shutdown(socket.SHUT_WR)

    def discard(self) -> int:
        """Throw away some of what has come, unread; returns how many bytes, 0 at the end.

        Raises:
            BlockingIOError: nothing is there now.
            OSError: the link is broken or closed.
        """
        return self._sock.recv_into(self._chunk)

    def _end_layers(self) -> None:
        if self._stack is not None and not self._ended and not self.unsent and not self.eof:
            with suppress(OSError):  # a courtesy; the FIN says the same
                self._sock.send(self._stack.finish())

    def close(self) -> None:
        """Give the connection back; what was not flushed is dropped. Any number of times."""
        if not self._closed:
            self._closed = True
            self._end_layers()
            self._queue.clear()
            self._wire.clear()
            self._unsent = 0
            self._sock.close()


def _stacked(layers: "tuple[Layer, ...]") -> "Stack | None":
    if not layers:
        return None
    from futurefsm.protocol.transport.layers import Stack

    return Stack(layers)


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
