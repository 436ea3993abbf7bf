"""The scheduler channel over ZeroMQ: tcp, ipc and, within one context, inproc.

A client dials with a DEALER that bears its identity; a scheduler listens with a ROUTER. One frame
a message. A second connection with a living identity is refused by the ROUTER, which is
libzmq's default: with ROUTER_HANDOVER anybody could take another client's place.

Errors of libzmq come out as `OSError` (addresses) or `TransportClosedError`.
"""

import os
from contextlib import suppress
from typing import Any

import zmq
from zmq.utils.monitor import recv_monitor_message

from futurefsm.protocol.errors import TransportClosedError, TransportFullError

MAX_MESSAGE = 256 * 2**20
"""Bytes; a peer that sends a larger frame is disconnected by libzmq."""

_REACHED = zmq.EVENT_CONNECTED
_COMES = zmq.EVENT_HANDSHAKE_SUCCEEDED
_GOES = zmq.EVENT_DISCONNECTED | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL

HIGH_WATER = 1_000_000
"""Messages that may wait for one peer."""


class _ZmqSocket:
    """What both ends share: a socket that cannot hang a process when it is closed or forgotten."""

    def __init__(self, kind: int, context: zmq.Context[Any] | None, max_message: int) -> None:
        self._own_context = context is None
        self._context: zmq.Context[Any] = zmq.Context() if context is None else context
        self._socket: zmq.Socket[Any] | None = self._context.socket(kind)
        self._socket.setsockopt(zmq.LINGER, 1000)
        self._socket.setsockopt(zmq.MAXMSGSIZE, max_message)
        self._socket.setsockopt(zmq.SNDHWM, HIGH_WATER)
        self._socket.setsockopt(zmq.RCVHWM, HIGH_WATER)
        self._socket.setsockopt(zmq.TCP_KEEPALIVE, 1)
        self._socket.setsockopt(zmq.TCP_KEEPALIVE_IDLE, 30)
        self.dropped = 0
        self._monitor: zmq.Socket[Any] | None = None

    @property
    def poll_item(self) -> zmq.Socket[Any]:
        """The socket, for `Poller.register`."""
        return self._alive()

    def close(self, linger_s: float = 1.0) -> None:
        """Close the socket; what was sent has `linger_s` to leave. Any number of times.

        With a context of its own this waits for that; a shared context does it in the background.
        """
        socket, self._socket = self._socket, None
        monitor, self._monitor = self._monitor, None
        if socket is not None:
            if monitor is not None:
                socket.disable_monitor()
                monitor.close(0)
            socket.close(linger=max(0, int(linger_s * 1000)))
            if self._own_context:
                self._context.term()

    def _alive(self) -> zmq.Socket[Any]:
        if self._socket is None:
            raise TransportClosedError("the ZeroMQ socket is closed")
        return self._socket

    def _receive(self, frames: int) -> list[bytes] | None:
        socket = self._alive()
        while True:
            try:
                message: list[bytes] = socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return None
            except zmq.ZMQError as error:
                raise TransportClosedError(str(error)) from None
            if len(message) == frames:
                return message
            self.dropped += 1

    def _address_error(self, error: zmq.ZMQError, address: str) -> OSError:
        self.close(0)
        return OSError(error.errno, f"{os.strerror(error.errno or 0)}: {address}")


