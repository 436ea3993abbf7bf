import errno
import os
import socket
import stat
import subprocess
import sys
import time

import pytest
import zmq

from futurefsm.protocol.errors import TransportClosedError, TransportFullError
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.zmq_transport import ZmqDealer, ZmqRouter

ME = b"Client|0123456789abcdef0123456789abcdef"


# Long enough for any machine; nothing waits for it where the code is right.
BOUND = 60.0


def await_message(link, timeout=BOUND):
    poller = Poller()
    poller.register(link.poll_item)
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        message = link.receive()
        if message is not None:
            return message
        poller.poll(deadline - time.monotonic())
    raise AssertionError("nothing came")


@pytest.fixture(params=["tcp", "ipc", "inproc"])
def joined(request, tmp_path):
    context = zmq.Context()
    address = {
        "tcp": "tcp://127.0.0.1:0",
        "ipc": f"ipc://{tmp_path}/socket",
        "inproc": "inproc://here",
    }[request.param]
    router = ZmqRouter(address, context)
    dealer = ZmqDealer(router.address, ME, context)
    yield dealer, router
    dealer.close(0)
    router.close(0)
    context.term()


def test_one_frame_each_way(joined):
    dealer, router = joined
    dealer.send(b"ping")
    assert await_message(router) == (ME, b"ping")
    assert router.receive() is None
    assert router.send(ME, b"pong")
    assert await_message(dealer) == b"pong"
    assert dealer.receive() is None


def test_thousands_in_order(joined):
    dealer, router = joined
    for number in range(3000):
        dealer.send(b"%d" % number)
    assert [int(await_message(router)[1]) for _ in range(3000)] == [*range(3000)]


def test_nobody_is_told_from_somebody(joined):
    dealer, router = joined
    assert not router.send(b"nobody", b"x")
    assert not router.spare(b"nobody", b"x")
    dealer.send(b"x")
    await_message(router)
    assert router.send(ME, b"y")


def test_an_ipc_socket_lies_where_it_was_asked_for_and_goes_with_its_router(tmp_path):
    path = tmp_path / "socket"
    router = ZmqRouter(f"ipc://{path}")
    assert stat.S_ISSOCK(os.stat(path).st_mode)
    router.close()
    router.close()
    assert not path.exists()


def test_a_path_that_another_router_has_taken_since_is_left_alone(tmp_path):
    path = tmp_path / "socket"
    first = ZmqRouter(f"ipc://{path}")
    path.rename(tmp_path / "moved")
    second = ZmqRouter(f"ipc://{path}")
    first.close()
    assert path.exists()
    second.close()
    (tmp_path / "moved").unlink(missing_ok=True)
    third = ZmqRouter(f"ipc://{path}")
    path.unlink()
    third.close()


def test_the_port_that_the_system_chose():
    router = ZmqRouter("tcp://127.0.0.1:0")
    host, _, port = router.address.rpartition(":")
    assert host == "tcp://127.0.0.1"
    assert int(port) > 0
    with pytest.raises(OSError) as raised:
        ZmqRouter(router.address)
    assert raised.value.errno == errno.EADDRINUSE
    assert router.address in str(raised.value)
    router.close()


@pytest.mark.parametrize("kind", [ZmqDealer, ZmqRouter])
@pytest.mark.parametrize(
    "address", ["", "tcp://", "foo://x", "tcp://127.0.0.1", "ipc://" + "x" * 200]
)
def test_addresses_that_mean_nothing(kind, address):
    with pytest.raises(OSError):
        kind(address, ME) if kind is ZmqDealer else kind(address)


@pytest.mark.parametrize("identity", [b"", bytes(256)])
def test_identities_have_1_to_255_bytes(identity):
    with pytest.raises(ValueError, match="an identity has 1 to 255 bytes"):
        ZmqDealer("tcp://127.0.0.1:1", identity)


def test_nobody_needs_to_listen_yet(tmp_path):
    address = f"ipc://{tmp_path}/later"
    dealer = ZmqDealer(address, ME)
    dealer.send(b"early")
    assert dealer.receive() is None
    router = ZmqRouter(address)
    assert await_message(router) == (ME, b"early")
    dealer.close()
    router.close()


def test_what_was_sent_leaves_before_the_close(tmp_path):
    router = ZmqRouter("tcp://127.0.0.1:0")
    for number in range(20):
        dealer = ZmqDealer(router.address, b"%d" % number)
        dealer.send(bytes(1_000_000))
        dealer.close(BOUND)
        assert await_message(router) == (b"%d" % number, bytes(1_000_000))
    router.close()


