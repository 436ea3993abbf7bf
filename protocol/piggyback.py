"""Small objects that travel with the messages of a scheduler's channel. PURE.

An extension of our own, for a client and the engine that it has started: that engine is scheduler
and object store in one, so a small object need not take the way over the second channel. It is one
message: a mark that no Cap'n Proto message begins with, the object's id, its bytes.

- A client sends an object so in place of a set. It is not answered: what the client sends on this
  channel behind it comes behind it.
- To a client that has done so the engine sends the small result of a task so, just before the
  TaskResult. It is a copy: the object is in the store as ever, until it is deleted.

Nobody else is sent any of it, and a scheduler that is not embedded takes it for no message at all.
"""

from typing import TypeAlias

from futurefsm.protocol.ids import OBJECT_ID_BYTES

Buffer: TypeAlias = bytes | bytearray | memoryview

MARK = b"OBJ\x01"
"""As the number of a message's segments it would be 21 million."""

CARRIED_MAX = 16 * 1024
"""Bytes; what is larger goes over the storage channel, so that it stands in nobody's way."""

_BEGIN = len(MARK) + OBJECT_ID_BYTES


def carry(object_id: bytes, payload: Buffer) -> bytes:
    """The message that brings an object."""
    return b"".join((MARK, object_id, payload))


def carried(message: Buffer) -> tuple[bytes, bytes] | None:
    """The object that a message brings: its id and its bytes; None where it is another message."""
    if message[:4] != MARK or len(message) < _BEGIN:
        return None
    return bytes(message[4:_BEGIN]), bytes(message[_BEGIN:])
