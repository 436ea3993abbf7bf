import copy
import pickle

from futurefsm.protocol.errors import ProtocolError, TransportClosedError


def test_says_what_and_shows_the_first_bytes():
    error = ProtocolError("too short", bytes(range(100)))
    assert error.reason == "too short"
    assert error.head == bytes(range(32))
    assert str(error).startswith("too short (first bytes: 00010203 04050607 ")


def test_without_bytes_there_is_only_the_reason():
    assert str(ProtocolError("too long")) == "too long"


def test_views_are_copied():
    data = bytearray(b"abc")
    error = ProtocolError("bad", memoryview(data))
    data[0] = 0
    assert error.head == b"abc"


def test_survives_pickling_and_copying():
    error = ProtocolError("bad", b"\x00\x01")
    for again in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
        assert (again.reason, again.head, str(again)) == (error.reason, error.head, str(error))


def test_families():
    assert issubclass(ProtocolError, ValueError)
    assert issubclass(TransportClosedError, ConnectionError)
