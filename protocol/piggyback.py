"""Small objects that travel with the messages of a scheduler's channel. PURE.

An extension of our own, for a client and the engine that it has started: that engine is scheduler
and object store in one, so a small object need not take the way over the second channel. It is one
message: a mark that no Cap'n Proto message begins with, the object's id, its bytes.

- A client sends an object so in place of a set. It is not answered: what the client sends on this
  channel behind it comes behind it.
- To a client that has done so the engine sends the small result of a task so, just before the
  TaskResult. It is a copy: the object is in the store as ever, until it is deleted.

Where both can hand memory over (`Handed`), a large object goes beside the messages, and one that
says so goes in its place: another mark, the object's id, the number by which it was handed over,
its bytes' number. A client says with an object of no bytes that it takes results so.

Nobody else is sent any of it, and a scheduler that is not embedded takes it for no message at all.
"""

from struct import Struct
from typing import Any, Protocol, TypeAlias

from futurefsm.protocol.ids import OBJECT_ID_BYTES

Buffer: TypeAlias = bytes | bytearray | memoryview


class Handed:
    """A large object's bytes, in memory that can be handed to another process as it is."""

    __slots__ = ()

    def __len__(self) -> int:
        """How many."""
        raise NotImplementedError

    def __bytes__(self) -> bytes:
        """A copy."""
        raise NotImplementedError

    def load(self) -> Any:
        """The object that is pickled there."""
        raise NotImplementedError

    def view(self) -> memoryview:
        """The bytes, for those to whom nothing can be handed."""
        raise NotImplementedError


Payload: TypeAlias = Buffer | Handed


class Hand(Protocol):
    """Hands large objects to one other process, and takes its."""

    def give(self, what: Payload, number: int) -> bool:
        """Hand an object over, by this number; False where it cannot go so."""

    def take(self, number: int, size: int) -> Payload | None:
        """An object that the other end has handed over; None where it has not."""


def plain(payload: Payload) -> Buffer:
    """Bytes to send, uncopied."""
    return payload.view() if isinstance(payload, Handed) else payload


MARKS = b"OBJ"
"""With this each of these messages begins, and no message of the protocol."""

MARK = MARKS + b"\x01"
"""As the number of a message's segments it would be 21 million."""

CARRIED_MAX = 16 * 1024
"""Bytes; what is larger goes over the storage channel, so that it stands in nobody's way."""

MARK_HANDED = MARKS + b"\x02"
_BEGIN = len(MARK) + OBJECT_ID_BYTES
_NUMBERS = Struct("<QQ")
_HANDED_BYTES = _BEGIN + _NUMBERS.size


def carry(object_id: bytes, payload: Buffer) -> bytes:
    """The message that brings an object."""
    return b"".join((MARK, object_id, payload))


def carried(message: Buffer) -> tuple[bytes, bytes] | None:
    """The object that a message brings: its id and its bytes; None where it is another message."""
    if message[:4] != MARK or len(message) < _BEGIN:
        return None
    whole = bytes(message)
    return whole[4:_BEGIN], whole[_BEGIN:]


def hand(object_id: bytes, number: int, size: int) -> bytes:
    """The message that says: an object of `size` bytes was handed over, by this number."""
    return MARK_HANDED + object_id + _NUMBERS.pack(number, size)


def handed(message: Buffer) -> tuple[bytes, int, int] | None:
    """What such a message says: object id, number, size; None where it is another message."""
    if message[:4] != MARK_HANDED or len(message) != _HANDED_BYTES:
        return None
    number, size = _NUMBERS.unpack(message[_BEGIN:])
    return bytes(message[4:_BEGIN]), number, size