def test_a_close_is_bounded_when_nobody_listens():
    dealer = ZmqDealer("tcp://127.0.0.1:1", ME)
    dealer.send(b"x")
    started = time.monotonic()
    dealer.close(0.2)
    assert time.monotonic() - started < BOUND
    dealer.close(100)


@pytest.mark.parametrize("address", ["tcp://127.0.0.1:0", "inproc://closed"])
def test_closed_is_closed(address):
    router = ZmqRouter(address)
    dealer = ZmqDealer("tcp://127.0.0.1:1", ME)
    router.close(0)
    dealer.close(0)
    for act in (
        router.receive,
        dealer.receive,
        lambda: router.send(ME, b""),
        lambda: dealer.send(b""),
        lambda: dealer.poll_item,
    ):
        with pytest.raises(TransportClosedError):
            act()


def test_a_socket_that_was_closed_behind_our_back():
    router, dealer = ZmqRouter("tcp://127.0.0.1:0"), ZmqDealer("tcp://127.0.0.1:1", ME)
    for link in (router, dealer):
        link.poll_item.close(0)
    for act in (
        router.receive,
        dealer.receive,
        lambda: router.send(ME, b""),
        lambda: dealer.send(b""),
    ):
        with pytest.raises(TransportClosedError):
            act()
    router.close()
    dealer.close()


def test_a_million_messages_are_enough(monkeypatch):
    monkeypatch.setattr("futurefsm.protocol.transport.zmq_transport.HIGH_WATER", 10)
    context = zmq.Context()
    router = ZmqRouter("inproc://full", context)
    dealer = ZmqDealer("inproc://full", ME, context)
    dealer.send(b"hello")
    await_message(router)
    sent = 0
    while router.send(ME, b"x"):
        sent += 1
    assert 10 <= sent <= 30
    with pytest.raises(TransportFullError, match="10 messages wait"):
        all(dealer.send(b"x") is None for _ in range(100))
    dealer.close(0)
    router.close(0)
    context.term()


def test_messages_of_several_frames_are_dropped_and_counted():
    router = ZmqRouter("tcp://127.0.0.1:0")
    with zmq.Context() as context, context.socket(zmq.DEALER) as odd:
        odd.identity = b"odd"
        odd.linger = 0
        odd.connect(router.address)
        odd.send_multipart([b"one", b"two"])
        odd.send_multipart([b"", b"two"])
        odd.send(b"one")
        assert await_message(router) == (b"odd", b"one")
    assert router.dropped == 2
    router.close()


def test_a_second_client_with_a_living_identity_gets_nothing():
    router = ZmqRouter("tcp://127.0.0.1:0")
    first, thief = ZmqDealer(router.address, ME), None
    first.send(b"first")
    await_message(router)
    thief = ZmqDealer(router.address, ME)
    thief.send(b"thief")
    first.send(b"still me")
    assert await_message(router) == (ME, b"still me")
    router.send(ME, b"secret")
    assert await_message(first) == b"secret"
    assert thief.receive() is None
    for link in (first, thief, router):
        link.close(0)


def test_too_large_a_frame_is_refused_and_the_others_are_served():
    router = ZmqRouter("tcp://127.0.0.1:0", max_message=1000)
    large, other = ZmqDealer(router.address, b"large"), ZmqDealer(router.address, b"other")
    large.send(bytes(1001))
    other.send(bytes(1000))
    assert await_message(router) == (b"other", bytes(1000))
    for link in (large, other, router):
        link.close(0)


def test_garbage_on_the_port_harms_nobody():
    router = ZmqRouter("tcp://127.0.0.1:0")
    port = int(router.address.rpartition(":")[2])
    before = len(os.listdir("/proc/self/fd"))
    dealer = ZmqDealer(router.address, ME)
    for _ in range(20):
        with socket.create_connection(("127.0.0.1", port)) as stranger:
            stranger.sendall(os.urandom(4096))
    dealer.send(b"served")
    # Of chance bytes libzmq sometimes makes a message of its oldest version: the codec's business.
    while (came := await_message(router))[0] != ME:
        pass
    assert came == (ME, b"served")
    dealer.close()
    deadline = time.monotonic() + BOUND
    while len(os.listdir("/proc/self/fd")) > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(os.listdir("/proc/self/fd")) <= before
    router.close()


def test_a_process_that_forgets_to_close_still_ends():
    script = (
        "from futurefsm.protocol.transport.zmq_transport import ZmqDealer\n"
        "dealer = ZmqDealer('tcp://127.0.0.1:1', b'me')\n"
        "dealer.send(b'never')\n"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", script], timeout=BOUND, capture_output=True
    )
    assert done.returncode == 0
