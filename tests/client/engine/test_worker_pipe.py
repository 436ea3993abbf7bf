"""The worker's end of its pipe and of its lane."""

import os
import socket
import threading

import pytest

from futurefsm.client.engine.lane import Lane
from futurefsm.client.engine.worker_pipe import EngineGone, Inbox, send


def test_small_and_large_pieces() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        data = os.urandom(300_000)
        writer = threading.Thread(target=ours.sendall, args=(data,))
        writer.start()
        inbox = Inbox(theirs.fileno())
        sizes = [10, 0, 60_000, 5_535, 100_000, 1, 65_536, 60_000]
        read = b"".join(bytes(inbox.exactly(size)) for size in sizes)
        assert read == data[: sum(sizes)]
        rest = bytes(inbox.exactly(300_000 - sum(sizes)))
        assert rest == data[sum(sizes) :]
        writer.join()
        assert not inbox.held
        ours.close()
        with pytest.raises(EngineGone):
            inbox.exactly(1)


def test_what_was_read_and_not_taken_is_held() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(b"onetwo")
        inbox = Inbox(theirs.fileno())
        assert inbox.exactly(3) == b"one"
        assert inbox.held
        assert inbox.exactly(3) == b"two"
        assert not inbox.held


def test_packets_one_by_one() -> None:
    lane = Lane()
    lane.send(b"one")
    lane.send(b"two")
    inbox = Inbox(lane.theirs.fileno())
    assert inbox.packet()
    assert inbox.exactly(3) == b"one"
    assert not inbox.held
    assert lane.take_back(10) == [b"two"]
    assert not inbox.packet()
    lane.close()


@pytest.mark.parametrize("size", [1, 60_000, 400_000])
def test_all_of_a_message_is_written(size: int) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        parts = [b"head", memoryview(os.urandom(size)), b"", bytearray(b"tail")]
        writer = threading.Thread(target=send, args=(theirs.fileno(), parts))
        writer.start()
        whole = b"".join(parts)
        got = bytearray()
        while len(got) < len(whole):
            got += ours.recv(65536)
        writer.join()
        assert got == whole


def test_a_write_that_is_cut_short(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        write = os.write
        monkeypatch.setattr(os, "write", lambda fd, data: write(fd, data[:3]))
        send(theirs.fileno(), [b"one", b"two"])
        assert ours.recv(100) == b"onetwo"
