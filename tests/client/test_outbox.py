"""A channel that is full makes its sender wait; it loses nothing and no order."""

import pytest
import zmq

from futurefsm.client.outbox import Outbox
from futurefsm.protocol.errors import TransportClosedError
from futurefsm.protocol.transport import zmq_transport
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.zmq_transport import ZmqDealer, ZmqRouter

PATIENCE_S = 20.0


def test_in_order_through_a_full_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zmq_transport, "HIGH_WATER", 3)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    dealer = ZmqDealer("inproc://full", b"Client|x", context)
    poller = Poller()
    poller.register(dealer.poll_item)
    outbox = Outbox(dealer, poller)
    sent = [str(n).encode() for n in range(50)]
    # Nobody listens yet: after three the queue is full.
    for message in sent:
        outbox.send(message)
    assert len(outbox) == 47
    outbox.flush()
    assert len(outbox) == 47
    router = ZmqRouter("inproc://full", context)
    got = []
    while len(got) < 50:
        ready = poller.poll(PATIENCE_S) if outbox else []
        assert ready or not outbox
        outbox.flush()
        while (message := router.receive()) is not None:
            got.append(message[1])
    assert got == sent
    # Nothing waits, so the poller does not wait for room any more.
    assert poller.poll(0) == []
    dealer.close(0)
    router.close(0)
    context.term()


def test_a_closed_channel_says_so() -> None:
    dealer = ZmqDealer("tcp://127.0.0.1:9", b"Client|x")
    outbox = Outbox(dealer, Poller())
    dealer.close(0)
    with pytest.raises(TransportClosedError):
        outbox.send(b"x")
