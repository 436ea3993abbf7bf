"""What a client says that cannot reach its scheduler: within its timeout, and with the reason."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import TypeAlias

import pytest
from ports import silent_port

from futurefsm.client.client import Client
from futurefsm.fsm.errors import ConnectionLostError

TIMEOUT_S = 1.0
# For a machine that is busy with other things.
SLACK_S = 20.0

Serve: TypeAlias = Callable[[Callable[[socket.socket], object]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts something that listens, and does with each connection what it is told."""
    listeners: list[socket.socket] = []
    held: list[socket.socket] = []

    def start(act: Callable[[socket.socket], object]) -> str:
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def run() -> None:
            while True:
                try:
                    sock, _ = listener.accept()
                except OSError:
                    return
                held.append(sock)
                act(sock)

        threads.append(threading.Thread(target=run, daemon=True))
        threads[-1].start()
        return f"tcp://127.0.0.1:{listener.getsockname()[1]}"

    threads: list[threading.Thread] = []
    yield start
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
    for thread in threads:
        thread.join(SLACK_S)
    for sock in held:
        sock.close()


def fails(address: str, backend: str | None) -> str:
    began = time.monotonic()
    with pytest.raises(ConnectionLostError) as caught:
        Client(address, backend=backend, timeout=TIMEOUT_S)
    assert time.monotonic() - began < TIMEOUT_S + SLACK_S
    said = str(caught.value)
    assert f"no answer from the scheduler at {address} within 1 s: " in said
    assert said.endswith("; is it running, and is the address right?")
    return said


@pytest.mark.parametrize("backend", ["ymq", "zmq", None])
def test_nobody_listens(backend: str | None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SCALER_NETWORK_BACKEND", raising=False)
    with silent_port() as nobody:
        said = fails(f"tcp://127.0.0.1:{nobody.getsockname()[1]}", backend)
    assert ("nobody accepts a connection" if backend == "zmq" else "Connection refused") in said


@pytest.mark.parametrize("backend", ["ymq", "zmq", None])
def test_somebody_listens_and_is_silent(
    serve: Serve, backend: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCALER_NETWORK_BACKEND", raising=False)
    said = fails(serve(lambda sock: None), backend)
    assert "it accepts connections, but says nothing" in said


@pytest.mark.parametrize("backend", ["ymq", "zmq", None])
def test_what_listens_is_no_scheduler(
    serve: Serve, backend: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SCALER_NETWORK_BACKEND", raising=False)

    def banner(sock: socket.socket) -> None:
        sock.sendall(b"SSH-2.0-OpenSSH_9.2p1\r\n" + bytes(64))

    said = fails(serve(banner), backend)
    if backend != "zmq":
        assert "what answers there is not understood: not a YMQ stream" in said


def test_it_closes_at_once(serve: Serve) -> None:
    said = fails(serve(lambda sock: sock.shutdown(socket.SHUT_RDWR)), "ymq")
    assert "it closed the connection" in said


@pytest.mark.filterwarnings("ignore::futurefsm.client.insecure.InsecureConnectionWarning")
def test_a_name_that_nobody_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*args: object, **options: object) -> object:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    said = fails("tcp://no.such.host:2345", "ymq")
    assert "the host name 'no.such.host' cannot be resolved: Name or service not known" in said
