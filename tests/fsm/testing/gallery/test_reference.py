"""The correct client future, with real threads: what its users see."""

import asyncio
import threading
from concurrent.futures import ALL_COMPLETED, Future, as_completed, wait
from typing import Any

import pytest
from gallery_store import Store

from futurefsm.fsm.errors import (
    CancelledError,
    ConnectionLostError,
    ResultLostError,
    WorkerDiedError,
    WouldDeadlockError,
)
from futurefsm.fsm.testing.gallery.manager import Manager
from futurefsm.fsm.testing.gallery.reference import ClientFuture


def made(*, delayed: bool = False) -> tuple[Manager, ClientFuture, Store]:
    store = Store()
    manager = Manager(store, delayed=delayed)
    return manager, manager.submit(), store


@pytest.mark.parametrize("delayed", [False, True])
def test_a_value_arrives_and_its_object_is_deleted_once(delayed: bool) -> None:
    manager, future, store = made(delayed=delayed)
    assert future.running()
    manager.deliver("result_success", future.task, "k")
    manager.deliver("result_success", future.task, "k")
    assert future.result(0) == 42 == future.result()
    assert future.exception() is None
    assert store.deleted == ["k"]
    assert (future.state, store.sent) == ("finished", [("Task", future.task)])


def test_a_duplicate_does_not_delete_what_is_being_fetched() -> None:
    manager, future, store = made(delayed=True)

    def meanwhile() -> None:
        assert future.cancel()
        manager.deliver("result_success", future.task, "k")
        assert store.deleted == []

    store.on_fetch = meanwhile
    manager.deliver("result_success", future.task, "k")
    with pytest.raises(CancelledError):
        future.result()
    assert store.deleted == ["k"]


@pytest.mark.parametrize("delayed", [False, True])
def test_an_error_arrives(delayed: bool) -> None:
    manager, future, store = made(delayed=delayed)
    manager.deliver("result_failed", future.task, "e")
    with pytest.raises(ValueError, match="no"):
        future.result()
    assert isinstance(future.exception(), ValueError)
    assert store.deleted == ["e"]


@pytest.mark.parametrize("delayed", [False, True])
def test_a_value_that_cannot_be_fetched_is_an_error(delayed: bool) -> None:
    manager, future, _store = made(delayed=delayed)
    manager.deliver("result_success", future.task, "nothing")
    with pytest.raises(ResultLostError):
        future.result()


def test_cancel_waits_for_the_answer() -> None:
    manager, future, store = made()
    agent = threading.Thread(target=lambda: manager.deliver("confirm_canceled", future.task))
    store.on_send = lambda message: agent.start()
    assert future.cancel()
    agent.join()
    assert future.done()
    assert future.cancelled()
    assert future.cancel_outcome == "confirmed"
    with pytest.raises(CancelledError, match="confirmed"):
        future.result()
    assert store.sent[1:] == [("TaskCancel", future.task)]


def test_a_cancel_that_nobody_answers_says_true_and_asks_once() -> None:
    manager, future, store = made()
    assert future.cancel(0)
    assert future.cancel(timeout=0.001)
    assert future.cancelled()
    assert not future.done()
    assert future.state == "cancel_requested"
    assert future.cancel_outcome == "unanswered"
    assert len(store.sent) == 2
    manager.deliver("reconnected", future.task)
    assert store.sent[1:] == [("TaskCancel", future.task)] * 2
    manager.deliver("confirm_not_found", future.task)
    assert future.cancel_outcome == "not_found"
    manager.deliver("reconnected", future.task)
    assert len(store.sent) == 3


def test_what_loses_against_a_cancel_is_deleted() -> None:
    manager, future, store = made()
    future.cancel(0)
    manager.deliver("confirm_failed", future.task)
    assert future.cancel_outcome == "refused"
    manager.deliver("result_success", future.task, "k")
    assert future.cancelled()
    assert future.cancel_outcome == "refused"
    assert store.deleted == ["k"]


def test_a_late_result_is_deleted_and_said() -> None:
    manager, future, store = made()
    future.cancel(0)
    manager.deliver("confirm_canceled", future.task)
    manager.deliver("result_success", future.task, "k")
    assert (future.cancel_outcome, store.deleted) == ("too_late", ["k"])


@pytest.mark.parametrize("delayed", [False, True])
def test_a_finished_future_can_be_cancelled(delayed: bool) -> None:
    manager, future, store = made(delayed=delayed)
    heard: list[Any] = []
    future.add_done_callback(heard.append)
    manager.deliver("result_success", future.task, "k")
    assert future.cancel()
    assert future.cancelled()
    assert future.cancel_outcome == "after_finish"
    assert heard == [future]
    assert store.deleted == ["k"]
    manager.deliver("confirm_canceled", future.task)
    assert future.cancel_outcome == "after_finish"


