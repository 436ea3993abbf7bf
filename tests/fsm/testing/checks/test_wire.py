"""Nothing is left in the store, and nothing is deleted too early."""

from logs import NONE, TRUE, Log

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.programs import Call
from futurefsm.fsm.testing.shipped import ConfirmedFutures

DELETED = (h.DELETED, "object 1", 2, ())


def late(*records: tuple[object, ...], event: str = "result_success") -> Log:
    log = Log(ConfirmedFutures()).deliver("submit").deliver("disconnect").deliver(event)
    for record in records:
        log.note(*record)
    return log.final("cancelled", True, "too_late")


def test_the_result_of_a_cancelled_future_is_deleted() -> None:
    assert late(DELETED).names() == []
    (trouble,) = late().troubles()
    assert trouble == (
        "no leak",
        "object 1 stays in the store for ever: its future is cancelled",
    )
    assert late(event="result_failed").names() == ["no leak"]


def test_it_is_deleted_once() -> None:
    assert late(DELETED, DELETED).names() == ["no leak"]


def test_an_object_is_not_deleted_before_it_was_fetched() -> None:
    log = Log(ConfirmedFutures()).deliver("submit").deliver("result_success").note(*DELETED)
    log.note(h.FETCHED, "object 1", 0, (), False)
    (trouble,) = log.troubles()
    assert trouble == ("no leak", "object 1 was deleted before it was fetched")


def test_who_finished_may_keep_his_object() -> None:
    log = Log(ConfirmedFutures()).deliver("submit").deliver("result_success")
    assert log.final("finished", True).names() == []


def test_what_was_fetched_is_deleted() -> None:
    log = Log(ConfirmedFutures()).deliver("submit").deliver("result_success")
    log.note(h.FETCHED, "object 1", 2, (), True)
    (trouble,) = log.final("finished", True).troubles()
    assert trouble == ("no leak", "object 1 stays in the store for ever, though it was fetched")
    assert log.note(*DELETED).names() == []


def test_faults_of_the_peer_are_nobodys_leak() -> None:
    before = Log(ConfirmedFutures()).deliver("result_success").deliver("submit")
    assert before.deliver("disconnect").final("cancelled", True, "disconnected").names() == []
    second = Log(ConfirmedFutures()).deliver("submit").deliver("result_worker_died")
    second.deliver("result_success").call(0, Call("cancel"), TRUE)
    assert second.final("cancelled", True, "after_finish").names() == []


def test_what_has_no_store_cannot_leak() -> None:
    assert Log(StandardFutures()).note(*DELETED).note(*DELETED).names() == []
    assert NONE.value is None
