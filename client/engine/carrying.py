"""The engine's end of `protocol/piggyback.py`: objects beside clients' messages. PURE."""

from collections.abc import Callable

from futurefsm.client.engine.store import ObjectStore, Reply
from futurefsm.protocol.ids import owner_prefix
from futurefsm.protocol.piggyback import (
    CARRIED_MAX,
    MARKS,
    Buffer,
    Hand,
    Handed,
    Payload,
    carried,
    carry,
    hand,
    handed,
)


class Carrying:
    """Of all clients of one engine.

    Args:
        store: the objects.
        reply: sends the store's replies to those who asked on a storage channel.
        send: to a client, behind what it was sent before; it may drop the message.
        hand: the way to the client that has started this engine; None where there is none.
    """

    def __init__(
        self,
        store: ObjectStore,
        reply: Callable[[list[Reply]], None],
        send: Callable[[bytes, bytes], bool],
        hand: Hand | None = None,
    ) -> None:
        self._store = store
        self._reply = reply
        self._send = send
        # Those who have sent objects so, by what their objects' ids begin with.
        self._clients: dict[bytes, bytes] = {}
        self._hand = hand
        # What the ids of the objects of the client at its other end begin with; and how many
        # were handed to it.
        self._other_end = b""
        self._number = 0

    def receive(self, client: bytes, message: Buffer) -> bool:
        """Keep the object that a message brings; False where it brings none."""
        if message[:3] != MARKS:
            return False
        found = carried(message)
        if found is None:
            return self._receive_handed(client, message)
        self._clients[owner_prefix(client)] = client
        if replies := self._store.accept(*found):
            self._reply(replies)
        return True

    def _receive_handed(self, client: bytes, message: Buffer) -> bool:
        found = handed(message) if self._hand is not None else None
        if found is None:
            return False
        assert self._hand is not None
        object_id, number, size = found
        self._other_end = owner_prefix(client)
        self._clients[self._other_end] = client
        if size:
            payload = self._hand.take(number, size)
            if payload is None:
                # Whoever waits for it is told, and does not wait for ever.
                self._store.refuse(object_id, size)
            else:
                self._reply(self._store.accept(object_id, payload))
        return True

    def stored(self, object_id: bytes, payload: Payload) -> None:
        """A task's result is in the store: its client is sent a copy, if it knows what that is."""
        owner = object_id[:16]
        client = self._clients.get(owner)
        if client is None:
            return
        if not isinstance(payload, Handed):
            if len(payload) <= CARRIED_MAX:
                self._send(client, carry(object_id, payload))
        elif owner == self._other_end:
            assert self._hand is not None
            if self._hand.give(payload, self._number):
                self._send(client, hand(object_id, self._number, len(payload)))
                self._number += 1

    def gone(self, owner: bytes) -> None:
        """The client whose objects' ids begin with this has left."""
        self._clients.pop(owner, None)
