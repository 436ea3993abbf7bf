"""Where an engine listens: one door for clients' messages, one for their objects.

An embedded engine's doors are sockets in its private directory. Those of an engine that is a server
are TCP ports, and whoever reaches them can run code here.
"""

import os
import socket
from dataclasses import dataclass
from typing import Any, Protocol

from futurefsm.client.engine.handover import Handover, inherited
from futurefsm.protocol.messages import StorageAddress
from futurefsm.protocol.transport.ymq import listen_tcp, listen_unix
from futurefsm.protocol.transport.ymq_router import YmqRouter

BACKENDS = ("ymq", "zmq")
_ANY = "0.0.0.0"
_LOOPBACK = "127.0.0.1"


class Router(Protocol):
    """What a scheduler needs of its end of the clients' channel."""

    address: str

    @property
    def poll_item(self) -> Any:
        """What `Poller.register` takes."""

    def queue(self, identity: bytes, payload: bytes) -> bool:
        """Queue a message; False when it was dropped."""

    def spare(self, identity: bytes, payload: bytes) -> bool:
        """`queue`, for what nobody waits for."""

    def flush(self) -> None:
        """Send what was queued."""

    def receive(self) -> tuple[bytes, Any] | None:
        """The next (identity, message), or None."""

    def close(self, linger_s: float = 1.0) -> None:
        """End it."""


@dataclass(frozen=True, slots=True)
class Doors:
    """Both doors, open.

    Attributes:
        router: the clients' messages.
        listener: the object store's socket.
        storage: what clients are told about it.
        dial, dial_storage: both addresses for processes of this machine.
        backend: `ymq` or `zmq`: how `router` speaks.
        linger_s: how long what was sent last may need to leave.
        hand: over which large objects come from and go to the client that has started the engine.
    """

    router: Router
    listener: socket.socket
    storage: StorageAddress
    dial: str
    dial_storage: str
    backend: str
    linger_s: float
    hand: Handover | None = None

    @property
    def private(self) -> bool:
        """Whether only processes of this user, on this machine, come here."""
        return self.storage.scheme == "ipc"

    def storage_for(self, client: bytes) -> StorageAddress:
        """What a client is told: where the store listens on all interfaces, the one it dialled."""
        if self.storage.host == _ANY and isinstance(self.router, YmqRouter):
            host = self.router.local_host(client) or _LOOPBACK
            return StorageAddress(host, self.storage.port, "tcp")
        return self.storage

    def close(self) -> None:
        """Close what listens to messages; the store's socket belongs to its server."""
        self.router.close(self.linger_s)
        if self.hand is not None:
            self.hand.close()


def private(directory: str, hand: int = -1) -> Doors:
    """Two sockets in a directory that only this user may enter.

    Args:
        hand: the descriptor of our end of a `handover.Pair`, or -1.

    Raises:
        OSError: there can be none.
    """
    router = YmqRouter(f"ipc://{directory}/scheduler", trusted=True)
    path = os.path.join(directory, "storage")
    listener = listen_unix(path)
    storage = StorageAddress(path, 0, "ipc")
    return Doors(
        router,
        listener,
        storage,
        router.address,
        f"ipc://{path}",
        "ymq",
        0.0,
        inherited(hand) if hand >= 0 else None,
    )


def public(bind: str, backend: str, storage_bind: str | None = None) -> Doors:
    """Two TCP ports.

    Args:
        bind: ``tcp://host:port`` for messages; port 0 lets the system choose.
        backend: `ymq` or `zmq`.
        storage_bind: the same for objects; by default the same host and the next port, or any
            other if that is taken.

    Raises:
        ValueError: an address or a backend that is none; says what is expected.
        OSError: an address that is taken, or not one of this machine; says which.
    """
    if backend not in BACKENDS:
        raise ValueError(f"a backend is ymq or zmq, not {backend!r}")
    host, port = _parse(bind)
    storage = None if storage_bind is None else _parse(storage_bind)
    if backend == "zmq" and (storage[0] if storage else host) == _ANY:
        raise ValueError(
            "on the zmq backend nobody knows by which address a client came: give --storage-bind "
            "an address that all clients can reach, instead of all interfaces"
        )
    router = _router(f"tcp://{host}:{port}", backend)
    try:
        port = int(router.address.rpartition(":")[2])
        listener = _storage(host, port) if storage is None else _listen(*storage)
    except BaseException:
        router.close(0.0)
        raise
    told = StorageAddress(storage[0] if storage else host, listener.getsockname()[1], "tcp")
    return Doors(
        router, listener, told, _dial(host, port), _dial(told.host, told.port), backend, 1.0
    )


def _dial(host: str, port: int) -> str:
    return f"tcp://{_LOOPBACK if host == _ANY else host}:{port}"


def _router(address: str, backend: str) -> Router:
    try:
        if backend == "ymq":
            return YmqRouter(address, trusted=True)
        from futurefsm.protocol.transport.zmq_transport import ZmqRouter

        return ZmqRouter(address)
    except OSError as error:
        raise _cannot(address, error) from None


def _storage(host: str, port: int) -> socket.socket:
    """The next port, or any other."""
    try:
        return listen_tcp(host, port + 1)
    except (OSError, OverflowError):
        return _listen(host, 0)


def _listen(host: str, port: int) -> socket.socket:
    try:
        return listen_tcp(host, port)
    except OSError as error:
        raise _cannot(f"tcp://{host}:{port}", error) from None


def _cannot(address: str, error: OSError) -> OSError:
    return OSError(error.errno, f"cannot listen at {address}: {os.strerror(error.errno or 0)}")


def _parse(address: str) -> tuple[str, int]:
    """The IPv4 address and port of ``tcp://host:port``."""
    scheme, _, rest = address.partition("://")
    host, _, port = rest.rpartition(":")
    if scheme != "tcp" or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError(
            f"an address to listen at looks like tcp://127.0.0.1:2345, not {address!r}"
        )
    try:
        found = socket.getaddrinfo(_ANY if host == "*" else host, None, socket.AF_INET)
    except (OSError, UnicodeError) as error:
        raise ValueError(f"the host of {address!r} is not known: {error}") from None
    return str(found[0][4][0]), int(port)
