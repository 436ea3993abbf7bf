"""The parts of the public reports, put right: what they do on one thread."""

from concurrent.futures import Future, InvalidStateError, wait
from typing import Any

import pytest

from futurefsm.fsm.testing.gallery import pools


def test_a_pools_future_can_be_cancelled_while_it_runs() -> None:
    future = pools.PoolFuture()
    assert future.set_running_or_notify_cancel()
    assert not future.set_running_or_notify_cancel()
    assert future.cancel()
    assert future.cancel()
    assert wait([future]).done == {future}
    assert not future.set_running_or_notify_cancel()
    done = pools.PoolFuture()
    pools.settle(done, "result_success", 1)
    assert not done.cancel()


@pytest.mark.parametrize("kind", [pools.RetriedFuture, pools.RetriedAfterCancel])
def test_a_failed_attempt_is_tried_again(kind: type[pools.RetriedFuture]) -> None:
    future = kind()
    future.try_again()
    assert future.set_running_or_notify_cancel()
    future.try_again()
    assert not future.running()
    assert future.cancel()
    future.try_again()
    assert future.cancelled()


@pytest.mark.parametrize("event", ["result_success", "result_failed", "result_worker_died"])
def test_what_is_settled_stays(event: str) -> None:
    future: Future[Any] = Future()
    pools.settle_if_it_can_be(future, event, ValueError())
    before = future.exception(), future.done()
    pools.settle_if_it_can_be(future, "result_success", 2)
    assert (future.exception(), future.done()) == before
    with pytest.raises(InvalidStateError):
        pools.settle(future, event, ValueError())


def test_a_mailbox_gives_to_who_still_waits() -> None:
    for mailbox in (pools.Mailbox(), pools.HastyMailbox()):
        gone, here = mailbox.get(), mailbox.get()
        gone.cancel()
        mailbox.put("result_success", 1)
        mailbox.put("result_success", 2)
        assert here.result(0) == 1
        assert [*mailbox.items] == [2]


def test_a_late_result_of_a_forgotten_task_is_not_that_of_the_new_one() -> None:
    keyed = pools.Keyed()
    old, first = keyed.submit("k")
    new, second = keyed.submit("k")
    keyed.on_result("k", old, "result_success", "old")
    keyed.on_result("k", 99, "result_success", "nobody")
    assert not second.done()
    keyed.on_result("k", new, "result_success", "new")
    assert (first.result(0), second.result(0)) == ("old", "new")


def test_a_shutdown_waits_for_what_is_pending_only() -> None:
    executor = pools.Executor()
    done, gone = executor.submit(), executor.submit()
    executor.end(done, "result_success", 1)
    gone.cancel()
    executor.shutdown()
    counts = pools.ExecutorThatCountsResults()
    only = counts.submit()
    counts.end(only, "result_success", 1)
    counts.shutdown()


def test_a_dispatcher_counts() -> None:
    dispatcher = pools.Dispatcher()
    future: Future[Any] = Future()
    heard: list[Any] = []
    dispatcher.watch(future, heard.append)
    future.set_result(1)
    assert (dispatcher.watched, dispatcher.done, heard) == (1, 1, [future])
