"""The storage channel: requests out, objects in, through all its connections.

Requests are pipelined. What was not answered when the link was reset is asked again on the next
connection; an orderly end is final.
"""

import socket
from collections.abc import Callable, Iterable

from futurefsm.client.outputs import Delete, Get, Put
from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.messages import StorageAddress
from futurefsm.protocol.object_store import Buffer, StoreClient, StoreEvent
from futurefsm.protocol.piggyback import plain
from futurefsm.protocol.transport.address import Address, parse_address
from futurefsm.protocol.transport.buffers import Buffers
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq import YmqStream
from futurefsm.protocol.transport.ymq_link import YmqLink

# While more bytes wait here, no further task is taken from the inbox.
_UNSENT_MAX = 64 * 2**20


class StorageLink:
    """For the agent's thread.

    Args:
        open_stream: puts a stream onto a socket that is connected to the address.
        patience_s: seconds without a connection, or of silence where an answer is owed, after
            which it is lost.
        redial: after a reset. Where not, silence is the business of the scheduler's channel.

    Attributes:
        lost: why it is gone for good; None while it is not.
        address: of the store, once it is known.
        store: the book of requests.
    """

    def __init__(
        self,
        poller: Poller,
        open_stream: Callable[[Address, socket.socket], YmqStream],
        *,
        patience_s: float,
        redial: bool,
    ) -> None:
        self.lost: str | None = None
        self.address: Address | None = None
        self.store = StoreClient()
        self._poller = poller
        self._open_stream = open_stream
        self._patience = patience_s
        self._redial = redial
        self._link: YmqLink | None = None
        self._connections = 0
        self._buffers = Buffers()
        # Bytes of the objects that were to be stored.
        self._put = 0
        # Bytes that wait for a connection.
        self._held = 0
        # What of the link has moved, and since when nothing does.
        self._moved = (0, 0, 0)
        self._quiet_since = self._looked_at = 0.0

    @property
    def up(self) -> bool:
        """Whether there is a connection."""
        return self._link is not None and self._link.up

    @property
    def poll_item(self) -> int:
        """What the poller watches of it; -1 where that is nothing."""
        return self._link.poll_item if self._link is not None else -1

    @property
    def trouble(self) -> str:
        """What stands in the way while there is none."""
        return self._link.trouble if self._link is not None else "its address is not known yet"

    @property
    def traffic(self) -> int:
        """Bytes that went and came so far, roughly: of what goes, only objects count."""
        return self._put + (self._link.heard if self._link is not None else 0)

    @property
    def congested(self) -> bool:
        """Whether nothing further should be sent."""
        link = self._link
        if link is not None and link.owes and link.unsent > _UNSENT_MAX:
            return True
        return self._held > _UNSENT_MAX

    def open(self, address: Address) -> None:
        """Dial. Blocks nothing."""
        self.address = address
        self._link = YmqLink(
            address,
            lambda sock: self._opened(address, sock),
            patience_s=self._patience,
            redial=self._redial,
        )
        self._link.attach(self._poller)

    def _opened(self, address: Address, sock: socket.socket) -> YmqStream:
        stream = self._open_stream(address, sock)
        stream.use(self._buffers)
        return stream

    def ask(self, requests: Iterable[Put | Get | Delete]) -> None:
        """Send requests; without a connection they wait for one."""
        frames: list[Buffer] = []
        for request in requests:
            if isinstance(request, Put):
                frames += self.store.put(request.object_id, plain(request.payload))
                self._put += len(request.payload)
            elif isinstance(request, Get):
                frames += self.store.get(request.object_id)
            else:
                frames += self.store.delete(request.object_id)
        if self.up:
            assert self._link is not None
            self._link.send(frames)
        else:
            self._held += sum(map(len, frames))

    def turn(self, now: float) -> list[StoreEvent]:
        """Dial, read, notice: what the store has answered."""
        link = self._link
        if link is None:
            return []
        events: list[StoreEvent] = []
        frames = link.turn(now)
        if link.connections != self._connections:
            self._connections = link.connections
            self._held = 0
            # Before anything of the new connection is looked at: half an answer is forgotten.
            again = self.store.unanswered()
            link.send(again)
            link.flush()
        try:
            for frame in frames:
                events += self.store.receive(frame)
        except ProtocolError as error:
            link.lose(f"it broke the protocol: {error}")
        self._notice_silence(link, now)
        self.lost = link.lost
        return events

    def _notice_silence(self, link: YmqLink, now: float) -> None:
        """A store that was stopped keeps its connections, takes bytes, and answers nothing."""
        # Who looks so late was away itself: what came meanwhile is still to be read.
        away = now - self._looked_at > self._patience / 2
        moved, self._looked_at = link.moved, now
        if moved != self._moved or not link.up or not self.store.owed or away:
            self._moved, self._quiet_since = moved, now
        elif self._redial and now - self._quiet_since >= self._patience:
            link.lose(f"it has answered nothing for {self._patience:g} s")

    def deadline(self) -> float | None:
        """When `turn` wants to be called next."""
        link = self._link
        return None if link is None or link.up else link.deadline()

    def flush(self) -> None:
        """Send what the link takes now."""
        link = self._link
        if link is not None and link.owes:
            link.flush()

    def close(self, linger_s: float) -> None:
        """Close, when what was sent has left or `linger_s` seconds have passed."""
        if self._link is not None:
            self._link.finish(linger_s)
            self._link.close()


def as_address(told: StorageAddress) -> Address:
    """What a scheduler's echo means. Raises `ValueError`."""
    if told.scheme == "ipc":
        return parse_address(f"ipc://{told.host}")
    host = f"[{told.host}]" if ":" in told.host else told.host
    return parse_address(f"{told.scheme}://{host}:{told.port}")
