"""A link through all its connections, on real sockets; time is an argument where it matters."""

import errno
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from time import monotonic

import pytest
from ports import silent_port

from futurefsm.protocol.transport import lookup, ymq_link
from futurefsm.protocol.transport.address import Address, parse_address
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq import YmqStream, listen_unix
from futurefsm.protocol.transport.ymq_link import REFUSED_S, YmqLink
from tests.protocol.transport.peers import PATIENCE_S, Peer, drive, listening, whole_now

ME = b"Client|me"


class Owner:
    """A link, its poller, and what came."""

    def __init__(self, address: Address | str, **options: object) -> None:
        where = parse_address(address) if isinstance(address, str) else address
        chosen = {"patience_s": PATIENCE_S, **options}
        self.link = YmqLink(where, lambda sock: YmqStream(sock, ME), **chosen)  # type: ignore[arg-type]
        self.poller = Poller()
        self.link.attach(self.poller)
        self.taken: list[bytes] = []

    def until(self, condition: object) -> None:
        assert callable(condition)
        drive(self.link, self.poller, condition, self.taken)

    def connect(self, peer: Peer, times: int = 1) -> None:
        self.link.turn(monotonic())
        peer.accept()
        self.until(lambda: self.link.connections == times)


@pytest.fixture
def peer() -> Iterator[Peer]:
    with listening() as made:
        yield made


@pytest.fixture
def owner(peer: Peer) -> Iterator[Owner]:
    made = Owner(f"tcp://127.0.0.1:{peer.port}")
    with closing(made.link):
        yield made


def test_both_ways(owner: Owner, peer: Peer) -> None:
    link = owner.link
    assert link.deadline() == 0.0
    assert not link.up
    assert link.poll_item == -1
    assert link.moved == (0, 0, 0)
    link.send([b"dropped: nobody is there"])
    owner.connect(peer)
    assert link.up
    assert link.peer_identity == b"scheduler"
    assert link.deadline() is None
    before = link.moved
    link.send([b"one", b"x" * 5_000_000])
    assert link.unsent > 5_000_000
    assert link.moved != before
    link.flush()
    heard: list[bytes] = []

    def reads() -> bool:
        assert peer.stream is not None
        heard.extend(bytes(each) for each in peer.stream.receive())
        return len(heard) == 2

    owner.until(reads)
    assert heard == [b"one", b"x" * 5_000_000]
    peer.say(b"two", b"three")
    owner.until(lambda: len(owner.taken) == 2)
    assert owner.taken == [b"two", b"three"]


