"""The scheduler channel over YMQ framing."""

from collections import deque

from futurefsm.protocol.errors import TransportClosedError, TransportFullError
from futurefsm.protocol.transport.framing import Payload
from futurefsm.protocol.transport.ymq import YmqStream, connect_tcp

# Bytes that may wait for the link.
_UNSENT_MAX = 64 * 2**20


class YmqDealer:
    """A client's end."""

    def __init__(self, address: str, identity: bytes, timeout_s: float = 5.0) -> None:
        host, _, port = address.removeprefix("tcp://").rpartition(":")
        self._stream = YmqStream(connect_tcp(host, int(port), timeout_s), identity)
        self._stream.flush()
        self._arrived: deque[Payload] = deque()

    @property
    def poll_item(self) -> int:
        """The descriptor, for `Poller.register`."""
        return self._stream.poll_item

    @property
    def wants_write(self) -> bool:
        """Whether `flush` has something left to do."""
        return self._stream.wants_write

    def flush(self) -> None:
        """Send what waits."""
        self._stream.flush()

    def send(self, payload: bytes) -> None:
        """Queue a message."""
        if self._stream.unsent > _UNSENT_MAX:
            raise TransportFullError("the scheduler takes no more just now")
        self._stream.send_frames((payload,))

    def receive(self) -> bytes | None:
        """The next message, or None."""
        if not self._arrived:
            self._arrived.extend(self._stream.receive())
        if self._arrived:
            return bytes(self._arrived.popleft())
        if self._stream.eof:
            raise TransportClosedError("it closed the connection")
        return None

    def close(self, linger_s: float = 1.0) -> None:
        """Close."""
        self._stream.close()
