"""A scheduler's end of YMQ: one listener, many connections, the interface of `ZmqRouter`.

Identities are what peers say. A new connection with an identity that is connected takes its place
and the old one is closed, as a real scheduler does it. A peer whose link was reset will dial again:
what is sent meanwhile is held for it, within bounds. One that ended its connection is gone.
"""

import os
import selectors
import socket
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING

from futurefsm.protocol.errors import ProtocolError, TransportClosedError
from futurefsm.protocol.transport.framing import Payload
from futurefsm.protocol.transport.ymq import YmqStream, accept, listen_tcp, listen_unix
from futurefsm.protocol.transport.ymq_parting import see_off

if TYPE_CHECKING:
    import ssl

    from futurefsm.protocol.transport.layers import Layer

MAX_MESSAGE = 256 * 2**20
"""Bytes; a peer that announces a larger message is disconnected."""

UNSENT_BYTES = 64 * 2**20
"""What may wait for one peer; what is sent to it beyond is dropped."""

READ_WHILE_UNSENT_BYTES = 2**20
"""A peer for which more waits is not read from until it has taken it."""

HELD_PEERS = 256
"""So many peers whose link was reset are remembered."""

HELD_BYTES = 2**20
"""What is held for each of them."""


class YmqRouter:
    """Listens, and exchanges whole messages with whoever connects. One thread, never blocks.

    Args:
        address: ``tcp://host:port``, or with ``tls``, ``ws`` or ``wss``; port 0 lets the system
            choose. Or ``ipc:///path`` of a unix socket; its directory must exist, and be 0700: its
            mode is all that guards the socket.
        identity: ours; any text, by default one that names this process.
        max_message: bytes.
        tls: for tls and wss: what to show, from `tls.server_context`.
        trusted: what is queued are answers to what was read, so that there cannot be too many of
            them, and each is waited for, however long its peer does not read (Ctrl-Z): nothing but
            what is `spare` is dropped.

    Attributes:
        address: where it listens, with the port that the system chose.
        dropped: connections that ended for what the peer sent: garbage, or too much.

    Raises:
        OSError: the address is taken, or is not one of this machine.
        ValueError: the address is not understood; it needs a certificate, and there is none.
        ModuleNotFoundError: a WebSocket is wanted, and the extra `ws` is not installed.
    """

    def __init__(
        self,
        address: str,
        identity: bytes | None = None,
        *,
        max_message: int = MAX_MESSAGE,
        tls: "ssl.SSLContext | None" = None,
        trusted: bool = False,
    ) -> None:
        scheme, host, port = _split(address)
        self._path = host if scheme == "ipc" else ""
        self._layers = _layers(scheme, tls)
        self.dropped = 0
        self._identity = identity or b"%d|scheduler|%s" % (
            os.getpid(),
            os.urandom(16).hex().encode(),
        )
        self._max = max_message
        self._trusted = trusted
        if self._path:
            self._listener = listen_unix(host)
            self.address = address
        else:
            self._listener = listen_tcp(host, port)
            self.address = f"{scheme}://{host}:{self._listener.getsockname()[1]}"
        self._selector = selectors.DefaultSelector()
        self._selector.register(self._listener, selectors.EVENT_READ)
        # Given up for a moment when no descriptor is left: a connection can be refused only by
        # accepting it, and one that is neither keeps the listener readable.
        self._spare = os.open(os.devnull, os.O_RDONLY)
        self._streams: dict[int, YmqStream] = {}
        self._interest: dict[int, int] = {}
        self._peers: dict[bytes, int] = {}
        self._names: dict[int, bytes] = {}
        # With the number of their bytes.
        self._held: OrderedDict[bytes, tuple[list[bytes], int]] = OrderedDict()
        self._arrived: deque[tuple[bytes, Payload]] = deque()
        # Connections that something was queued for since the last flush.
        self._owed: dict[int, None] = {}
        self._closed = False
        # All that has arrived came with one look, behind which there was no other.
        self._looked = False

    @property
    def poll_item(self) -> int:
        """A descriptor that is readable while any connection has something to do."""
        return self._alive().fileno()

    @property
    def connections(self) -> int:
        """How many are open, those without an identity included."""
        return len(self._streams)

    def local_host(self, identity: bytes) -> str | None:
        """The address of this machine that the peer dialled; None when it is not connected."""
        fd = self._peers.get(identity)
        if fd is None:
            return None
        with socket.socket(fileno=os.dup(fd)) as sock:
            return str(sock.getsockname()[0])

    def send(self, identity: bytes, payload: bytes) -> bool:
        """Send a message to one peer: `queue`, and `flush`."""
        queued = self.queue(identity, payload)
        self.flush()
        return queued

    def queue(self, identity: bytes, payload: bytes) -> bool:
        """Queue a message for one peer; `flush` sends it, together with others.

        Returns:
            False when no such peer is connected, or too much waits for it: dropped.

        Raises:
            TransportClosedError: the router is closed.
        """
        fd = self._peers.get(identity)
        if fd is None:
            self._alive()
            return self._hold(identity, payload)
        stream = self._streams[fd]
        if not self._trusted and stream.unsent > UNSENT_BYTES:
            return False
        stream.send_frames((payload,))
        self._owed[fd] = None
        return True

    def spare(self, identity: bytes, payload: bytes) -> bool:
        """`queue`, for what nobody waits for: dropped where too much waits already."""
        fd = self._peers.get(identity)
        if fd is not None and self._streams[fd].unsent > UNSENT_BYTES:
            return False
        return self.queue(identity, payload)

    def flush(self) -> None:
        """Send what was queued, as far as the links take it now."""
        if self._owed:
            owed, self._owed = self._owed, {}
            for fd in owed:
                self._flush(fd)

    def receive(self) -> tuple[bytes, Payload] | None:
        """The next (identity, message); None when none is there now. Call it until it says None:
        `poll_item` knows nothing of messages that were read already.

        Raises:
            TransportClosedError: the router is closed.
        """
        if not self._arrived:
            if self._looked:
                # What has come since then, `poll_item` tells.
                self._looked = False
                return None
            for key, events in self._alive().select(0):
                if key.fileobj is self._listener:
                    self._accept()
                else:
                    self._serve(key.fd, events)
            if not self._arrived:
                return None
            self._looked = True
        return self._arrived.popleft()

    def close(self, linger_s: float = 1.0) -> None:
        """End all connections in order, which tells the peers that this is for good.

        What was sent has `linger_s` to leave. Of that, the peers have `PARTING_S` to end as well:
        what they say meanwhile would make a reset of a connection that is closed at once, and a
        peer whose link was reset dials again. Any number of times.
        """
        if self._closed:
            return
        end = monotonic() + linger_s
        for fd, stream in self._streams.items():
            self._drain(fd, end)
            stream.end()
        see_off(self._streams.values(), end)
        for fd in tuple(self._streams):
            self._drop(fd, again=False)
        self._closed = True
        self._selector.close()
        self._listener.close()
        if self._path:
            with suppress(OSError):
                os.unlink(self._path)
        os.close(self._spare)
        self._arrived.clear()
        self._held.clear()

    # -- connections

    def _alive(self) -> selectors.DefaultSelector:
        if self._closed:
            raise TransportClosedError("the router is closed")
        return self._selector

    def _accept(self) -> None:
        try:
            sock = accept(self._listener)
        except OSError:
            os.close(self._spare)
            with suppress(OSError):
                self._listener.accept()[0].close()
            self._spare = os.open(os.devnull, os.O_RDONLY)
            self.dropped += 1
            return
        if sock is None:
            return
        try:
            stream = YmqStream(sock, self._identity, max_message=self._max, layers=self._layers())
        except OSError:
            # It was reset before it was looked at.
            sock.close()
            return
        fd = stream.poll_item
        self._streams[fd] = stream
        self._interest[fd] = selectors.EVENT_READ
        self._selector.register(fd, selectors.EVENT_READ)
        self._flush(fd)

    def _serve(self, fd: int, events: int) -> None:
        """Something can be read from or written to a connection."""
        stream = self._streams.get(fd)
        if stream is None:
            # Its successor took its place a moment ago.
            return
        if events & selectors.EVENT_READ:
            try:
                messages = stream.receive()
            except ProtocolError:
                self.dropped += 1
                self._drop(fd)
                return
            if fd not in self._names and stream.peer_identity is not None:
                self._introduce(fd, stream.peer_identity)
            name = self._names.get(fd, b"")
            for message in messages:
                self._arrived.append((name, message))
            if stream.eof:
                self.dropped += stream.failure is not None
                self._drop(fd)
                return
        if stream.unsent or self._interest[fd] != selectors.EVENT_READ:
            self._flush(fd)

    def _introduce(self, fd: int, identity: bytes) -> None:
        old = self._peers.get(identity)
        if old is not None:
            self._drop(old, again=False)
        self._peers[identity] = fd
        self._names[fd] = identity
        self._streams[fd].send_frames(self._held.pop(identity, ((), 0))[0])

    def _flush(self, fd: int) -> None:
        stream = self._streams[fd]
        try:
            if stream.flush() and self._interest[fd] == selectors.EVENT_READ:
                return
        except TransportClosedError:
            self._drop(fd, again=True)
            return
        read = stream.unsent <= READ_WHILE_UNSENT_BYTES
        interest = selectors.EVENT_READ * read | selectors.EVENT_WRITE * stream.wants_write
        if interest != self._interest[fd]:
            self._selector.modify(fd, interest)
            self._interest[fd] = interest

    def _drop(self, fd: int, *, again: bool | None = None) -> None:
        """Forget a connection. `again`: its peer is expected back; by default, if it was reset."""
        stream = self._streams.pop(fd)
        self._owed.pop(fd, None)
        del self._interest[fd]
        self._selector.unregister(fd)
        identity = self._names.pop(fd, None)
        if identity is not None:
            del self._peers[identity]
            if stream.reset if again is None else again:
                self._held[identity] = ([], 0)
                if len(self._held) > HELD_PEERS:
                    self._held.popitem(last=False)
        if again is False:
            _say_goodbye(stream)
        stream.close()

    def _hold(self, identity: bytes, payload: bytes) -> bool:
        held, size = self._held.get(identity, ([], HELD_BYTES))
        if size + len(payload) > HELD_BYTES or identity not in self._held:
            return False
        held.append(payload)
        self._held[identity] = (held, size + len(payload))
        return True

    def _drain(self, fd: int, end: float) -> None:
        """Let what was sent leave, until `end`."""
        stream = self._streams[fd]
        with selectors.DefaultSelector() as selector, suppress(TransportClosedError):
            selector.register(fd, selectors.EVENT_WRITE)
            while not stream.flush() and (left := end - monotonic()) > 0:
                selector.select(left)


def _say_goodbye(stream: YmqStream) -> None:
    """End our side. What the peer sent has to be read: else closing would be a reset, which says
    'try again'."""
    with suppress(OSError, ProtocolError):
        with socket.socket(fileno=os.dup(stream.poll_item)) as sock:
            sock.shutdown(socket.SHUT_WR)
        while stream.receive():
            continue


def _layers(scheme: str, tls: "ssl.SSLContext | None") -> "Callable[[], tuple[Layer, ...]]":
    """What makes the layers of each connection."""
    if scheme in ("tcp", "ipc"):
        return tuple
    from futurefsm.protocol.transport.layers import server_layers

    server_layers(scheme, tls)  # what is wrong with them is said now
    return lambda: server_layers(scheme, tls)


def _split(address: str) -> tuple[str, str, int]:
    scheme, _, rest = address.partition("://")
    if scheme == "ipc" and rest.startswith("/"):
        return scheme, rest, 0
    host, _, port = rest.partition("/")[0].rpartition(":")
    known = scheme in ("tcp", "tls", "ws", "wss")
    if not known or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(
            f"an address to listen at looks like tcp://127.0.0.1:2345, not {address!r}"
        )
    return scheme, host, int(port)
