"""A world of many workers and many tasks: the real cores, and a heap of what arrives when.

What is real: the client's `Pump` with its `Tracker`, its inbox and its futures; the engine's
`Scheduler`; the `ObjectStore`. What is simulated: the network and the workers. Nothing here is
checked after each step, as the world of `futurefsm.client.testing` does: that costs work for each
task at each step. At the end everything must be over, and nothing left.

One seed, one story: no clock is read but to measure what a core's call costs.
"""

import random
import sys
from collections.abc import Callable
from heapq import heappop, heappush
from itertools import count
from time import thread_time_ns
from typing import Any, NamedTuple

from benchmarks.scale.client import ScaleClient
from benchmarks.scale.engine import ScaleEngine
from benchmarks.scale.latency import Latencies, Latency

SUBMITS_A_SECOND = 50_000
"""About as many as a real client's thread submits."""

ENDS_A_SECOND = 10_000
"""So many tasks end a second in every world: with more workers tasks take longer."""

CANCELLED = 0.01
_A_TURN = 50


class Size(NamedTuple):
    """How large a world is.

    Attributes:
        arguments: new arguments of each task.
    """

    workers: int
    tasks: int
    arguments: int = 0


class Meter:
    """What the calls of one core cost.

    Attributes:
        nanoseconds: of this thread's processor time, the price of looking included (of a
            `StepMeter`: lines).
        calls: how many there were.
    """

    __slots__ = ("calls", "nanoseconds")

    def __init__(self) -> None:
        self.nanoseconds = 0
        self.calls = 0

    def run(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call it, and measure."""
        began = thread_time_ns()
        try:
            return call(*args)
        finally:
            self.nanoseconds += thread_time_ns() - began
            self.calls += 1

    def microseconds(self, price_ns: float) -> float:
        """All together, without the price of looking."""
        return max(0.0, self.nanoseconds - self.calls * price_ns) / 1000


class StepMeter(Meter):
    """What they cost in lines of Python: the same on every machine, and at every run."""

    __slots__ = ()

    def run(self, call: Callable[..., Any], *args: Any) -> Any:
        """Call it, and count the lines that are executed, those of loops each time."""
        before = sys.gettrace()
        sys.settrace(self._enters)
        try:
            return call(*args)
        finally:
            sys.settrace(before)
            self.calls += 1

    def _enters(self, frame: Any, event: str, arg: Any) -> Any:
        return self._line

    def _line(self, frame: Any, event: str, arg: Any) -> Any:
        self.nanoseconds += 1
        return self._line


def price_ns(rounds: int = 50_000) -> float:
    """What a look at the clock adds to a measured call."""
    best = float("inf")
    for _ in range(5):
        meter = Meter()
        for _ in range(rounds // 5):
            meter.run(int)
        best = min(best, meter.nanoseconds / meter.calls)
    return best


class Line:
    """One direction of a connection: a latency each, and first in, first out."""

    __slots__ = ("_arrives", "_latency", "_world")

    def __init__(self, world: "World", latency: Latency) -> None:
        self._world = world
        self._latency = latency
        self._arrives = 0.0

    def send(self, reach: Callable[..., None], *args: Any) -> None:
        """Let `reach(*args)` happen when it arrives."""
        world = self._world
        takes = self._latency(world.random.random())
        self._arrives = max(self._arrives, world.now + takes)
        world.at(self._arrives, reach, *args)


class World:
    """One client, one engine, many workers.

    Args:
        size: how large.
        latencies: what messages take on their way.
        split: measure the tracker by itself; else the client's whole pump with its futures.
        meter: what is measured.

    Attributes:
        now: seconds.
        meters: by what is measured.
    """

    def __init__(
        self,
        size: Size,
        latencies: Latencies,
        *,
        split: bool = False,
        meter: type[Meter] = Meter,
        seed: int = 1,
    ) -> None:
        self.size = size
        self.now = 0.0
        self.random = random.Random(seed)
        self.meters: dict[str, Meter] = {}
        self._meter = meter
        self.deliveries = 0
        self._heap: list[tuple[float, int, Callable[..., None], tuple[Any, ...]]] = []
        self._number = count()
        self._mean = size.workers / ENDS_A_SECOND
        self._latencies = latencies
        self.engine = ScaleEngine(self)
        self.client = ScaleClient(self, split=split)

    def meter(self, name: str) -> Meter:
        """The meter of this name."""
        return self.meters.setdefault(name, self._meter())

    def line(self, *, store: bool = False) -> Line:
        """One direction of a new connection."""
        return Line(self, self._latencies.store if store else self._latencies.scheduler)

    def at(self, when: float, act: Callable[..., None], *args: Any) -> None:
        """Let it happen then."""
        heappush(self._heap, (when, next(self._number), act, args))

    def takes(self) -> float:
        """How long a task runs: exponential, the worst case for whoever keeps them in order."""
        return self.random.expovariate(1 / self._mean)

    def run(self) -> None:
        """From the first submit until everything is over."""
        self.engine.open()
        self.client.open()
        for first in range(0, self.size.tasks, _A_TURN):
            many = min(_A_TURN, self.size.tasks - first)
            self.at(1.0 + first / SUBMITS_A_SECOND, self.client.submit, first, many)
        self._run_dry()
        # What the client keeps in the store for tasks to come.
        self.client.clear()
        self._run_dry()

    def _run_dry(self) -> None:
        heap = self._heap
        while heap:
            self.now, _, act, args = heappop(heap)
            self.deliveries += 1
            act(*args)

    def over(self) -> bool:
        """Whether all is settled, and nothing is left of it."""
        return self.client.over() and self.engine.over()
