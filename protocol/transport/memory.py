"""A link inside one process, for tests and simulations: two ends, nothing between them."""

from collections import deque

from futurefsm.protocol.errors import TransportClosedError
from futurefsm.protocol.transport.poller import Waker


class MemoryTransport:
    """One end of a `MemoryPair`. Each end may live in a thread of its own."""

    def __init__(self) -> None:
        self._peer: MemoryTransport | None = None
        self._inbox: deque[bytes] = deque()
        self._closed = False
        self._waker: Waker | None = None

    @property
    def poll_item(self) -> int:
        """A descriptor, made when first asked for."""
        if self._waker is None:
            self._waker = Waker()
            self._waker.wake()  # for what is here already
        return self._waker.poll_item

    def send(self, payload: bytes) -> None:
        """Hand a message to the other end. Raises `TransportClosedError`."""
        peer = self._peer
        if self._closed or peer is None or peer._closed:
            raise TransportClosedError("the memory link is closed")
        peer._inbox.append(payload)
        peer._wake()

    def receive(self) -> bytes | None:
        """The next message, or None. Raises `TransportClosedError` after the last one."""
        if self._closed:
            raise TransportClosedError("the memory link is closed")
        if not self._inbox:
            # Before the decisive looks: what comes after the drain wakes again.
            if self._waker is not None:
                self._waker.drain()
            ended = self._peer is None or self._peer._closed
            if not self._inbox:
                if ended:
                    raise TransportClosedError("the other end of the memory link is closed")
                return None
        return self._inbox.popleft()

    def close(self, linger_s: float = 1.0) -> None:
        """Close this end; the other one still receives what was sent."""
        if self._closed:
            return
        self._closed = True
        self._inbox.clear()
        if self._waker is not None:
            self._waker.close()
        if self._peer is not None:
            self._peer._wake()

    def _wake(self) -> None:
        if self._waker is not None:
            self._waker.wake()


class MemoryPair:
    """Two ends that are joined.

    Attributes:
        client, server: the ends; they are alike.
    """

    def __init__(self) -> None:
        self.client = MemoryTransport()
        self.server = MemoryTransport()
        self.client._peer = self.server
        self.server._peer = self.client

    def close(self) -> None:
        """Close both ends."""
        self.client.close()
        self.server.close()
