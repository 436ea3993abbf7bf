"""Objects beside messages, the engine's end: without a socket."""

from typing import Any

from futurefsm.client.engine.carrying import Carrying
from futurefsm.client.engine.store import ObjectStore
from futurefsm.protocol.ids import owner_prefix
from futurefsm.protocol.object_store import StoreClient
from futurefsm.protocol.piggyback import CARRIED_MAX, Handed, Payload, carry, hand

ME, OTHER = b"Client|me", b"Client|other"
FUNCTION = owner_prefix(ME) + b"f" * 16
RESULT = owner_prefix(ME) + b"r" * 16


class Door:
    """The engine's door: what goes out is kept."""

    def __init__(self) -> None:
        self.store = ObjectStore(1 << 20)
        self.replies: list[Any] = []
        self.sent: list[tuple[bytes, bytes]] = []
        self.carrying = Carrying(self.store, self.replies.extend, self.send)

    def send(self, client: bytes, message: bytes) -> bool:
        self.sent.append((client, message))
        return True


def test_what_a_client_sends_is_stored_and_not_answered() -> None:
    door = Door()
    assert door.carrying.receive(ME, carry(FUNCTION, b"code"))
    assert door.store.get(FUNCTION) == b"code"
    assert not door.sent
    assert not door.replies
    assert not door.carrying.receive(ME, b"a message")


def test_who_waits_on_a_storage_channel_is_answered() -> None:
    door = Door()
    door.store.opened(7)
    for frame in StoreClient().get(FUNCTION):
        assert door.store.receive(7, frame) == []
    door.carrying.receive(ME, carry(FUNCTION, b"code"))
    [(connection, buffers)] = door.replies
    assert connection == 7
    assert buffers[1] == b"code"


def test_who_sends_so_is_sent_small_results_so() -> None:
    door = Door()
    door.carrying.stored(RESULT, b"early")
    door.carrying.receive(ME, carry(FUNCTION, b"code"))
    door.carrying.stored(RESULT, b"value")
    door.carrying.stored(RESULT, bytes(CARRIED_MAX))
    door.carrying.stored(RESULT, bytes(CARRIED_MAX + 1))
    door.carrying.stored(owner_prefix(OTHER) + b"r" * 16, b"another's")
    assert door.sent == [(ME, carry(RESULT, b"value")), (ME, carry(RESULT, bytes(CARRIED_MAX)))]


def test_who_has_left_is_sent_nothing_and_nothing_of_his_is_kept() -> None:
    door = Door()
    door.carrying.receive(ME, carry(FUNCTION, b"code"))
    door.store.delete_owned(owner_prefix(ME))
    door.store.bar(owner_prefix(ME))
    door.carrying.gone(owner_prefix(ME))
    door.carrying.gone(owner_prefix(OTHER))
    door.carrying.stored(RESULT, b"value")
    assert not door.sent
    assert door.carrying.receive(ME, carry(FUNCTION, b"late"))
    assert not door.store.count


class Large(Handed):
    """What can be handed over: a test has no other memory."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def view(self) -> memoryview:
        return memoryview(self.data)


class Hand:
    """The way to one client: it takes what it has room for, and has what the test puts there."""

    def __init__(self) -> None:
        self.given: list[tuple[Payload, int]] = []
        self.here: dict[tuple[int, int], Payload] = {}
        self.room = True

    def give(self, what: Payload, number: int) -> bool:
        if self.room:
            self.given.append((what, number))
        return self.room

    def take(self, number: int, size: int) -> Payload | None:
        return self.here.pop((number, size), None)


class HandingDoor(Door):
    def __init__(self) -> None:
        super().__init__()
        self.hand = Hand()
        self.carrying = Carrying(self.store, self.replies.extend, self.send, self.hand)


def test_what_a_client_hands_over_is_stored_as_it_is() -> None:
    door = HandingDoor()
    value = door.hand.here[1, 5] = Large(b"value")
    assert door.carrying.receive(ME, hand(FUNCTION, 1, 5))
    assert door.store.get(FUNCTION) is value
    assert door.store.stored_bytes == 5
    # To somebody else's question it is bytes.
    door.store.opened(7)
    (question,) = StoreClient().get(FUNCTION)
    [(_, buffers)] = door.store.receive(7, question)
    assert buffers[1] == b"value"


def test_who_waits_for_what_is_handed_over_is_sent_bytes() -> None:
    door = HandingDoor()
    door.store.opened(7)
    for frame in StoreClient().get(FUNCTION):
        door.store.receive(7, frame)
    door.hand.here[1, 5] = Large(b"value")
    door.carrying.receive(ME, hand(FUNCTION, 1, 5))
    [(_, buffers)] = door.replies
    assert buffers[1] == b"value"


def test_what_was_said_and_not_handed_over_is_refused_so_that_nobody_waits() -> None:
    door = HandingDoor()
    assert door.carrying.receive(ME, hand(FUNCTION, 1, 5))
    assert door.store.refused(FUNCTION) == 5
    assert door.store.changes().refused == [FUNCTION]


def test_results_are_handed_to_the_client_at_the_other_end_only() -> None:
    door = HandingDoor()
    value = Large(b"v" * (CARRIED_MAX + 1))
    door.carrying.stored(RESULT, value)
    assert door.carrying.receive(ME, hand(bytes(32), 0, 0))
    assert not door.store.count
    door.carrying.receive(OTHER, carry(owner_prefix(OTHER) + b"f" * 16, b"code"))
    door.carrying.stored(RESULT, value)
    door.carrying.stored(RESULT, value)
    door.carrying.stored(owner_prefix(OTHER) + b"r" * 16, value)
    door.carrying.stored(RESULT, b"small")
    size = len(value)
    said = [hand(RESULT, 0, size), hand(RESULT, 1, size), carry(RESULT, b"small")]
    assert door.hand.given == [(value, 0), (value, 1)]
    assert door.sent == [(ME, message) for message in said]
    # Where there is no room it stays in the store, and nothing is said.
    door.hand.room = False
    door.carrying.stored(RESULT, value)
    assert len(door.sent) == len(said)


def test_without_a_way_it_is_no_message() -> None:
    door = Door()
    assert not door.carrying.receive(ME, hand(FUNCTION, 1, 5))
