"""The scheduler's end of YMQ, over real sockets."""

import errno
import os
import select
import selectors
import socket
import struct
import time

import pytest

from futurefsm.protocol.errors import TransportClosedError
from futurefsm.protocol.transport import ymq_router
from futurefsm.protocol.transport.framing import opening
from futurefsm.protocol.transport.ymq import YmqStream, connect_tcp, connect_unix
from futurefsm.protocol.transport.ymq_router import YmqRouter

BOUND = 60.0


@pytest.fixture
def router():
    made = YmqRouter("tcp://127.0.0.1:0", b"router")
    yield made
    made.close(0)


def dial(router):
    host, port = router.address.removeprefix("tcp://").rsplit(":", 1)
    return connect_tcp(host, int(port))


def reset(sock):
    """End a link the hard way."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


class Peer(YmqStream):
    def __init__(self, router, identity):
        self.raw = dial(router)
        super().__init__(self.raw, identity)
        self.came = []
        self.flush()

    def say(self, *messages):
        self.send_frames(messages)
        self.flush()
        return self


def until(router, done, *peers):
    """Let router and peers work until `done`; what the router received."""
    got, deadline = [], time.monotonic() + BOUND
    while not done(got):
        assert time.monotonic() < deadline, f"waited {BOUND} s; got {got}"
        items = [router.poll_item, *(p.poll_item for p in peers if not p.eof)]
        select.select(items, [], [], 0.05)
        while (message := router.receive()) is not None:
            got.append(message)
        for peer in peers:
            if not peer.eof:
                if peer.wants_write:
                    peer.flush()
                peer.came += peer.receive()
    return got


def connected(router, identity):
    peer = Peer(router, identity).say(b"hello")
    assert until(router, lambda got: got == [(identity, b"hello")])
    return peer


def test_who_has_been_sent_all_is_not_waited_for_any_more(router):
    """What the layers had to say may have left with a look at what came."""
    peer = connected(router, b"Client|1")
    (fd,) = router._streams
    both = selectors.EVENT_READ | selectors.EVENT_WRITE
    router._selector.modify(fd, both)
    router._interest[fd] = both
    assert router.receive() is None
    assert router._interest[fd] == selectors.EVENT_READ
    assert router._selector.select(0) == []
    peer.close()


def test_messages_both_ways_in_order(router):
    one, two = connected(router, b"Client|1"), connected(router, b"Client|2")
    assert one.peer_identity is None
    one.say(b"a", b"b", b"")
    two.say(b"c")
    got = until(router, lambda got: len(got) == 4)
    assert [m for who, m in got if who == b"Client|1"] == [b"a", b"b", b""]
    for number in range(3):
        assert router.send(b"Client|1", b"%d" % number)
    assert router.send(b"Client|2", b"x")
    until(router, lambda _: len(one.came) == 3 and two.came, one, two)
    assert (one.came, two.came, one.peer_identity) == ([b"0", b"1", b"2"], [b"x"], b"router")
    assert router.connections == 2
    assert router.local_host(b"Client|1") == "127.0.0.1"
    for peer in (one, two):
        peer.close()
    until(router, lambda _: router.connections == 0)
    assert not router.send(b"Client|1", b"gone for good")
    assert router.local_host(b"Client|1") is None


def test_its_own_name_by_default():
    router = YmqRouter("tcp://127.0.0.1:0")
    peer = Peer(router, b"p")
    until(router, lambda _: peer.peer_identity is not None, peer)
    assert peer.peer_identity.startswith(b"%d|scheduler|" % os.getpid())
    router.close()
    assert not until_eof(peer).reset
    peer.close()
    router.close()
    for use in (router.receive, lambda: router.poll_item, lambda: router.send(b"p", b"x")):
        with pytest.raises(TransportClosedError):
            use()


def until_eof(peer):
    while not peer.eof:
        assert select.select([peer.poll_item], [], [], BOUND)[0]
        peer.came += peer.receive()
    return peer


def test_a_second_connection_of_one_name_takes_its_place(router):
    old = connected(router, b"same")
    new = connected(router, b"same")
    assert not until_eof(old).reset
    assert router.send(b"same", b"to the new one")
    until(router, lambda _: new.came, new)
    assert (old.came, new.came) == ([], [b"to the new one"])
    old.close()
    new.say(b"still here")
    assert until(router, lambda got: got) == [(b"same", b"still here")]
    new.close()


def test_both_in_one_turn(router):
    """The old one has sent something when its successor arrives; it may have been read or not."""
    old = connected(router, b"same")
    new = Peer(router, b"same")
    until(router, lambda _: router.connections >= 2 or new.peer_identity, new)
    new.say(b"n")
    old.say(b"o")
    got = until(router, lambda got: (b"same", b"n") in got)
    assert set(got) <= {(b"same", b"n"), (b"same", b"o")}
    until(router, lambda _: router.connections == 1)
    old.close()
    new.close()


def test_one_that_was_reset_gets_what_was_sent_meanwhile(router, monkeypatch):
    monkeypatch.setattr(ymq_router, "HELD_BYTES", 10)
    peer = connected(router, b"back")
    reset(peer.raw)
    until(router, lambda _: router.connections == 0)
    assert router.send(b"back", b"12345")
    assert router.send(b"back", b"67890")
    assert not router.send(b"back", b"!")
    again = Peer(router, b"back")
    until(router, lambda _: len(again.came) == 2, again)
    assert again.came == [b"12345", b"67890"]
    again.close()


def test_only_so_many_are_remembered(router, monkeypatch):
    monkeypatch.setattr(ymq_router, "HELD_PEERS", 1)
    for name in (b"first", b"second"):
        reset(connected(router, name).raw)
        until(router, lambda _: router.connections == 0)
    assert not router.send(b"first", b"x")
    assert router.send(b"second", b"x")


@pytest.mark.parametrize(
    "garbage", [b"GET / HTTP/1.1\r\n\r\n", b"YMQ\x01" + bytes(8), opening(b"x") + b"\xff" * 8]
)
def test_garbage_ends_only_its_own_connection(router, garbage):
    good = connected(router, b"good")
    sock = dial(router)
    sock.sendall(garbage)
    until(router, lambda _: router.dropped == 1)
    sock.settimeout(BOUND)
    while sock.recv(4096):
        pass
    sock.close()
    good.say(b"fine")
    assert until(router, lambda got: got) == [(b"good", b"fine")]
    good.close()


def test_a_message_before_the_garbage_counts(router):
    sock = dial(router)
    sock.sendall(opening(b"x") + struct.pack("<Q", 2) + b"ok" + b"\xff" * 8)
    assert until(router, lambda got: got) == [(b"x", b"ok")]
    until(router, lambda _: router.dropped == 1 and router.connections == 0)
    sock.close()


def test_what_was_said_before_leaving_arrives(router):
    peer = Peer(router, b"brief").say(b"bye")
    peer.close()
    assert until(router, lambda got: got) == [(b"brief", b"bye")]


def test_one_without_a_name_may_leave(router):
    sock = dial(router)
    sock.sendall(b"YMQ")
    until(router, lambda _: router.connections == 1)
    sock.close()
    until(router, lambda _: router.connections == 0)


def test_a_peer_that_does_not_read(router, monkeypatch):
    monkeypatch.setattr(ymq_router, "UNSENT_BYTES", 30_000_000)
    monkeypatch.setattr(ymq_router, "READ_WHILE_UNSENT_BYTES", 1_000_000)
    peer = connected(router, b"slow")
    block = b"x" * 10_000_000
    sent = 0
    while router.send(b"slow", block):
        sent += 1
        assert sent < 20
    peer.say(b"not read yet")
    for _ in range(20):
        assert router.receive() is None
    # It begins to read: all that was accepted arrives, and it is heard again.
    got = until(router, lambda got: len(peer.came) == sent and got, peer)
    assert got == [(b"slow", b"not read yet")]
    peer.close()


def test_a_trusted_peer_that_does_not_read_loses_no_answer(monkeypatch):
    # It was stopped by Ctrl-Z, say, and it will wait for each.
    monkeypatch.setattr(ymq_router, "UNSENT_BYTES", 1_000_000)
    router = YmqRouter("tcp://127.0.0.1:0", trusted=True)
    peer = connected(router, b"stopped")
    block = b"x" * 400_000
    logs = 0
    while router.spare(b"stopped", block):
        logs += 1
        assert logs < 20
    assert all(router.send(b"stopped", block) for _ in range(20))
    until(router, lambda _: len(peer.came) == logs + 20, peer)
    assert router.spare(b"stopped", b"again")
    assert not router.spare(b"nobody", b"x")
    peer.close()
    router.close()


def test_closing_lets_what_was_sent_leave(router):
    peer = connected(router, b"p")
    router.send(b"p", b"x" * 1000)
    router.close()
    assert until_eof(peer).came == [b"x" * 1000]
    peer.close()


def test_closing_waits_only_so_long(router, monkeypatch):
    monkeypatch.setattr(ymq_router, "UNSENT_BYTES", 200_000_000)
    peer = connected(router, b"p")
    router.send(b"p", b"x" * 100_000_000)
    start = time.monotonic()
    router.close(0.05)
    assert time.monotonic() - start < BOUND
    peer.close()


def test_a_link_that_breaks_while_it_is_written_to(router):
    peer = connected(router, b"p")
    reset(peer.raw)
    # Until the reset has arrived, writing succeeds; afterwards it is found by writing.
    deadline = time.monotonic() + BOUND
    while router.connections:
        assert time.monotonic() < deadline
        router.send(b"p", b"x")
    assert router.send(b"p", b"held")
    again = Peer(router, b"p")
    until(router, lambda _: again.came and again.came[-1] == b"held", again)
    again.close()


def test_no_descriptor_left(router, monkeypatch):
    def refuse(_):
        raise OSError(errno.EMFILE, "too many")

    monkeypatch.setattr(ymq_router, "accept", refuse)
    sock = dial(router)
    sock.settimeout(BOUND)
    until(router, lambda _: router.dropped == 1)
    assert sock.recv(1) == b""
    sock.close()
    monkeypatch.undo()
    connected(router, b"later").close()


def test_connections_that_are_gone_already(router, monkeypatch):
    monkeypatch.setattr(ymq_router, "accept", lambda _: None)
    first = dial(router)
    for _ in range(3):
        assert router.receive() is None
    monkeypatch.undo()

    def reset_meanwhile(*_, **__):
        raise OSError(errno.EINVAL, "reset")

    monkeypatch.setattr(ymq_router, "YmqStream", reset_meanwhile)
    until(router, lambda _: select.select([first], [], [], 0)[0])
    assert first.recv(1) == b""
    monkeypatch.undo()
    assert router.connections == 0
    first.close()


@pytest.mark.parametrize(
    "address", ["tcp://x", "x:1", "ipc://h:1", "tcp://h:x", "tcp://:1", "tcp://h:70000"]
)
def test_addresses_that_are_none(address):
    with pytest.raises(ValueError, match="looks like"):
        YmqRouter(address)


def test_an_address_that_is_taken(router):
    with pytest.raises(OSError, match="in use"):
        YmqRouter(router.address)


def test_a_unix_socket(tmp_path):
    path = tmp_path / "scheduler"
    router = YmqRouter(f"ipc://{path}", b"router")
    assert router.address == f"ipc://{path}"
    with pytest.raises(OSError, match="in use"):
        YmqRouter(router.address)
    peer = YmqStream(connect_unix(str(path)), b"peer")
    peer.came = []
    peer.send_frames([b"one", b"two"])
    peer.flush()
    assert until(router, lambda got: len(got) == 2, peer) == [(b"peer", b"one"), (b"peer", b"two")]
    assert router.send(b"peer", b"three")
    until(router, lambda _: peer.came, peer)
    assert peer.came == [b"three"]
    peer.close()
    router.close(0)
    assert not path.exists()


def test_what_is_queued_leaves_together(router, monkeypatch):
    peers = [Peer(router, name) for name in (b"one", b"two")]
    until(router, lambda _: router.connections == 2 and len(router._peers) == 2, *peers)
    flushed = []
    flush = YmqStream.flush
    monkeypatch.setattr(YmqStream, "flush", lambda one: flushed.append(one) or flush(one))
    for number in range(10):
        assert router.queue(b"one", b"%d" % number)
    assert not router.queue(b"nobody", b"x")
    assert router.queue(b"two", b"x")
    assert flushed == []
    router.flush()
    assert len(flushed) == 2
    router.flush()
    assert len(flushed) == 2
    monkeypatch.undo()
    until(router, lambda _: len(peers[0].came) == 10 and peers[1].came, *peers)
    # What was queued for one whose link has ended since is not looked for.
    router.queue(b"one", b"late")
    peers[0].close()
    until(router, lambda _: router.connections == 1, peers[1])
    router.flush()
    peers[1].close()


def test_it_looks_once_for_what_came_together(router, monkeypatch):
    peer = connected(router, b"Client|me")
    looks = []
    select_now = router._selector.select

    def looked(timeout):
        looks.append(timeout)
        return select_now(timeout)

    monkeypatch.setattr(router._selector, "select", looked)
    peer.say(b"one", b"two", b"three")
    select.select([router.poll_item], [], [], BOUND)
    got = []
    while (message := router.receive()) is not None:
        got.append(message[1])
    assert got == [b"one", b"two", b"three"]
    assert looks == [0]
    # What comes later is found by the next look.
    peer.say(b"four")
    select.select([router.poll_item], [], [], BOUND)
    assert router.receive() == (b"Client|me", b"four")
    peer.close()
