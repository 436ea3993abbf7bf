"""The engine's end of `protocol/piggyback.py`: objects beside clients' messages. PURE."""

from collections.abc import Callable

from futurefsm.client.engine.store import ObjectStore, Reply
from futurefsm.protocol.ids import owner_prefix
from futurefsm.protocol.piggyback import CARRIED_MAX, Buffer, carried, carry


class Carrying:
    """Of all clients of one engine.

    Args:
        store: the objects.
        reply: sends the store's replies to those who asked on a storage channel.
        send: to a client, behind what it was sent before; it may drop the message.
    """

    def __init__(
        self,
        store: ObjectStore,
        reply: Callable[[list[Reply]], None],
        send: Callable[[bytes, bytes], bool],
    ) -> None:
        self._store = store
        self._reply = reply
        self._send = send
        # Those who have sent objects so, by what their objects' ids begin with.
        self._clients: dict[bytes, bytes] = {}

    def receive(self, client: bytes, message: Buffer) -> bool:
        """Keep the object that a message brings; False where it brings none."""
        found = carried(message)
        if found is None:
            return False
        self._clients[owner_prefix(client)] = client
        self._reply(self._store.accept(*found))
        return True

    def stored(self, object_id: bytes, payload: Buffer) -> None:
        """A task's result is in the store: its client is sent a copy, if it knows what that is."""
        client = self._clients.get(object_id[:16])
        if client is not None and len(payload) <= CARRIED_MAX:
            self._send(client, carry(object_id, payload))

    def gone(self, owner: bytes) -> None:
        """The client whose objects' ids begin with this has left."""
        self._clients.pop(owner, None)
