"""What users ask of a future: cancel's answers point by point, results, callbacks, executors.

Real threads; where a thread has to be asleep, it is waited for until it is.
"""

import concurrent.futures
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from lifecycle_kit import CountingWaiter, Noting, brought

from futurefsm.fsm import errors
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.threads import calling_back, delivering

# Long enough for any machine; nothing waits for it where the code is right.
PATIENCE = 60.0


class Strict(Future[Any]):
    default_lifecycle = STRICT


def asleep(future: Any) -> Callable[[], bool]:
    """Whether somebody sleeps on the future's condition."""
    return lambda: bool(getattr(future._condition, "_waiters", ()))


def until(met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0)


@contextmanager
def asking(act: Callable[[], Any]) -> Iterator[list[Any]]:
    """Another thread that asks; its answer is in the list when the block is over."""
    answers: list[Any] = []

    def ask() -> None:
        try:
            answers.append(act())
        except BaseException as error:
            answers.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    yield answers
    thread.join(PATIENCE)
    assert not thread.is_alive(), "it hangs"


def running() -> Any:
    return brought(Noting(), "running")


def requested() -> Any:
    """A future whose cancel was not answered."""
    future = running()
    assert future.cancel(timeout=0) is True
    return future


# cancel(): point 1.


ANSWERS = {
    "confirm_canceled": "confirmed",
    "confirm_not_found": "not_found",
    "result_success": "too_late",
    "result_failed": "too_late",
    "result_worker_died": "worker_died",
    "disconnect": "disconnected",
    "connection_lost": "connection_lost",
}


@pytest.mark.parametrize("answer", ANSWERS)
@pytest.mark.parametrize("timeout", [PATIENCE, None])
def test_cancel_waits_for_the_answer(answer: str, timeout: float | None) -> None:
    future = running()
    with asking(lambda: future.cancel(timeout)) as answers:
        until(asleep(future))
        assert answers == []
        assert future.performed[-1] == "send_cancel"
        future.fire(answer)
    assert answers == [True]
    assert future.cancelled()
    assert future.done()
    assert future.cancel_outcome == ANSWERS[answer]
    with pytest.raises(errors.CancelledError, match=rf"was cancelled \({ANSWERS[answer]}: ") as e:
        future.result()
    assert e.value.outcome == ANSWERS[answer]
    assert "Story: pending → running → cancel_requested → cancelled" in str(e.value)
    with pytest.raises(concurrent.futures.CancelledError):
        future.exception()


def test_a_cancel_of_what_never_left() -> None:
    future = Noting()
    assert future.cancel() is True
    assert (future.state, future.cancel_outcome, future.performed) == (
        "cancelled",
        "never_sent",
        [],
    )
    assert future.set_running_or_notify_cancel() is False
    assert future.performed == [], "do not send"


def test_cancel_asks_only() -> None:
    future = running()
    began = time.monotonic()
    assert future.cancel(timeout=0) is True
    assert time.monotonic() - began < 20
    assert future.state == "cancel_requested"
    assert future.cancel_outcome == "unanswered"
    assert not future.done()
    assert future.running()
    # No wait ran out, for there was none.
    assert future.story.stays == {}
    assert future.cancel(timeout=0.01) is True
    assert future.story.stays == {"cancel": 1, "cancel_timed_out": 1}


def test_cancel_has_a_time_out_of_its_own() -> None:
    class Hasty(Noting):
        cancel_timeout = 0.0

    future = brought(Hasty(), "running")
    assert future.cancel() is True
    assert Future.cancel_timeout == 30.0


def test_an_endless_time_out() -> None:
    future = running()
    with asking(lambda: future.cancel(float("inf"))) as answers:
        until(asleep(future))
        future.fire("confirm_canceled")
    assert answers == [True]


# Points 2 and 3.


