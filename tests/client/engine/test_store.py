"""The object store, pure: answers, waiting, limits, and that nothing leaks."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from futurefsm.client.engine.store import ObjectStore, Reply
from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.object_store import (
    Buffer,
    Deleted,
    Got,
    Put,
    RequestKind,
    StoreClient,
    StoreHeader,
    encode_header,
    encode_id,
)

LIMIT = 1000


def oid(owner: int, tag: int = 0) -> bytes:
    return bytes([owner]) * 16 + tag.to_bytes(16, "big")


class Peer:
    """A connection with its client's book of requests."""

    def __init__(self, store: ObjectStore, number: int, peers: "dict[int, Peer]") -> None:
        self.store, self.number, self.peers = store, number, peers
        self.book = StoreClient()
        self.events: list[object] = []
        peers[number] = self
        store.opened(number)

    def ask(self, buffers: object) -> None:
        for buffer in buffers:  # type: ignore[attr-defined]
            deliver(self.peers, self.store.receive(self.number, buffer))

    def put(self, object_id: bytes, data: bytes | bytearray) -> None:
        self.ask(self.book.put(object_id, data))

    def get(self, object_id: bytes) -> None:
        self.ask(self.book.get(object_id))

    def delete(self, object_id: bytes) -> None:
        self.ask(self.book.delete(object_id))

    def raw(self, kind: int, object_id: bytes, length: int, *more: bytes) -> None:
        self.ask([encode_header(StoreHeader(kind, object_id, length, 2**40)), *more])


def deliver(peers: dict[int, Peer], replies: object) -> None:
    for connection, buffers in replies:  # type: ignore[attr-defined]
        for buffer in buffers:
            peers[connection].events += peers[connection].book.receive(buffer)


@pytest.fixture
def store() -> ObjectStore:
    return ObjectStore(LIMIT)


@pytest.fixture
def peers(store: ObjectStore) -> tuple[Peer, Peer]:
    book: dict[int, Peer] = {}
    return Peer(store, 1, book), Peer(store, 2, book)


def test_it_says_that_there_are_changes(store: ObjectStore) -> None:
    """Nobody asks for them where it does not."""
    assert not store.changed
    for act, expected in (
        (lambda: store.put(oid(1), b"value"), ([oid(1)], [], [])),
        (lambda: store.delete(oid(1)), ([], [oid(1)], [])),
        (lambda: store.refuse(oid(1), LIMIT), ([], [], [oid(1)])),
    ):
        act()
        assert store.changed
        assert store.changes() == expected
        assert not store.changed


def test_put_get_delete(store: ObjectStore, peers: tuple[Peer, Peer]) -> None:
    one, two = peers
    one.put(oid(1), b"value")
    two.get(oid(1))
    one.delete(oid(1))
    one.delete(oid(1))
    assert one.events == [Put(oid(1)), Deleted(oid(1), True), Deleted(oid(1), False)]
    assert two.events == [Got(oid(1), b"value")]
    assert (store.count, store.stored_bytes, store.waiting) == (0, 0, 0)
    assert store.changes() == ([oid(1)], [oid(1)], [])
    assert store.changes() == ([], [], [])


def test_empty_objects_exist(store: ObjectStore, peers: tuple[Peer, Peer]) -> None:
    peers[0].put(oid(1), b"")
    peers[0].get(oid(1))
    assert peers[0].events == [Put(oid(1)), Got(oid(1), b"")]
    assert store.has(oid(1))
    assert store.size(oid(1)) == 0


def test_a_get_waits_and_is_overtaken(store: ObjectStore, peers: tuple[Peer, Peer]) -> None:
    one, two = peers
    one.get(oid(1))
    two.get(oid(1))
    one.put(oid(2), b"other")
    one.get(oid(2))
    assert one.events == [Put(oid(2)), Got(oid(2), b"other")]
    assert store.waiting == 2
    deliver(one.peers, store.put(oid(1), b"late"))
    assert one.events[-1] == two.events[-1] == Got(oid(1), b"late")
    assert store.waiting == 0


