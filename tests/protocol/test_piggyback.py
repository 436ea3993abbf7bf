"""Objects between messages: what is one, and what is not."""

import pytest

from futurefsm.protocol import messages as m
from futurefsm.protocol.codec import decode, encode
from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.piggyback import MARK, carried, carry

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
        b"OBJ\x02" + OBJECT,
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