class ZmqDealer(_ZmqSocket):
    """A client's end.

    Args:
        address: ``tcp://host:port``, ``ipc:///path`` or ``inproc://name``. Nobody needs to listen
            there yet: ZeroMQ dials until somebody does, and again when the link breaks.
        identity: the client's; 1 to 255 bytes.
        context: to share, needed for inproc; else the socket has one of its own.
        max_message: bytes.
        watched: keep `link_events`.

    Attributes:
        dropped: messages that had not exactly one frame.

    Raises:
        OSError: an address that ZeroMQ does not understand.
        ValueError: an identity of a wrong length.
    """

    def __init__(
        self,
        address: str,
        identity: bytes,
        context: zmq.Context[Any] | None = None,
        *,
        max_message: int = MAX_MESSAGE,
        watched: bool = False,
    ) -> None:
        if not 1 <= len(identity) <= 255:
            raise ValueError(f"an identity has 1 to 255 bytes, not {len(identity)}")
        super().__init__(zmq.DEALER, context, max_message)
        socket = self._alive()
        socket.setsockopt(zmq.IDENTITY, identity)
        socket.setsockopt(zmq.RECONNECT_IVL, 100)
        socket.setsockopt(zmq.RECONNECT_IVL_MAX, 2000)
        if "[" in address:
            socket.setsockopt(zmq.IPV6, 1)
        if watched:
            # Before it dials: a connection may come about at once.
            self._monitor = socket.get_monitor_socket(_REACHED | _COMES | _GOES)
        try:
            socket.connect(address)
        except zmq.ZMQError as error:
            raise self._address_error(error, address) from None

    @property
    def poll_items(self) -> list[zmq.Socket[Any]]:
        """All that a poller may watch of this."""
        return [each for each in (self._socket, self._monitor) if each is not None]

    def link_events(self) -> list[str]:
        """What happened to the connection since the last call, in order: "reached" (somebody
        accepts it), "up" (and speaks ZeroMQ), "down".
        """
        found: list[str] = []
        while self._monitor is not None and self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            found.append("reached" if event & _REACHED else "up" if event & _COMES else "down")
        return found

    def send(self, payload: bytes) -> None:
        """Queue a message.

        Raises:
            TransportFullError: a million messages wait already.
            TransportClosedError: the socket is closed.
        """
        try:
            self._alive().send(payload, zmq.NOBLOCK)
        except zmq.Again:
            raise TransportFullError(f"{HIGH_WATER} messages wait for the peer") from None
        except zmq.ZMQError as error:
            raise TransportClosedError(str(error)) from None

    def receive(self) -> bytes | None:
        """The next message, or None when none is there now. Raises `TransportClosedError`."""
        message = self._receive(1)
        return None if message is None else message[0]


class ZmqRouter(_ZmqSocket):
    """A scheduler's end.

    Args:
        address: to bind; ``tcp://127.0.0.1:0`` lets the system choose the port. The directory of
            an ipc path must exist, and be 0700: its mode is all that guards the socket.
        context: to share, needed for inproc.
        max_message: bytes.

    Attributes:
        dropped: messages that had not exactly one frame.

    Raises:
        OSError: the address is taken or not understood.
    """

    def __init__(
        self,
        address: str,
        context: zmq.Context[Any] | None = None,
        *,
        max_message: int = MAX_MESSAGE,
    ) -> None:
        self.address = ""
        self._inode = 0
        super().__init__(zmq.ROUTER, context, max_message)
        socket = self._alive()
        # So that `send` can tell; without it a message to nobody vanishes.
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        try:
            socket.bind(address)
        except zmq.ZMQError as error:
            raise self._address_error(error, address) from None
        self.address = socket.getsockopt_string(zmq.LAST_ENDPOINT).rstrip("\0")
        """Where it listens, with the port that the system chose."""
        with suppress(OSError):
            self._inode = os.stat(self.address.removeprefix("ipc://")).st_ino

    def send(self, identity: bytes, payload: bytes) -> bool:
        """Send a message to one client: ZeroMQ's own thread does."""
        return self.queue(identity, payload)

    def flush(self) -> None:
        """ZeroMQ's own thread does."""

    def queue(self, identity: bytes, payload: bytes) -> bool:
        """Queue a message for one client.

        Returns:
            False when no such client is connected, or a million messages wait for it: dropped.

        Raises:
            TransportClosedError: the socket is closed.
        """
        try:
            self._alive().send_multipart((identity, payload), zmq.NOBLOCK)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno == zmq.EHOSTUNREACH:
                return False
            raise TransportClosedError(str(error)) from None
        return True

    def spare(self, identity: bytes, payload: bytes) -> bool:
        """`queue`: ZeroMQ counts messages, and takes a million of whatever kind."""
        return self.queue(identity, payload)

    def close(self, linger_s: float = 1.0) -> None:
        """Close the socket, as a dealer does, and remove the file of an ipc address."""
        path = self.address.removeprefix("ipc://")
        super().close(linger_s)
        if path != self.address:
            # libzmq leaves it behind; one that was bound since is its own owner's to remove.
            with suppress(OSError):
                if os.stat(path).st_ino == self._inode:
                    os.unlink(path)

    def receive(self) -> tuple[bytes, bytes] | None:
        """The next (identity, message), or None. Raises `TransportClosedError`."""
        message = self._receive(2)
        return None if message is None else (message[0], message[1])
