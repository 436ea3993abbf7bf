"""`futurefsm engine`: the engine as a server."""

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from engine_server import BOUND, EngineServer
from ports import free_ports

from futurefsm.client.cli import main
from futurefsm.client.engine import command, doors
from futurefsm.protocol.transport.ymq import connect_tcp, listen_tcp
from tests.client.processes import all_end

BACKENDS = pytest.mark.parametrize("backend", ["ymq", "zmq"])


def port(address: str) -> int:
    return int(address.rpartition(":")[2])


@BACKENDS
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_and_ends_with_nothing_left(backend: str, number: int) -> None:
    server = EngineServer("--backend", backend, "--workers", "2")
    assert server.address.startswith("tcp://127.0.0.1:")
    assert server.storage.startswith("tcp://127.0.0.1:")
    assert (server.backend, server.fields["workers"]) == (backend, "2")
    assert int(server.fields["pid"]) == server.process.pid
    for address in (server.address, server.storage):
        connect_tcp("127.0.0.1", port(address)).close()
    deadline = time.monotonic() + BOUND
    while len(workers := psutil.Process(server.process.pid).children()) < 3:
        assert time.monotonic() < deadline
    assert server.stop(number) == 0
    assert all_end(workers)
    for address in (server.address, server.storage):
        with pytest.raises(OSError):
            connect_tcp("127.0.0.1", port(address))


def test_killed_its_workers_end_with_it() -> None:
    server = EngineServer("--workers", "2")
    deadline = time.monotonic() + BOUND
    while len(workers := psutil.Process(server.process.pid).children()) < 3:
        assert time.monotonic() < deadline
    server.kill()
    assert all_end(workers)


def test_the_backend_comes_from_the_environment() -> None:
    with EngineServer("--workers", "1", env={command.BACKEND_VARIABLE: "zmq"}) as server:
        assert server.backend == "zmq"


def test_addresses_of_its_own() -> None:
    storage = f"tcp://127.0.0.1:{free_ports(1)}"
    with EngineServer("--workers", "1", "--storage-bind", storage) as server:
        assert server.storage == storage


@BACKENDS
def test_a_port_that_is_taken(backend: str, capsys: pytest.CaptureFixture[str]) -> None:
    listener = listen_tcp("127.0.0.1")
    taken = f"tcp://127.0.0.1:{listener.getsockname()[1]}"
    for options in (["--bind", taken], ["--bind", "tcp://127.0.0.1:0", "--storage-bind", taken]):
        assert main(["engine", "--backend", backend, *options]) == command.CANNOT
        error = capsys.readouterr().err
        assert error == f"futurefsm engine: cannot listen at {taken}: Address already in use\n"
    listener.close()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--bind", "127.0.0.1:1"], "looks like tcp://127.0.0.1:2345"),
        (["--bind", "tcp://no.such.host.invalid:1"], "is not known"),
        (["--storage-bind", "tcp://127.0.0.1:x"], "looks like"),
        (["--bind", "tcp://*:0", "--backend", "zmq"], "--storage-bind"),
    ],
)
def test_addresses_that_are_none(
    options: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["engine", *options]) == command.USAGE
    error = capsys.readouterr().err
    assert says in error
    assert error.count("\n") == 1


def test_a_backend_that_is_none(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(command.BACKEND_VARIABLE, "tls")
    assert main(["engine"]) == command.USAGE
    assert "ymq or zmq, not 'tls'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "option",
    [("--workers", "0"), ("--workers", "x"), ("--client-timeout", "-1"), ("--client-timeout", "x")],
)
def test_options_that_cannot_be(
    option: tuple[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["engine", *option])
    assert caught.value.code == 2
    assert option[0] in capsys.readouterr().err


def test_other_machines_are_warned_of(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as stderr:
        # The last --bind counts.
        options = ("--workers", "1", "--bind", "tcp://0.0.0.0:0")
        with EngineServer(*options, stderr=stderr) as server:
            assert server.address.startswith("tcp://0.0.0.0:")
    lines = log.read_text().splitlines()
    assert len([line for line in lines if "open to other machines" in line]) == 2


def test_it_can_be_served_from_python() -> None:
    """As the command does it, in a process of its own."""
    code = (
        "from futurefsm.client.engine import command, doors\n"
        "opened = doors.public('tcp://127.0.0.1:0', 'ymq')\n"
        "command.serve(opened, workers=1, client_timeout_s=60.0, protected=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert select.select([process.stdout], [], [], BOUND)[0]
    assert process.stdout.readline().startswith(b"futurefsm engine ready")
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(BOUND) == 0
    process.stdout.close()
    assert doors.BACKENDS == ("ymq", "zmq")
