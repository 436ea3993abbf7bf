"""What a future costs, as counts: they are the same on every machine, however busy it is."""

import concurrent.futures
import gc
import sys
import threading
import tracemalloc
from collections.abc import Callable
from itertools import repeat
from typing import Any

import pytest

from futurefsm.fsm.events import RESULT_SUCCESS, SUBMIT
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT

MAKES: dict[str, Callable[[], Any]] = {"confirmed": Future, "strict": lambda: Future(STRICT)}


class CountedLock:
    """A lock that is counted: how often it is taken."""

    def __init__(self) -> None:
        self.inner = threading.RLock()
        self.taken = 0
        self._waiters = None

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        self.taken += 1
        return self.inner.acquire(blocking, timeout)

    def release(self) -> None:
        self.inner.release()

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_: object) -> None:
        self.release()

    def _is_owned(self) -> bool:
        return bool(self.inner._is_owned())  # type: ignore[attr-defined]


def live(future: Any) -> None:
    future.set_running_or_notify_cancel()
    future.set_result(1)
    assert future.result() == 1


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_a_life_takes_no_more_locks_than_the_standard_library_s(make: Callable[[], Any]) -> None:
    mine, its = CountedLock(), CountedLock()
    future = make()
    future._lock = mine
    live(future)
    other: concurrent.futures.Future[int] = concurrent.futures.Future()
    other._condition = threading.Condition(its)  # type: ignore[arg-type]
    live(other)
    assert 0 < mine.taken <= its.taken == 3


def peak_of(act: Callable[[], object]) -> int:
    """Bytes that Python's allocators had to give at the most, also what came back at once."""
    act()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        act()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def test_a_step_of_the_compiled_table_allocates_nothing() -> None:
    start = CONFIRMED.compiled

    def nothing() -> None:
        for _ in repeat(None, 100):
            node = start
        assert not node.settled

    def steps() -> None:
        for _ in repeat(None, 100):
            node = start.on[SUBMIT].node.on[RESULT_SUCCESS].node
        assert node.settled

    assert peak_of(steps) <= peak_of(nothing)


def blocks_of(make: Callable[[], Any], act: Callable[[Any], object] = lambda _: None) -> float:
    """Blocks of Python's allocator that each of many keeps, when something was done with it."""
    count = 500
    act(make())
    kept: list[Any] = [None] * count
    gc.collect()
    before = sys.getallocatedblocks()
    for i in range(count):
        kept[i] = make()
        act(kept[i])
    gc.collect()
    return (sys.getallocatedblocks() - before) / count


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_a_pending_future_is_a_quarter_of_the_blocks(make: Callable[[], Any]) -> None:
    """Itself and its lock; the standard library's has a condition, a queue and two lists more."""
    assert 0 < blocks_of(make) <= blocks_of(concurrent.futures.Future) / 4


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_a_life_leaves_two_times_in_one_number(make: Callable[[], Any]) -> None:
    """Two moves. Nothing else stays; the value was there before."""
    assert blocks_of(make, live) - blocks_of(make) <= 1.1


@pytest.mark.parametrize("make", MAKES.values(), ids=MAKES)
def test_one_waiter_takes_no_memory(make: Callable[[], Any]) -> None:
    """`wait()` puts its waiter into each of its futures."""
    waiter = object()
    assert blocks_of(make, lambda f: f._waiters.append(waiter)) - blocks_of(make) <= 0.1
