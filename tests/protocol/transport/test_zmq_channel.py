"""The scheduler channel over ZeroMQ: what it makes of links that come and go."""

from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import pytest

from futurefsm.protocol.errors import TransportFullError
from futurefsm.protocol.transport import zmq_channel, zmq_transport
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.zmq_channel import ZmqChannel
from futurefsm.protocol.transport.zmq_transport import ZmqDealer, ZmqRouter
from tests.protocol.transport.peers import PATIENCE_S, drive, listening

ME = b"Client|me"


def channel_to(address: str, patience_s: float = PATIENCE_S) -> tuple[ZmqChannel, Poller]:
    channel = ZmqChannel(lambda: ZmqDealer(address, ME, watched=True), patience_s=patience_s)
    poller = Poller()
    channel.attach(poller)
    return channel, poller


@pytest.fixture
def address(tmp_path: Path) -> str:
    return f"ipc://{tmp_path / 'socket'}"


@pytest.fixture
def router(address: str) -> Iterator[ZmqRouter]:
    made = ZmqRouter(address)
    yield made
    made.close(0)


def heard(router: ZmqRouter) -> tuple[bytes, bytes]:
    poller = Poller()
    poller.register(router.poll_item)
    while (message := router.receive()) is None:
        assert poller.poll(PATIENCE_S)
    return message


def received(channel: ZmqChannel, poller: Poller) -> bytes:
    while (message := channel.receive()) is None:
        assert poller.poll(PATIENCE_S)
    return message


def test_both_ways(address: str, router: ZmqRouter) -> None:
    channel, poller = channel_to(address)
    assert channel.receive() is None
    assert channel.deadline() == 0.0
    drive(channel, poller, lambda: channel.up, [])
    assert channel.connections == 1
    assert not channel.pending
    assert channel.deadline() is None
    channel.send(b"one")
    assert heard(router) == (ME, b"one")
    router.send(ME, b"two")
    assert received(channel, poller) == b"two"
    channel.close(0)
    assert channel.lost == "it was closed here"
    assert channel.deadline() is None
    channel.turn(monotonic())
    channel.close(0)


def test_a_broken_connection_is_replaced(address: str) -> None:
    router = ZmqRouter(address)
    channel, poller = channel_to(address)
    drive(channel, poller, lambda: channel.up, [])
    router.close(0)
    drive(channel, poller, lambda: not channel.up, [])
    assert channel.trouble == "the connection broke"
    assert channel.receive() is None
    again = channel.deadline()
    assert again is not None
    assert again <= monotonic() + zmq_channel.FIRST_DELAY_S
    router = ZmqRouter(address)
    drive(channel, poller, lambda: channel.connections == 2, [])
    # Until something comes it may be one that the scheduler ignores.
    assert channel.deadline() is not None
    channel.send(b"again")
    assert heard(router) == (ME, b"again")
    router.send(ME, b"welcome")
    assert received(channel, poller) == b"welcome"
    assert channel.deadline() is None
    channel.close(0)
    router.close(0)


def test_the_last_word_of_a_peer_that_ends_is_heard(address: str) -> None:
    router = ZmqRouter(address)
    channel, poller = channel_to(address)
    drive(channel, poller, lambda: channel.up, [])
    channel.send(b"end")
    heard(router)
    for word in (b"yes", b"good-bye"):
        router.send(ME, word)
    router.close(PATIENCE_S)
    # Nobody looks before both the words and the end have come.
    assert channel._dealer is not None
    assert channel._dealer._monitor is not None
    assert channel._dealer._monitor.poll(PATIENCE_S * 1000)
    channel.turn(monotonic())
    assert not channel.up
    assert channel.pending
    assert [channel.receive(), channel.receive(), channel.receive()] == [b"yes", b"good-bye", None]
    assert not channel.pending
    channel.close(0)


def test_a_connection_that_is_ignored_is_tried_again(address: str, router: ZmqRouter) -> None:
    channel, poller = channel_to(address)
    drive(channel, poller, lambda: channel.up, [])
    channel._break("by the test", monotonic())
    drive(channel, poller, lambda: channel.connections == 2, [])
    proof = channel.deadline()
    assert proof is not None
    channel.turn(proof)
    assert not channel.up
    assert channel.trouble == "it accepts connections, but does not answer"
    drive(channel, poller, lambda: channel.connections == 3, [])
    later = channel.deadline()
    assert later is not None
    assert later > monotonic() + zmq_channel.PROOF_S
    channel.close(0)


def test_nobody_listens(address: str) -> None:
    channel, poller = channel_to(address, patience_s=0.3)
    drive(channel, poller, lambda: channel.lost, [])
    assert channel.lost == "no connection within 0.3 s: nobody accepts a connection there"
    channel.close(0)


def test_not_a_zmq_peer() -> None:
    with listening() as peer:
        channel, poller = channel_to(f"tcp://127.0.0.1:{peer.port}")
        channel.turn(monotonic())
        peer.accept(greet=False)
        peer.end()
        drive(channel, poller, lambda: "does not speak ZeroMQ" in channel.trouble, [])
        channel.close(0)


def fill(channel: ZmqChannel) -> int:
    for sent in range(1000):
        try:
            channel.send(bytes(65536))
        except TransportFullError:
            return sent
    raise AssertionError("it is never full")


def test_a_full_one_waits_for_room(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zmq_transport, "HIGH_WATER", 1)
    router = ZmqRouter(address)
    channel, poller = channel_to(address)
    drive(channel, poller, lambda: channel.up, [])
    sent = fill(channel)
    for _ in range(2):
        sent += fill(channel)
    for _ in range(sent):
        assert heard(router) == (ME, bytes(65536))
    assert any(ready.writable for ready in poller.poll(PATIENCE_S))
    channel.send(b"room")
    channel.flush()
    assert heard(router) == (ME, b"room")
    assert not any(ready.writable for ready in poller.poll(0))
    channel.close(0)
    router.close(0)


def test_without_a_poller(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zmq_transport, "HIGH_WATER", 1)
    router = ZmqRouter(address)
    channel = ZmqChannel(lambda: ZmqDealer(address, ME, watched=True), patience_s=PATIENCE_S)
    deadline = monotonic() + PATIENCE_S
    while not channel.up:
        assert monotonic() < deadline
        channel.turn(monotonic())
    assert fill(channel)
    channel.close(0)
    router.close(0)


def test_ipv6() -> None:
    router = ZmqRouter("tcp://127.0.0.1:0")
    dealer = ZmqDealer("tcp://[::ffff:127.0.0.1]:" + router.address.rpartition(":")[2], ME)
    dealer.send(b"over an IPv6 literal")
    assert heard(router) == (ME, b"over an IPv6 literal")
    dealer.close(0)
    router.close(0)
