"""A real, unmodified OpenGRIS Scaler cluster on this machine: ZeroMQ backend, two workers."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

PATIENCE_S = 60.0


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture(scope="session")
def scaler_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its address. What it writes is shown when it does not come up."""
    if importlib.util.find_spec("scaler") is None:
        missing = "opengris-scaler is not installed: the extra dev has it where it has wheels"
        assert not os.environ.get("FUTUREFSM_NO_SYSTEM_SKIPS"), missing
        pytest.skip(missing)
    address = f"tcp://127.0.0.1:{free_port()}"
    log = tmp_path_factory.mktemp("scaler") / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("scaler_combo.py")), address],
            env={**os.environ, "SCALER_NETWORK_BACKEND": "zmq"},
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        yield address
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            print(log.read_text(errors="replace")[-4000:])
        # Its processors outlive a hard end of their agents.
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(20)