@pytest.mark.parametrize("end", ["result_success", "result_failed", "connection_lost"])
def test_cancel_of_a_finished_future(end: str) -> None:
    future, waiter, called = running(), CountingWaiter(), []
    future._waiters.append(waiter)
    future.add_done_callback(called.append)
    future.fire(end, ValueError() if end == "result_failed" else None)
    assert future.cancelled() is False
    told = list(waiter.told)
    assert future.cancel() is True
    assert future.cancelled() is True
    assert future.cancel_outcome == "after_finish"
    for ask in (future.result, future.exception):
        with pytest.raises(errors.CancelledError):
            ask()
    assert called == [future]
    assert waiter.told == told
    assert future.performed[-1] == "discard_value"
    assert (future._result, future._exception) == (None, None), "let go"


def test_cancel_of_a_cancelled_future() -> None:
    future = running()
    future.fire("confirm_canceled")
    assert future.cancel_outcome == "by_scheduler"
    assert [future.cancel() for _ in range(3)] == [True] * 3
    assert "send_cancel" not in future.performed


def test_many_cancels_send_one() -> None:
    future = running()
    with asking(lambda: future.cancel(PATIENCE)) as first:
        until(asleep(future))
        assert [future.cancel(timeout=0) for _ in range(100)] == [True] * 100
        future.fire("confirm_canceled")
    assert first == [True]
    assert future.performed.count("send_cancel") == 1


# Points 4 and 5.


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_true_is_never_taken_back(answer: str) -> None:
    future = requested()
    assert future.cancelled() is True
    future.fire(answer, "value")
    assert future.cancelled() is True
    assert future.state == "cancelled"


def test_cancelled_waits_until_the_deadline_of_the_latest_cancel() -> None:
    future = requested()
    future._rare.allow_until(time.monotonic(), PATIENCE)
    with asking(future.cancelled) as answers:
        until(asleep(future))
        assert answers == []
        future.fire("confirm_canceled")
    assert answers == [True]


def test_cancelled_waits_without_bound_where_cancel_does() -> None:
    future = running()
    with asking(lambda: future.cancel(None)) as first:
        until(asleep(future))
        with asking(future.cancelled) as second:
            until(asleep(future))
            until(lambda: len(future._condition._waiters) == 2)
            future.fire("result_success")
    assert (first, second) == ([True], [True])


def test_cancelled_says_true_when_the_deadline_is_over() -> None:
    future = running()
    future.cancel(timeout=0.01)
    assert future.state == "cancel_requested"
    assert future.cancelled() is True
    future.cancel(timeout=0.05)
    began = time.monotonic()
    assert future.cancelled() is True
    assert time.monotonic() - began < 20


def test_a_request_that_nobody_waits_for() -> None:
    future = running()
    future.fire("cancel")
    assert future.cancelled() is True


# Point 6.


@pytest.mark.parametrize("mark", [delivering, calling_back])
def test_who_must_not_wait_does_not(mark: Any) -> None:
    future = running()
    with mark():
        assert future.cancel() is True
        assert future.state == "cancel_requested"
        assert future.cancelled() is True
    assert future.story.stays == {}, "its time is not over"


def test_cancel_in_a_callback_does_not_wait() -> None:
    first, second = running(), running()
    answers: list[Any] = []
    first.add_done_callback(lambda _f: answers.append((second.cancel(None), second.cancelled())))
    first.fire("result_success")
    assert answers == [(True, True)]
    assert second.state == "cancel_requested"


def test_result_on_the_delivering_thread() -> None:
    future = running()
    with delivering("is the pump of client c"):
        with pytest.raises(errors.WouldDeadlockError, match="asks is the pump of client c"):
            future.result()
        future.fire("result_success", 1)
        assert future.result() == 1


# Point 7.


def test_a_refusal_leaves_the_request_standing() -> None:
    future = running()
    with asking(lambda: future.cancel(PATIENCE)) as answers:
        until(asleep(future))
        future.fire("confirm_failed")
        assert future.cancel_outcome == "refused"
        assert future.state == "cancel_requested"
        assert answers == []
        future.fire("result_success")
    assert answers == [True]
    assert future.cancel_outcome == "refused"
    assert future.performed[-1] == "delete_result"


# Point 8.