def test_a_value_that_is_cancelled_while_it_is_fetched_is_deleted_by_who_fetches() -> None:
    manager, future, store = made(delayed=True)
    manager.deliver("result_success", future.task, "k")
    store.on_fetch = lambda: future.cancel()
    with pytest.raises(CancelledError):
        future.result()
    assert store.deleted == ["k"]


def test_two_fetch_at_once_and_one_deletes() -> None:
    manager, future, store = made(delayed=True)
    manager.deliver("result_success", future.task, "k")

    def fetch_within() -> None:
        store.on_fetch = lambda: None
        assert future.result() == 42
        assert store.deleted == []

    store.on_fetch = fetch_within
    assert future.result() == 42
    assert store.deleted == ["k"]


@pytest.mark.parametrize(
    ("message", "error"),
    [("result_worker_died", WorkerDiedError), ("connection_lost", ConnectionLostError)],
)
def test_a_death_is_an_error_or_the_end_of_a_cancel(message: str, error: type[Exception]) -> None:
    manager, future, _ = made()
    manager.deliver(message, future.task)
    with pytest.raises(error):
        future.result()
    manager, future, _store = made()
    future.cancel(0)
    manager.deliver(message, future.task)
    assert future.cancelled()
    assert str(future.cancel_outcome) in message
    manager.deliver(message, future.task)
    assert future.state == "cancelled"


def test_what_was_never_sent() -> None:
    store = Store()
    manager = Manager(store)
    future = manager.create()
    assert future.state == "pending"
    for message in ("confirm_canceled", "result_success", "result_worker_died"):
        manager.deliver(message, future.task, "k")
    assert (future.state, future.violations) == ("pending", 3)
    assert future.cancel()
    assert future.cancel_outcome == "never_sent"
    assert not future.on_submit()
    assert store.sent == []
    lost = manager.create()
    manager.deliver("connection_lost", lost.task)
    assert lost.state == "finished"
    assert not lost.on_submit()
    assert lost.violations == 1


def test_a_cancel_does_not_overtake_its_task() -> None:
    store = Store()
    manager = Manager(store)
    future = manager.create()

    def once(message: str) -> None:
        if message == "Task":
            future.cancel(0)

    store.on_send = once
    assert future.on_submit()
    assert store.sent == [("Task", future.task), ("TaskCancel", future.task)]


def test_the_scheduler_may_cancel_unasked_and_may_refuse_unasked() -> None:
    manager, future, _store = made()
    manager.deliver("confirm_failed", future.task)
    assert (future.state, future.cancel_outcome) == ("running", None)
    manager.deliver("confirm_canceled", future.task)
    assert (future.state, future.cancel_outcome) == ("cancelled", "by_scheduler")


def test_result_waits_within_its_time() -> None:
    _manager, future, _store = made()
    with pytest.raises(TimeoutError):
        future.result(0)
    with pytest.raises(TimeoutError):
        future.exception(0.001)
    assert not future.cancelled()


def test_callbacks_are_called_in_order_and_their_errors_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    manager, future, _store = made()
    heard: list[str] = []

    def bad(each: Future[Any]) -> None:
        heard.append("bad")
        raise RuntimeError("mine")

    future.add_done_callback(bad)
    future.add_done_callback(lambda each: heard.append("good"))
    manager.deliver("result_success", future.task, "k")
    future.add_done_callback(bad)
    assert heard == ["bad", "good", "bad"]
    assert caplog.text.count("RuntimeError: mine") == 2


def test_the_thread_that_delivers_never_waits() -> None:
    manager, future, _store = made()
    other = manager.submit()
    answers: list[Any] = []

    def ask(each: Future[Any]) -> None:
        answers.append(other.cancel())
        answers.append(other.cancelled())
        with pytest.raises(WouldDeadlockError):
            other.result()
        manager.disconnect()

    future.add_done_callback(ask)
    manager.deliver("result_success", future.task, "k")
    assert answers == [True, True]
    assert other.state == "cancelled"


def test_a_loop_never_waits() -> None:
    _manager, future, _store = made()

    async def ask() -> tuple[bool, bool]:
        return future.cancel(None), future.cancelled()

    assert asyncio.run(ask()) == (True, True)
    assert future.state == "cancel_requested"


@pytest.mark.parametrize("how", ["confirm_canceled", "result_success", "result_failed"])
@pytest.mark.parametrize("delayed", [False, True])
def test_waiters_of_the_standard_library_are_told(how: str, delayed: bool) -> None:
    manager, first, _store = made(delayed=delayed)
    second = manager.submit()
    manager.deliver(how, first.task, "k" if "success" in how else "e")
    agent = threading.Timer(0.0, lambda: manager.deliver(how, second.task, "e"))
    agent.start()
    assert wait([first, second], return_when=ALL_COMPLETED).not_done == set()
    assert {*as_completed([first, second])} == {first, second}
    agent.join()
