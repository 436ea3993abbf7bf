"""Callbacks and waiters once, in order; what has settled stays."""

import pytest
from logs import NONE, TIMEOUT, TRUE, Log

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.history import Raised, Returned
from futurefsm.fsm.testing.programs import Call
from futurefsm.fsm.testing.shipped import ConfirmedFutures

ADD = Call("add_done_callback")


def added() -> Log:
    log = Log(StandardFutures()).deliver("submit", TRUE).call(0, ADD, NONE).call(0, ADD, NONE)
    return log.deliver("result_success")


def test_each_callback_once_and_in_order_is_right() -> None:
    log = added().called_back(1).called_back(2).final("finished", True)
    assert log.names() == []


def test_a_callback_twice() -> None:
    log = added().called_back(1).called_back(2).called_back(1)
    assert [trouble.words for trouble in log.troubles()] == ["callback 1 was called 2 times"]


def test_a_callback_never() -> None:
    (trouble,) = added().called_back(1).final("finished", True).troubles()
    assert trouble.words == "callback 2 was never called, though the future is settled"


def test_a_callback_need_not_be_called_where_the_run_did_not_end() -> None:
    log = added().called_back(1).stops(2, "acquire", "RLock 1", "user 1")
    assert "callbacks once" not in log.names()


def test_a_callback_with_another_future() -> None:
    log = Log(StandardFutures(), futures=2).deliver("submit", TRUE).call(0, ADD, NONE)
    log.deliver("submit", TRUE, future=1).deliver("result_success", future=1)
    log.deliver("result_success").called_back(1, future=1)
    (trouble,) = log.troubles()
    assert trouble.words == "callback 1 was called with another future than its own"


def test_callbacks_out_of_order() -> None:
    (trouble,) = added().called_back(2).called_back(1).troubles()
    assert trouble.words == "callback 2 was called before callback 1, which was added first"


def test_callbacks_that_race_with_the_settling_have_no_order() -> None:
    log = Log(StandardFutures()).deliver("submit", TRUE).begin(0, Call("cancel"))
    log.call(1, ADD, NONE).call(1, ADD, NONE).ends(0, Returned(False)).deliver("result_success")
    assert log.called_back(2).called_back(1).names() == []


def test_a_callback_before_the_settling_is_not_explained() -> None:
    log = Log(StandardFutures()).deliver("submit", TRUE).call(0, ADD, NONE).called_back(1)
    assert log.deliver("result_success").names() == ["linearizable"]


@pytest.mark.parametrize(
    ("moves", "words"),
    [
        (("running", "finished", "running"), "from finished to running: it had settled"),
        (("finished", "cancelled"), "it had settled, and no user had cancelled it"),
        (("running", "pending"), "from running to pending: no row does that"),
    ],
)
def test_moves_that_the_table_does_not_have(moves: tuple[str, ...], words: str) -> None:
    log = Log(ConfirmedFutures())
    for state in moves:
        log.note(h.STATE, 0, state)
    (trouble,) = log.troubles()
    assert trouble.check == "absorbing"
    assert words in trouble.words


def test_its_user_may_cancel_a_finished_future() -> None:
    log = Log(ConfirmedFutures()).deliver("submit").deliver("result_success")
    log.note(h.STATE, 0, "finished").begin(0, Call("cancel")).note(h.STATE, 0, "cancelled")
    assert log.ends(0, TRUE).names() == []


def both_done() -> Log:
    log = Log(StandardFutures(), futures=2)
    for number in range(2):
        log.deliver("submit", TRUE, future=number).deliver("result_success", future=number)
    return log


def test_wait_and_as_completed_with_every_future_once() -> None:
    log = both_done().call(0, Call("wait"), Returned(((0, 1), ())))
    assert log.call(1, Call("as_completed"), Returned((1, 0))).names() == []


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (Call("wait"), Returned(((0,), (1,)))),
        (Call("wait", how="first"), Returned(((), (0, 1)))),
        (Call("wait"), Returned(((0,), ()))),
        (Call("wait"), Returned(None)),
        (Call("as_completed"), Returned((0, 0))),
        (Call("as_completed"), Returned(None)),
        (Call("as_completed"), Raised("KeyError")),
        (Call("as_completed"), TIMEOUT),
    ],
)
def test_waiters_that_come_back_wrongly(call: Call, answer: Returned | Raised) -> None:
    log = Log(StandardFutures(), futures=2).deliver("submit", TRUE).deliver("result_success")
    assert "waiters once" in log.call(0, call, answer).names()


def test_a_timed_wait_may_come_back_early() -> None:
    log = Log(StandardFutures(), futures=2).deliver("submit", TRUE).deliver("result_success")
    log.call(0, Call("wait", 1.0), Returned(((0,), (1,)))).call(
        1, Call("as_completed", 1.0), TIMEOUT
    )
    assert log.call(0, Call("wait", how="first"), Returned(((0,), (1,)))).names() == []


def test_a_wait_that_says_done_of_what_is_not() -> None:
    log = Log(StandardFutures()).deliver("submit", TRUE)
    assert log.call(0, Call("wait"), Returned(((0,), ()))).names() == ["linearizable"]
