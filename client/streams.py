"""YMQ streams as an address asks for them: which layers, whom to trust, who speaks first."""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from futurefsm.protocol.transport.address import Address
from futurefsm.protocol.transport.ymq import YmqStream

if TYPE_CHECKING:
    from futurefsm.protocol.transport.layers import Layer
    from futurefsm.protocol.transport.tls import TlsSetting

OpenStream: TypeAlias = Callable[[Address, socket.socket], YmqStream]


def stream_opener(
    identity: bytes, tls: "TlsSetting" = None, *addresses: Address | None
) -> OpenStream:
    """What puts a YMQ stream, with fresh layers, onto a socket that is connected to an address.

    Args:
        tls: whom to trust; its file is read now, and once.
        addresses: those known by now, of the scheduler and perhaps of the object store.

    Raises:
        ValueError: there is no such file, or no certificate in it; nothing known is encrypted,
            although `tls` is given; a WebSocket path that cannot be.
        ModuleNotFoundError: a WebSocket is wanted, and the extra `ws` is not installed.
    """
    known = [address for address in addresses if address is not None]
    secure = any(address.scheme in ("tls", "wss") for address in known)
    if tls is not None and not secure:
        where = " and ".join(map(str, known)) or "the embedded engine"
        raise ValueError(f"tls= is given, but nothing is encrypted with {where}: use tls://host")
    if secure:
        from futurefsm.protocol.transport.tls import client_context

        tls = client_context(tls)

    def open_stream(address: Address, sock: socket.socket) -> YmqStream:
        if address.scheme in ("tcp", "ipc"):
            # Bytes that are not TLS end a Scaler 2.9 that listens for TLS there.
            return YmqStream(sock, identity, patient=address.scheme == "tcp")
        return YmqStream(sock, identity, layers=_layers(address, tls))

    for address in known:
        if address.scheme in ("tls", "ws", "wss"):
            _layers(address, tls)  # what is wrong with them is said now, not on the agent's thread
    return open_stream


def _layers(address: Address, tls: "TlsSetting") -> "tuple[Layer, ...]":
    from futurefsm.protocol.transport.layers import layers_for

    return layers_for(address.scheme, address.host, address.path, tls, port=address.port)
