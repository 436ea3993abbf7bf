"""TLS and WebSocket between YMQ's byte stream and a socket. Touches no socket: bytes in, bytes out.

The layer nearest to the wire comes first: wss is ``(TlsLayer(...), WsLayer(...))``. A layer serves
one connection; who dials again makes new ones.
"""

import ssl
from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Protocol, TypeAlias

from futurefsm.protocol.errors import HandshakeError, ProtocolError
from futurefsm.protocol.transport.tls import TlsSetting, client_context, explain

Buffer: TypeAlias = bytes | bytearray | memoryview

_RECORD = 16_384


class Layer(Protocol):
    """One protocol on top of another, for one connection. Nothing here raises because of a peer."""

    @property
    def ready(self) -> bool:
        """Whether `write` may be called now: the handshake is over."""

    @property
    def eof(self) -> bool:
        """The peer ended this layer in order; nothing comes after it."""

    @property
    def failure(self) -> ProtocolError | None:
        """Why nothing works any more. A `HandshakeError`: it never did."""

    def receive(self, data: Buffer) -> list[bytes]:
        """Take bytes from beneath; what they carry. All of it: nothing waits in here."""

    def ended(self) -> None:
        """Nothing will come from beneath. Before the end of the handshake that is a failure."""

    def write(self, data: Buffer) -> None:
        """Take bytes from above."""

    def take(self) -> bytes:
        """What is to go beneath: what was written, and the layer's own; empty when nothing is."""

    def finish(self) -> None:
        """Say goodbye, with the next `take`."""


class TlsLayer:
    """TLS. The peer's certificate is verified as the context says.

    Args:
        context: see `tls.client_context`, `tls.server_context`.
        server_hostname: on the client's side: the name or IP address that was dialled, which the
            certificate must bear.

    Attributes:
        eof, failure: see `Layer`.

    Raises:
        ValueError: the context wants to check a host name, and there is none that could be.
    """

    def __init__(
        self, context: ssl.SSLContext, *, server_hostname: str | None = None, server: bool = False
    ) -> None:
        self.eof = False
        self.failure: ProtocolError | None = None
        self._server = server
        self._peer = server_hostname or "the server"
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(
            self._incoming, self._outgoing, server_side=server, server_hostname=server_hostname
        )
        self._shaken = False
        # For messages only: what the peer sent first.
        self._head = b""
        # What could not be written while TLS itself had to read first.
        self._held = bytearray()
        self._guarded(self._shake)

    @property
    def ready(self) -> bool:
        return self._shaken and not self._held and self.failure is None

    def receive(self, data: Buffer) -> list[bytes]:
        parts: list[bytes] = []
        if self.eof or self.failure is not None:
            return parts
        self._incoming.write(data)
        if not self._shaken:
            self._head += bytes(data[: 16 - len(self._head)])
            self._guarded(self._shake)
        if self._shaken:
            self._guarded(lambda: self._read(parts))
        if self._held:
            held, self._held = self._held, bytearray()
            self.write(held)
        return parts

    def _guarded(self, act: Callable[[], object]) -> None:
        try:
            act()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            if self._shaken and "ALERT" not in (error.reason or ""):
                self.failure = ProtocolError(f"the TLS stream is broken: {error.reason or error}")
            else:
                # A server refuses with TLS 1.3 when the client believes that all is well.
                self.failure = HandshakeError(
                    explain(error, peer=self._peer, server_side=self._server, head=self._head)
                )

    def _shake(self) -> None:
        self._tls.do_handshake()
        self._shaken = True

    def _read(self, parts: list[bytes]) -> None:
        while part := self._tls.read(_RECORD):
            parts.append(part)
        self.eof = True

    def ended(self) -> None:
        # Without close_notify it is an end all the same: many peers send none, and whoever can
        # forge a FIN could as well drop every packet. A cut message shows in YMQ's own lengths.
        if not self._shaken and self.failure is None:
            other = "client" if self._server else "server"
            self.failure = HandshakeError(
                f"the {other} ended the connection during the TLS handshake: does it speak TLS?"
            )

    def write(self, data: Buffer) -> None:
        view = memoryview(data)

        def push() -> None:
            nonlocal view
            while view:
                view = view[self._tls.write(view) :]

        self._guarded(push)
        if self.failure is None:
            self._held += view

    def take(self) -> bytes:
        made = self._outgoing.read()
        # An alert that says why a client refuses ends every process of Scaler 2.9 that hears it,
        # as does any other fault of TLS: a user without the CA file would take a cluster down.
        # The silent end that follows harms nobody.
        return b"" if self.failure is not None and not self._server else made

    def finish(self) -> None:
        if self._shaken and self.failure is None:
            # Sends close_notify, and would now wait for the other one.
            self._guarded(self._tls.unwrap)


