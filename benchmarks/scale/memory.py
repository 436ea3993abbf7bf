"""Bytes of a task that waits, in each core: what `tracemalloc` has seen, for so many tasks."""

import gc
import random
import tracemalloc
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from benchmarks.scale.client import ScaleClient
from benchmarks.scale.world import Meter, Size
from futurefsm.client.engine.scheduler import Scheduler
from futurefsm.client.engine.store import ObjectStore
from futurefsm.client.tracker import Call, Tracker
from futurefsm.client.uploads import Blob
from futurefsm.fsm import effects as fx
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.protocol.codec import decode, encode
from futurefsm.protocol.ids import IdSource
from futurefsm.protocol.messages import StorageAddress, Task
from futurefsm.protocol.task_flags import TaskFlags

_ME = b"Client|scale|" + b"0" * 32
_FLAGS = TaskFlags().pack()
_FUNCTION = Blob(b"f" * 200, b"digest of the function", "function")


def _grown(fill: Callable[[int], object], tasks: int) -> float:
    """Bytes for each task that `fill` leaves behind."""
    gc.collect()
    tracemalloc.start(1)
    before = tracemalloc.get_traced_memory()[0]
    kept = fill(tasks)
    gc.collect()
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    del kept
    return grown / tasks


def _tracker(tasks: int) -> object:
    """Tasks that were sent and whose answers are owed."""
    ids = IdSource(b"client")
    tracker = Tracker(_ME, ids, CONFIRMED)
    for number in range(tasks):
        call = Call(ids.task_id(), _FUNCTION, (), _FLAGS)
        tracker.submit(call, 0.0)
        tracker.perform(call.task_id, (fx.SEND_TASK,), None, 0.0)
        if number % 50 == 49:
            tracker.take()
    tracker.take()
    return tracker


class _Nowhere:
    """A world in which nothing arrives."""

    def __init__(self, tasks: int) -> None:
        self.now = 0.0
        self.size = Size(1, tasks)
        self.random = random.Random(1)
        self.engine = SimpleNamespace(received=None, get=None, put=None, delete=None, marked={})

    def meter(self, name: str) -> Meter:
        """Any."""
        return Meter()

    def line(self, *, store: bool = False) -> Any:
        """Into the void."""
        return SimpleNamespace(send=lambda reach, *args: None)

    def at(self, when: float, act: Any, *args: Any) -> None:
        """Never."""


def _client(tasks: int) -> object:
    """The same with its futures, as the user holds them."""
    world: Any = _Nowhere(tasks)
    client = ScaleClient(world, split=False)
    for first in range(0, tasks, 50):
        client.submit(first, min(50, tasks - first))
    return client


def _scheduler(tasks: int) -> object:
    """Tasks that are queued while no worker is free. As they come from the wire: each message has
    bytes of its own."""
    ids = IdSource(b"client")
    store = ObjectStore(1 << 30)
    function = ids.object_id(_ME)
    store.put(function, b"f")
    scheduler = Scheduler(StorageAddress("nowhere", 0, "ipc"), IdSource(b"engine"), store)
    for _ in range(tasks):
        message = Task(ids.task_id(), _ME, _FLAGS, function, ())
        scheduler.received(_ME, decode(encode(message)), 0.0)
    assert scheduler.tasks == tasks
    return scheduler


CORES = {"tracker": _tracker, "client": _client, "scheduler": _scheduler}


def measure(sizes: tuple[int, ...]) -> dict[str, dict[str, float]]:
    """A row for each number of tasks."""
    for fill in CORES.values():
        fill(100)  # what is made once is made before
    return {
        str(tasks): {"tasks": tasks, **{name: _grown(fill, tasks) for name, fill in CORES.items()}}
        for tasks in sizes
    }
