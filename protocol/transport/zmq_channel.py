"""The scheduler channel over ZeroMQ, as a `base.Channel`.

libzmq dials again by itself and tells nobody; what was on its way is lost without a word. So the
socket is watched: when its connection breaks it is replaced by a new one, under the same identity,
after a pause in which the scheduler can notice that the old one has gone (it ignores a second
connection of a living identity). What is to be sent again is for the owner to know.
"""

from collections import deque
from collections.abc import Callable

from futurefsm.protocol.errors import TransportFullError
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.zmq_transport import ZmqDealer

FIRST_DELAY_S = 0.2
"""Seconds before a broken connection is replaced; doubled for each further one."""

LONGEST_DELAY_S = 3.0

PROOF_S = 5.0
"""A new connection over which nothing came for so long is tried again, with more patience: it may
be ignored, because the scheduler believes that the old one lives."""


_NOBODY = "nobody accepts a connection there"


class ZmqChannel:
    """A client's end.

    Args:
        open_dealer: makes the socket, a watched one; called again for each further connection.
        patience_s: seconds without a connection after which the link is lost.

    Attributes:
        lost, trouble, connections, steady, bursts: see `base.Channel`.
    """

    steady = False
    # ZeroMQ takes a message of each peer in turn.
    bursts = True

    def __init__(self, open_dealer: Callable[[], ZmqDealer], *, patience_s: float) -> None:
        self.lost: str | None = None
        self.trouble = _NOBODY
        self.connections = 0
        self._open_dealer = open_dealer
        self._patience = patience_s
        self._poller: Poller | None = None
        self._dealer: ZmqDealer | None = None
        # What came on a connection that has broken since.
        self._left: deque[bytes] = deque()
        self._up = False
        self._full = False
        self._down_since: float | None = None
        self._again_at = 0.0
        self._delay = FIRST_DELAY_S
        self._proof = PROOF_S
        self._proof_at: float | None = None

    @property
    def up(self) -> bool:
        """Whether there is a connection."""
        return self._up

    @property
    def pending(self) -> bool:
        """Whether a connection that broke has left something: the poller sees all else."""
        return bool(self._left)

    def attach(self, poller: Poller) -> None:
        """As in `base.Channel`."""
        self._poller = poller

    def deadline(self) -> float | None:
        """As in `base.Channel`."""
        if self.lost is not None:
            return None
        if self._down_since is None:
            return self._proof_at if self._up else 0.0
        end = self._down_since + self._patience
        return min(end, self._again_at) if self._dealer is None else end

    def turn(self, now: float) -> None:
        """See what became of the connection, and replace a broken one."""
        if self.lost is not None:
            return
        if self._dealer is not None:
            self._look(self._dealer, now)
        if self._up and self._proof_at is not None and now >= self._proof_at:
            self._proof *= 2
            self._break("it accepts connections, but does not answer", now)
        if self._up:
            return
        if self._down_since is None:
            self._down_since = now
        if now >= self._down_since + self._patience:
            self.lost = f"no connection within {self._patience:g} s: {self.trouble}"
        elif self._dealer is None and now >= self._again_at:
            self._open()

    def send(self, payload: bytes) -> None:
        """As `ZmqDealer.send`."""
        assert self._dealer is not None
        try:
            self._dealer.send(payload)
        except TransportFullError:
            self._watch(full=True)
            raise
        self._watch(full=False)

    def receive(self) -> bytes | None:
        """As `ZmqDealer.receive`."""
        if self._left:
            return self._left.popleft()
        message = self._dealer.receive() if self._dealer is not None else None
        if message is not None:
            self._proof_at = None
            self._proof = PROOF_S
        return message

    def flush(self) -> None:
        """libzmq does."""

    def close(self, linger_s: float = 1.0) -> None:
        """As `ZmqDealer.close`."""
        self.lost = self.lost or "it was closed here"
        self._drop(linger_s if self._up else 0.0)

    def _open(self) -> None:
        self._dealer = dealer = self._open_dealer()
        self._full = False
        if self._poller is not None:
            for item in dealer.poll_items:
                self._poller.register(item)

    def _look(self, dealer: ZmqDealer, now: float) -> None:
        for event in dealer.link_events():
            if event == "up":
                self._up = True
                self._down_since = None
                self.connections += 1
                if self.connections > 1:
                    self._proof_at = now + self._proof
            elif event == "reached":
                if self.trouble == _NOBODY:
                    self.trouble = "it accepts connections, but says nothing"
            elif self._up:
                self._break("the connection broke", now)
                return
            else:
                self.trouble = "it accepts connections, but does not speak ZeroMQ: is it 'ymq'?"

    def _break(self, why: str, now: float) -> None:
        assert self._dealer is not None
        self.trouble = why
        # A scheduler that ends says its last word and is gone: both are found in one turn.
        while (message := self._dealer.receive()) is not None:
            self._left.append(message)
        self._drop(0.0)
        self._down_since = now
        self._again_at = now + self._delay
        self._delay = min(2 * self._delay, LONGEST_DELAY_S)

    def _drop(self, linger_s: float) -> None:
        dealer, self._dealer = self._dealer, None
        self._up = False
        self._proof_at = None
        if dealer is None:
            return
        if self._poller is not None:
            for item in dealer.poll_items:
                self._poller.unregister(item)
        dealer.close(linger_s)

    def _watch(self, *, full: bool) -> None:
        if full is self._full:
            return
        self._full = full
        if self._poller is not None and self._dealer is not None:
            self._poller.register(self._dealer.poll_item, write=full)
