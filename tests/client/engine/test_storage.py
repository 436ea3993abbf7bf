"""The store's sockets: what comes together is answered together. The rest: see `test_server.py`."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from futurefsm.client.deadlines import AT_ONCE, Alarm
from futurefsm.client.engine import storage
from futurefsm.client.engine.storage import StorageServer
from futurefsm.client.engine.store import ObjectStore
from futurefsm.protocol.object_store import Deleted, Got, Put, StoreClient, StoreEvent
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq import YmqStream, connect_unix, listen_unix

PATIENCE_S = 60.0


class Room:
    """A server without an engine, and one connection to it."""

    def __init__(self, path: str) -> None:
        self.store = ObjectStore(1 << 20)
        self.poller = Poller()
        self.handlers: dict[object, Callable[[bool, bool], None]] = {}
        self.told: list[Any] = []
        self.complaints: list[str] = []
        self.alarm = Alarm()
        self.server = StorageServer(
            listen_unix(path),
            self.store,
            self.poller,
            self.handlers,
            lambda: self.told.append(self.store.changes()),
            lambda identity: None,
            lambda identity, what: self.complaints.append(what),
            self.alarm,
        )
        self.stream = YmqStream(connect_unix(path), b"Client|me")
        self.book = StoreClient()
        self.events: list[StoreEvent] = []

    def turn(self) -> None:
        """The server looks at what is ready, once."""
        for item, readable, writable in self.poller.poll(PATIENCE_S):
            self.handlers[item](readable, writable)

    def hear(self) -> None:
        for message in self.stream.receive():
            self.events += self.book.receive(message)

    def close(self) -> None:
        self.stream.close()
        self.server.close()


@pytest.fixture
def room(tmp_path: Path) -> Iterator[Room]:
    made = Room(str(tmp_path / "s"))
    made.stream.flush()
    made.turn()
    made.turn()
    made.told.clear()
    yield made
    made.close()


def ids(count: int) -> list[bytes]:
    return [os.urandom(32) for _ in range(count)]


def test_where_no_descriptor_is_left_it_accepts_again_a_while_later(
    room: Room, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = room.server

    def none_left(listener: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr(storage, "accept", none_left)
    other = YmqStream(connect_unix(str(tmp_path / "s")), b"Client|other")
    room.turn()
    assert len(room.complaints) == 1
    # It is looked at no more, and says itself when it wants to be told of the time.
    assert (server.deaf, server.again_at) == (True, None)
    assert room.alarm.at == AT_ONCE
    assert room.poller.poll(0) == []
    server.tick(5.0)
    assert (server.deaf, server.again_at) == (False, 6.0)
    server.tick(5.9)
    assert room.poller.poll(0) == []
    monkeypatch.undo()
    server.tick(6.0)
    assert (server.deaf, server.again_at) == (False, None)
    room.turn()
    other.flush()
    room.turn()
    assert server.connected(b"Client|other")
    other.close()


def test_what_comes_together_is_answered_together(room: Room) -> None:
    names = ids(100)
    for one in names:
        room.stream.send_frames(room.book.put(one, one))
        room.stream.send_frames(room.book.get(one))
        room.stream.send_frames(room.book.delete(one))
    room.stream.flush()
    room.turn()
    assert len(room.told) == 1
    assert room.told[0].stored == room.told[0].dropped == names
    room.hear()
    kinds = [type(event) for event in room.events]
    assert kinds == [Put, Got, Deleted] * 100


def test_what_came_before_a_fault_counts(room: Room) -> None:
    (name,) = ids(1)
    room.stream.send_frames([*room.book.put(name, b"payload"), b"no header"])
    room.stream.flush()
    room.turn()
    assert room.store.has(name)
    assert room.told[0].stored == [name]
    assert len(room.complaints) == 1
    room.hear()
    assert [type(event) for event in room.events] == [Put]
    assert not room.server.connected(b"Client|me")


def test_one_that_has_gone_before_it_is_answered(room: Room) -> None:
    """Its requests are obeyed, and its fault is nobody's business any more."""
    (name,) = ids(1)
    room.stream.send_frames([*room.book.put(name, b"payload"), b"no header"])
    room.stream.flush()
    room.stream.close()
    room.turn()
    assert room.store.has(name)
    assert not room.server.connected(b"Client|me")
