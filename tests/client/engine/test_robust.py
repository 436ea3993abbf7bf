"""An engine that is a server, and clients that are no friends. What one does harms no other."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import engine_tasks as tasks
import psutil
import pytest
from engine_client import BOUND, EngineClient
from engine_server import EngineServer

from futurefsm.client.client import Client
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import new_identity
from futurefsm.protocol.object_store import RequestKind, StoreHeader, encode_header
from futurefsm.protocol.transport.framing import frame_header
from futurefsm.protocol.transport.ymq import connect_tcp
from tests.client.processes import all_end

HERE = str(Path(__file__).parent)
CANCELED = m.CancelConfirmType.CANCELED


@pytest.fixture(autouse=True)
def _nothing_left() -> None:
    """The servers of this file live longer than a test, and replace their workers."""


def start(backend: str, *options: str) -> EngineServer:
    return EngineServer("--backend", backend, *options, env={"PYTHONPATH": HERE})


@pytest.fixture(scope="module", params=["ymq", "zmq"])
def server(request: pytest.FixtureRequest) -> Iterator[EngineServer]:
    with start(request.param, "--workers", "1") as one:
        yield one


@pytest.fixture
def client(server: EngineServer) -> Iterator[EngineClient]:
    with EngineClient(server) as one:
        yield one
        one.send(m.ClientDisconnect())
        one.emptied()


def ends(address: str, data: bytes) -> None:
    """The server closes a connection over which this came."""
    host, port = address.removeprefix("tcp://").split(":")
    sock = connect_tcp(host, int(port))
    sock.settimeout(BOUND)
    sock.sendall(data)
    try:
        while sock.recv(4096):
            pass
    except ConnectionResetError:
        pass
    sock.close()


def test_garbage_on_both_ports(server: EngineServer, client: EngineClient) -> None:
    running = client.task(client.put(tasks.add), client.put(1), client.put(2))
    for address in (server.address, server.storage):
        ends(address, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" + bytes(200))
        ends(address, b"\xff" * 300)
    ends(server.storage, b"YMQ\x02" + frame_header(1) + b"x" + frame_header(80) + b"\xee" * 80)
    # One that says nothing, and one that stops in the middle of a word.
    host, port = server.address.removeprefix("tcp://").split(":")
    silent = [connect_tcp(host, int(port)) for _ in range(20)]
    silent[0].sendall(b"YM")
    assert client.result(running) == 3
    for sock in silent:
        sock.close()
    assert client.result(client.submit(len, "ab")) == 2


def test_messages_that_are_none(client: EngineClient) -> None:
    for data in (b"", b"garbage!", bytes(64), b"\xff" * 4096):
        client.send_bytes(data)
    assert client.result(client.submit(len, "ab")) == 2


def test_another_with_the_same_name(server: EngineServer, client: EngineClient) -> None:
    """It takes the place of the first (ymq) or is not heard (zmq), as in a real cluster; a third
    does not notice."""
    with EngineClient(server) as owner:
        owner.round_trip()
        thief = EngineClient(server, owner.identity, register=False)
        thief.send(m.ClientHeartbeat())
        if server.backend == "ymq":
            thief.wait(lambda one: isinstance(one, m.ClientHeartbeatEcho))
            assert owner._dealer.receive() is None
            owner.until(lambda: owner._dealer.stream.eof)
        else:
            owner.round_trip()
            client.round_trip()
            assert thief._dealer.receive() is None
        thief.send(m.ClientDisconnect()) if server.backend == "ymq" else owner.send(
            m.ClientDisconnect()
        )
        assert client.result(client.submit(len, "abc")) == 3
        thief.close_storage()
        thief._dealer.close()


def test_an_upload_in_flight_when_its_client_leaves(
    server: EngineServer, client: EngineClient
) -> None:
    leaver = EngineClient(server)
    before = client.figures()[0]
    assert leaver.stream is not None
    late = leaver.ids.object_id(leaver.identity)
    header = encode_header(StoreHeader(RequestKind.SET, late, 1_000_000, 99))
    leaver.until(lambda: not leaver.stream or not leaver.stream.wants_write)
    wire = leaver.stream._sock

    def send(data: bytes) -> None:
        wire.setblocking(True)
        wire.sendall(data)
        wire.setblocking(False)

    send(frame_header(80) + header + frame_header(1_000_000) + b"x" * 500_000)
    leaver.send(m.ClientDisconnect())
    # No answer exists: what a second message of it brings comes after the first.
    leaver.cancel(b"nothing")
    leaver.answer(b"nothing")
    # The delete is answered after the upload, on the same connection.
    gone = encode_header(StoreHeader(RequestKind.DELETE, late, 0, 100))
    send(b"x" * 500_000 + frame_header(80) + gone)
    replies: list[bytes] = []
    deadline = time.monotonic() + BOUND
    while len(replies) < 2:
        assert time.monotonic() < deadline
        replies += map(bytes, leaver.stream.receive())
    # DELETE_NOT_EXISTS: it was never kept.
    assert int.from_bytes(replies[1][32:34], "little") == 3
    assert client.figures()[0] == before
    leaver.close()


def test_clients_that_are_silent(tmp_path: Path) -> None:
    """The tasks of one that was killed, and of one that lives, are stopped, and their objects go,
    once they have been silent for long enough. Who lives may come back."""
    code = (
        "import sys, engine_tasks\n"
        "from futurefsm.client.client import Client\n"
        "client = Client(sys.argv[1], heartbeat_interval=0.5)\n"
        "future = client.submit(engine_tasks.say_and_wait, sys.argv[2])\n"
        "print('submitted', flush=True)\n"
        "sys.stdin.read()\n"
    )
    # Long beside the time between two signs of life: nobody who gives some is taken for silent.
    with start("ymq", "--workers", "2", "--client-timeout", "5") as server:
        pid = tmp_path / "pid"
        with subprocess.Popen(
            [sys.executable, "-c", code, server.address, str(pid)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**psutil.Process().environ(), "PYTHONPATH": HERE},
        ) as victim:
            deadline = time.monotonic() + BOUND
            while not pid.exists() or not pid.read_text():
                assert time.monotonic() < deadline
                time.sleep(0.01)
            worker = psutil.Process(int(pid.read_text()))
            victim.send_signal(signal.SIGKILL)
        with EngineClient(server) as silent:
            task = silent.submit(tasks.wait_for_ever)
            assert silent.answer(task) == m.TaskCancelConfirm(task, CANCELED)
            assert all_end([worker])
            silent.emptied()
            assert silent.result(silent.submit(len, "ab")) == 2
        # The workers are free for others again.
        with Client(server.address, backend="ymq", heartbeat_interval=0.5) as client:
            assert client.submit(len, "abc").result(BOUND) == 3


def test_extra_workers_go_when_they_are_idle(server: EngineServer) -> None:
    process = psutil.Process(server.process.pid)
    with Client(server.address, backend=server.backend) as client:
        futures = [client.submit(tasks.nested_client, 3) for _ in range(3)]
        assert [future.result(BOUND) for future in futures] == [3] * 3
    deadline = time.monotonic() + BOUND
    # The fork server and one worker.
    while len(process.children()) > 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_link_that_is_reset(server: EngineServer, client: EngineClient, tmp_path: Path) -> None:
    """On ymq the client dials again, and what was said meanwhile is there."""
    if server.backend != "ymq":
        pytest.skip("zmq does that by itself")
    identity = new_identity()
    one = EngineClient(server, identity)
    task = one.submit(tasks.wait_for_file, str(tmp_path / "gate"))
    one.until(lambda: one.store.outstanding == 0)
    one.round_trip()
    raw = one._dealer.stream._sock
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes([1, 0, 0, 0, 0, 0, 0, 0]))
    one.close()
    # A round trip of somebody else: the reset has been seen.
    client.round_trip()
    (tmp_path / "gate").touch()
    behind = client.submit(len, "ab")
    assert client.result(behind) == 2
    # The one worker has answered both: the first answer was held.
    with EngineClient(server, identity) as again:
        assert again.result(task) == 3
        again.send(m.ClientDisconnect())
