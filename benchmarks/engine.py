"""Tasks in other processes: the embedded engine and its peers."""

import os
import tempfile
import time
from collections.abc import Callable, Collection
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.executors import PEERS, Peer, loaded
from benchmarks.measuring import processor_seconds, seconds, wake_ups
from benchmarks.rows import NOTHING
from benchmarks.tasks import array, empty, endless, filled, size_of, until

CHUNK = 100
_ROUND_TRIPS = 100
_CANCELS = 5
_LARGE = 100_000_000
# So that each of a few workers has had one.
_WARM = 16
_SETTLE_S = 1.0
# Some heartbeats long.
_WINDOW_S = 4.0


def started(side: str) -> tuple[Peer, float]:
    """An executor that has given its first result, and after how many seconds."""
    loaded(side)
    began = time.perf_counter()
    peer = PEERS[side]()
    peer.submit(empty).result()
    return peer, time.perf_counter() - began


def tasks(peer: Peer, n: int) -> float:
    """Tasks a second: submitted one by one, until every result is here."""
    return n / seconds(lambda: peer.results([peer.submit(empty) for _ in range(n)]))


def mapped(peer: Peer, n: int) -> float:
    """Items a second of a map in chunks."""
    return n / seconds(lambda: peer.map_same(range(n), CHUNK))


def trips(peer: Peer, n: int) -> float:
    """Microseconds of one task, when no other is there; the median of `n`."""
    took = []
    for _ in range(n):
        began = time.perf_counter()
        peer.submit(empty).result()
        took.append(time.perf_counter() - began)
    return median(took) * 1e6


def argument(peer: Peer, payload: Any) -> float:
    """Milliseconds of a task with a large argument that nobody has seen before."""
    return seconds(lambda: peer.submit(size_of, payload).result()) * 1e3


def returned(peer: Peer, make: Callable[[int], Any], size: int) -> float:
    """Milliseconds of a task with a large result."""
    return seconds(lambda: peer.submit(make, size).result()) * 1e3


def large(peer: Peer, rows: Collection[str], size: int) -> dict[str, float]:
    """Large bytes, and large arrays, which every worker has loaded what it needs for."""
    found = {}
    for kind, make in (("", filled), ("-array", array)):
        if f"argument{kind}" not in rows and f"result{kind}" not in rows:
            continue
        peer.results([peer.submit(make, 10) for _ in range(_WARM)])
        if f"argument{kind}" in rows:
            fresh = (_fresh(make, size) for _ in range(3))
            found[f"argument{kind}"] = median(argument(peer, each) for each in fresh)
        if f"result{kind}" in rows:
            found[f"result{kind}"] = median(returned(peer, make, size) for _ in range(3))
    return found


def _fresh(make: Callable[[int], Any], size: int) -> Any:
    if make is filled:
        return os.urandom(64) + make(size)
    payload = make(size)
    payload[:8] = list(os.urandom(8))
    return payload


def through(side: str, n: int, rows: Collection[str], quick: bool) -> dict[str, float]:
    """All of one executor's life: `n` tasks, ten times as many items of a map."""
    peer, _ = started(side)
    found = {}
    try:
        if "trip" in rows:
            trips(peer, 10)
            found["trip"] = trips(peer, _ROUND_TRIPS if not quick else 10)
        if "tasks" in rows:
            tasks(peer, max(n // 20, 10))
            found["tasks"] = tasks(peer, n)
        if "map" in rows:
            found["map"] = mapped(peer, 10 * n)
        found |= large(peer, rows, _LARGE if not quick else _LARGE // 100)
    finally:
        peer.close()
    return found


def starting(side: str, n: int) -> dict[str, float]:
    """Milliseconds until the first result, in a process that has started `n` - 1 before."""
    took = 0.0
    for _ in range(n):
        peer, took = started(side)
        peer.close()
    return {"start": took * 1e3}


def growing_tasks(side: str, n: int) -> dict[str, float]:
    """Tasks a second, for the growth."""
    peer, _ = started(side)
    try:
        tasks(peer, 100)
        return {"tasks": tasks(peer, n)}
    finally:
        peer.close()


def growing_map(side: str, n: int) -> dict[str, float]:
    """Items of a map a second, for the growth."""
    peer, _ = started(side)
    try:
        mapped(peer, 10 * CHUNK)
        return {"map": mapped(peer, n)}
    finally:
        peer.close()


def _alive(pid: int) -> bool:
    """Whether it runs: one that only waits to be buried does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def _appeared(path: Path) -> str:
    while not path.exists():
        time.sleep(0.002)
    return path.read_text()


def cancels(side: str, n: int) -> dict[str, float]:
    """Milliseconds of the cancel of a running task: until `cancel()` returns, and until nothing
    runs any more; and until the call returns that only asks for it."""
    peer, _ = started(side)
    took: dict[str, list[float]] = {"cancel": [], "cancel-gone": [], "cancel-asked": []}
    try:
        with tempfile.TemporaryDirectory(prefix="futurefsm-bench-") as folder:
            for number in range(2 * n):
                path = Path(folder, str(number))
                future: Any = peer.submit(endless, str(path))
                pid = int(_appeared(path))
                asked = number % 2
                began = time.perf_counter()
                assert peer.ask(future) if asked else future.cancel()
                took["cancel-asked" if asked else "cancel"].append(time.perf_counter() - began)
                while _alive(pid):
                    time.sleep(0.0001)
                if not asked:
                    took["cancel-gone"].append(time.perf_counter() - began)
                peer.submit(empty).result()
    finally:
        peer.close()
    return {row: median(each) * 1e3 for row, each in took.items()}


def idle(side: str, n: int, quick: bool) -> dict[str, float]:
    """What the client's process does while `n` futures are pending: µs of the processor a second,
    and wake-ups a second. Two tasks run, and wait for a file; the others wait for a worker."""
    window_s, settle_s = (0.05, 0.02) if quick else (_WINDOW_S, _SETTLE_S)
    if side == NOTHING:
        side, n = "ours", 0
    peer, _ = started(side)
    with tempfile.TemporaryDirectory(prefix="futurefsm-bench-") as folder:
        gate = Path(folder, "gate")
        blocked = [peer.submit(until, str(gate)) for _ in range(2 if n else 0)]
        blocked += [peer.submit(empty) for _ in range(n - len(blocked))]
        time.sleep(settle_s)
        woken, spent = wake_ups(), processor_seconds()
        time.sleep(window_s)
        spent = processor_seconds() - spent
        # This thread's own sleep is one of them.
        woken = wake_ups() - woken - 1
        gate.touch()
        peer.results(blocked)
    peer.close()
    return {"idle": spent / window_s * 1e6, "idle-wakes": woken / window_s}