class Stack:
    """The layers of one connection as one.

    Args:
        layers: the one nearest to the wire first; at least one.
    """

    def __init__(self, layers: Iterable[Layer]) -> None:
        self._layers = tuple(layers)
        self._pairs = tuple(pairwise(reversed(self._layers)))

    @property
    def ready(self) -> bool:
        """All handshakes are over; `write` may be called."""
        return all(layer.ready for layer in self._layers)

    @property
    def eof(self) -> bool:
        """A layer was ended by the peer."""
        return any(layer.eof for layer in self._layers)

    @property
    def failure(self) -> ProtocolError | None:
        """That of the lowest layer that has one."""
        return next((layer.failure for layer in self._layers if layer.failure is not None), None)

    def receive(self, data: Buffer) -> list[Buffer]:
        """Bytes of the wire in, bytes of YMQ out."""
        parts: list[Buffer] = [data]
        for layer in self._layers:
            parts = [made for part in parts for made in layer.receive(part)]
        return parts

    def ended(self) -> None:
        """The peer's side has ended."""
        for layer in self._layers:
            layer.ended()

    def write(self, data: Buffer) -> None:
        """Bytes of YMQ, for `take` to give to the wire."""
        self._layers[-1].write(data)

    def take(self) -> bytes:
        """Bytes for the wire."""
        for upper, lower in self._pairs:
            if lower.ready and (data := upper.take()):
                lower.write(data)
        return self._layers[0].take()

    def finish(self) -> bytes:
        """Bytes that end all layers in order."""
        taken = b""
        for layer in reversed(self._layers):
            layer.finish()
            taken += self.take()
        return taken


def layers_for(
    scheme: str,
    host: str,
    path: str | None = None,
    tls: TlsSetting = None,
    *,
    port: int | None = None,
) -> tuple[Layer, ...]:
    """Fresh layers for one connection that a client has dialled.

    Args:
        scheme: tcp, ipc (no layers), tls, ws or wss.
        host: as the user or the echo wrote it, not what it was resolved to: the certificate must
            bear it. IPv6 with or without brackets.
        path: of a WebSocket address; None and "" mean "/".
        tls: whom to trust; a context from `tls.client_context` spares reading files each time.
        port: for the Host line of a WebSocket.

    Raises:
        ValueError: another scheme; a host or path that cannot be; see also `tls.client_context`.
        ModuleNotFoundError: a WebSocket is wanted, and the extra `ws` is not installed.
    """
    if scheme not in ("tcp", "ipc", "tls", "ws", "wss"):
        raise ValueError(f"scheme {scheme!r}: tcp, tls, ws, wss and ipc are known")
    bare = host.strip("[]").partition("%")[0]
    layers: list[Layer] = []
    if scheme in ("tls", "wss"):
        layers.append(TlsLayer(client_context(tls), server_hostname=bare))
    if scheme in ("ws", "wss"):
        from futurefsm.protocol.transport.websocket import WsLayer

        named = f"[{bare}]" if ":" in bare else bare
        layers.append(WsLayer(host=named if port is None else f"{named}:{port}", path=path or None))
    return tuple(layers)


def server_layers(scheme: str, context: ssl.SSLContext | None = None) -> tuple[Layer, ...]:
    """Fresh layers for one connection that a server has accepted.

    Args:
        scheme: tcp (no layers), tls, ws or wss. A WebSocket is accepted on every path.
        context: for tls and wss, from `tls.server_context`.

    Raises:
        ValueError: another scheme; no context where one is needed.
        ModuleNotFoundError: a WebSocket is wanted, and the extra `ws` is not installed.
    """
    if scheme not in ("tcp", "tls", "ws", "wss"):
        raise ValueError(f"scheme {scheme!r}: a server has tcp, tls, ws and wss")
    layers: list[Layer] = []
    if scheme in ("tls", "wss"):
        if context is None:
            raise ValueError(f"{scheme}:// needs a certificate and its key")
        layers.append(TlsLayer(context, server=True))
    if scheme in ("ws", "wss"):
        from futurefsm.protocol.transport.websocket import WsLayer

        layers.append(WsLayer(server=True))
    return tuple(layers)
