"""The lane: whoever takes a packet first has it."""

import errno
import select
import socket
from collections.abc import Iterator

import pytest

from futurefsm.client.engine import workers
from futurefsm.client.engine.lane import Lane


@pytest.fixture
def lane() -> Iterator[Lane]:
    made = Lane()
    yield made
    made.close()


def test_packets_keep_their_borders_and_their_order(lane: Lane) -> None:
    for packet in (b"one", b"two", b"three"):
        assert lane.send(packet)
    assert [lane.theirs.recv(100) for _ in range(3)] == [b"one", b"two", b"three"]
    assert not select.select([lane.theirs], [], [], 0)[0]


def test_what_was_taken_back_cannot_be_taken(lane: Lane) -> None:
    for packet in (b"one", b"two", b"three"):
        lane.send(packet)
    assert lane.theirs.recv(100) == b"one"
    assert lane.take_back(100) == [b"two", b"three"]
    with pytest.raises(BlockingIOError):
        lane.theirs.recv(100)
    assert lane.take_back(100) == []
    lane.send(b"four")
    assert lane.theirs.recv(100) == b"four"


def test_a_lane_has_an_end(lane: Lane) -> None:
    sent = 0
    while lane.send(b"x" * 10_000):
        sent += 1
        assert sent < 10_000
    assert len(lane.take_back(10_000)) == sent > 2
    assert lane.send(b"x" * 10_000)


def test_a_system_without_such_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*told: object) -> None:
        raise OSError(errno.EPROTONOSUPPORT, "not here")

    monkeypatch.setattr(socket, "socketpair", none)
    assert workers._lane() is None
