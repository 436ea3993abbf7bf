"""What Ctrl-C leaves locked is given back, and only that."""

import concurrent.futures
from typing import Any

import pytest

from futurefsm.fsm import Future, leftover
from futurefsm.fsm.errors import FutureTimeoutError, WouldDeadlockError


def left(*classes: type[Future[Any]]) -> list[Future[Any]]:
    """Futures whose locks this thread has, and will never give back."""
    futures = [cls() for cls in classes]
    taken = concurrent.futures._base._AcquireFutures(futures)  # type: ignore[attr-defined]
    taken.__enter__()
    return futures


def owned(futures: list[Future[Any]]) -> list[bool]:
    return [future._lock._is_owned() for future in futures]


def test_what_is_left_is_given_back() -> None:
    futures = left(Future, Future)
    futures[0]._lock.acquire()
    assert owned(futures) == [True, True]
    assert leftover.let_go(future._lock for future in futures)
    assert owned(futures) == [False, False]
    assert not leftover.let_go(future._lock for future in futures)


@pytest.mark.parametrize("asks", ["result", "exception"])
def test_who_asks_for_a_value_again_waits(asks: str) -> None:
    (future,) = left(Future)
    future.set_running_or_notify_cancel()
    with pytest.raises(concurrent.futures.TimeoutError):
        getattr(future, asks)(timeout=0)
    assert owned([future]) == [False]


def test_who_cancels_again_waits_for_the_answer() -> None:
    (future,) = left(Future)
    future.set_running_or_notify_cancel()
    assert future.cancel(timeout=0.0001)
    assert owned([future]) == [False]
    # It has waited, and the time ran out.
    assert future.story.stays == {"cancel_timed_out": 1}


def test_a_step_that_a_signal_handler_interrupts_keeps_its_lock() -> None:
    future: Future[Any] = Future()
    future.set_running_or_notify_cancel()
    said: list[tuple[bool, type]] = []

    def handler() -> bool:
        with pytest.raises((WouldDeadlockError, FutureTimeoutError)) as caught:
            future.result(timeout=0)
        said.append((bool(future._lock._is_owned()), caught.type))
        return len(said) == 2

    # Asked once without the lock, and once with it: in the middle.
    assert future._wait_until(handler, None)
    assert said == [(False, FutureTimeoutError), (True, WouldDeadlockError)]
    assert owned([future]) == [False]


def test_what_wait_asks_with_the_locks_of_all_is_no_leftover() -> None:
    """FIRST_EXCEPTION asks each that has ended."""
    kept: list[bool] = []

    class Asks(Future[Any]):
        def exception(self, timeout: float | None = None) -> BaseException | None:
            kept.append(leftover.let_go((self._lock,)))
            kept.append(bool(self._lock._is_owned()))
            return super().exception(timeout)

    done, other = Asks(), Future[Any]()
    done.set_running_or_notify_cancel()
    done.set_result(1)
    result = concurrent.futures.wait([done, other], 0, "FIRST_EXCEPTION")
    assert result.done == {done}
    assert kept[:2] == [False, True]