def test_what_lost_against_a_cancel_is_deleted() -> None:
    future = requested()
    future.fire("result_success", b"id")
    future.fire("reconnected")
    assert future.performed.count("delete_result") == 1
    assert future.performed.count("send_cancel") == 1


def test_reconnecting_asks_again() -> None:
    future = requested()
    future.fire("reconnected")
    assert future.performed == ["send_task", "send_cancel", "send_cancel"]


# The names of this protocol.


def test_set_cancel_confirmed() -> None:
    for confirm in (Future.set_cancel_confirmed, Future.set_canceled):
        future = requested()
        confirm(future)
        assert (future.state, future.cancel_outcome) == ("cancelled", "confirmed")


def test_a_lifecycle_without_the_timer_s_event() -> None:
    future = brought(Noting(CONFIRMED.derive("t", without=["cancel_timed_out"])), "running")
    assert future.cancel(timeout=0.01) is True


# Results.


def test_result_waits() -> None:
    future = running()
    with asking(future.result) as answers:
        until(asleep(future))
        future.fire("result_success", 42)
    assert answers == [42]
    assert future.exception() is None


def test_an_exception_is_raised_and_returned() -> None:
    future, error = running(), ValueError("x")
    with asking(lambda: future.exception(PATIENCE)) as answers:
        until(asleep(future))
        future.fire("result_failed", error)
    assert answers == [error]
    with pytest.raises(ValueError, match="x") as caught:
        future.result()
    assert caught.value is error


def test_time_outs() -> None:
    future = running()
    for ask in (future.result, future.exception):
        with pytest.raises(TimeoutError, match=r"is still running after 0.01 s\nStory: pending"):
            ask(timeout=0.01)
    assert future.state == "running"


def test_a_spurious_wake_up_concludes_nothing() -> None:
    future = running()
    with asking(lambda: future.result(PATIENCE)) as answers:
        for _ in range(3):
            until(asleep(future))
            with future._condition:
                future._condition.notify_all()
        assert answers == []
        future.fire("result_success", 1)
    assert answers == [1]


def test_its_user_may_cancel_between_the_wait_and_the_look() -> None:
    class Late(Future[Any]):
        def _wait_or_raise(self, timeout: float | None) -> None:
            self.cancel()

    future = brought(Late(), "finished")
    with pytest.raises(errors.CancelledError):
        future.exception()


def test_a_cancelled_error_without_an_outcome() -> None:
    future = brought(Future(CONFIRMED), "cancelled")
    future._rare.outcome = None
    with pytest.raises(errors.CancelledError, match="no reason is known"):
        future.result()


# Callbacks.


def test_callbacks_run_once_in_order_in_the_thread_that_settles() -> None:
    future = running()
    heard: list[Any] = []
    for number in range(5):
        future.add_done_callback(lambda _f, n=number: heard.append((n, threading.get_ident())))
    with asking(lambda: (future.fire("result_success"), threading.get_ident())[1]) as settler:
        pass
    future.cancel()
    assert heard == [(number, settler[0]) for number in range(5)]


def test_a_late_callback_runs_at_once() -> None:
    future = brought(Future(), "finished")
    heard: list[Any] = []
    future.add_done_callback(heard.append)
    assert heard == [future]


def test_a_callback_that_comes_while_it_settles() -> None:
    """Between the look and the lock the future settles: it is called all the same."""
    heard: list[Any] = []

    class Slow(Noting):
        def _fresh_rare(self) -> Any:
            rare = super()._fresh_rare()
            if not self.done():
                self.fire("result_success")
            return rare

    future = Slow()
    Noting.fire(future, "submit")
    future.add_done_callback(heard.append)
    assert heard == [future]


# What concurrent.futures does with it.


