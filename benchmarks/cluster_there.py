"""A real Scaler cluster on this machine, and Scaler's own client: for `cluster.py`."""

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measuring import processor_seconds

# A cluster has nothing left to do where its processes need less than such a part of one processor,
# for so many seconds. Their own heartbeats are less than half of that.
_IDLE, _LOOK_S = 0.1, 0.3
# As long as that is waited for.
_PATIENCE_S = 60.0

_CLUSTER = """\
import json, os, sys
from scaler import SchedulerClusterCombo
if __name__ == "__main__":
    combo = SchedulerClusterCombo(**json.loads(sys.argv[1]))
    os.write(int(sys.argv[2]), b"up")
    sys.stdin.read()
    combo.shutdown()
"""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One that runs.

    Attributes:
        pid: of its first process; None for one that is not ours.
    """

    address: str
    pid: int | None = None

    def rest(self) -> None:
        """Wait until it has nothing left to do: who left deletes all of its objects, for seconds,
        and the next turn would pay for it."""
        if self.pid is None:
            time.sleep(_LOOK_S)
            return
        deadline = time.monotonic() + _PATIENCE_S
        while time.monotonic() < deadline:
            before = self._seconds()
            time.sleep(_LOOK_S)
            after = self._seconds()
            used = sum(after[pid] - before[pid] for pid in after.keys() & before.keys())
            if used < _IDLE * _LOOK_S:
                return

    def _seconds(self) -> dict[int, float]:
        """Time of the processor of each of its processes."""
        found = {}
        first = psutil.Process(self.pid)
        for process in (first, *first.children(recursive=True)):
            with suppress(OSError):  # it has ended
                found[process.pid] = processor_seconds(process.pid)
        return found


def _free_port() -> int:
    """One that no connection gets meanwhile, as those that the system chooses may."""
    chosen = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]
    while True:
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", random.randrange(10_000, max(20_000, int(chosen)))))
            return int(sock.getsockname()[1])


@contextmanager
def cluster(backend: str) -> Iterator[Cluster]:
    """A cluster of two workers."""
    address, storage = (f"tcp://127.0.0.1:{_free_port()}" for _ in range(2))
    options = {"n_workers": 2, "address": address, "object_storage_address": storage}
    with tempfile.TemporaryDirectory(prefix="futurefsm-bench-") as folder:
        script = Path(folder, "run.py")
        script.write_text(_CLUSTER)
        read, write = os.pipe()
        process = subprocess.Popen(
            [sys.executable, str(script), json.dumps(options), str(write)],
            env={**os.environ, "SCALER_NETWORK_BACKEND": backend},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(write,),
        )
        os.close(write)
        assert process.stdin is not None
        try:
            with open(read, "rb") as ready:
                if ready.read(2) != b"up":
                    raise SystemExit(f"no cluster on {backend}")
            yield Cluster(address, process.pid)
        finally:
            process.stdin.close()
            process.wait(30)


def theirs(address: str, backend: str) -> Any:
    """Scaler's own client; it takes its backend from the environment only."""
    os.environ["SCALER_NETWORK_BACKEND"] = backend
    from scaler import Client as ScalerClient

    return ScalerClient(address=address)
