"""The storage channel through resets and ends, against a store of the test's own."""

from collections.abc import Callable, Iterator
from time import monotonic

import pytest

from futurefsm.client import storage_link
from futurefsm.client.client import Client
from futurefsm.client.engine.sealed import seal
from futurefsm.client.outputs import Delete, Get, Put
from futurefsm.client.storage_link import StorageLink, as_address
from futurefsm.protocol.messages import StorageAddress
from futurefsm.protocol.object_store import (
    Got,
    RequestKind,
    StoreEvent,
    StoreRequest,
    StoreServerCodec,
    got_reply,
    put_reply,
)
from futurefsm.protocol.object_store import Put as Stored
from futurefsm.protocol.transport.address import Address
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq import YmqStream
from tests.protocol.transport.peers import PATIENCE_S, Peer, listening, whole_now

ONE, TWO = b"1" * 32, b"2" * 32


class Owner:
    """A storage link, and what it brought."""

    def __init__(self, peer: Peer) -> None:
        self.poller = Poller()
        self.link = StorageLink(
            self.poller,
            lambda address, sock: YmqStream(sock, b"Client|me"),
            patience_s=PATIENCE_S,
            redial=True,
        )
        self.peer = peer
        self.events: list[StoreEvent] = []

    def until(self, condition: Callable[[], object]) -> None:
        deadline = monotonic() + PATIENCE_S
        while not condition():
            assert monotonic() < deadline
            due = self.link.deadline()
            self.poller.poll(1.0 if due is None else min(1.0, max(0.0, due - monotonic())))
            self.events += self.link.turn(monotonic())
            self.link.flush()

    def connect(self) -> None:
        if self.link.address is None:
            self.link.open(Address("tcp", "127.0.0.1", self.peer.port))
        self.until(lambda: self.link.trouble.startswith("it accepts"))
        self.peer.accept()
        self.until(lambda: self.link.up)


@pytest.fixture
def owner() -> Iterator[Owner]:
    with listening(b"ObjectStorageServer") as peer:
        made = Owner(peer)
        yield made
        made.link.close(0.0)


def requests(peer: Peer, messages: int) -> list[StoreRequest]:
    codec = StoreServerCodec()
    found = [codec.receive(each) for each in peer.hear(messages)]
    return [each for each in found if each is not None]


def test_what_is_asked_before_there_is_a_connection_waits_for_it(owner: Owner) -> None:
    link = owner.link
    assert link.trouble == "its address is not known yet"
    assert link.turn(0.0) == []
    assert link.deadline() is None
    link.flush()
    link.close(0.0)
    link.ask([Put(ONE, b"bytes"), Get(TWO)])
    link.open(Address("tcp", "127.0.0.1", owner.peer.port))
    assert link.deadline() == 0.0  # it wants to dial
    owner.connect()
    assert link.deadline() is None
    put, get = requests(owner.peer, 3)
    assert (put.kind, put.object_id, put.payload) == (RequestKind.SET, ONE, b"bytes")
    assert (get.kind, get.object_id) == (RequestKind.GET, TWO)
    for frames in (put_reply(put), got_reply(get, b"there")):
        owner.peer.say(*(bytes(each) for each in frames))
    owner.until(lambda: len(owner.events) == 2)
    assert owner.events == [Stored(ONE), Got(TWO, b"there")]
    link.ask([Delete(ONE)])
    link.flush()
    (delete,) = requests(owner.peer, 1)
    assert delete.kind is RequestKind.DELETE


def test_after_a_reset_the_unanswered_is_asked_again(owner: Owner) -> None:
    owner.connect()
    owner.link.ask([Put(ONE, b"bytes"), Get(TWO)])
    owner.link.flush()
    put, get = requests(owner.peer, 3)
    owner.peer.say(*(bytes(each) for each in put_reply(put)))
    # Half an answer: the header, and never the payload.
    owner.peer.say(bytes(got_reply(get, b"lost")[0]))
    owner.until(lambda: owner.events == [Stored(ONE)])
    owner.peer.reset()
    owner.until(lambda: not owner.link.up)
    owner.link.ask([Get(ONE)])
    owner.connect()
    again = requests(owner.peer, 2)
    assert [(each.kind, each.object_id) for each in again] == [
        (RequestKind.GET, TWO),
        (RequestKind.GET, ONE),
    ]
    owner.peer.say(*(bytes(each) for each in got_reply(again[0], b"whole")))
    owner.until(lambda: len(owner.events) == 2)
    assert owner.events[1] == Got(TWO, b"whole")
    assert owner.link.lost is None