@pytest.mark.parametrize("when", [concurrent.futures.ALL_COMPLETED, "FIRST_COMPLETED"])
def test_wait(when: str) -> None:
    futures = [running() for _ in range(3)]
    with asking(lambda: concurrent.futures.wait(futures, PATIENCE, when)) as answers:
        until(lambda: all(future._waiters for future in futures))
        futures[0].fire("result_success")
        if when == "ALL_COMPLETED":
            futures[1].fire("result_failed", ValueError())
            futures[2].fire("confirm_canceled")
    done = answers[0].done
    assert done == (set(futures) if when == "ALL_COMPLETED" else {futures[0]})
    assert not any([*future._waiters] for future in futures)


def test_wait_for_the_first_exception() -> None:
    futures = [running() for _ in range(3)]
    ask = lambda: concurrent.futures.wait(futures, PATIENCE, "FIRST_EXCEPTION")  # noqa: E731
    with asking(ask) as answers:
        until(lambda: all(future._waiters for future in futures))
        futures[0].fire("result_success")
        futures[1].fire("connection_lost")
    assert answers[0].done == set(futures[:2])


def test_as_completed_gives_each_once() -> None:
    futures = [running() for _ in range(4)]
    futures[3].fire("result_success")
    with asking(lambda: list(concurrent.futures.as_completed(futures, PATIENCE))) as answers:
        until(lambda: all(future._waiters for future in futures[:3]))
        futures[0].cancel(timeout=0)
        futures[0].fire("result_success")
        futures[3].cancel()
        futures[1].fire("result_worker_died")
        futures[2].fire("disconnect")
    assert answers == [[futures[3], futures[0], futures[1], futures[2]]]


def test_strict_announces_when_the_executor_has_seen_it() -> None:
    future = Strict()
    with asking(lambda: concurrent.futures.wait([future], PATIENCE)) as answers:
        until(lambda: bool(future._waiters))
        assert future.cancel() is True
        assert (future._state, answers) == ("CANCELLED", [])
        assert future.set_running_or_notify_cancel() is False
    assert future._state == "CANCELLED_AND_NOTIFIED"
    assert answers[0].done == {future}
    assert future.set_running_or_notify_cancel() is False


def test_strict_answers_as_the_standard_library() -> None:
    future = Strict()
    assert future.set_running_or_notify_cancel() is True
    assert future.cancel() is False
    assert future.cancelled() is False
    future.set_result(1)
    assert future.cancel() is False
    with pytest.raises(errors.InvalidStateError):
        future.set_running_or_notify_cancel()
    assert future.result() == 1


class PoolOf(ThreadPoolExecutor):
    """The standard library's thread pool, with futures of ours."""

    def __init__(self, make: Callable[[], Any], monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(2)
        monkeypatch.setattr(concurrent.futures._base, "Future", make)


@pytest.mark.parametrize("make", [Future, Strict])
def test_an_executor_drives_it(make: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    with PoolOf(make, monkeypatch) as pool:
        first = pool.submit(gate.wait, PATIENCE)
        second = pool.submit(divmod, 1, 0)
        blocked = [pool.submit(gate.wait, PATIENCE) for _ in range(2)]
        assert type(first) is make
        with pytest.raises(ZeroDivisionError):
            second.result(PATIENCE)
        assert blocked[-1].cancel() is True
        gate.set()
        assert first.result(PATIENCE) is True
        assert list(pool.map(abs, [-1, -2])) == [1, 2]
    assert blocked[-1].cancelled()


# What it costs.


def test_a_pending_future_costs_a_fifth_of_the_standard_library_s() -> None:
    def cost(make: Callable[[], Any]) -> float:
        make()
        count = 2000
        kept: list[Any] = [None] * count
        tracemalloc.start()
        for i in range(count):
            kept[i] = make()
        size, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return size / count

    assert cost(Future) <= cost(concurrent.futures.Future) / 5


def test_a_failed_future_is_in_no_cycle() -> None:
    import gc
    import weakref

    future: Future[int] = Future(STRICT)
    future.set_exception(ValueError("x"))
    gone = weakref.ref(future)
    gc.disable()
    try:
        with pytest.raises(ValueError, match="x"):
            future.result()
        del future
        assert gone() is None
    finally:
        gc.enable()


def test_a_timeout_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="not nan"):
        Future(STRICT).result(float("nan"))
