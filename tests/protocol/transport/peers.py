"""Peers of the links that tests dial: they listen on real sockets, and do what the test says."""

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import ceil
from time import monotonic

from futurefsm.protocol.transport.base import Channel
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq import YmqStream, listen_tcp
from futurefsm.protocol.transport.ymq_link import YmqLink

PATIENCE_S = 60.0


def whole_now() -> float:
    """The clock, in whole seconds: sums and differences of it are exact. Of others they are not
    where the machine has been up for a power of two of seconds meanwhile."""
    return float(ceil(monotonic()))


class Peer:
    """A YMQ peer, for one connection at a time."""

    def __init__(self, listener: socket.socket, identity: bytes = b"scheduler") -> None:
        self.listener = listener
        self.listener.settimeout(PATIENCE_S)
        self.identity = identity
        self.port = int(listener.getsockname()[1])
        self.sock: socket.socket | None = None
        self.stream: YmqStream | None = None

    def accept(self, *, greet: bool = True) -> None:
        self.sock, _ = self.listener.accept()
        if greet:
            self.stream = YmqStream(self.sock, self.identity)
            self.stream.flush()

    def say(self, *messages: bytes) -> None:
        assert self.stream is not None
        self.stream.send_frames(messages)
        self.stream.flush()

    def hear(self, count: int) -> list[bytes]:
        """So many messages."""
        assert self.stream is not None
        poller = Poller()
        poller.register(self.stream.poll_item)
        got: list[bytes] = []
        deadline = monotonic() + PATIENCE_S
        while len(got) < count:
            assert monotonic() < deadline
            poller.poll(1)
            got += [bytes(each) for each in self.stream.receive()]
        return got

    def end(self) -> None:
        """FIN. All that has come is read before: else the system makes a reset of it."""
        assert self.sock is not None
        if self.stream is not None:
            poller = Poller()
            poller.register(self.stream.poll_item)
            while self.stream.peer_identity is None:
                assert poller.poll(PATIENCE_S)
                self.stream.receive()
        self.sock.close()

    def reset(self) -> None:
        """RST."""
        assert self.sock is not None
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


@contextmanager
def listening(identity: bytes = b"scheduler") -> Iterator[Peer]:
    peer = Peer(listen_tcp("127.0.0.1"), identity)
    try:
        yield peer
    finally:
        if peer.sock is not None:
            peer.sock.close()
        peer.listener.close()


def drive(
    link: YmqLink | Channel, poller: Poller, until: Callable[[], object], taken: list[bytes]
) -> None:
    """What an owner does, until something is so."""
    deadline = monotonic() + PATIENCE_S
    while not until():
        assert monotonic() < deadline, link.trouble
        due = link.deadline()
        wait = 1.0 if due is None else min(1.0, max(0.0, due - monotonic()))
        poller.poll(wait)
        brought = link.turn(monotonic())
        taken.extend(bytes(each) for each in brought or ())
        link.flush()
