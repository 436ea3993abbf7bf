"""Real, unmodified OpenGRIS Scaler clusters on this machine, and clients of them.

The same test, the same file, for real clusters and for the embedded engine: ask for `client`. It
comes three times: "engine", "ymq" and "zmq". The clusters live as long as the session and are
shared, so a test leaves them as it found them; one that hurts its cluster starts its own, with
`private_cluster`.
"""

import importlib.util
import itertools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, NoReturn

import pytest
from ports import free_ports

from futurefsm.client.client import Client

PATIENCE_S = 60.0
BACKENDS = ("ymq", "zmq")
KINDS = ("engine", *BACKENDS)

# For tests whose tasks wait for tasks of their own. A real worker suspends one process for another
# then, and was once seen to be stuck afterwards, so every run has them on our engine only.
NESTING_KINDS = [
    pytest.param(each, marks=[pytest.mark.cluster_long] * (each != "engine")) for each in KINDS
]

# Its workers find the functions of test modules, which import helpers of all tests.
_ROOT = str(Path(__file__).resolve().parents[2])
_SHARED = str(Path(_ROOT, "tests", "shared"))
IMPORTABLE = {"PYTHONPATH": os.pathsep.join([_ROOT, _SHARED, os.environ.get("PYTHONPATH", _ROOT)])}


class Cluster:
    """A running cluster.

    Attributes:
        address: the scheduler's, an IP literal.
        storage: the object store's.
        backend: "ymq" or "zmq".
        process: the leader of its own session: all that belongs to it is in that process group.
    """

    def __init__(
        self, backend: str, log: Path, *, n_workers: int = 2, scheme: str = "tcp", **options: Any
    ) -> None:
        self.backend = backend
        self.log = log
        # A scheduler listens at a third one, for its monitors: two above its own.
        port = free_ports(3)
        self.address = f"{scheme}://127.0.0.1:{port}"
        self.storage = f"{scheme}://127.0.0.1:{port + 1}"
        chosen = {
            "n_workers": n_workers,
            "address": self.address,
            "object_storage_address": self.storage,
            **options,
        }
        ready, tell = os.pipe()
        with log.open("wb") as output, open(ready, "rb") as up:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    str(Path(__file__).with_name("scaler_combo.py")),
                    str(tell),
                    json.dumps(chosen),
                ],
                pass_fds=[tell],
                env={**os.environ, **IMPORTABLE, "SCALER_NETWORK_BACKEND": backend},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            os.close(tell)
            if not select.select([up], [], [], PATIENCE_S)[0] or not up.read(1):
                self._give_up()
        self._wait_for_scheduler()

    def _wait_for_scheduler(self) -> None:
        """Its process was started; wait until it listens."""
        host, port = self.address.rpartition("/")[2].split(":")
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                socket.create_connection((host, int(port)), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    self._give_up()
                time.sleep(0.05)

    def _give_up(self) -> NoReturn:
        self.close()
        raise RuntimeError(f"no cluster:\n{self.log.read_text(errors='replace')[-4000:]}")

    def client(self, **options: Any) -> Client:
        """A new client of it."""
        chosen: dict[str, Any] = {"backend": self.backend, "timeout": PATIENCE_S, **options}
        return Client(self.address, **chosen)

    def close(self) -> None:
        """End all its processes. What it wrote is shown when it did not end by itself."""
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            # Scaler's own end may hang once its workers are gone, so it is not waited for longer.
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            print(self.log.read_text(errors="replace")[-4000:])
        # Its processors outlive a hard end of their agents.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(20)


def need_scaler() -> None:
    """Skip where Scaler is not installed; fail where nothing may be missing."""
    if importlib.util.find_spec("scaler") is None:
        missing = "opengris-scaler is not installed: the extra dev has it where it has wheels"
        assert not os.environ.get("FUTUREFSM_NO_SYSTEM_SKIPS"), missing
        pytest.skip(missing)


@contextmanager
def running_cluster(backend: str, log: Path, **options: Any) -> Iterator[Cluster]:
    """A cluster of one's own; see `Cluster` for the options."""
    need_scaler()
    cluster = Cluster(backend, log, **options)
    try:
        yield cluster
    finally:
        cluster.close()


@pytest.fixture(scope="session")
def cluster_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Cluster]]:
    """The session's cluster of a backend, started when the first test asks for it."""
    with ExitStack() as stack:
        clusters: dict[str, Cluster] = {}

        def get(backend: str) -> Cluster:
            if backend not in clusters:
                log = tmp_path_factory.mktemp(f"scaler-{backend}") / "log"
                clusters[backend] = stack.enter_context(running_cluster(backend, log))
            return clusters[backend]

        yield get


@pytest.fixture(scope="session", params=BACKENDS)
def cluster(request: pytest.FixtureRequest, cluster_of: Callable[[str], Cluster]) -> Cluster:
    """The session's cluster, once for each backend."""
    return cluster_of(request.param)


@pytest.fixture(scope="session")
def cluster_address(cluster: Cluster) -> str:
    """The address of its scheduler. Use it with `cluster.backend`, or let the client find out."""
    return cluster.address


@pytest.fixture
def private_cluster(tmp_path: Path) -> Iterator[Callable[..., Cluster]]:
    """Starts a cluster for this test alone: `private_cluster("ymq", n_workers=1, ...)`."""
    numbers = itertools.count()
    with ExitStack() as stack:

        def start(backend: str, **options: Any) -> Cluster:
            log = tmp_path / f"scaler-{backend}-{next(numbers)}"
            return stack.enter_context(running_cluster(backend, log, **options))

        yield start


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Whom the module's client talks to: "engine", "ymq" or "zmq"."""
    return str(request.param)


@pytest.fixture(scope="module")
def new_client(kind: str, cluster_of: Callable[[str], Cluster]) -> Callable[..., Client]:
    """Makes a client of the kind that the test runs for. Close it yourself."""

    def make(**options: Any) -> Client:
        if kind == "engine":
            chosen: dict[str, Any] = {"workers": 2, "timeout": PATIENCE_S, **options}
            return Client(**chosen)
        return cluster_of(kind).client(**options)

    return make


@pytest.fixture(scope="module")
def client(new_client: Callable[..., Client]) -> Iterator[Client]:
    """The module's client of that kind. A test that closes a client makes its own, `new_client`."""
    made = new_client()
    try:
        yield made
    finally:
        made.disconnect(timeout=10)


@pytest.fixture(scope="session")
def scaler_address(cluster_of: Callable[[str], Cluster]) -> str:
    """The session's zmq cluster."""
    return cluster_of("zmq").address
