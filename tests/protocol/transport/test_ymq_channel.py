"""The scheduler channel over YMQ framing, against a listener of the test's own."""

import pytest

from futurefsm.protocol.errors import TransportClosedError
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq import YmqStream, accept, listen_tcp
from futurefsm.protocol.transport.ymq_channel import YmqDealer

PATIENCE_S = 20.0


def test_messages_both_ways_and_the_end() -> None:
    listener = listen_tcp("127.0.0.1")
    dealer = YmqDealer(f"tcp://127.0.0.1:{listener.getsockname()[1]}", b"Client|x")
    poller = Poller()
    poller.register(listener.fileno())
    assert poller.poll(PATIENCE_S)
    sock = accept(listener)
    assert sock is not None
    peer = YmqStream(sock, b"scheduler")
    dealer.send(b"one")
    dealer.flush()
    assert not dealer.wants_write
    poller = Poller()
    poller.register(peer.poll_item)
    got: list[bytes] = []
    while not got:
        assert poller.poll(PATIENCE_S)
        got += [bytes(each) for each in peer.receive()]
    assert got == [b"one"]
    peer.send_frames([b"two"])
    peer.flush()
    poller = Poller()
    poller.register(dealer.poll_item)
    while (answer := dealer.receive()) is None:
        assert poller.poll(PATIENCE_S)
    assert answer == b"two"
    peer.close()
    listener.close()
    assert poller.poll(PATIENCE_S)
    with pytest.raises(TransportClosedError):
        dealer.receive()
    dealer.close()
