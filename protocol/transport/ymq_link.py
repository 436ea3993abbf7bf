"""A YMQ connection that is dialled without blocking, and dialled again after a reset.

An orderly end (FIN) is final: the peer is gone for good. A reset, or any other failure of the link,
is not: the same address is dialled again, with growing pauses, until the patience is over. One
thread; nothing here waits. `turn` does what can be done now; between two turns the owner waits for
the poller, and at most until `deadline`.
"""

import errno
import os
import select
import socket
from collections import deque
from collections.abc import Callable, Iterable
from time import monotonic

from futurefsm.protocol.errors import HandshakeError, ProtocolError, TransportClosedError
from futurefsm.protocol.transport.address import Address
from futurefsm.protocol.transport.lookup import Lookup, Target
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq import Payload, YmqStream
from futurefsm.protocol.transport.ymq_parting import see_off

FIRST_DELAY_S = 0.2
"""Seconds before the second attempt; doubled for each further one."""

LONGEST_DELAY_S = 3.0

REFUSED_S = 10.0
"""Nobody has listened for so long: nobody will."""

# A connection that lived so long, in seconds, proves that the next may be dialled soon.
_STEADY_S = 5.0

_REFUSED = (errno.ECONNREFUSED, errno.ENOENT)


class YmqLink:
    """One link, through all its connections.

    Args:
        address: of the peer.
        open_stream: puts a stream onto a connected socket.
        patience_s: seconds without a connection after which the link is lost.
        redial: whether a reset is followed by another connection.

    Attributes:
        lost: why the link is gone for good; None while it is not.
        failure: what was wrong with what the peer said, if that is why.
        connections: how often the peer was reached. Raised by one with each new connection; what
            was sent on an earlier one may have been lost with it.
        trouble: what stands in the way while there is no connection.
        up: there is a connection whose peer has introduced itself.
        poll_item: what the poller watches of it now; -1 where that is nothing.
        owes: `flush` may have something to do. While not, nothing is `unsent` but an opening that
            waits for the peer's.
    """

    def __init__(
        self,
        address: Address,
        open_stream: Callable[[socket.socket], YmqStream],
        *,
        patience_s: float,
        redial: bool = True,
    ) -> None:
        self.address = address
        self.lost: str | None = None
        self.failure: ProtocolError | None = None
        self.connections = 0
        self.up = False
        self.trouble = "it was not dialled yet"
        self._open_stream = open_stream
        self._patience = patience_s
        self._redial = redial
        self._poller: Poller | None = None
        self.poll_item = -1
        # Whether it is watched for writing as well.
        self._writing = False
        self.owes = False
        self._lookup: Lookup | None = None
        self._targets: deque[Target] = deque()
        self._sock: socket.socket | None = None
        self._stream: YmqStream | None = None
        self._greeted_at = 0.0
        self._down_since: float | None = None
        self._refused_since: float | None = None
        self._attempt_ends = 0.0
        self._again_at = 0.0
        self._delay = FIRST_DELAY_S

    def attach(self, poller: Poller) -> None:
        """Let the link keep this poller informed of what it waits for."""
        self._poller = poller

    @property
    def peer_identity(self) -> bytes | None:
        """The peer's, on this connection."""
        return self._stream.peer_identity if self._stream is not None else None

    @property
    def unsent(self) -> int:
        """Bytes that wait for the link."""
        return self._stream.unsent if self._stream is not None else 0

    @property
    def heard(self) -> int:
        """Bytes that have come on this connection."""
        return self._stream.heard if self._stream is not None else 0

    @property
    def moved(self) -> tuple[int, int, int]:
        """Changes with each connection and each byte that comes or leaves."""
        return self.connections, self.heard, self.unsent

    def deadline(self) -> float | None:
        """When `turn` wants to be called next, whatever the poller says; None: not by itself."""
        if self.lost is not None or self.up:
            return None
        if self._down_since is None:
            return 0.0
        end = self._down_since + self._patience
        if self._sock is not None:
            return min(end, self._attempt_ends)
        if self._stream is not None or self._lookup is not None:
            return end
        return min(end, self._again_at)

    def send(self, frames: Iterable[bytes | bytearray | memoryview]) -> None:
        """Queue messages for `flush`. Without a connection they are dropped: look at `up`."""
        if self._stream is not None:
            self._stream.send_frames(frames)
            self.owes = True

    def flush(self) -> None:
        """Send what the link takes now. That it is broken is found out by the next `turn`."""
        stream = self._stream
        if stream is not None and self.owes:
            try:
                stream.flush()
            except TransportClosedError:
                return
            self._watch()

    def turn(self, now: float) -> list[Payload]:
        """Dial, read, notice: whatever can be done now. Returns the messages that have come."""
        messages: list[Payload] = []
        if self.lost is None:
            if self._stream is None:
                self._dial(now)
            if self._stream is not None:
                messages = self._read(self._stream, now)
            if not self.up and self.lost is None:
                self._check_patience(now)
        self._watch()
        return messages

    def finish(self, linger_s: float) -> None:
        """Let what was sent leave, and part in order. Blocks for at most `linger_s` seconds.

        Behind what was sent goes a FIN, and what the peer still says is thrown away until it has
        ended too. To close at once would be to reset the connection where something of the peer's
        is unread or on its way; and Scaler 2.9 may overlook a `ClientDisconnect` that a reset
        follows, and run the client's tasks until its own time-out.
        """
        stream = self._stream
        end = monotonic() + linger_s
        while stream is not None and stream.wants_write and (left := end - monotonic()) > 0:
            ready = select.poll()
            ready.register(stream.poll_item, select.POLLOUT)
            ready.poll(left * 1000)
            try:
                stream.flush()
            except TransportClosedError:
                return
        if stream is not None and self.up:
            stream.end()
            see_off((stream,), end)

    def close(self) -> None:
        """Give everything back. Any number of times."""
        self.lost = self.lost or "it was closed here"
        self._drop()
        self._forget_lookup()

    # Reading.

    def _read(self, stream: YmqStream, now: float) -> list[Payload]:
        if self.owes:
            self.flush()  # a failure shows in what is read
        try:
            messages = stream.receive()
            ended = stream.eof or stream.reset
        except ProtocolError:
            messages, ended = [], True  # `failure` says it too
        if not self.up and stream.peer_identity is not None:
            self.up, self._greeted_at = True, now
            self._down_since = self._refused_since = None
            self.connections += 1
        if ended:
            self._end(stream, now)
        return messages

    def _end(self, stream: YmqStream, now: float) -> None:
        """Nothing more comes on this connection."""
        if stream.failure is not None:
            self.failure = stream.failure
            handshake = isinstance(stream.failure, HandshakeError)
            text = f"what answers there is not understood: {stream.failure}"
            self.lose(stream.failure.reason if handshake else text)
        elif stream.reset:
            self._reset(now)
        else:
            self.lose("it closed the connection")

    def _reset(self, now: float) -> None:
        if not self._redial:
            self.lose("the connection was reset")
            return
        if self.up:
            if now - self._greeted_at > _STEADY_S:
                self._delay = FIRST_DELAY_S
            self._down_since = now
        self._drop()
        self._pause("the connection was reset", now)

    # Dialling.

    def _dial(self, now: float) -> None:
        if self._down_since is None:
            self._down_since = now
        if self._sock is None and not self._targets and not self._look_up(now):
            return
        while self._stream is None:
            if self._sock is None:
                if not self._targets:
                    self._pause(self.trouble, now)
                    return
                self._begin(self._targets.popleft(), now)
            elif not self._finish(self._sock, now):
                return

    def _look_up(self, now: float) -> bool:
        """Ask for the addresses; True where they are here."""
        if self._lookup is None:
            if now < self._again_at:
                return False
            self.trouble = f"its name {self.address.host!r} is being looked up"
            self._lookup = Lookup(self.address)
        found = self._lookup.take()
        if found is None:
            return False
        error = self._lookup.error
        self._forget_lookup()
        self._targets.extend(found)
        if error is not None:
            self._pause(error, now)
        return bool(found)

    def _begin(self, target: Target, now: float) -> None:
        assert self._down_since is not None
        left = self._down_since + self._patience - now
        # Others wait: each gets its share of the time that is left.
        self._attempt_ends = now + max(0.0, left) / (1 + len(self._targets))
        self.trouble = "it does not answer"
        try:
            self._sock = socket.socket(target.family, socket.SOCK_STREAM)
            self._sock.setblocking(False)
            self._sock.connect(target.where)
        except BlockingIOError as error:
            if error.errno == errno.EAGAIN and target.family == socket.AF_UNIX:
                self._failed(error.errno, now)  # its queue is full
        except OSError as error:
            self._failed(error.errno or 0, now)

    def _finish(self, sock: socket.socket, now: float) -> bool:
        """See whether the connection has come about; False while nobody knows."""
        ready = select.poll()
        ready.register(sock, select.POLLOUT)
        if not ready.poll(0):
            if now < self._attempt_ends:
                return False
            self._failed(errno.ETIMEDOUT, now)
            return True
        if code := sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            self._failed(code, now)
            return True
        try:
            stream = self._open_stream(sock)
        except OSError as error:  # it has gone again
            self._failed(error.errno or 0, now)
            return True
        self._unwatch()
        self._sock = None
        self._targets.clear()
        self._stream = stream
        self.trouble = "it accepts connections, but says nothing"
        return True

    def _failed(self, code: int, now: float) -> None:
        self._drop_socket()
        if code not in _REFUSED:
            self._refused_since = None
        elif self._refused_since is None:
            self._refused_since = now
        self.trouble = os.strerror(code)

    def _pause(self, why: str, now: float) -> None:
        self.trouble = why
        self._again_at = now + self._delay
        self._delay = min(2 * self._delay, LONGEST_DELAY_S)

    def _check_patience(self, now: float) -> None:
        if self._refused_since is not None and now >= self._refused_since + REFUSED_S:
            self.lose(f"nobody has listened there for {REFUSED_S:.0f} s ({self.trouble})")
        elif self._down_since is not None and now >= self._down_since + self._patience:
            self.lose(f"no connection within {self._patience:g} s: {self.trouble}")

    # Ends.

    def lose(self, why: str) -> None:
        """The link is gone for good."""
        self.lost = why
        self._drop()
        self._forget_lookup()

    def _drop(self) -> None:
        self._unwatch()
        stream, self._stream = self._stream, None
        self.up = False
        if stream is not None:
            stream.close()
        self._drop_socket()
        self._targets.clear()

    def _drop_socket(self) -> None:
        sock, self._sock = self._sock, None
        if sock is not None:
            if self.poll_item == sock.fileno():
                self._unwatch()
            sock.close()

    def _forget_lookup(self) -> None:
        lookup, self._lookup = self._lookup, None
        if lookup is not None:
            self._unwatch()
            lookup.close()

    # The poller.

    def _watch(self) -> None:
        item, writing, stream = -1, False, self._stream
        if stream is not None:
            # What is left to do is what the poller waits for.
            self.owes = writing = stream.wants_write
            # A stream begins unwatched. Most often it was only read from since, and still is.
            if self.poll_item >= 0 and writing == self._writing:
                return
            item = stream.poll_item
        elif self._sock is not None:
            item, writing = self._sock.fileno(), True
        elif self._lookup is not None:
            item = self._lookup.poll_item
        if item == self.poll_item and writing == self._writing:
            return
        if item != self.poll_item:
            self._unwatch()
        if self._poller is not None and item >= 0:
            self._poller.register(item, write=writing)
        self.poll_item, self._writing = item, writing

    def _unwatch(self) -> None:
        """Before the descriptor is closed: its number may be given to another one at once."""
        if self._poller is not None and self.poll_item >= 0:
            self._poller.unregister(self.poll_item)
        self.poll_item, self._writing = -1, False
