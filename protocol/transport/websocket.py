"""WebSocket as a layer (see `layers.Layer`). Sans-IO; wsproto is loaded when a layer is made."""

from typing import Any

from futurefsm.protocol.errors import HandshakeError, ProtocolError
from futurefsm.protocol.transport.layers import Buffer

MAX_HEAD = 16_384
"""Bytes that a peer may use for the HTTP request or answer of an upgrade."""

_REFUSALS = {
    400: b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
    404: b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
}


class WsLayer:
    """WebSocket, RFC 6455: binary frames, whose boundaries mean nothing. Needs the extra `ws`.

    Args:
        host: on the client's side: ``host:port`` as dialled.
        path: of the address. None: for a client "/", for a server whatever is asked.
        server: which side this is.

    Attributes:
        eof, failure: see `Layer`. A close frame ends the stream as a FIN does.

    Raises:
        ModuleNotFoundError: the library `wsproto` is not installed; says what to do.
        ValueError: a host or path that cannot stand in an HTTP request.
    """

    def __init__(
        self, *, host: str = "localhost", path: str | None = None, server: bool = False
    ) -> None:
        lib = self._lib = _wsproto()
        self.eof = False
        self.failure: ProtocolError | None = None
        self._server = server
        self._path = path if server else path or "/"
        self._out: list[bytes] = []
        # The peer's HTTP head, until it is whole.
        self._head: bytearray | None = bytearray()
        # The last ping that was not answered yet: RFC 6455 lets one answer stand for many.
        self._ping: Any = None
        self._finished = False
        kind = lib.ConnectionType.SERVER if server else lib.ConnectionType.CLIENT
        self._ws = lib.WSConnection(kind)
        if not server:
            request = lib.events.Request(host=host, target=self._path)
            try:
                self._out.append(self._ws.send(request))
            except _errors(lib) as error:
                raise ValueError(f"no host and path for HTTP: {host!r}, {path!r}") from error

    @property
    def ready(self) -> bool:
        over = self._finished or self.eof or self.failure is not None
        return self._head is None and not over

    def receive(self, data: Buffer) -> list[bytes]:
        parts: list[bytes] = []
        if self._finished or self.eof or self.failure is not None:
            return parts
        if self._head is not None:
            data = self._upgrade(self._head, data)
        if data:
            self._ws.receive_data(bytes(data))
            for event in self._ws.events():
                self._frame(event, parts)
                if not self.ready:
                    break
        return parts

    def _upgrade(self, head: bytearray, data: Buffer) -> Buffer:
        """Collect the peer's head; once it is whole, judge it, and return what follows it."""
        searched = max(0, len(head) - 3)
        head += data
        begins = b"GET /" if self._server else b"HTTP/1.1 "
        if not begins.startswith(head[: len(begins)]):
            return self._refuse(self._foreign(bytes(head)))
        end = head.find(b"\r\n\r\n", searched) + 4
        if end < 4:
            if len(head) > MAX_HEAD:
                return self._refuse(f"the HTTP head has more than {MAX_HEAD} bytes")
            return b""
        try:
            self._ws.receive_data(bytes(head[:end]))
            # One head, one event: a request, or the answer to ours.
            accepted = self._judge(next(self._ws.events()))
        except _errors(self._lib) as error:
            return self._refuse(f"not an HTTP upgrade to WebSocket: {error}")
        if not accepted:
            return b""
        self._head = None
        return bytes(head[end:])

    def _judge(self, event: Any) -> bool:
        events = self._lib.events
        if isinstance(event, events.Request):
            if self._path is not None and event.target != self._path:
                self._refuse(f"the client asks for {event.target!r}, not {self._path!r}", 404)
                return False
            self._out.append(self._ws.send(events.AcceptConnection()))
        elif isinstance(event, events.RejectConnection):
            self._refuse(
                f"the server refuses the WebSocket at {self._path!r} with HTTP status "
                f"{event.status_code}: is the path of the address right?"
            )
            return False
        return True

    def _refuse(self, reason: str, status: int = 400) -> Buffer:
        self.failure = HandshakeError(f"the WebSocket handshake failed: {reason}")
        if self._server:
            self._out.append(_REFUSALS[status])
        return b""

    def _foreign(self, head: bytes) -> str:
        if head.startswith(b"YMQ"):
            scheme = "ws:// or wss://" if self._server else "tcp:// or tls://"
            return f"the other side speaks YMQ without WebSocket: use the {scheme} address"
        return f"the other side does not speak HTTP (first bytes: {head[:16]!r})"

    def _frame(self, event: Any, parts: list[bytes]) -> None:
        events = self._lib.events
        if isinstance(event, events.BytesMessage):
            if event.data:
                parts.append(event.data)
        elif isinstance(event, events.Ping):
            self._ping = event
        elif isinstance(event, events.CloseConnection):
            # wsproto reports a broken stream as a close, too, but then the state is OPEN still.
            if self._ws.state is self._lib.connection.ConnectionState.OPEN:
                self.failure = ProtocolError(f"the WebSocket stream is broken: {event.reason}")
            else:
                self.eof = True
            self._ping = None
            self._out.append(self._ws.send(events.CloseConnection(code=event.code)))
        elif isinstance(event, events.TextMessage):
            self.failure = ProtocolError("a text frame in a WebSocket of binary ones")

    def ended(self) -> None:
        if self._head is not None and self.failure is None:
            self.failure = HandshakeError(
                "the other side ended the connection during the WebSocket handshake"
            )

    def write(self, data: Buffer) -> None:
        message = self._lib.events.BytesMessage(data=bytes(data))
        self._out.append(self._ws.send(message))

    def take(self) -> bytes:
        if self._ping is not None:
            self._out.append(self._ws.send(self._ping.response()))
            self._ping = None
        taken = b"".join(self._out)
        self._out.clear()
        return taken

    def finish(self) -> None:
        if self.ready:
            self._finished = True
            self._ping = None
            self._out.append(self._ws.send(self._lib.events.CloseConnection(code=1000)))


def _wsproto() -> Any:
    try:
        import wsproto
        import wsproto.connection
        import wsproto.events
        import wsproto.utilities
    except ModuleNotFoundError as missing:
        raise ModuleNotFoundError(
            "ws:// and wss:// addresses need the library wsproto: pip install 'futurefsm[ws]'",
            name=missing.name,
        ) from None
    return wsproto


def _errors(lib: Any) -> tuple[type[Exception], ...]:
    """What wsproto, and h11 in it, raise over a head; `host` may also be no UTF-8."""
    import h11

    return lib.utilities.ProtocolError, h11.ProtocolError, ValueError
