"""Ours and Scaler's own client on one real cluster: `make bench-cluster`.

    python -m benchmarks.cluster [--quick] [--backend zmq] [--rows objects trips]
        [--write docs/benchmarks-cluster.md]

For each backend a cluster of two workers is started; both clients, and the bare probe of
`probe.py`, live in this process and take turns, in changing order. What is printed is the median
round of each and the ratios; these can be compared with those of other machines, roughly.
"""

import argparse
import gc
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.measuring import in_order, machine, versions
from benchmarks.probe import Probe
from futurefsm.client.client import Client

BACKENDS = ("ymq", "zmq")
_MIB = 1 << 20
_UP_S = 60.0
# Before each turn: what the other left the cluster to do is done.
_REST_S = 0.5
# No further round is begun that would not end within so long, for one backend.
_BUDGET_S = 240.0

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
class Size:
    """How much is done in a round, and how many rounds at most; the map takes two thirds of one,
    so it has rounds of its own."""

    rounds: int
    mapped_rounds: int
    tasks: int
    mapped: int
    objects: int
    cancels: int
    trips: int


FULL = Size(
    rounds=3, mapped_rounds=1, tasks=2_000, mapped=10_000, objects=200, cancels=500, trips=100
)
QUICK = Size(rounds=1, mapped_rounds=1, tasks=40, mapped=100, objects=4, cancels=10, trips=3)

Rates = dict[str, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report, all figures per second: more is better."""

    backend: str
    what: str
    ours: float
    theirs: float
    target: float
    probe: float = 0.0

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs

    @property
    def bound(self) -> float:
        """What the bare probe has: roughly the most that any client can have."""
        return self.probe / self.theirs


# What is done, by either client: both have submit, map and disconnect.


def empty() -> None:
    """The task without argument."""


def give_back(value: Any) -> Any:
    """The task with one."""
    return value


def zeros(size: int) -> bytes:
    """A large result."""
    return bytes(size)


def wait_for(path: str) -> None:
    """Keeps a worker busy until there is such a file."""
    import os
    import time

    while not os.path.exists(path):
        time.sleep(0.005)


def _drained(futures: list[Any]) -> None:
    for future in futures:
        future.result()


def submits(client: Any, size: Size) -> Rates:
    began = time.perf_counter()
    futures = [client.submit(empty) for _ in range(size.tasks)]
    submitted = time.perf_counter()
    _drained(futures)
    ended = time.perf_counter()
    return {
        "submit, no argument": size.tasks / (submitted - began),
        "submit to result, no argument": size.tasks / (ended - began),
    }


def arguments(client: Any, size: Size) -> Rates:
    first = time.monotonic_ns()  # never the same twice
    began = time.perf_counter()
    futures = [client.submit(give_back, first + n) for n in range(size.tasks)]
    submitted = time.perf_counter()
    _drained(futures)
    ended = time.perf_counter()
    return {
        "submit, a new argument each": size.tasks / (submitted - began),
        "submit to result, a new argument each": size.tasks / (ended - began),
    }


def mapped(client: Any, size: Size) -> Rates:
    first = time.monotonic_ns()
    began = time.perf_counter()
    values = list(client.map(give_back, range(first, first + size.mapped)))
    took = time.perf_counter() - began
    assert values[-1] == first + size.mapped - 1
    return {f"items of a map of {size.mapped:,}": size.mapped / took}


def objects(client: Any, size: Size) -> Rates:
    payloads = [os.urandom(_MIB) for _ in range(size.objects)]
    began = time.perf_counter()
    _drained([client.submit(len, payload) for payload in payloads])
    sent = time.perf_counter()
    _drained([client.submit(zeros, _MIB + n) for n in range(size.objects)])
    came = time.perf_counter()
    return {
        "arguments of 1 MiB": size.objects / (sent - began),
        "results of 1 MiB": size.objects / (came - sent),
    }


def cancels(client: Any, size: Size) -> Rates:
    with tempfile.TemporaryDirectory(prefix="futurefsm-bench-") as folder:
        gate = Path(folder, "gate")
        busy = [client.submit(wait_for, str(gate)) for _ in range(4)]
        queued = [client.submit(empty) for _ in range(size.cancels)]
        if isinstance(client, Probe):
            client.flush()
        time.sleep(0.5)  # until all are where they wait
        began = time.perf_counter()
        if isinstance(client, (Client, Probe)):
            client.cancel(queued)
        else:
            for future in queued:
                future.cancel()
        took = time.perf_counter() - began
        assert all(future.cancelled() for future in queued)
        gate.touch()
        _drained(busy)
    return {"cancels of queued tasks": size.cancels / took}


def trips(client: Any, size: Size) -> Rates:
    took = []
    for n in range(size.trips):
        began = time.perf_counter()
        client.submit(give_back, n).result()
        took.append(time.perf_counter() - began)
    return {"round trips of one task": 1 / median(took)}


Work = Callable[[Any, Size], Rates]

WORK: tuple[Work, ...] = (
    submits,
    arguments,
    mapped,
    objects,
    cancels,
    trips,
)


def target(what: str) -> float:
    """At least so many times the rate of Scaler's client."""
    return 10.0 if what.startswith("submit, ") else 1.3


# The cluster and the two clients.


def _free_port() -> int:
    """One that no connection gets meanwhile, as those that the system chooses may."""
    chosen = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0]
    while True:
        with socket.socket() as sock, suppress(OSError):
            sock.bind(("127.0.0.1", random.randrange(10_000, max(20_000, int(chosen)))))
            return int(sock.getsockname()[1])


