"""A future's lock, which is its condition: who sleeps is woken, and others may use it as one."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

import pytest

from futurefsm.fsm.future import Future
from futurefsm.fsm.lock import FutureLock

PATIENCE = 60.0


def fresh() -> FutureLock:
    lock = FutureLock()
    lock._waiters = None
    return lock


def until(met: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0)


def test_all_who_sleep_are_woken() -> None:
    lock, beds = fresh(), [SimpleQueue[None](), SimpleQueue[None]()]
    with ThreadPoolExecutor() as pool, lock:
        for bed in beds:
            lock.enlist(bed)
        asleep = [pool.submit(lock.sleep, bed, PATIENCE) for bed in beds]
        lock.wake()
    assert [each.result() for each in asleep] == [True, True]
    assert lock._waiters is None
    lock.wake()


def test_waking_can_be_done_again_where_ctrl_c_came_in_between() -> None:
    class Interrupts:
        def put(self, _: None) -> None:
            del lock._waiters[1]
            raise KeyboardInterrupt

    lock: Any = fresh()
    first, last = SimpleQueue[None](), SimpleQueue[None]()
    for bed in (first, Interrupts(), last):
        lock.enlist(bed)
    with pytest.raises(KeyboardInterrupt):
        lock.wake()
    lock.wake()
    assert last.get(timeout=0) is None


def test_whose_time_runs_out_is_forgotten() -> None:
    lock, bed, other = fresh(), SimpleQueue[None](), SimpleQueue[None]()
    lock.enlist(bed)
    lock.enlist(other)
    assert lock.sleep(bed, 0.0) is False
    assert [waiting for waiting, _ in lock._waiters or ()] == [other]
    assert lock.sleep(bed, 0.0) is False, "somebody else has forgotten it"
    lock.wake()
    assert lock.sleep(bed, 0.0) is False, "nobody sleeps"


def test_who_is_interrupted_is_forgotten() -> None:
    class Interrupted:
        def get(self, *_: object) -> bool:
            raise KeyboardInterrupt

    lock: Any = fresh()
    bed: Any = Interrupted()
    lock.enlist(bed)
    with pytest.raises(KeyboardInterrupt):
        lock.sleep(bed, None)
    assert lock._waiters is None


def test_nobody_is_woken_for_what_is_not_there_yet() -> None:
    lock, bed, other = fresh(), SimpleQueue[None](), SimpleQueue[None]()
    here: list[int] = []
    lock.enlist(bed, lambda: bool(here))
    lock.enlist(other)
    lock.wake()
    assert (bed.qsize(), other.qsize()) == (0, 1)
    here.append(1)
    lock.wake()
    assert (bed.qsize(), other.qsize()) == (1, 1)
    assert lock._waiters is None


def test_it_is_a_condition_for_code_that_knows_one() -> None:
    """On which nobody slept: third parties may wait for, and wake, who waits for a future."""
    future: Future[int] = Future()
    condition: Any = future._condition
    said: list[bool] = []

    def wait() -> None:
        with condition, condition:
            said.append(condition.wait_for(lambda: future.running(), PATIENCE))
            said.append(condition._is_owned())

    other = threading.Thread(target=wait)
    other.start()
    until(lambda: condition._waiters)
    future.set_running_or_notify_cancel()
    with condition:
        condition.notify_all()
    other.join(PATIENCE)
    assert said == [True, True]
    with condition:
        assert condition.wait(0.0) is False
        assert condition.wait(-1.0) is False
        condition.notify()


def test_a_settling_wakes_who_waits_on_it() -> None:
    future: Future[int] = Future()
    future.set_running_or_notify_cancel()

    def wait() -> bool:
        with future._condition:
            return future._condition.wait()

    with ThreadPoolExecutor() as pool:
        woken = pool.submit(wait)
        until(lambda: future._condition._waiters)
        future.set_result(1)
        assert woken.result(PATIENCE) is True


def test_waiting_and_waking_need_the_lock() -> None:
    lock = fresh()
    with pytest.raises(RuntimeError, match="cannot wait on un-acquired lock"):
        lock.wait()
    for tell in (lock.notify, lock.notify_all):
        with pytest.raises(RuntimeError, match="cannot notify on un-acquired lock"):
            tell()


def test_what_is_met_before_the_lock_is_had_needs_no_sleep() -> None:
    future: Future[int] = Future()
    said = iter([False, True])
    assert future._wait_until(lambda: next(said), None)
    assert future._lock._waiters is None