def test_a_flush_without_news_leaves_the_poller_alone(
    owner: Owner, peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner.connect(peer)
    watches: list[tuple[int, bool]] = []

    def register(item: int, *, read: bool = True, write: bool = False) -> None:
        watches.append((item, write))

    monkeypatch.setattr(owner.poller, "register", register)
    link = owner.link
    link.flush()
    link.send([b"it fits"])
    link.flush()
    assert watches == []
    link.send([b"x" * 20_000_000])
    link.flush()
    # What is left waits for room.
    assert watches == [(link.poll_item, True)]
    link.flush()
    assert watches == [(link.poll_item, True)]


def test_an_orderly_end_is_final(owner: Owner, peer: Peer) -> None:
    owner.connect(peer)
    peer.say(b"the last")
    peer.end()
    owner.until(lambda: owner.link.lost)
    assert owner.taken == [b"the last"]
    assert owner.link.lost == "it closed the connection"
    assert not owner.link.up
    assert owner.link.deadline() is None
    assert owner.link.turn(monotonic()) == []


def test_a_reset_is_followed_by_another_connection(owner: Owner, peer: Peer) -> None:
    owner.connect(peer)
    for times in (2, 3):
        peer.reset()
        owner.until(lambda: not owner.link.up)
        assert owner.link.trouble == "the connection was reset"
        assert owner.link.unsent == 0
        assert owner.link.peer_identity is None
        # It is accepted by the system; the peer greets when it comes to it.
        owner.until(lambda: owner.link.trouble.startswith("it accepts"))
        peer.accept()
        owner.until(lambda times=times: owner.link.connections == times)
    owner.link.send([b"again"])
    owner.link.flush()
    assert peer.hear(1) == [b"again"]


def test_a_reset_that_is_met_by_writing(owner: Owner, peer: Peer) -> None:
    owner.connect(peer)
    peer.reset()
    poller = Poller()
    assert owner.link._stream is not None
    poller.register(owner.link._stream.poll_item)
    assert poller.poll(PATIENCE_S)
    owner.link.send([b"lost"])
    owner.link.flush()
    owner.until(lambda: not owner.link.up)
    assert owner.link.lost is None


def test_pauses_grow_and_shrink(owner: Owner, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    owner.connect(peer)
    link = owner.link
    now = whole_now()
    link._reset(now)
    assert link.deadline() == now + ymq_link.FIRST_DELAY_S
    link._reset(now)
    assert link.deadline() == now + 2 * ymq_link.FIRST_DELAY_S
    link._down_since = None
    for _ in range(9):
        link._pause("", now)
    assert link._delay == ymq_link.LONGEST_DELAY_S
    # One that lived for some time was a good one.
    link.up, link._greeted_at = True, now - 100
    link._reset(now)
    assert link._again_at == now + ymq_link.FIRST_DELAY_S


def test_where_a_reset_is_final(peer: Peer) -> None:
    owner = Owner(f"tcp://127.0.0.1:{peer.port}", redial=False)
    owner.connect(peer)
    peer.reset()
    owner.until(lambda: owner.link.lost)
    assert owner.link.lost == "the connection was reset"


def test_not_a_scheduler(owner: Owner, peer: Peer) -> None:
    owner.link.turn(monotonic())
    peer.accept(greet=False)
    assert peer.sock is not None
    peer.sock.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n")
    owner.until(lambda: owner.link.lost)
    assert "what answers there is not understood: not a YMQ stream" in str(owner.link.lost)
    assert owner.link.failure is not None
    assert owner.link.failure.head.startswith(b"SSH-")


def test_silence_has_an_end(peer: Peer) -> None:
    owner = Owner(f"tcp://127.0.0.1:{peer.port}", patience_s=0.4)
    owner.link.turn(monotonic())
    peer.accept(greet=False)
    owner.until(lambda: owner.link.lost)
    said = "no connection within 0.4 s: it accepts connections, but says nothing"
    assert owner.link.lost == said


def test_nobody_listens() -> None:
    with silent_port() as nobody:
        owner = Owner(f"tcp://127.0.0.1:{nobody.getsockname()[1]}", patience_s=1000.0)
        link = owner.link
        now = whole_now()
        link.turn(now)
        while link.trouble != "Connection refused":
            owner.poller.poll(1.0)
            link.turn(now)
        again = link.deadline()
        assert again is not None
        assert again == now + ymq_link.FIRST_DELAY_S
        link.turn(now + REFUSED_S - 1)
        assert link.lost is None
        link.turn(now + REFUSED_S)
    assert link.lost == "nobody has listened there for 10 s (Connection refused)"


def test_somebody_listens_a_little_later() -> None:
    with silent_port() as listener:
        peer = Peer(listener)
        owner = Owner(f"tcp://127.0.0.1:{peer.port}")
        owner.until(lambda: owner.link.trouble == "Connection refused")
        listener.listen()
        try:
            owner.until(lambda: owner.link.trouble.startswith("it accepts"))
            peer.accept()
            owner.until(lambda: owner.link.up)
        finally:
            owner.link.close()
            peer.end()


def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full queue that drops what dials: each address gets its share of the time."""
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for each in (first, second):
            each.setblocking(False)
            each.connect_ex(full.getsockname())
        where = full.getsockname()
        targets = [lookup.Target(socket.AF_INET, where)] * 2
        monkeypatch.setattr(lookup.Lookup, "take", lambda self: list(targets))
        owner = Owner(f"tcp://127.0.0.1:{where[1]}", patience_s=20.0)
        link = owner.link
        now = whole_now()
        assert link.turn(now) == []
        assert link.deadline() == now + 10
        assert link.trouble == "it does not answer"
        link.turn(now + 10)
        assert link.trouble == "it does not answer"
        link.turn(now + 20)
        assert str(link.lost).startswith("no connection within 20 s")
        link.close()


def test_every_address_of_a_name_is_tried(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    with silent_port() as nobody:
        ways = (nobody.getsockname(), ("127.0.0.1", peer.port))
        answers = [(socket.AF_INET, 1, 6, "", where) for where in ways]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: answers)
        owner = Owner(f"tcp://cluster.example:{peer.port}")
        owner.until(lambda: owner.link.trouble.startswith("it accepts"))
    peer.accept()
    owner.until(lambda: owner.link.up)
    owner.link.close()


def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **options: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    owner = Owner("tcp://no.such.host:1", patience_s=0.5)
    owner.until(lambda: owner.link.lost)
    assert owner.link.lost == (
        "no connection within 0.5 s: the host name 'no.such.host' cannot be resolved: "
        "Name or service not known"
    )


def test_a_resolver_that_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup.Lookup, "_ask", lambda self, address: None)
    owner = Owner("tcp://slow.example:1", patience_s=0.3)
    owner.until(lambda: owner.link.lost)
    assert owner.link.lost == (
        "no connection within 0.3 s: its name 'slow.example' is being looked up"
    )


def test_sockets_that_cannot_be_made_or_have_gone(
    peer: Peer, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def open_stream(sock: socket.socket) -> YmqStream:
        calls.append(sock)
        if len(calls) == 1:
            raise OSError(errno.EINVAL, "it has gone again")
        return YmqStream(sock, ME)

    link = YmqLink(parse_address(f"tcp://127.0.0.1:{peer.port}"), open_stream, patience_s=60)
    link.turn(monotonic())  # without a poller
    link.attach(poller := Poller())
    drive(link, poller, lambda: len(calls) == 2, [])
    link.close()
    unreachable = Owner("tcp://255.255.255.255:9")
    unreachable.link.turn(monotonic())
    assert unreachable.link.trouble not in ("it does not answer", "Connection refused")
    unreachable.link.close()


def test_unix_sockets(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    owner = Owner(f"ipc://{path}")
    owner.link.turn(monotonic())
    assert owner.link.trouble == "No such file or directory"
    listener = listen_unix(path, backlog=0)
    held = []
    while True:  # until its queue is full
        sock = socket.socket(socket.AF_UNIX)
        sock.setblocking(False)
        held.append(sock)
        if sock.connect_ex(path) == errno.EAGAIN:
            break
    owner.until(lambda: owner.link.trouble == "Resource temporarily unavailable")
    for each in held:
        each.close()
    listener.setblocking(True)
    listener.settimeout(PATIENCE_S)
    for _ in range(len(held) - 1):
        listener.accept()[0].close()
    listener.settimeout(PATIENCE_S)
    owner.until(lambda: owner.link.trouble.startswith("it accepts"))
    stream = YmqStream(listener.accept()[0], b"store")
    stream.flush()
    owner.until(lambda: owner.link.up)
    assert owner.link.peer_identity == b"store"
    owner.link.close()
    stream.close()
    listener.close()


def test_finish_gives_what_was_sent_time(owner: Owner, peer: Peer) -> None:
    owner.link.finish(1.0)  # there is nothing yet
    owner.connect(peer)
    owner.link.send([b"y" * 30_000_000])
    owner.link.finish(0.01)
    assert owner.link.unsent > 0
    peer.reset()
    owner.link.finish(PATIENCE_S)
    owner.link.close()
    owner.link.close()
    assert owner.link.lost == "it was closed here"
    assert owner.link.turn(monotonic()) == []


def test_without_a_poller(peer: Peer) -> None:
    """Whoever looks often enough needs none."""
    address = parse_address(f"tcp://127.0.0.1:{peer.port}")
    link = YmqLink(address, lambda sock: YmqStream(sock, ME), patience_s=PATIENCE_S)
    link.turn(monotonic())
    peer.accept()
    while not link.up:
        assert link.lost is None
        link.turn(monotonic())
    link.close()
