"""While a world runs, a wait is an error and not a hang."""

import gc
import logging
from queue import SimpleQueue
from threading import Condition, Thread

import pytest

from futurefsm.client.testing.guards import watched
from futurefsm.client.testing.invariants import PUMP, Broken
from futurefsm.client.testing.world import World
from futurefsm.fsm.future import Future
from futurefsm.fsm.lock import FutureLock


def test_a_wait_on_this_thread_is_an_error() -> None:
    wait = Condition.wait
    condition = Condition()
    with condition, watched(World()), pytest.raises(Broken) as caught:
        condition.wait(1.0)
    assert caught.value.invariant == PUMP
    assert Condition.wait is wait


def test_a_wait_for_a_future_is_an_error() -> None:
    sleep = FutureLock.sleep
    future = Future[None]()
    with watched(World()), pytest.raises(Broken, match="something waits"):
        future.result(1.0)
    assert FutureLock.sleep is sleep


def test_other_threads_wait_as_they_like() -> None:
    condition = Condition()
    go = SimpleQueue[None]()
    ended: list[bool] = []

    def other() -> None:
        go.get()
        with condition:
            ended.append(condition.wait(0.001))

    thread = Thread(target=other)
    thread.start()
    with watched(World()):
        go.put(None)
        thread.join(60)
    assert ended == [False]


def test_the_log_is_quiet_and_nothing_is_collected_meanwhile() -> None:
    logger = logging.getLogger("futurefsm.client")
    with watched(World()):
        assert logger.disabled
        assert not gc.isenabled()
    assert not logger.disabled
    assert gc.isenabled()
