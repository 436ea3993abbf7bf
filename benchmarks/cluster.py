"""Ours and Scaler's own client on one real cluster: `make bench-cluster`.

    python -m benchmarks.cluster [--quick] [--backend zmq] [--rows objects trips]
        [--write docs/benchmarks-cluster.md]

For each backend a cluster of two workers is started. Both clients, and the bare probe of
`probe.py`, take turns in this process, in changing order. Each turn has a client of its own, new
and warm, and begins when the cluster has nothing left to do. What is printed is the median round
of each and the ratios; these can be compared with those of other machines, roughly.
"""

import argparse
import gc
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.cluster_page import HEAD, ROW, Line, cells, document
from benchmarks.cluster_there import Cluster, cluster, theirs
from benchmarks.probe import Probe
from futurefsm.client.client import Client

BACKENDS = ("ymq", "zmq")
_MIB = 1 << 20
_UP_S = 60.0
# Until queued tasks are where they wait: a cluster takes a quarter of that for 500 of them.
_PLACED_S = 1.0


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done in a turn, and in how many rounds; None: as `ROUNDS` says."""

    tasks: int
    mapped: int
    objects: int
    cancels: int
    trips: int
    rounds: int | None = None


FULL = Size(tasks=2_000, mapped=10_000, objects=200, cancels=500, trips=100)
QUICK = Size(tasks=40, mapped=100, objects=4, cancels=10, trips=3, rounds=1)

Rates = dict[str, float]


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
        time.sleep(_PLACED_S)
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

# A machine is now faster, now slower: what takes a second is done more often.
ROUNDS: dict[Work, int] = {
    submits: 3,
    arguments: 3,
    mapped: 3,
    objects: 5,
    cancels: 7,
    trips: 9,
}
WORK = tuple(ROUNDS)


def target(what: str) -> float:
    """At least so many times the rate of Scaler's client."""
    return 10.0 if what.startswith("submit, ") else 1.3


SIDES: dict[str, Callable[[str, str], Any]] = {
    "ours": lambda address, backend: Client(address, backend=backend, timeout=_UP_S),
    "theirs": theirs,
    "probe": Probe,
}


def order(number: int) -> list[str]:
    """The sides as they take turns in a round of this number: each is first, and last, in turn."""
    names = list(SIDES)
    first = number % len(names)
    return names[first:] + names[:first]


def turns(size: Size, works: tuple[Work, ...]) -> Iterator[tuple[Work, str]]:
    """Round by round, all works, and of each all sides. The map takes half of the whole, so the
    probe, which only shows where the bound is, has one turn there."""
    for number in range(max(size.rounds or ROUNDS[work] for work in works)):
        for work in works:
            if number < (size.rounds or ROUNDS[work]):
                for side in order(number):
                    if not (side == "probe" and work is mapped and number):
                        yield work, side


def turn(work: Work, side: str, there: Cluster, backend: str, size: Size) -> Rates:
    """One turn of one side, with a client that is new and warm."""
    client = SIDES[side](there.address, backend)
    try:
        client.submit(empty).result()
        trips(client, QUICK)
        gc.collect()
        there.rest()
        return work(client, size)
    finally:
        client.disconnect()


def measured(
    backend: str, there: Cluster, size: Size, works: tuple[Work, ...] = WORK
) -> list[Line]:
    """Every line of some work, on a cluster that is there."""
    figures: dict[str, dict[str, list[float]]] = {}
    for work, side in turns(size, works):
        there.rest()
        for what, rate in turn(work, side, there, backend, size).items():
            figures.setdefault(what, {name: [] for name in SIDES})[side].append(rate)
    return [
        Line(backend, what, rates["ours"], rates["theirs"], target(what), rates["probe"])
        for what, rates in figures.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="very little: figures mean nothing")
    parser.add_argument("--backend", choices=BACKENDS, help="only this one")
    parser.add_argument("--address", help="of a cluster that is there; needs --backend")
    parser.add_argument("--rounds", type=int, help="so many of all rows")
    names = {work.__name__: work for work in WORK}
    parser.add_argument("--rows", nargs="+", choices=names, default=names, help="only these")
    parser.add_argument("--write", type=Path, help="a Markdown page to write, of all rows")
    options = parser.parse_args()
    if options.address and not options.backend:
        parser.error("--address needs --backend")
    size = QUICK if options.quick else FULL
    if options.rounds:
        size = replace(size, rounds=options.rounds)
    works = tuple(names[name] for name in options.rows)
    load, began = os.getloadavg()[0], time.monotonic()
    print(ROW.format(*HEAD))
    lines = list[Line]()
    for backend in [options.backend] if options.backend else BACKENDS:
        if options.address:
            found = measured(backend, Cluster(options.address), size, works)
        else:
            with cluster(backend) as there:
                found = measured(backend, there, size, works)
        for line in found:
            print(ROW.format(*cells(line)), flush=True)
        lines += found
    if options.write is not None and len(works) == len(WORK):
        options.write.write_text(document(lines, load, (time.monotonic() - began) / 60))


if __name__ == "__main__":
    main()
