"""Futures alone: no process, no wire. Ours and the standard library's."""

import concurrent.futures
import gc
import threading
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

from benchmarks.measuring import resident, resident_most, seconds
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import STRICT

MAKE: dict[str, Callable[[], Any]] = {
    "ours": Future,
    "ours, STRICT": lambda: Future(STRICT),
    "concurrent.futures": concurrent.futures.Future,
}
_LOOK_S = 0.0005


def running(side: str, n: int) -> list[Any]:
    """So many futures whose tasks were sent."""
    make = MAKE[side]
    futures = [make() for _ in range(n)]
    for future in futures:
        future.set_running_or_notify_cancel()
    return futures


def life(side: str, n: int) -> dict[str, float]:
    """µs from birth to result, one after the other, in one thread."""
    make = MAKE[side]

    def act() -> None:
        for _ in range(n):
            future = make()
            future.set_running_or_notify_cancel()
            future.set_result(1)
            future.result()

    return {"life": seconds(act) / n * 1e6}


def kept(side: str, n: int) -> dict[str, float]:
    """The same, but `n` of them live at once: all are made, then all run, then all have results."""
    make = MAKE[side]

    def act() -> None:
        futures = [make() for _ in range(n)]
        for future in futures:
            future.set_running_or_notify_cancel()
        for future in futures:
            future.set_result(1)
        for future in futures:
            future.result()

    return {"kept": seconds(act) / n * 1e6}


def size(side: str, n: int) -> dict[str, float]:
    """Bytes of a pending future: what Python's allocators gave, and what the kernel gave."""
    make = MAKE[side]
    make()
    kept: list[Any] = [None] * n
    gc.collect()
    before = resident()
    for i in range(n):
        kept[i] = make()
    grown = (resident() - before) / n
    few = min(n, 20_000)
    kept = [None] * few
    gc.collect()
    tracemalloc.start()
    for i in range(few):
        kept[i] = make()
    traced = tracemalloc.get_traced_memory()[0] / few
    tracemalloc.stop()
    return {"bytes": traced, "resident": grown}


def _installed(future: Any) -> None:
    """Until a waiter of concurrent.futures has been told to wait for it."""
    while not future._waiters:
        time.sleep(_LOOK_S)


def crowd(side: str, n: int, how: str) -> tuple[float, float]:
    """`n` pending futures, one waiter, then all are settled: seconds, and bytes at the most."""
    running(side, 1)
    gc.collect()
    before = resident()
    began = time.perf_counter()
    futures = running(side, n)
    last = futures[-1]

    def wait() -> None:
        if how == "wait":
            concurrent.futures.wait(futures)
        else:
            last.result()

    waiter = threading.Thread(target=wait)
    waiter.start()
    asleep = 0.0
    if how == "wait":
        _installed(last)
    else:
        asleep = 0.05  # until it sleeps; of that no future tells
        time.sleep(asleep)
    for future in futures:
        future.set_result(None)
    waiter.join()
    took = time.perf_counter() - began - asleep
    return took, (resident_most() - before)


def crowd_in_wait(side: str, n: int) -> dict[str, float]:
    """One waiter in `wait()` for all of them: microseconds and bytes for each."""
    took, size = crowd(side, n, "wait")
    return {"crowd-wait": took / n * 1e6, "crowd-wait-bytes": size / n}


def crowd_in_result(side: str, n: int) -> dict[str, float]:
    """One waiter in `result()` of the last of them."""
    took, size = crowd(side, n, "result")
    return {"crowd-result": took / n * 1e6, "crowd-result-bytes": size / n}


def waits(side: str, n: int) -> dict[str, float]:
    """µs for each future of one `wait()`, and of one `as_completed()`, that begins when all are
    pending and ends when another thread has settled all."""

    def through(wait: Callable[[list[Any]], object]) -> float:
        futures = running(side, n)

        def settle() -> None:
            _installed(futures[-1])
            for future in futures:
                future.set_result(None)

        settler = threading.Thread(target=settle)
        settler.start()
        took = seconds(lambda: wait(futures))
        settler.join()
        return took / n * 1e6

    def drain(futures: list[Any]) -> None:
        for _ in concurrent.futures.as_completed(futures):
            pass

    return {"wait": through(concurrent.futures.wait), "as-completed": through(drain)}


def wake(side: str, n: int) -> dict[str, float]:
    """µs from `set_result` in one thread until `result` has returned in another: two threads that
    answer each other, `n` times there and back."""
    calls, answers = running(side, n), running(side, n)

    def answer() -> None:
        for call, its in zip(calls, answers, strict=True):
            call.result()
            its.set_result(None)

    other = threading.Thread(target=answer)
    other.start()

    def ask() -> None:
        for call, its in zip(calls, answers, strict=True):
            call.set_result(None)
            its.result()

    took = seconds(ask)
    other.join()
    return {"wake": took / n / 2 * 1e6}
