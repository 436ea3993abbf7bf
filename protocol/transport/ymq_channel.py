"""The scheduler channel over YMQ framing."""

from collections import deque

from futurefsm.protocol.errors import TransportClosedError, TransportFullError
from futurefsm.protocol.transport.framing import Payload
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq_link import YmqLink

UNSENT_MAX = 64 * 2**20
"""Bytes that may wait for the link."""

# Of whatever version: the first byte of what a ZeroMQ peer says.
_ZMQ_GREETING = b"\xff"

# Messages that may wait to be received; the rest is left on the link.
_ARRIVED_MAX = 4096


class YmqDealer:
    """A client's end. A `base.Channel`; what a reset and an orderly end mean: see `YmqLink`.

    Args:
        link: to the scheduler; owned from here on.
        steady: the peer is a child of this process, on this machine, and is not dialled again.

    Attributes:
        up, pending, connections: see `base.Channel`; noted, since each is looked at in each turn.
    """

    # A Scaler hears its workers behind all that has come before: of 2,000 tasks at once the first
    # result is here after a second, where ZeroMQ's takes a message of each peer in turn.
    bursts = False

    def __init__(self, link: YmqLink, *, steady: bool = False) -> None:
        self.lost: str | None = None
        self.steady = steady
        self.up = self.pending = False
        self.connections = 0
        self._link = link
        self._arrived: deque[Payload] = deque()
        self._peer: bytes | None = None

    @property
    def heard_zmq(self) -> bool:
        """Whether the peer has greeted as ZeroMQ does."""
        failure = self._link.failure
        return failure is not None and failure.head.startswith(_ZMQ_GREETING)

    @property
    def trouble(self) -> str:
        """What stands in the way."""
        return self._link.trouble

    def attach(self, poller: Poller) -> None:
        """As in `base.Channel`."""
        self._link.attach(poller)

    def deadline(self) -> float | None:
        """As in `base.Channel`."""
        link = self._link
        return None if link.up else link.deadline()

    def turn(self, now: float) -> None:
        """Dial, and take what has come. `lost` is set when nothing more is to be received."""
        link = self._link
        if len(self._arrived) < _ARRIVED_MAX:
            self._arrived.extend(link.turn(now))
        if link.connections != self.connections:
            self.connections = link.connections
            self._look_who(link)
        if link.lost is not None and not self._arrived:
            self.lost = link.lost
            if self.heard_zmq:
                self.lost = "it speaks ZeroMQ, not YMQ: the backend is 'zmq'"
        self.up = link.up
        self.pending = bool(self._arrived)

    def _look_who(self, link: YmqLink) -> None:
        peer = link.peer_identity
        if peer is not None and peer != self._peer:
            if self._peer is not None:
                link.close()
                link.lost = (
                    "another scheduler answers there now, which knows nothing of this client"
                )
            self._peer = peer

    def send(self, payload: bytes) -> None:
        """Queue a message for `flush`.

        Raises:
            TransportFullError: 64 MiB wait already.
            TransportClosedError: there is no connection now.
        """
        link = self._link
        if not link.up:
            raise TransportClosedError(link.lost or link.trouble)
        if link.owes and link.unsent > UNSENT_MAX:
            raise TransportFullError(f"{UNSENT_MAX} bytes wait for the scheduler")
        link.send((payload,))

    def receive(self) -> bytes | None:
        """The next message that `turn` has brought; None when there is none."""
        arrived = self._arrived
        if not arrived:
            return None
        message = arrived.popleft()
        if not arrived:
            # The next turn finds that none will come any more: no poller tells of it.
            self.pending = self._link.lost is not None
        return bytes(message)

    def flush(self) -> None:
        """Send what the link takes now."""
        if self._link.owes:
            self._link.flush()

    def close(self, linger_s: float = 1.0) -> None:
        """Close the connection in order, when what was sent has left or `linger_s` have passed."""
        self._link.finish(linger_s)
        self._link.close()
        self.up = False
