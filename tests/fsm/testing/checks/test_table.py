"""Answers, values, outcomes and messages, held against the table."""

from collections.abc import Mapping

from logs import NONE, TRUE, Log

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.history import Raised, Returned
from futurefsm.fsm.testing.programs import Call
from futurefsm.fsm.testing.shipped import ConfirmedFutures


class Disconnecting(ConfirmedFutures):
    events: Mapping[str, tuple[str, ...]] = {
        "cancel": ("cancel",),
        "disconnect": ("ask", "disconnect"),
    }


def test_the_story_of_what_cannot_be_explained() -> None:
    log = Log(StandardFutures()).deliver("submit", TRUE).call(0, Call("cancel"), Returned(False))
    (trouble,) = log.call(1, Call("done"), TRUE).troubles()
    assert trouble.check == "linearizable"
    assert trouble.words == (
        "done() of user 2 → True, which no order of the calls explains after submit → True, "
        "cancel() of user 1 → False: it was running"
    )


def test_another_value_than_that_of_the_task() -> None:
    log = Log(StandardFutures()).deliver("submit", TRUE).deliver("result_success")
    assert log.call(0, Call("result"), Returned("value 1")).names() == []
    (trouble,) = log.call(0, Call("result"), NONE).troubles()
    assert trouble.check == "value"
    assert trouble.words.startswith("result() of user 1 → None, which no order")


def test_an_error_of_the_task_is_its_own() -> None:
    log = Log(StandardFutures()).deliver("submit", TRUE).deliver("result_failed")
    assert log.call(0, Call("result"), Raised("TaskError", "error 1")).names() == []
    assert log.call(0, Call("result"), Raised("TaskError", "error 2")).names() == ["value"]


def test_in_a_store_a_second_message_is_about_the_same_object() -> None:
    log = Log(ConfirmedFutures()).deliver("result_success").deliver("submit")
    log.deliver("result_success")
    assert log.call(0, Call("result"), Returned("value 0")).names() == []


def asked(*, sent: int = 1, outcome: str | None = "refused") -> Log:
    log = Log(ConfirmedFutures()).deliver("submit").begin(0, Call("cancel"))
    for _ in range(sent):
        log.note(h.SENT, "TaskCancel", 0, 0, ())
    log.ends(0, TRUE, moved=True).deliver("confirm_failed")
    return log.final("cancel_requested", False, outcome)


def test_one_task_cancel_and_what_became_of_it() -> None:
    assert asked().names() == []
    (trouble,) = asked(sent=2).troubles()
    assert trouble == ("one TaskCancel", "TaskCancel was sent twice; the table says once")
    assert asked(sent=0).names() == ["one TaskCancel"]
    (trouble,) = asked(outcome=None).troubles()
    assert trouble == ("outcome", "cancel_outcome is None at the end; the table says refused")


def test_a_task_is_sent_once() -> None:
    log = Log(ConfirmedFutures()).deliver("submit")
    for _ in range(2):
        log.note(h.SENT, "Task", 0, None, ())
    (trouble,) = log.final("running", False).troubles()
    assert trouble == ("protocol", "Task was sent 3 times; the table says once")
    never = Log(ConfirmedFutures()).deliver("submit", sends=False)
    (trouble,) = never.final("running", False).troubles()
    assert trouble == ("protocol", "Task was sent never; the table says once")


CANCEL = Call("cancel")


def asked_too_early(*, moved: bool = False, other: Call = CANCEL, answered: bool = False) -> Log:
    log = Log(ConfirmedFutures()).deliver("submit").begin(0, other)
    log.note(h.SENT, "TaskCancel", 0, 0, ())
    if answered:
        log.deliver("confirm_canceled")
    log.begin(1, Call("cancelled")).ends(1, TRUE, moved=moved)
    if not answered:
        log.deliver("confirm_canceled")
    return log.ends(0, TRUE).final("cancelled", True, "confirmed")


def test_a_cancelled_that_does_not_wait_for_the_answer() -> None:
    assert asked_too_early().names() == ["linearizable"]
    # A timer has fired, and it may have been that of the cancel.
    assert asked_too_early(moved=True).names() == []
    assert asked_too_early(other=Call("cancel", 0.0)).names() == []
    assert asked_too_early(answered=True).names() == []


def cancelled(call: Call, *, moved: bool) -> list[str]:
    log = Log(ConfirmedFutures()).deliver("submit").begin(0, call)
    return log.note(h.SENT, "TaskCancel", 0, 0, ()).ends(0, TRUE, moved=moved).names()


def test_a_cancel_that_does_not_wait_for_the_answer() -> None:
    assert cancelled(Call("cancel"), moved=False) == ["linearizable"]
    assert cancelled(Call("cancel", 0), moved=False) == []
    assert cancelled(Call("cancel"), moved=True) == []


def test_a_disconnect_asks_first_and_then_ends_it() -> None:
    log = Log(Disconnecting()).deliver("submit").begin(0, Call("disconnect"))
    log.note(h.SENT, "TaskCancel", 0, 0, ()).ends(0, NONE)
    assert log.final("cancelled", True, "disconnected").names() == []


def test_the_end_is_held_against_the_table_too() -> None:
    log = Log(StandardFutures()).deliver("submit", TRUE).deliver("result_success")
    (trouble,) = log.final("running", False).troubles()
    assert trouble.check == "linearizable"
    assert "the state at the end: running" in trouble.words


def test_events_that_did_not_come_back_are_said_without_an_answer() -> None:
    log = Log(StandardFutures()).deliver("submit", TRUE).begin(0, Call("cancel"))
    (trouble,) = log.call(1, Call("running"), Returned(False)).troubles()
    assert "cancel() of user 1:" in trouble.words


def test_rows_that_were_taken_are_told() -> None:
    log = Log(StandardFutures()).deliver("submit", TRUE).deliver("result_success")
    history = h.read(log.seen())
    from futurefsm.fsm.testing import checks
    from futurefsm.fsm.testing.stage import subject_of

    checks.judge(history, subject_of(StandardFutures()))
    assert history.rows == {("pending", "submit"), ("running", "result_success")}
