"""Where an engine listens."""

import errno
import os
import socket
from pathlib import Path

import pytest

from futurefsm.client.engine import doors
from futurefsm.client.engine.handover import pair
from futurefsm.protocol.transport import ymq_router
from futurefsm.protocol.transport.ymq import YmqStream, connect_tcp, connect_unix, listen_tcp


def test_private_doors(tmp_path: Path) -> None:
    opened = doors.private(str(tmp_path))
    assert opened.storage.scheme == "ipc"
    assert opened.private
    assert opened.dial == f"ipc://{tmp_path}/scheduler"
    connect_unix(opened.storage.host).close()
    assert opened.storage_for(b"anybody") == opened.storage
    opened.close()
    opened.listener.close()


def test_the_store_takes_the_next_port_or_any() -> None:
    for _ in range(50):
        first = doors.public("tcp://127.0.0.1:0", "ymq")
        port = int(first.dial.rpartition(":")[2])
        first.close()
        first.listener.close()
        try:
            taken = listen_tcp("127.0.0.1", port + 1)
            opened = doors.public(f"tcp://127.0.0.1:{port}", "ymq")
        except OSError:
            continue  # somebody else was faster
        assert opened.storage.port not in (0, port, port + 1)
        for one in (opened, opened.listener, taken):
            one.close()
        return
    pytest.fail("no free pair of ports")


def test_the_last_port_of_all() -> None:
    listener = doors._storage("127.0.0.1", 65535)
    assert listener.getsockname()[1] > 0
    listener.close()


def test_on_all_interfaces_each_client_is_told_the_one_it_dialled() -> None:
    opened = doors.public("tcp://*:0", "ymq")
    port = int(opened.dial.rpartition(":")[2])
    assert opened.dial == f"tcp://127.0.0.1:{port}"
    peer = YmqStream(connect_tcp("127.0.0.2", port), b"peer")
    peer.send_frames((b"x",))
    peer.flush()
    while opened.router.receive() is None:
        pass
    assert opened.storage_for(b"peer").host == "127.0.0.2"
    assert opened.storage_for(b"nobody").host == "127.0.0.1"
    assert opened.storage_for(b"peer").port == opened.storage.port
    peer.close()
    opened.close()
    opened.listener.close()


def test_zmq_needs_to_be_told() -> None:
    with pytest.raises(ValueError, match="--storage-bind"):
        doors.public("tcp://0.0.0.0:0", "zmq")
    opened = doors.public("tcp://0.0.0.0:0", "zmq", "tcp://localhost:0")
    assert opened.storage.host == "127.0.0.1"
    opened.close()
    opened.listener.close()


def test_nothing_stays_open_when_the_second_door_does_not_open() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OSError, match=f"cannot listen at {address}") as caught:
            doors.public("tcp://127.0.0.1:0", "ymq", address)
    assert caught.value.errno == errno.EADDRINUSE


def test_who_does_not_read_at_a_public_door_loses_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ymq_router, "UNSENT_BYTES", 1_000_000)
    opened = doors.public("tcp://127.0.0.1:0", "ymq")
    assert not opened.private
    host, port = opened.router.address.removeprefix("tcp://").split(":")
    peer = YmqStream(connect_tcp(host, int(port)), b"peer")
    peer.send_frames((b"x",))
    peer.flush()
    while opened.router.receive() is None:
        pass
    block = bytes(500_000)
    assert all(opened.router.queue(b"peer", block) for _ in range(20))
    assert not opened.router.spare(b"peer", block)
    came = 0
    while came < 20:
        opened.router.flush()
        assert opened.router.receive() is None
        came += len(peer.receive())
    peer.close()
    opened.close()
    opened.listener.close()


def test_the_way_of_large_objects_is_closed_with_the_doors(tmp_path: Path) -> None:
    way = pair()
    assert way is not None
    opened = doors.private(str(tmp_path), os.dup(way.theirs))
    assert way.write((b"abc",), 1)
    assert opened.hand is not None
    assert bytes(opened.hand.take(1, 3) or b"") == b"abc"
    opened.close()
    opened.listener.close()
    way.let_go()
    assert not way.write((b"abc",), 2)
    way.close()
