"""Nothing foreign under a lock; the pump neither raises nor waits."""

import pytest
from logs import FALSE, Log

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.history import Raised
from futurefsm.fsm.testing.programs import Call
from futurefsm.fsm.testing.shipped import ConfirmedFutures

LOCK = ("RLock 1",)


@pytest.mark.parametrize(
    ("record", "words"),
    [
        ((h.SENT, "Task", 0, 0, LOCK), "Task was sent by user 1 while it held RLock 1"),
        ((h.FETCHED, "object 1", 2, LOCK, True), "object 1 was fetched by the pump"),
        ((h.DELETED, "object 1", 3, LOCK), "object 1 was deleted by thread 4"),
        ((h.WAITED, 1, "wait", "Event 1", LOCK), "there was a wait (wait, Event 1) by user 2"),
        ((h.SENT, "TaskCancel", 0, None, LOCK), "TaskCancel was sent by the setup"),
    ],
)
def test_what_is_done_under_a_lock(record: tuple[object, ...], words: str) -> None:
    (trouble, *_) = Log(StandardFutures()).note(*record).troubles()
    assert trouble.check == "nothing under a lock"
    assert trouble.words.startswith(words)


def test_a_callback_under_a_lock() -> None:
    log = Log(StandardFutures()).deliver("submit")
    log.call(0, Call("add_done_callback"), h.Returned(None)).deliver("result_success")
    (trouble,) = log.called_back(1, held=LOCK).troubles()
    assert trouble.words == "callback 1 was called by the pump while it held RLock 1"


def test_the_same_under_no_lock_is_right() -> None:
    log = Log(ConfirmedFutures()).note(h.SENT, "x", 0, 0, ()).note(h.DELETED, "object 1", 0, ())
    log.note(h.FETCHED, "object 2", 0, (), True)
    assert log.names() == []


def test_the_pump_raises() -> None:
    log = Log(ConfirmedFutures()).deliver("submit", Raised("InvalidStateError"))
    assert log.names() == ["pump raises"]


def test_an_executor_is_told_of_what_the_table_forbids() -> None:
    log = Log(StandardFutures()).call(0, Call("cancel"), h.Returned(True))
    log.deliver("submit", FALSE).deliver("result_success", Raised("InvalidStateError"))
    assert log.names() == []
    log = Log(StandardFutures()).deliver("submit", Raised("KeyError"))
    assert log.names() == ["pump raises"]


def test_the_pump_waits() -> None:
    log = Log(StandardFutures()).note(h.WAITED, 2, "wait", "Event 1", ())
    assert log.names() == ["pump waits"]
    assert Log(StandardFutures()).note(h.WAITED, 1, "wait", "Event 1", ()).names() == []