def test_an_end_is_final(owner: Owner) -> None:
    owner.connect()
    owner.peer.end()
    owner.until(lambda: owner.link.lost)
    assert owner.link.lost == "it closed the connection"


def test_an_answer_that_is_none(owner: Owner) -> None:
    owner.connect()
    owner.peer.say(b"no header")
    owner.until(lambda: owner.link.lost)
    assert str(owner.link.lost).startswith("it broke the protocol: ")


def test_a_store_that_was_stopped_is_lost(owner: Owner) -> None:
    owner.connect()
    link, now = owner.link, whole_now()
    # Nothing may ever come for a get.
    link.ask([Get(TWO)])
    link.flush()
    for half in range(10):
        link.turn(now + PATIENCE_S / 2 * half)
    assert link.lost is None
    now += PATIENCE_S / 2 * 9
    link.ask([Put(ONE, b"bytes")])
    link.flush()
    link.turn(now + PATIENCE_S * 0.5)
    assert link.lost is None
    link.turn(now + PATIENCE_S)
    assert link.lost == f"it has answered nothing for {PATIENCE_S:g} s"


def test_half_an_answer_is_no_silence(owner: Owner) -> None:
    owner.connect()
    link, now = owner.link, whole_now()
    link.ask([Get(TWO), Put(ONE, b"bytes")])
    link.flush()
    link.turn(now)
    link.turn(now + PATIENCE_S * 0.5)
    link.turn(now + PATIENCE_S * 0.9)
    get, _ = requests(owner.peer, 3)
    header = bytes(got_reply(get, b"large")[0])
    before = link._link.moved  # type: ignore[union-attr]
    owner.peer.say(header)
    owner.poller.poll(PATIENCE_S)
    link.turn(now + PATIENCE_S * 1.3)
    assert link._link.moved != before  # type: ignore[union-attr]
    link.turn(now + PATIENCE_S * 1.8)
    link.turn(now + PATIENCE_S * 2.2)
    assert link.lost is None


def test_who_was_away_itself_looks_before_it_judges(owner: Owner) -> None:
    owner.connect()
    owner.link.ask([Put(ONE, b"bytes")])
    owner.link.flush()
    now = whole_now()
    owner.link.turn(now)
    owner.link.turn(now + PATIENCE_S * 10)
    assert owner.link.lost is None


def test_there_is_an_end_to_waiting(owner: Owner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage_link, "_UNSENT_MAX", 1000)
    assert not owner.link.congested
    owner.link.ask([Put(ONE, bytes(2000))])
    assert owner.link.congested
    owner.connect()
    owner.until(lambda: not owner.link.congested)
    owner.link.ask([Put(TWO, bytes(50_000_000))])
    owner.link.flush()
    assert owner.link.congested


@pytest.mark.parametrize(
    ("told", "address"),
    [
        (StorageAddress("10.0.0.1", 7, "tcp"), Address("tcp", "10.0.0.1", 7)),
        (StorageAddress("::1", 7, "tls"), Address("tls", "::1", 7)),
        (StorageAddress("host", 7, "ws"), Address("ws", "host", 7, "/")),
        (StorageAddress("/tmp/store", 0, "ipc"), Address("ipc", "", 0, "/tmp/store")),
    ],
)
def test_what_an_echo_names(told: StorageAddress, address: Address) -> None:
    assert as_address(told) == address


def test_an_echo_that_names_nothing() -> None:
    with pytest.raises(ValueError, match="no usable host"):
        as_address(StorageAddress("", 7, "tcp"))


def large(n: int) -> bytes:
    return bytes([n]) * (1_000_000 + n)


def fails_largely() -> None:
    raise ValueError(large(7))


def test_large_results_are_right_though_their_buffers_are_used_again() -> None:
    with Client(workers=2) as client:
        for _ in range(3):
            futures = [client.submit(large, n) for n in range(8)]
            assert [future.result(60) for future in futures] == [large(n) for n in range(8)]
        buffers = client._agent._lines.storage._buffers
        assert len(buffers) > 0
        # Nor is one given back that several futures were told of.
        source = client.submit(fails_largely)
        others = [client.submit(len, source) for _ in range(3)]
        for future in (source, *others):
            error = future.exception(60)
            assert error is not None
            assert error.args == (large(7),)


def test_what_could_have_been_handed_over_is_sent_as_bytes(owner: Owner) -> None:
    owner.connect()
    large = seal((b"large",))
    assert large is not None
    owner.link.ask([Put(ONE, large)])
    owner.link.flush()
    (put,) = requests(owner.peer, 2)
    assert put.payload == b"large"
