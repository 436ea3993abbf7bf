"""A real client with its embedded engine: so many tasks pending, then cancelled, then run.

Processor time, of each process and of the client's agent thread: a machine that has other work to
do shows less of it. The difference to the simulated world is the codec and the sockets.
"""

import concurrent.futures
import time
from collections.abc import Callable
from typing import Any

from futurefsm.client.client import Client
from futurefsm.client.completed import as_completed

_RUN_MAX = 100_000


def best(call: Callable[..., Any], *args: Any) -> float:
    """Microseconds of one call, the best of some rounds."""
    found = []
    for _ in range(5):
        began = time.thread_time_ns()
        for _ in range(2_000):
            call(*args)
        found.append((time.thread_time_ns() - began) / 2_000 / 1000)
    return min(found)


def hold() -> None:
    """Keeps a worker."""
    time.sleep(3600)


def empty() -> None:
    """The task."""


class Watch:
    """Processor time and memory of a client and of its engine.

    Args:
        client: started, its workers up.
    """

    def __init__(self, client: Client) -> None:
        import psutil

        self._client = client
        self._clock = time.pthread_getcpuclockid(client._agent._thread.ident or 0)
        self._me = psutil.Process()
        (self._engine,) = self._me.children()
        self._before = self._look()

    def _look(self) -> dict[str, float]:
        times = self._engine.cpu_times()
        return {
            "wall": time.monotonic(),
            "client": time.process_time(),
            "agent": time.clock_gettime(self._clock),
            "engine": times.user + times.system,
            "client bytes": self._me.memory_info().rss,
            "engine bytes": self._engine.memory_info().rss,
        }

    def lap(self, tasks: int) -> dict[str, float]:
        """What has grown since the last lap, for each task: microseconds, and bytes."""
        now = self._look()
        grown = {
            key: (value - self._before[key]) / tasks * (1 if "bytes" in key else 1e6)
            for key, value in now.items()
        }
        self._before = now
        return grown


def _drained(client: Client) -> None:
    """Wait until all that was submitted has been sent, and the engine has read it."""
    agent = client._agent
    while len(agent.inbox) or len(agent._outbox):
        time.sleep(0.05)
    # One cancel behind all of it: its answer comes when the engine is that far.
    client.submit(empty).cancel(timeout=600)


def _pending(tasks: int) -> dict[str, Any]:
    """So many wait behind two workers that are busy; then all are cancelled."""
    found: dict[str, Any] = {}
    with Client(workers=2) as client:
        for _ in range(2):
            client.submit(hold)
        _drained(client)
        watch = Watch(client)
        futures = [client.submit(empty) for _ in range(tasks)]
        _drained(client)
        found["pending"] = watch.lap(tasks)
        for future in futures:
            future.cancel(timeout=0)
        _drained(client)
        found["cancel"] = watch.lap(tasks)
        assert all(future.done() for future in futures[:: max(1, tasks // 1000)])
        client.disconnect()
    return found


def _closed(tasks: int) -> dict[str, Any]:
    """So many are pending when their client disconnects."""
    client = Client(workers=2)
    for _ in range(2):
        client.submit(hold)
    futures = [client.submit(empty) for _ in range(tasks)]
    _drained(client)
    began = time.process_time()
    client.disconnect()
    assert futures[-1].cancelled()
    return {"disconnect": (time.process_time() - began) / tasks * 1e6}


def _run(tasks: int) -> dict[str, Any]:
    """So many are run; and what `wait` and `as_completed` need for them afterwards."""
    found: dict[str, Any] = {}
    with Client(workers=2) as client:
        client.submit(empty).result()
        watch = Watch(client)
        futures = [client.submit(empty) for _ in range(tasks)]
        futures[-1].result()
        concurrent.futures.wait(futures)
        found["run"] = watch.lap(tasks)
        for name, call in (
            ("wait", lambda: concurrent.futures.wait(futures)),
            ("as_completed", lambda: sum(1 for _ in as_completed(futures))),
        ):
            began = time.thread_time()
            call()
            found[name] = (time.thread_time() - began) / tasks * 1e6
    return found


PARTS: dict[str, Callable[[int], dict[str, Any]]] = {
    "pending": _pending,
    "closed": _closed,
    "run": _run,
}


def measure(tasks: int, part: str | None = None) -> dict[str, Any]:
    """One size: all parts, or one of them."""
    row: dict[str, Any] = {"tasks": tasks}
    for name, found in PARTS.items():
        if part in (None, name) and (name != "run" or tasks <= _RUN_MAX):
            row |= found(tasks)
    return row
