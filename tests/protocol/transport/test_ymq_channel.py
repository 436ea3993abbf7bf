"""The scheduler channel over YMQ framing."""

from collections.abc import Iterator
from time import monotonic

import pytest

from futurefsm.protocol.errors import TransportClosedError, TransportFullError
from futurefsm.protocol.transport import ymq_channel
from futurefsm.protocol.transport.address import parse_address
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq import YmqStream
from futurefsm.protocol.transport.ymq_channel import YmqDealer
from futurefsm.protocol.transport.ymq_link import YmqLink
from tests.protocol.transport.peers import PATIENCE_S, Peer, drive, listening


@pytest.fixture
def peer() -> Iterator[Peer]:
    with listening() as made:
        yield made


@pytest.fixture
def dealer(peer: Peer) -> Iterator[YmqDealer]:
    address = parse_address(f"tcp://127.0.0.1:{peer.port}")
    link = YmqLink(address, lambda sock: YmqStream(sock, b"Client|me"), patience_s=PATIENCE_S)
    made = YmqDealer(link)
    yield made
    made.close(0)


@pytest.fixture
def poller(dealer: YmqDealer) -> Poller:
    made = Poller()
    dealer.attach(made)
    return made


def connect(dealer: YmqDealer, peer: Peer, poller: Poller) -> None:
    times = dealer.connections + 1
    drive(dealer, poller, lambda: dealer.trouble.startswith("it accepts"), [])
    peer.accept()
    drive(dealer, poller, lambda: dealer.connections == times, [])


def test_messages_both_ways_and_the_end(dealer: YmqDealer, peer: Peer, poller: Poller) -> None:
    assert not dealer.up
    assert dealer.receive() is None
    with pytest.raises(TransportClosedError, match="not dialled yet"):
        dealer.send(b"too early")
    assert dealer.deadline() == 0.0  # it wants to dial
    connect(dealer, peer, poller)
    assert dealer.up
    assert dealer.deadline() is None
    dealer.send(b"one")
    dealer.flush()
    assert peer.hear(1) == [b"one"]
    peer.say(b"two", b"three")
    drive(dealer, poller, lambda: dealer.pending, [])
    assert dealer.receive() == b"two"
    # Who waits for the poller must not be told that there is more.
    drive(dealer, poller, lambda: dealer.pending, [])
    assert dealer.receive() == b"three"
    assert not dealer.pending
    peer.say(b"four")
    drive(dealer, poller, lambda: dealer.pending, [])
    peer.end()
    drive(dealer, poller, lambda: not dealer.up, [])
    # What came before the end is received before the end.
    assert dealer.lost is None
    assert dealer.receive() == b"four"
    # No descriptor tells of it any more: the next turn does.
    assert dealer.pending
    dealer.turn(monotonic())
    assert not dealer.pending
    assert dealer.lost == "it closed the connection"
    with pytest.raises(TransportClosedError, match="it closed the connection"):
        dealer.send(b"too late")


def test_what_is_closed_here_is_not_up(dealer: YmqDealer, peer: Peer, poller: Poller) -> None:
    connect(dealer, peer, poller)
    dealer.close(0)
    assert not dealer.up


def test_it_takes_no_more_than_it_can_hold(
    dealer: YmqDealer, peer: Peer, poller: Poller, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(dealer, peer, poller)
    monkeypatch.setattr(ymq_channel, "UNSENT_MAX", 1000)
    dealer.send(b"x" * 2000)
    with pytest.raises(TransportFullError):
        dealer.send(b"y")
    dealer.flush()
    dealer.send(b"y")
    dealer.flush()
    assert peer.hear(2) == [b"x" * 2000, b"y"]
    # Nor does it read without end what nobody receives.
    monkeypatch.setattr(ymq_channel, "_ARRIVED_MAX", 1)
    peer.say(b"one")
    drive(dealer, poller, lambda: dealer.pending, [])
    peer.say(b"two")
    assert poller.poll(PATIENCE_S)
    dealer.turn(monotonic())
    assert dealer.receive() == b"one"
    assert dealer.receive() is None
    drive(dealer, poller, lambda: dealer.pending, [])
    assert dealer.receive() == b"two"


def test_the_same_scheduler_again(dealer: YmqDealer, peer: Peer, poller: Poller) -> None:
    connect(dealer, peer, poller)
    peer.reset()
    drive(dealer, poller, lambda: not dealer.up, [])
    connect(dealer, peer, poller)
    assert dealer.lost is None
    dealer.send(b"here I am again")
    dealer.flush()
    assert peer.hear(1) == [b"here I am again"]


def test_another_scheduler_is_none_of_ours(dealer: YmqDealer, peer: Peer, poller: Poller) -> None:
    connect(dealer, peer, poller)
    peer.reset()
    drive(dealer, poller, lambda: not dealer.up, [])
    peer.identity = b"another"
    drive(dealer, poller, lambda: dealer.trouble.startswith("it accepts"), [])
    peer.accept()
    drive(dealer, poller, lambda: dealer.lost is not None, [])
    assert dealer.lost == "another scheduler answers there now, which knows nothing of this client"


def test_a_zmq_peer_is_recognised(dealer: YmqDealer, peer: Peer, poller: Poller) -> None:
    drive(dealer, poller, lambda: dealer.trouble.startswith("it accepts"), [])
    peer.accept(greet=False)
    assert peer.sock is not None
    peer.sock.sendall(bytes.fromhex("ff00000000000000017f"))
    drive(dealer, poller, lambda: dealer.lost is not None, [])
    assert dealer.lost == "it speaks ZeroMQ, not YMQ: the backend is 'zmq'"
    assert dealer.deadline() is None
