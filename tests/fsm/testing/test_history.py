"""What was seen of a run, read."""

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.history import Raised, Returned, Seen, read
from futurefsm.fsm.testing.programs import Call, Move, Program

PROGRAM = Program(
    ((Call("done"), Call("add_done_callback", how="asks")), (Call("result"),)),
    (Move("submit"), Move("result_success")),
)
LOG = (
    (h.CALL, 0, 0),
    (h.DELIVER, 0),
    (h.ANSWER, 0, 0, Returned(False), False),
    (h.DELIVERED, 0, Returned(True)),
    (h.CALL, 0, 1),
    (h.ADDS, 1, 0, 1),
    (h.ANSWER, 0, 1, Returned(None), True),
    (h.CALL, 1, 0),
    (h.DELIVER, 1),
    (h.STATE, 0, "finished"),
    (h.CALLBACK, 1, 0, 2, ()),
    (h.CALL, -1, 0),
    (h.ANSWER, -1, 0, Returned(True), False),
)


def test_calls_have_their_beginnings_and_ends() -> None:
    found = read(Seen(PROGRAM, LOG, "deadlock"))
    done, add, result, inside = found.made
    assert (done.begin, done.end, done.answer) == (0, 2, Returned(False))
    assert (result.begin, result.end, result.answer) == (7, h.NEVER, None)
    assert add.clock_moved
    assert inside.call == Call("done")
    assert [each.by for each in found.made] == ["user 1", "user 1", "user 2", "callback 1"]


def test_deliveries_have_them_too() -> None:
    submit, success = read(Seen(PROGRAM, LOG)).brought
    assert (submit.begin, submit.end, submit.answer) == (1, 3, Returned(True))
    assert (success.move.event, success.end) == ("result_success", h.NEVER)


def test_a_callback_knows_the_call_that_added_it() -> None:
    assert read(Seen(PROGRAM, LOG)).adds[1].end == 6


def test_other_records_keep_their_time() -> None:
    found = read(Seen(PROGRAM, LOG))
    assert found.of(h.STATE) == [(9, 0, "finished")]
    assert found.of(h.SENT) == []
    assert found.length == len(LOG)


def test_answers_in_words() -> None:
    assert str(Returned(True)) == "True"
    assert str(Raised("TimeoutError")) == "raised TimeoutError"
    assert str(Raised("TaskError", "error 1")) == "raised TaskError(error 1)"
    assert str(h.Error("TaskError", "error 1")) == "TaskError(error 1)"
