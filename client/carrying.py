"""The client's end of `protocol/piggyback.py`: small objects go and come with the messages. PURE.

Below the pump, which sends objects, asks for them and deletes them as it does with any store. An
object that was sent is taken for stored at once: what is said of it later comes behind it. A result
that came with its TaskResult is here when the pump asks for it. Those that came so are deleted many
at a time, with the next heartbeat at the latest, behind what somebody waits for: an instruction
costs as much as a task, and would be in the way of the task whose submit it goes with.
"""

from collections.abc import Iterable
from typing import Protocol

from futurefsm.client.outputs import Delete, Get, Put, Send
from futurefsm.client.pump import Pump, WireOutput
from futurefsm.client.uploads import deletion
from futurefsm.protocol.messages import ClientHeartbeat, Message
from futurefsm.protocol.piggyback import CARRIED_MAX, Buffer, carried

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
    """

    def __init__(self, pump: Pump, messages: Messages, requests: Requests) -> None:
        self._pump = pump
        self._messages = messages
        self._requests = requests
        # Results whose TaskResults come next.
        self._came: dict[bytes, bytes] = {}
        # Those that were given to the pump, which will delete them; and their sizes.
        self._given: dict[bytes, int] = {}
        self._deleted: list[bytes] = []
        self._deleted_bytes = 0

    def receive(self, message: Buffer) -> bool:
        """Keep the result that a message brings; False where it brings none."""
        found = carried(message)
        if found is None:
            return False
        self._came[found[0]] = found[1]
        return True

    def perform(self, outputs: list[WireOutput]) -> None:
        """Send what the pump wants sent, and give it what is here."""
        pump = self._pump
        while outputs:
            here = self._send(outputs)
            for object_id in here:
                payload = self._came.pop(object_id)
                self._given[object_id] = len(payload)
                pump.fetched(object_id, payload, pump.now)
            outputs = pump.take() if here else []
        # Each came in front of its TaskResult, and what that one's future wants is asked for now.
        self._came.clear()

    def _send(self, outputs: list[WireOutput]) -> list[bytes]:
        """Returns the objects that were asked for and are here."""
        requests: list[Put | Get | Delete] = []
        here: list[bytes] = []
        beat = False
        for output in outputs:
            kind = output.__class__
            if isinstance(output, Send):
                self._messages.send(output.message)
                beat = beat or output.message.__class__ is ClientHeartbeat
            # An empty one is a question whether the storage channel is alive: see `Overdue`.
            elif isinstance(output, Put) and 0 < len(output.payload) <= CARRIED_MAX:
                self._messages.carry(output.object_id, output.payload)
                self._pump.stored(output.object_id)
            elif kind is Get and output.object_id in self._came:
                here.append(output.object_id)
            elif kind is Delete and output.object_id in self._given:
                self._deleted.append(output.object_id)
                self._deleted_bytes += _OVERHEAD + self._given.pop(output.object_id)
            else:
                requests.append(output)
        if requests:
            self._requests.ask(requests)
        many = len(self._deleted) >= DELETED_MAX or self._deleted_bytes > DELETED_BYTES_MAX
        if many or (beat and self._deleted):
            deleted, self._deleted, self._deleted_bytes = self._deleted, [], 0
            self._messages.send(deletion(self._pump.tracker.identity, deleted))
        return here