def test_who_left_waits_no_longer(store: ObjectStore, peers: tuple[Peer, Peer]) -> None:
    one, two = peers
    one.get(oid(1))
    two.get(oid(1))
    store.closed(1)
    assert store.waiting == 1
    assert [connection for connection, _ in store.put(oid(1), b"x")] == [2]
    with pytest.raises(ProtocolError):
        one.get(oid(1))


def test_replacing_drops_copies_of_the_old(store: ObjectStore, peers: tuple[Peer, Peer]) -> None:
    peers[0].put(oid(1), b"old!")
    peers[0].put(oid(1), b"new")
    assert store.get(oid(1)) == b"new"
    assert store.stored_bytes == 3
    assert store.changes() == ([oid(1), oid(1)], [oid(1)], [])


def test_what_does_not_fit_is_refused(store: ObjectStore, peers: tuple[Peer, Peer]) -> None:
    one, _ = peers
    one.put(oid(1), b"x" * LIMIT)
    one.put(oid(2), b"y")
    assert one.events[-1] == Put(oid(2))
    assert not store.has(oid(2))
    assert store.refused(oid(2)) == 1
    assert store.changes().refused == [oid(2)]
    store.put(oid(3), b"error", force=True)
    assert store.has(oid(3))
    one.put(oid(1), b"x" * (LIMIT + 1))
    assert not store.has(oid(1))
    one.put(oid(2), b"y")
    assert store.refused(oid(2)) is None
    one.delete(oid(1))
    assert store.refused(oid(1)) is None


def test_the_book_of_refusals_is_bounded(store: ObjectStore) -> None:
    for tag in range(10_100):
        store.put(oid(1, tag), b"x" * (LIMIT + 1))
    assert store.refused(oid(1, 0)) is None
    assert store.refused(oid(1, 10_099)) == LIMIT + 1


def test_delete_owned(store: ObjectStore) -> None:
    for tag in range(3):
        store.put(oid(1, tag), b"a")
        store.put(oid(2, tag), b"b")
    store.put(oid(1, 9), b"x" * LIMIT)
    assert store.delete_owned(oid(1)[:16], keep=(oid(1, 2),)) == 2
    assert store.count == 4
    assert store.refused(oid(1, 9)) is None
    assert store.delete_owned(oid(7)[:16]) == 0


def test_duplicates_share_and_wait(store: ObjectStore, peers: tuple[Peer, Peer]) -> None:
    one, two = peers
    # A chain that waits from its end: c of b, b of a, and a get of c.
    two.get(oid(1, 3))
    one.raw(RequestKind.DUPLICATE, oid(1, 3), 48, encode_id(oid(1, 2)))
    one.raw(RequestKind.DUPLICATE, oid(1, 2), 48, encode_id(oid(1, 1)))
    assert store.waiting == 3
    one.put(oid(1, 1), b"shared")
    assert two.events == [Got(oid(1, 3), b"shared")]
    assert (store.count, store.stored_bytes, store.waiting) == (3, 6, 0)
    store.delete(oid(1, 1))
    assert store.get(oid(1, 3)) == b"shared"
    assert store.stored_bytes == 6
    store.delete_owned(oid(1)[:16])
    assert (store.count, store.stored_bytes) == (0, 0)


def test_info(store: ObjectStore) -> None:
    store.opened(1)
    store.put(oid(1), b"12345")
    header = encode_header(StoreHeader(RequestKind.GET, oid(2), 2**64 - 1, 1))
    store.receive(1, header, now=10.0)
    asked = encode_header(StoreHeader(RequestKind.INFO, bytes(32), 0, 2))
    ((_, (_, body)),) = store.receive(1, asked, now=17.5)
    figures = [int.from_bytes(body[at : at + 8], "little") for at in range(0, 48, 8)]
    assert figures == [1, 1, 5, 1, 1, 7]


