"""The client's end of `protocol/piggyback.py`: small objects go and come with the messages. PURE.

Below the pump, which sends objects, asks for them and deletes them as it does with any store. An
object that was sent is taken for stored at once: what is said of it later comes behind it. A result
that came with its TaskResult is here when it is asked for (`Values.here`). Those that came so are
deleted many at a time, with the next heartbeat at the latest, behind what somebody waits for: an
instruction costs as much as a task, and would be in the way of the task whose submit it goes with.
Large objects are handed over where that is possible; else they go the ordinary way.
"""

from collections.abc import Iterable
from typing import Protocol

from futurefsm.client.outputs import Delete, Get, Put, Send
from futurefsm.client.pump import Pump, WireOutput
from futurefsm.client.uploads import deletion
from futurefsm.protocol.ids import OBJECT_ID_BYTES
from futurefsm.protocol.messages import ClientHeartbeat, Message
from futurefsm.protocol.piggyback import (
    CARRIED_MAX,
    MARKS,
    Buffer,
    Hand,
    Payload,
    carried,
    hand,
    handed,
)

DELETED_BYTES_MAX = 64 * 1024
"""So many bytes of results may wait to be deleted,"""

DELETED_MAX = 64
"""and so many results."""

# What a result costs the store beside its bytes.
_OVERHEAD = 512


class Messages(Protocol):
    """What sends to the scheduler: `Outbox`."""

    def send(self, message: Message) -> None:
        """A message."""

    def carry(self, object_id: bytes, payload: bytes) -> None:
        """An object, behind it."""

    def push(self, message: bytes) -> bool:
        """Bytes that are no message of the protocol, behind it; False where there is nobody."""


class Requests(Protocol):
    """What asks the object store: `StorageLink`."""

    def ask(self, requests: Iterable[Put | Get | Delete]) -> None:
        """Requests."""


class Carrying:
    """Of one client.

    Args:
        pump: what wants objects.
        messages: where they go with the messages.
        requests: where all others go.
        hand: hands large ones over; None where nothing can.
    """

    def __init__(
        self, pump: Pump, messages: Messages, requests: Requests, hand: Hand | None = None
    ) -> None:
        self._pump = pump
        self._messages = messages
        self._requests = requests
        self._hand = hand
        # How many were handed over; -1: the engine does not know yet that it may do so, too.
        self._number = -1
        # Results whose TaskResults come next.
        self._came = pump.tracker.values.here
        # Those that came, until the pump deletes them; and their sizes.
        self._sizes: dict[bytes, int] = {}
        self._deleted: list[bytes] = []
        self._deleted_bytes = 0

    def receive(self, message: Buffer) -> bool:
        """Keep the result that a message brings; False where it brings none."""
        if message[:3] != MARKS:
            return False
        found = carried(message) or self._handed(message)
        if found is None:
            return False
        object_id, payload = found
        # Where this process could not take it, it is in the store.
        if payload is not None:
            self._came[object_id] = payload
            self._sizes[object_id] = len(payload)
        return True

    def _handed(self, message: Buffer) -> tuple[bytes, Payload | None] | None:
        found = handed(message)
        if found is None or self._hand is None:
            return None
        return found[0], self._hand.take(*found[1:])

    def perform(self, outputs: list[WireOutput]) -> None:
        """Send what the pump wants sent."""
        requests: list[Put | Get | Delete] = []
        beat = False
        for output in outputs:
            if type(output) is Send:
                if self._number < 0 and self._hand is not None:
                    self._greet()
                message = output.message
                self._messages.send(message)
                beat = beat or type(message) is ClientHeartbeat
            elif type(output) is Delete and output.object_id in self._sizes:
                self._deleted.append(output.object_id)
                self._deleted_bytes += _OVERHEAD + self._sizes.pop(output.object_id)
            elif type(output) is Put and self._goes_along(output.object_id, output.payload):
                self._pump.stored(output.object_id)
            else:
                requests.append(output)  # type: ignore[arg-type]
        if requests:
            self._requests.ask(requests)
        many = len(self._deleted) >= DELETED_MAX or self._deleted_bytes > DELETED_BYTES_MAX
        if many or (beat and self._deleted):
            deleted, self._deleted, self._deleted_bytes = self._deleted, [], 0
            self._messages.send(deletion(self._pump.tracker.identity, deleted))
        # Each came in front of its TaskResult. What that one's future did not take then is in the
        # store, as all others are.
        for object_id in self._came:
            self._sizes.pop(object_id, None)
        self._came.clear()

    def _greet(self) -> None:
        """Results may be handed over."""
        if self._messages.push(hand(bytes(OBJECT_ID_BYTES), 0, 0)):
            self._number = 0

    def _goes_along(self, object_id: bytes, payload: Payload) -> bool:
        """Whether an object went with the messages, or beside them."""
        # An empty one is a question whether the storage channel is alive: see `Overdue`.
        if 0 < len(payload) <= CARRIED_MAX:
            self._messages.carry(object_id, bytes(payload))
            return True
        if self._hand is None or not self._hand.give(payload, self._number + 1):
            return False
        self._number += 1
        self._messages.push(hand(object_id, self._number, len(payload)))
        return True
