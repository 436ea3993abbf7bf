"""The guide 'From your laptop to a cluster': its commands and programs, in order, as they stand.

A comment before a block says what it is: `file: NAME` is saved, `serve` keeps running, `run` ends
well, and prints what it should, `fails` ends badly, and says why. Ports become free ones.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from ports import free_ports

from tests.cluster.conftest import PATIENCE_S, need_scaler

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "guides" / "cluster.md"
BLOCK = re.compile(
    r"<!-- (?P<what>[^\n]*?) -->\n\n```(?P<kind>shell|python)\n(?P<body>.*?)```", re.S
)


class Block(NamedTuple):
    what: str
    body: str


def blocks() -> list[Block]:
    found = [Block(m["what"], m["body"]) for m in BLOCK.finditer(PAGE.read_text())]
    assert len(found) == len(re.findall(r"^```(?:shell|python)$", PAGE.read_text(), re.M)), (
        "a block without a word on how to test it"
    )
    return found


class Terminal:
    """Where a reader of the page would type."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._servers: list[subprocess.Popen[bytes]] = []
        self._ports: dict[str, str] = {}
        # The commands of the environment that runs this test.
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self._env = {**os.environ, "PATH": path}
        self._env.pop("SCALER_NETWORK_BACKEND", None)

    def with_free_ports(self, text: str) -> str:
        """Ports of one tens' group stay neighbours."""

        def exchanged(match: re.Match[str]) -> str:
            port = match[2]
            first = port[:-1] + "0"
            if first not in self._ports:
                # A scheduler takes two more than it is told.
                self._ports[first] = str(free_ports(13))
            return f"{match[1]}{int(self._ports[first]) + int(port) - int(first)}"

        return re.sub(r"(://127\.0\.0\.1:)(\d+)", exchanged, text)

    def do(self, block: Block) -> None:
        word, _, said = block.what.partition("; ")
        body = self.with_free_ports(block.body)
        if word.startswith("file: "):
            (self._folder / word.removeprefix("file: ")).write_text(body)
        elif word == "serve":
            self.serve(body)
        else:
            done = subprocess.run(
                ["bash", "-euc", body],
                cwd=self._folder,
                env=self._env,
                capture_output=True,
                text=True,
                timeout=2 * PATIENCE_S,
            )
            output = f"{body}\n{done.stdout}{done.stderr}"
            if word == "run":
                assert done.returncode == 0, output
                assert said.removeprefix("prints: ") in done.stdout, output
            else:
                assert word == "fails"
                assert done.returncode != 0, output
                assert said.removeprefix("says: ") in done.stderr, output

    def serve(self, body: str) -> None:
        """Start it, and wait until it listens, where it is one that does."""
        log = self._folder / f"log-{len(self._servers)}"
        with log.open("wb") as output:
            server = subprocess.Popen(
                ["bash", "-euc", f"exec {body}"],
                cwd=self._folder,
                env=self._env,
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._servers.append(server)
        words = shlex.split(body)
        if words[0] == "scaler_worker_manager":
            return  # it connects; tasks wait until it has
        address = next(word for word in words if "://" in word)
        host, _, port = address.rpartition("/")[2].rpartition(":")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            assert server.poll() is None, f"{body}\n{log.read_text()}"
            with suppress(OSError):
                socket.create_connection((host, int(port)), 1).close()
                return
            assert time.monotonic() < deadline, f"{body}\n{log.read_text()}"
            time.sleep(0.05)

    def close(self) -> None:
        """End what was started: workers first, as a person would."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            for server in reversed(self._servers):
                with suppress(ProcessLookupError):
                    os.killpg(server.pid, number)
            deadline = time.monotonic() + 5
            for server in self._servers:
                with suppress(subprocess.TimeoutExpired):
                    server.wait(max(0.1, deadline - time.monotonic()))


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    need_scaler()
    opened = Terminal(tmp_path)
    try:
        yield opened
    finally:
        opened.close()


def test_the_guide(terminal: Terminal) -> None:
    for block in blocks():
        terminal.do(block)
