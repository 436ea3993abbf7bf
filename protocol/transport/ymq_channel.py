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
    """

    # A Scaler hears its workers behind all that has come before: of 2,000 tasks at once the first
    # result is here after a second, where ZeroMQ's takes a message of each peer in turn.
    bursts = False

    def __init__(self, link: YmqLink, *, steady: bool = False) -> None:
        self.lost: str | None = None
        self.steady = steady
        self._link = link
        self._arrived: deque[Payload] = deque()
        self._reached = 0
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

    @property
    def connections(self) -> int:
        """How often the peer was reached."""
        return self._link.connections

    @property
    def up(self) -> bool:
        """Whether there is a connection."""
        return self._link.up

    @property
    def pending(self) -> bool:
        """Whether a message is here already, or the next turn finds that none will come."""
        return bool(self._arrived) or (self._link.lost is not None and self.lost is None)

    def attach(self, poller: Poller) -> None:
        """As in `base.Channel`."""
        self._link.attach(poller)

    def deadline(self) -> float | None:
        """As in `base.Channel`."""
        return self._link.deadline()

    def turn(self, now: float) -> None:
        """Dial, and take what has come. `lost` is set when nothing more is to be received."""
        link = self._link
        if len(self._arrived) < _ARRIVED_MAX:
            self._arrived.extend(link.turn(now))
        if link.connections != self._reached:
            self._reached = link.connections
            self._look_who(link)
        if link.lost is not None and not self._arrived:
            self.lost = link.lost
            if self.heard_zmq:
                self.lost = "it speaks ZeroMQ, not YMQ: the backend is 'zmq'"

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
        if not self._link.up:
            raise TransportClosedError(self._link.lost or self._link.trouble)
        if self._link.unsent > UNSENT_MAX:
            raise TransportFullError(f"{UNSENT_MAX} bytes wait for the scheduler")
        self._link.send((payload,))

    def receive(self) -> bytes | None:
        """The next message that `turn` has brought; None when there is none."""
        return bytes(self._arrived.popleft()) if self._arrived else None

    def flush(self) -> None:
        """Send what the link takes now."""
        self._link.flush()

    def close(self, linger_s: float = 1.0) -> None:
        """Close the connection in order, when what was sent has left or `linger_s` have passed."""
        self._link.finish(linger_s)
        self._link.close()
