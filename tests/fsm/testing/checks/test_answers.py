"""Strange errors, answers taken back, states not read again."""

import pytest
from logs import CANCELLED, FALSE, NONE, TIMEOUT, TRUE, Log

from futurefsm.fsm.events import CANCEL
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.states import PENDING
from futurefsm.fsm.table import ignores
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.history import Raised, Returned
from futurefsm.fsm.testing.programs import Call
from futurefsm.fsm.testing.shipped import ConfirmedFutures, StrictFutures

RESULT = Call("result", 1.0)


@pytest.mark.parametrize(
    ("call", "answer"),
    [
        (Call("done"), Raised("KeyError")),
        (Call("done"), NONE),
        (Call("cancel"), Returned("yes")),
        (Call("add_done_callback"), Raised("CallbackError")),
        (Call("add_done_callback"), TRUE),
        (Call("result"), TIMEOUT),
        (Call("result"), Raised("InvalidStateError")),
        (Call("submit"), Raised("KeyError")),
    ],
)
def test_answers_that_no_future_gives(call: Call, answer: Returned | Raised) -> None:
    assert Log(StandardFutures()).call(0, call, answer).names()[0] == "answers"


def test_a_thread_that_may_not_wait_is_told_so() -> None:
    refused = Raised("WouldDeadlockError")
    assert Log(StrictFutures()).call(0, Call("result"), refused).names() == []
    assert Log(StrictFutures()).call(0, Call("submit"), refused).names() == []


@pytest.mark.parametrize(
    ("call", "answer", "words"),
    [
        (Call("cancelled"), FALSE, "cancelled() of user 2 said False"),
        (Call("cancel"), FALSE, "cancel() of user 2 said False"),
        (Call("result"), Returned("value 1"), "result() of user 2 gave value 1"),
    ],
)
def test_true_is_never_taken_back(call: Call, answer: Returned, words: str) -> None:
    log = Log(ConfirmedFutures()).deliver("submit").begin(0, Call("cancel"))
    log.deliver("result_success").ends(0, TRUE)
    troubles = log.call(1, call, answer).troubles()
    assert troubles[0].check == "agreement"
    assert troubles[0].words.endswith(words)


def test_true_is_not_taken_back_by_the_state_at_the_end() -> None:
    def ends(state: str) -> Log:
        log = Log(ConfirmedFutures()).deliver("submit").begin(0, Call("cancel"))
        return log.deliver("result_success").ends(0, TRUE).final(state, True)

    assert "agreement" not in ends("cancelled").names()
    said = [trouble.words for trouble in ends("finished").troubles()]
    assert "cancel() of user 1 said True, and at the end it is finished" in said


def test_a_cancelled_future_stays_cancelled() -> None:
    log = Log(StandardFutures()).call(0, Call("cancel"), TRUE).call(1, Call("cancelled"), TRUE)
    assert log.call(1, Call("result"), CANCELLED).names() == []


def timed_out(settled: bool) -> Log:
    log = Log(StandardFutures()).deliver("submit", TRUE).begin(0, RESULT)
    log.deliver("result_success")
    if settled:
        log.note(h.WOKE, 0, 0, "finished")
    return log.ends(0, TIMEOUT, moved=True)


def test_a_time_out_of_a_future_that_had_settled_on_waking() -> None:
    assert timed_out(True).names() == ["timed calls re-read"]


def test_a_time_out_that_raced_with_the_settling_is_right() -> None:
    assert timed_out(False).names() == []


def test_who_woke_late_and_looked_again_is_right() -> None:
    log = Log(StandardFutures()).deliver("submit", TRUE).begin(0, RESULT)
    log.deliver("result_success").note(h.WOKE, 0, 0, "finished")
    assert log.ends(0, Returned("value 1"), moved=True).names() == []


MAKES, MADE = (h.MAKING, 0, True), (h.MAKING, 0, False)
WOKE, HAD = (h.WOKE, 0, 0, "finished"), (h.FETCHED, "object 1", 2, (), True)


def fetched(*records: tuple[object, ...]) -> Log:
    log = Log(ConfirmedFutures()).deliver("submit").begin(0, RESULT).deliver("result_success")
    for record in records:
        log.note(*record)
    return log.ends(0, TIMEOUT, moved=True)


def test_a_value_may_come_later_than_the_settling() -> None:
    assert fetched(WOKE, HAD).names() == []
    assert fetched(HAD, WOKE).names() == ["timed calls re-read"]
    of_another = (h.FETCHED, "object 2", 2, (), True)
    assert fetched(of_another, WOKE).names() == []


@pytest.mark.parametrize(
    "records",
    [
        (HAD, MAKES, WOKE, MADE),
        (HAD, MAKES, WOKE),
        # Another was quicker, between the waking and the look.
        (HAD, WOKE, MAKES, MADE),
        # Who made it could not, and another does.
        (HAD, MAKES, MADE, MAKES, WOKE),
    ],
)
def test_a_time_out_while_another_makes_the_value_is_right(
    records: tuple[tuple[object, ...], ...],
) -> None:
    assert fetched(*records).names() == []


@pytest.mark.parametrize(
    "records",
    [
        (HAD, MAKES, MADE, WOKE),
        (HAD, (h.MAKING, 1, True), WOKE, (h.MAKING, 1, True)),
    ],
)
def test_a_value_that_is_made_is_there(records: tuple[tuple[object, ...], ...]) -> None:
    assert fetched(*records).names() == ["timed calls re-read"]


def test_a_value_that_is_made_after_the_answer_was_there() -> None:
    log = fetched(HAD, WOKE).note(*MAKES).note(*MADE)
    assert log.names() == ["timed calls re-read"]


def test_what_was_cancelled_needs_no_value() -> None:
    log = Log(ConfirmedFutures()).deliver("submit").begin(0, RESULT).deliver("disconnect")
    log.note(h.WOKE, 0, 0, "cancelled").ends(0, TIMEOUT, moved=True)
    assert log.names() == ["timed calls re-read"]


def test_where_true_may_be_taken_back_nobody_minds() -> None:
    class Vague(ConfirmedFutures):
        lifecycle = CONFIRMED.derive(
            "vague", ignores(PENDING, CANCEL, why="a promise", answer=True)
        )

    log = Log(Vague()).call(0, Call("cancel", 0), TRUE).call(1, Call("cancelled"), FALSE)
    assert log.names() == []


def test_a_cancel_that_raises() -> None:
    log = Log(ConfirmedFutures()).deliver("submit").call(0, Call("cancel"), Raised("KeyError"))
    assert log.names()[0] == "answers"
