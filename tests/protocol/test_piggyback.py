"""Objects between messages: what is one, and what is not."""

from collections.abc import Callable
from typing import Any

import pytest

from futurefsm.protocol import messages as m
from futurefsm.protocol.codec import decode, encode
from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.piggyback import (
    MARK,
    MARK_HANDED,
    Handed,
    carried,
    carry,
    hand,
    handed,
    plain,
)

OBJECT = bytes(range(32))


@pytest.mark.parametrize("payload", [b"", b"v", bytearray(b"value"), memoryview(b"value")])
def test_what_is_carried_arrives(payload: bytes) -> None:
    assert carried(carry(OBJECT, payload)) == (OBJECT, bytes(payload))


@pytest.mark.parametrize(
    "message",
    [
        b"",
        MARK,
        MARK + OBJECT[:31],
        hand(OBJECT, 1, 2),
        encode(m.TaskCancel(b"t" * 16, True)),
        encode(m.ClientHeartbeat(m.Resource(), 0, "OBJ\x01")),
    ],
)
def test_other_messages_carry_nothing(message: bytes) -> None:
    assert carried(message) is None


@pytest.mark.parametrize("size", [0, 4, 100, 4096])
def test_to_everybody_else_it_is_no_message(size: int) -> None:
    with pytest.raises(ProtocolError):
        decode(carry(OBJECT, bytes(size)))


@pytest.mark.parametrize(("number", "size"), [(0, 0), (7, 100), (2**64 - 1, 2**40)])
def test_what_is_said_of_a_handed_object_arrives(number: int, size: int) -> None:
    message = hand(OBJECT, number, size)
    for data in (message, bytearray(message), memoryview(message)):
        assert handed(data) == (OBJECT, number, size)
    with pytest.raises(ProtocolError):
        decode(message)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        MARK_HANDED + OBJECT,
        hand(OBJECT, 1, 2)[:-1],
        hand(OBJECT, 1, 2) + b"x",
        carry(OBJECT, bytes(16)),
        encode(m.TaskCancel(b"t" * 16, True)),
    ],
)
def test_other_messages_say_nothing_of_one(message: bytes) -> None:
    assert handed(message) is None


class Memory(Handed):
    def view(self) -> memoryview:
        return memoryview(b"here")


def test_the_bytes_to_send() -> None:
    assert plain(b"sent") == b"sent"
    assert plain(Memory()) == b"here"


@pytest.mark.parametrize("use", [len, bytes, Handed.load, Handed.view])
def test_what_it_can_do_is_said_elsewhere(use: Callable[[Handed], Any]) -> None:
    with pytest.raises(NotImplementedError):
        use(Handed())
