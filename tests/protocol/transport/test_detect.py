"""Which backend a scheduler speaks, found out on real sockets."""

import logging
import select
import socket
from collections.abc import Callable, Iterator
from time import monotonic

import pytest
from ports import silent_port

from futurefsm.protocol.errors import TransportClosedError
from futurefsm.protocol.transport.address import parse_address
from futurefsm.protocol.transport.detect import Detecting
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq import YmqStream
from futurefsm.protocol.transport.ymq_channel import YmqDealer
from futurefsm.protocol.transport.ymq_link import YmqLink
from futurefsm.protocol.transport.zmq_channel import ZmqChannel
from futurefsm.protocol.transport.zmq_transport import ZmqDealer, ZmqRouter
from tests.protocol.transport.peers import PATIENCE_S, Peer, drive, listening

ME = b"Client|me"


def detecting(port: int, patience_s: float = PATIENCE_S) -> tuple[Detecting, Poller]:
    text = f"tcp://127.0.0.1:{port}"
    link = YmqLink(
        parse_address(text),
        lambda sock: YmqStream(sock, ME, patient=True),
        patience_s=patience_s,
    )
    ymq = YmqDealer(link)
    zmq = ZmqChannel(lambda: ZmqDealer(text, ME, watched=True), patience_s=patience_s)
    channel = Detecting({"ymq": ymq, "zmq": zmq}, b"probe", text, goes_on=lambda: ymq.heard_zmq)
    poller = Poller()
    channel.attach(poller)
    return channel, poller


def turning(channel: Detecting, poller: Poller, until: Callable[[], object]) -> None:
    """As `drive`, also while the poller is silent: `until` is what makes the peer work."""
    deadline = monotonic() + PATIENCE_S
    while not until():
        assert monotonic() < deadline, channel.trouble
        poller.poll(0.02)
        channel.turn(monotonic())
        channel.flush()


@pytest.fixture
def peer() -> Iterator[Peer]:
    with listening() as made:
        yield made


def test_ymq(peer: Peer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    channel, poller = detecting(peer.port)
    with pytest.raises(TransportClosedError, match="not known yet"):
        channel.send(b"too early")
    channel.flush()
    assert (channel.up, channel.pending, channel.connections) == (False, False, 0)
    assert channel.receive() is None
    drive(channel, poller, lambda: channel.trouble.startswith("it accepts"), [])
    # Not a byte before the greeting.
    peer.accept(greet=False)
    assert peer.sock is not None
    assert select.select([peer.sock], [], [], 0)[0] == []
    peer.stream = YmqStream(peer.sock, b"scheduler")
    peer.stream.flush()

    def answered() -> bool:
        assert peer.stream is not None
        if peer.stream.receive() == [b"probe"]:
            peer.say(b"echo", b"more")
        return channel.up

    turning(channel, poller, answered)
    (record,) = caplog.records
    assert record.message == (
        f"the scheduler at tcp://127.0.0.1:{peer.port} speaks ymq: found out by trying, "
        "backend='ymq' or the environment variable SCALER_NETWORK_BACKEND spares that"
    )
    assert channel.connections == 1
    drive(channel, poller, lambda: channel.pending, [])
    # The answer to the probe is not handed on.
    assert channel.receive() == b"more"
    channel.send(b"hello")
    channel.flush()
    assert channel.deadline() is None
    assert channel.trouble
    assert channel.lost is None
    assert peer.hear(1) == [b"hello"]
    peer.end()
    drive(channel, poller, lambda: channel.lost, [])
    assert channel.lost == "it closed the connection"
    channel.close()


def test_zmq() -> None:
    router = ZmqRouter("tcp://127.0.0.1:0")
    channel, poller = detecting(int(router.address.rpartition(":")[2]))

    def answered() -> bool:
        while (message := router.receive()) is not None:
            assert message == (ME, b"probe")
            router.send(ME, b"echo")
        return channel.up

    assert not channel.bursts
    turning(channel, poller, answered)
    assert channel.bursts
    router.send(ME, b"two")
    drive(channel, poller, lambda: poller.poll(0), [])
    while (message := channel.receive()) is None:
        assert poller.poll(PATIENCE_S)
    assert message == b"two"
    channel.close()
    router.close(0)


def test_nobody() -> None:
    with silent_port() as nobody:
        channel, poller = detecting(nobody.getsockname()[1], patience_s=0.4)
        drive(channel, poller, lambda: channel.lost, [])
    assert channel.lost == "no connection within 0.4 s: Connection refused"
    assert channel.deadline() is None
    assert channel.lost == channel.trouble
    channel.turn(monotonic())
    channel.close()


def test_silence_is_not_broken(peer: Peer) -> None:
    """It may be a port where TLS is expected: neither candidate says a word."""
    channel, poller = detecting(peer.port, patience_s=0.5)
    drive(channel, poller, lambda: channel.lost, [])
    assert "it accepts connections, but says nothing" in str(channel.lost)
    peer.accept(greet=False)
    assert peer.sock is not None
    assert peer.sock.recv(100) == b""
    peer.listener.setblocking(False)
    with pytest.raises(BlockingIOError):  # there was one connection only
        peer.listener.accept()
    channel.close()


def test_something_else(peer: Peer) -> None:
    channel, poller = detecting(peer.port)
    drive(channel, poller, lambda: channel.trouble.startswith("it accepts"), [])
    peer.accept(greet=False)
    assert peer.sock is not None
    peer.sock.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    drive(channel, poller, lambda: channel.lost, [])
    assert "is not understood" in str(channel.lost)
    channel.close()


def test_zmq_that_then_says_nothing(peer: Peer) -> None:
    channel, poller = detecting(peer.port, patience_s=2.0)
    drive(channel, poller, lambda: channel.trouble.startswith("it accepts"), [])
    peer.accept(greet=False)
    assert peer.sock is not None
    peer.sock.sendall(b"\xff\0\0\0\0\0\0\0\1\x7f")
    peer.sock.close()
    # The port stays ours: nobody else comes to listen there.
    peer.listener.shutdown(socket.SHUT_RDWR)
    drive(channel, poller, lambda: channel.lost, [])
    assert "no connection within 2 s" in str(channel.lost)
    channel.close()


def test_closed_before_it_is_known(peer: Peer) -> None:
    channel, _ = detecting(peer.port)
    channel.turn(monotonic())
    channel.close()
    assert channel.lost == "it was closed here"