class StoreWorld(RuleBasedStateMachine):
    """Any requests from two connections, against a dictionary."""

    ids = st.builds(oid, st.integers(1, 2), st.integers(0, 2))

    @initialize()
    def begin(self) -> None:
        self.store = ObjectStore(60)
        self.peers: dict[int, Peer] = {}
        self.model: dict[bytes, bytes] = {}
        self.asked: dict[int, list[bytes]] = {1: [], 2: []}
        for number in (1, 2):
            Peer(self.store, number, self.peers)

    @rule(number=st.integers(1, 2), object_id=ids, data=st.binary(max_size=30))
    def put(self, number: int, object_id: bytes, data: bytes) -> None:
        held = sum(len(one) for key, one in self.model.items() if key != object_id)
        # A buffer of its own, as one that came from a socket: equal short bytes are one object.
        self.peers[number].put(object_id, bytearray(data))
        if held + len(data) > 60:
            self.model.pop(object_id, None)
            assert self.store.refused(object_id) == len(data)
            return
        self.model[object_id] = data
        for asked in self.asked.values():
            asked[:] = [one for one in asked if one != object_id]

    @rule(number=st.integers(1, 2), object_id=ids)
    def get(self, number: int, object_id: bytes) -> None:
        self.peers[number].get(object_id)
        if object_id in self.model:
            assert self.peers[number].events[-1] == Got(object_id, self.model[object_id])
        else:
            self.asked[number].append(object_id)

    @rule(number=st.integers(1, 2), object_id=ids)
    def delete(self, number: int, object_id: bytes) -> None:
        self.peers[number].delete(object_id)
        existed = self.model.pop(object_id, None) is not None
        assert self.peers[number].events[-1] == Deleted(object_id, existed)

    @rule(owner=st.integers(1, 2))
    def leave(self, owner: int) -> None:
        self.store.delete_owned(oid(owner)[:16])
        self.model = {k: v for k, v in self.model.items() if k[0] != owner}

    @rule(number=st.integers(1, 2))
    def reconnect(self, number: int) -> None:
        self.store.closed(number)
        self.asked[number].clear()
        Peer(self.store, number, self.peers)

    @invariant()
    def agrees(self) -> None:
        if not hasattr(self, "store"):
            return
        assert self.store.count == len(self.model)
        assert self.store.stored_bytes == sum(map(len, self.model.values()))
        assert self.store.waiting == sum(map(len, self.asked.values()))
        for number, peer in self.peers.items():
            assert peer.book.outstanding == len(self.asked[number])

    def teardown(self) -> None:
        if not hasattr(self, "store"):
            return
        for owner in (1, 2):
            self.store.delete_owned(oid(owner)[:16])
            self.store.closed(owner)
        left = {
            name: value
            for name, value in vars(self.store).items()
            if isinstance(value, dict) and value
        }
        assert left == {}
        assert self.store.stored_bytes == 0


TestStoreWorld = StoreWorld.TestCase
TestStoreWorld.settings = settings(
    max_examples=150, stateful_step_count=30, deadline=None, report_multiple_bugs=False
)


def test_what_an_owner_sends_who_has_left_is_not_kept() -> None:
    store = ObjectStore(1000)
    store.opened("late")
    client = StoreClient()
    ours, theirs = b"o" * 32, b"t" * 32
    store.bar(ours[:16])

    def ask(buffers: list[Buffer]) -> list[Reply]:
        return [reply for buffer in buffers for reply in store.receive("late", buffer)]

    assert ask(client.put(ours, b"late"))
    assert ask(client.put(theirs, b"kept"))
    duplicate = StoreHeader(RequestKind.DUPLICATE, ours, 48, 9)
    assert ask([encode_header(duplicate), encode_id(theirs)])
    assert not store.has(ours)
    assert store.has(theirs)
    store.admit(ours[:16])
    ask(client.put(ours, b"again"))
    assert store.has(ours)
