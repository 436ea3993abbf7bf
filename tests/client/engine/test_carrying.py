"""Objects beside messages, the engine's end: without a socket."""

from typing import Any

from futurefsm.client.engine.carrying import Carrying
from futurefsm.client.engine.store import ObjectStore
from futurefsm.protocol.ids import owner_prefix
from futurefsm.protocol.object_store import StoreClient
from futurefsm.protocol.piggyback import CARRIED_MAX, carry

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