@contextmanager
def cluster(backend: str) -> Iterator[str]:
    """A cluster of two workers; its address."""
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
            yield address
        finally:
            process.stdin.close()
            process.wait(30)


def theirs(address: str, backend: str) -> Any:
    """Scaler's own client; it takes its backend from the environment only."""
    os.environ["SCALER_NETWORK_BACKEND"] = backend
    from scaler import Client as ScalerClient

    return ScalerClient(address=address)


def measured(
    backend: str, address: str, size: Size, works: tuple[Work, ...] = WORK
) -> tuple[list[Line], int]:
    """Every line of some work, on a cluster that is there; and after how many rounds."""
    other = theirs(address, backend)
    other.submit(empty).result()  # the cluster is up
    ours = Client(address, backend=backend, timeout=_UP_S)
    sides = {"ours": ours, "theirs": other, "probe": Probe(address, backend)}
    figures: dict[str, dict[str, list[float]]] = {}
    try:
        for client in sides.values():
            trips(client, QUICK)  # all of them, and the workers, are warm
        began, number = time.perf_counter(), 0
        while number < size.rounds:
            round_began = time.perf_counter()
            for work in works:
                if work is mapped and number >= size.mapped_rounds:
                    continue
                for side in in_order(number, sides):
                    if side == "probe":  # silent in the others' turns: it may be given up
                        sides[side] = sides[side].again()
                    gc.collect()
                    time.sleep(_REST_S)
                    for what, rate in work(sides[side], size).items():
                        figures.setdefault(what, {}).setdefault(side, []).append(rate)
            number += 1
            now = time.perf_counter()
            if 2 * now - round_began - began > _BUDGET_S:
                break
    finally:
        for client in sides.values():
            client.disconnect()
    lines = []
    for what, rates in figures.items():
        mine, its, bare = (median(rates[side]) for side in ("ours", "theirs", "probe"))
        lines.append(Line(backend, what, mine, its, target(what), bare))
    return lines, number


# The report.


def cells(line: Line) -> tuple[str, ...]:
    return (
        line.backend,
        line.what,
        f"{line.ours:,.0f}",
        f"{line.theirs:,.0f}",
        f"{line.ratio:.2f}",
        f"{line.target:g}",
        f"{line.probe:,.0f}",
        f"{line.bound:.2f}",
    )


HEAD = ("backend", "per second", "ours", "Scaler's client", "ratio", "target", "probe", "its ratio")
ROW = "{:4} {:38} {:>9} {:>15} {:>7} {:>6} {:>9} {:>9}"


def _said(line: Line) -> str:
    """How far it is behind, in words."""
    wanted = "slower than Scaler's client" if line.ratio < 1 else f"wanted {line.target:g}"
    said = f"- {line.backend}, {line.what}: {line.ratio:.2f} times, {wanted}"
    return said + (f"; the bare probe: {line.bound:.2f}" if line.probe else "")


def document(lines: list[Line], load: float, rounds: int) -> str:
    """The page, in Markdown."""
    about = machine()
    found = versions(("futurefsm", "opengris-scaler")).items()
    packages = ", ".join(f"{name} {version}" for name, version in found)
    rows = [HEAD, ("---",) * 2 + ("---:",) * (len(HEAD) - 2), *map(cells, lines)]
    behind = [_said(line) for line in lines if line.ratio < line.target]
    return "\n".join(
        [
            "# Against Scaler's own client, on a real cluster",
            "",
            "Written by `make bench-cluster` (`benchmarks/cluster.py` says what each line does):",
            "one real cluster with two workers per backend, all clients in one process, in turns,",
            f"in changing order; the median of {rounds} rounds ({FULL.mapped_rounds} of the map).",
            "All figures are per second: more is better. Ratios, to Scaler's client, can be",
            "compared with those of other machines, roughly.",
            "",
            "The probe is the least that a client can do (`benchmarks/probe.py`). Most of a task's",
            "time goes by in the cluster, so its ratio is roughly the most that a client can have.",
            "",
            f"{about['date']}; Python {about['python']}, {packages};",
            f"{about['cores']} cores, load {load:.1f} at the start.",
            "",
            *("| " + " | ".join(row) + " |" for row in rows),
            "",
            "Where it is behind what is wanted:" if behind else "Every target is met.",
            *([""] if behind else []),
            *behind,
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="very little: figures mean nothing")
    parser.add_argument("--backend", choices=BACKENDS, help="only this one")
    parser.add_argument("--address", help="of a cluster that is there; needs --backend")
    parser.add_argument("--rounds", type=int, help="so many")
    names = {work.__name__: work for work in WORK}
    parser.add_argument("--rows", nargs="+", choices=names, default=names, help="only these")
    parser.add_argument("--write", type=Path, help="a Markdown page to write")
    options = parser.parse_args()
    if options.address and not options.backend:
        parser.error("--address needs --backend")
    size = QUICK if options.quick else FULL
    size = replace(size, rounds=options.rounds or size.rounds)
    works = tuple(names[name] for name in options.rows)
    load = os.getloadavg()[0]
    print(ROW.format(*HEAD).replace("backend", "with"))
    lines, rounds = list[Line](), size.rounds
    for backend in [options.backend] if options.backend else BACKENDS:
        if options.address:
            found, done = measured(backend, options.address, size, works)
        else:
            with cluster(backend) as address:
                found, done = measured(backend, address, size, works)
        rounds = min(rounds, done)
        for line in found:
            print(ROW.format(*cells(line)), flush=True)
        lines += found
    if options.write is not None:
        options.write.write_text(document(lines, load, rounds))


if __name__ == "__main__":
    main()
