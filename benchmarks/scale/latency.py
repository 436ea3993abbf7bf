"""How long a message is on its way: measured on a real cluster, drawn in the simulated one.

`latencies.json` was written by ``python -m benchmarks.scale --measure-latency``: a real cluster of
OpenGRIS Scaler over loopback, our client, and for each of the two lines the quantiles of many round
trips, halved: heartbeat and echo with the scheduler, Get and answer with the object store. So the
tail is a real one: a scheduler that is at work for a while answers late.
"""

import importlib.metadata
import json
import os
import platform
import statistics
from datetime import date
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

_FILE = Path(__file__).with_name("latencies.json")
_PARTS = 1000


class Latency:
    """Draws from measured quantiles.

    Args:
        quantiles: seconds, ascending; of equal parts.
    """

    __slots__ = ("_last", "_quantiles")

    def __init__(self, quantiles: list[float]) -> None:
        self._quantiles = quantiles
        self._last = len(quantiles) - 1

    def __call__(self, chance: float) -> float:
        """What a message takes; `chance` lies between 0 and 1."""
        place = chance * self._last
        below = int(place)
        first, second = self._quantiles[below], self._quantiles[min(below + 1, self._last)]
        return first + (second - first) * (place - below)

    def at(self, part: float) -> float:
        """A quantile: 0.5 is the median."""
        return self(part)


class Latencies(NamedTuple):
    """Both lines, and where they come from."""

    scheduler: Latency
    store: Latency
    source: str


def load() -> Latencies:
    """What was measured."""
    data = json.loads(_FILE.read_text())
    source = (
        f"{data['samples']:,} round trips with a real cluster (opengris-scaler {data['scaler']}, "
        f"{data['backend']}) over loopback, halved, {data['date']}"
    )
    return Latencies(Latency(data["scheduler"]), Latency(data["store"]), source)


def _quantiles(seconds: list[float]) -> list[float]:
    halves = [each / 2 for each in seconds]
    inner = statistics.quantiles(halves, n=_PARTS, method="inclusive")
    return [float(f"{each:.3g}") for each in (min(halves), *inner, max(halves))]


class _Trips:
    """Round trips of one client, seen from its agent's thread."""

    def __init__(self, client: Any) -> None:
        self.scheduler: list[float] = []
        self.store: list[float] = []
        self._began: dict[Any, float] = {}
        lines, pump = client._agent._lines, client._agent.pump
        lines.outbox.send = self._before(lines.outbox.send, self._sent)
        lines.storage.ask = self._before(lines.storage.ask, self._asked)
        pump.receive = self._before(pump.receive, self._received)
        pump.fetched = self._before(pump.fetched, self._fetched)

    def _before(self, call: Any, see: Any) -> Any:
        def seen(first: Any, *more: Any) -> Any:
            see(first)
            return call(first, *more)

        return seen

    def _sent(self, message: Any) -> None:
        if type(message).__name__ == "ClientHeartbeat":
            self._began[None] = perf_counter()

    def _received(self, message: Any) -> None:
        if type(message).__name__ == "ClientHeartbeatEcho" and None in self._began:
            self.scheduler.append(perf_counter() - self._began.pop(None))

    def _asked(self, requests: list[Any]) -> None:
        for each in requests:
            if type(each).__name__ == "Get":
                self._began[each.object_id] = perf_counter()

    def _fetched(self, object_id: bytes) -> None:
        if object_id in self._began:
            self.store.append(perf_counter() - self._began.pop(object_id))


def measure(backend: str = "ymq", samples: int = 2_000) -> None:
    """Measure on a real cluster of two workers, and write the file."""
    from benchmarks.cluster_there import cluster
    from futurefsm.client.client import Client

    with cluster(backend) as there:
        with Client(there.address, backend=backend, heartbeat_interval=0.002) as client:
            client.submit(int).result()
            trips = _Trips(client)
            while min(len(trips.scheduler), len(trips.store)) < samples:
                client.submit(int).result()
    data = {
        "date": date.today().isoformat(),
        "backend": backend,
        "scaler": importlib.metadata.version("opengris-scaler"),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "samples": samples,
        "scheduler": _quantiles(trips.scheduler[:samples]),
        "store": _quantiles(trips.store[:samples]),
    }
    _FILE.write_text(json.dumps(data) + "\n")
