"""Who does not come back, and whether he may."""

import pytest
from logs import TRUE, Log

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.history import Returned
from futurefsm.fsm.testing.programs import Call
from futurefsm.fsm.testing.shipped import ConfirmedFutures


def waiting(call: Call, *, settled: bool = False, futures: int = 1) -> Log:
    log = Log(StandardFutures(), futures=futures).deliver("submit", TRUE)
    if settled:
        log.deliver("result_success")
    return log.begin(0, call).stops(0)


@pytest.mark.parametrize("name", ["result", "exception", "wait", "as_completed"])
def test_a_wait_for_an_open_future_may_last(name: str) -> None:
    assert waiting(Call(name)).names() == []


@pytest.mark.parametrize("name", ["result", "exception", "wait", "as_completed"])
def test_everybody_is_released_when_it_settles(name: str) -> None:
    (trouble,) = waiting(Call(name), settled=True).troubles()
    assert trouble.check == "released"
    assert trouble.words == (
        f"{name}() of user 1 never comes back: it waits (wait, Condition 1), though what it waits "
        "for has happened"
    )


@pytest.mark.parametrize(
    "call", [Call("result", 1.0), Call("done"), Call("cancel"), Call("cancelled"), Call("submit")]
)
def test_timed_calls_and_questions_end(call: Call) -> None:
    assert waiting(call).names() == ["timed calls end"]


def test_of_several_futures_all_or_one_must_have_settled() -> None:
    assert waiting(Call("wait"), settled=True, futures=2).names() == []
    assert waiting(Call("wait", how="first"), settled=True, futures=2).names() == ["released"]


def test_a_cancel_that_was_not_announced_is_not_seen_by_wait() -> None:
    log = Log(StandardFutures()).call(1, Call("cancel"), TRUE).begin(0, Call("wait")).stops(0)
    assert log.names() == []


def test_a_pump_that_is_stuck() -> None:
    log = Log(ConfirmedFutures()).stops(2, "acquire", "RLock 1", "user 1")
    (trouble,) = log.troubles()
    assert trouble.words == (
        "the pump never comes back: it waits (acquire, RLock 1, which user 1 holds)"
    )


def test_a_pump_that_awaits_a_message_is_not_stuck() -> None:
    assert Log(ConfirmedFutures()).stops(2, "await", "TaskCancel").names() == []


def test_who_waits_for_a_callback_that_is_stuck() -> None:
    log = Log(StandardFutures()).deliver("submit", TRUE).deliver("result_success")
    log.begin(0, Call("add_done_callback", how="asks")).note(h.CALLBACK, 1, 0, 0, ())
    log.note(h.CALL, -1, 0).stops(0)
    (trouble,) = log.troubles()
    assert trouble.check == "released"
    assert trouble.words.startswith("add_done_callback(asks) of user 1 never comes back")


def round_and_round(call: Call) -> list[str]:
    log = Log(StandardFutures()).deliver("submit", TRUE).begin(0, call)
    log.end = "livelock"
    return [trouble.words for trouble in log.troubles()]


def test_a_loop_without_end() -> None:
    assert round_and_round(Call("done")) == ["done() of user 1 goes round for ever"]


def test_who_polls_may_go_round_while_the_future_is_open() -> None:
    assert round_and_round(Call("result")) == []
    # Its clock may just not be there yet.
    assert round_and_round(Call("result", 1.0)) == []


def test_who_is_stopped_in_a_run_that_goes_round_is_stopped() -> None:
    log = waiting(Call("done"))
    log.end = "livelock"
    (trouble,) = log.troubles()
    assert "it waits (wait, Condition 1)" in trouble.words


def test_who_waits_with_a_time_out_in_a_run_that_goes_round_was_not_let_go_on() -> None:
    log = waiting(Call("result", 1.0))
    log.end = "livelock"
    assert log.names() == []


def test_threads_of_the_future_itself_may_wait() -> None:
    assert Log(StandardFutures()).stops(3, "get", "SimpleQueue 1").names() == []


def test_a_question_that_would_wait_when_all_is_over() -> None:
    log = Log(StandardFutures()).final(None, None)
    assert log.names() == ["timed calls end"]


def test_what_nothing_explains_is_told_by_another_check() -> None:
    log = Log(StandardFutures()).call(1, Call("done"), Returned(True)).begin(0, Call("result"))
    assert log.stops(0).names() == ["linearizable"]


@pytest.mark.parametrize(
    ("count", "futures", "words"),
    [
        (1, 1, "the future still lists somebody who waits, though every call has come back"),
        (2, 2, "future 1 still lists 2 who wait, though every call has come back"),
    ],
)
def test_who_has_waited_is_in_no_list(count: int, futures: int, words: str) -> None:
    log = Log(StandardFutures(), futures=futures).deliver("submit", TRUE)
    (trouble,) = log.note(h.LISTED, 0, count).troubles()
    assert (trouble.check, trouble.words) == ("no leak", words)
    # Somebody waits still, and may.
    assert log.begin(0, Call("result")).stops(0).names() == []
