"""Linearizability against the table."""

import random
from itertools import permutations
from time import process_time

import pytest

from futurefsm.fsm import effects as fx
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.story import CALLER, WIRE
from futurefsm.fsm.testing import linear
from futurefsm.fsm.testing.history import NEVER, Error, Raised, Returned
from futurefsm.fsm.testing.linear import Judge, Model, Op, shortest

VALUE = Returned("value 1")
CANCELLED = Raised("CancelledError")
TIMEOUT = Raised("TimeoutError")
INVALID = Raised("InvalidStateError")


def event(name: str, answer: object = None, brings: object = None, by: str = WIRE) -> tuple:  # type: ignore[type-arg]
    return (linear.EVENT, name, by, brings, answer)


def ops(*said: tuple[int, int, tuple]) -> list[Op]:  # type: ignore[type-arg]
    return [Op(begin, end, what) for begin, end, what in said]


SUBMIT = (0, 1, event("submit"))
CANCEL = event("cancel", Returned(True), by=CALLER)
SUCCESS = event("result_success", None, VALUE)


def test_calls_one_after_the_other_follow_the_table() -> None:
    told = Judge(CONFIRMED).explain(
        ops(SUBMIT, (2, 3, (linear.DONE, False)), (4, 5, SUCCESS), (6, 7, (linear.RESULT, VALUE)))
    )
    assert told is not None
    assert told.order == (0, 1, 2, 3)
    assert told.rows == (("pending", "submit"), ("running", "result_success"))
    assert told.end.state == "finished"


def test_calls_at_the_same_time_may_have_come_in_any_order() -> None:
    judge = Judge(CONFIRMED)
    for done in (True, False):
        assert judge.explain(ops(SUBMIT, (2, 5, SUCCESS), (3, 4, (linear.DONE, done))))


def test_an_answer_that_comes_too_early_is_not_explained() -> None:
    judge = Judge(CONFIRMED)
    assert not judge.explain(ops(SUBMIT, (2, 3, (linear.DONE, True)), (4, 5, SUCCESS)))


def test_two_answers_that_contradict_each_other() -> None:
    judge = Judge(CONFIRMED)
    seen = (linear.DONE, True), (linear.DONE, False)
    assert not judge.explain(ops(SUBMIT, (2, 9, SUCCESS), (3, 4, seen[0]), (5, 6, seen[1])))
    assert judge.explain(ops(SUBMIT, (2, 9, SUCCESS), (3, 4, seen[1]), (5, 6, seen[0])))


def test_what_did_not_answer_took_place_or_not() -> None:
    judge = Judge(CONFIRMED)
    for done in (True, False):
        assert judge.explain(ops(SUBMIT, (2, NEVER, SUCCESS), (3, 4, (linear.DONE, done))))
    ends = judge.ends(ops(SUBMIT, (2, NEVER, SUCCESS)))
    assert {end.state for end in ends} == {"running", "finished"}


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        (VALUE, True),
        (Returned("value 2"), False),
        (Returned(None), False),
        (Raised("TaskError", "error 1"), False),
        (CANCELLED, False),
        (TIMEOUT, False),
    ],
)
def test_result_of_a_finished_future(answer: object, right: bool) -> None:
    history = ops(SUBMIT, (2, 3, SUCCESS), (4, 5, (linear.RESULT, answer)))
    assert bool(Judge(CONFIRMED).explain(history)) is right


def test_exception_returns_the_error_of_the_task() -> None:
    failed = event("result_failed", None, Raised("TaskError", "error 1"))
    judge = Judge(CONFIRMED)
    for answer, right in [
        (Returned(Error("TaskError", "error 1")), True),
        (Returned(None), False),
        (Raised("TaskError", "error 1"), False),
    ]:
        history = ops(SUBMIT, (2, 3, failed), (4, 5, (linear.EXCEPTION, answer)))
        assert bool(judge.explain(history)) is right
    told = ops(SUBMIT, (2, 3, SUCCESS), (4, 5, (linear.EXCEPTION, Returned(None))))
    assert judge.explain(told)


def test_an_error_of_the_tables_own_may_be_of_any_class() -> None:
    judge = Judge(CONFIRMED)
    died = (2, 3, event("result_worker_died"))
    assert judge.explain(ops(SUBMIT, died, (4, 5, (linear.RESULT, Raised("WorkerDiedError")))))
    error = Returned(Error("WorkerDiedError"))
    assert judge.explain(ops(SUBMIT, died, (4, 5, (linear.EXCEPTION, error))))
    assert not judge.explain(ops(SUBMIT, died, (4, 5, (linear.RESULT, VALUE))))
    assert not judge.explain(ops(SUBMIT, died, (4, 5, (linear.RESULT, INVALID))))


def test_a_time_out_needs_a_moment_in_which_it_was_open() -> None:
    judge = Judge(CONFIRMED)
    assert judge.explain(ops(SUBMIT, (2, 5, (linear.RESULT, TIMEOUT)), (3, 4, SUCCESS)))
    assert not judge.explain(ops(SUBMIT, (2, 3, SUCCESS), (4, 5, (linear.RESULT, TIMEOUT))))


def test_where_a_value_is_fetched_a_time_out_may_come_after_the_settling() -> None:
    history = ops(SUBMIT, (2, 3, SUCCESS), (4, 5, (linear.RESULT, TIMEOUT)))
    assert Judge(CONFIRMED, late=True).explain(history)
    gone = ops(SUBMIT, (2, 3, event("disconnect")), (4, 5, (linear.RESULT, TIMEOUT)))
    assert not Judge(CONFIRMED, late=True).explain(gone)


def test_a_value_that_cannot_be_had() -> None:
    judge = Judge(CONFIRMED, lost=("ResultLostError",))
    finished = (SUBMIT, (2, 3, SUCCESS))
    assert judge.explain(ops(*finished, (4, 5, (linear.RESULT, Raised("ResultLostError")))))
    error = Returned(Error("ResultLostError"))
    assert judge.explain(ops(*finished, (4, 5, (linear.EXCEPTION, error))))
    assert not judge.explain(ops(*finished, (4, 5, (linear.RESULT, Returned(None)))))


def test_a_confirmed_cancel_is_never_taken_back() -> None:
    judge = Judge(CONFIRMED)
    asked = (SUBMIT, (2, 3, CANCEL), (4, 5, SUCCESS))
    assert judge.explain(ops(*asked, (6, 7, (linear.CANCELLED, True))))
    assert not judge.explain(ops(*asked, (6, 7, (linear.CANCELLED, False))))
    assert judge.explain(ops(*asked, (6, 7, (linear.RESULT, CANCELLED))))
    assert not judge.explain(ops(*asked, (6, 7, (linear.RESULT, VALUE))))


def test_what_a_caller_may_not_do_is_refused_to_him_and_moves_nothing() -> None:
    judge = Judge(STRICT)
    cancelled = (0, 1, CANCEL)
    assert judge.explain(ops(cancelled, (2, 3, event("result_success", INVALID, VALUE, CALLER))))
    said = event("result_success", Returned(None), VALUE, CALLER)
    assert not judge.explain(ops(cancelled, (2, 3, said)))
    wired = event("result_success", Returned(None), VALUE, WIRE)
    assert judge.explain(ops(cancelled, (2, 3, wired)))
    right = event("result_success", INVALID, VALUE, CALLER)
    assert not judge.explain(ops((0, 1, right)))


def test_an_ask_leaves_a_settled_future_alone() -> None:
    judge = Judge(CONFIRMED)
    ask = event(linear.ASK, None, by=CALLER)
    ends = judge.ends(ops(SUBMIT, (2, 3, SUCCESS), (4, 5, ask)))
    assert {end.state for end in ends} == {"finished"}
    ends = judge.ends(ops(SUBMIT, (2, 3, ask)))
    assert {end.state for end in ends} == {"cancel_requested"}


def test_steps_of_one_call_keep_their_order() -> None:
    judge = Judge(CONFIRMED)
    waits = [
        Op(0, 1, event("submit")),
        Op(2, 9, CANCEL),
        Op(2, 9, (linear.SETTLED, True), follows=True),
    ]
    assert not judge.explain(waits)
    answered = [*waits, Op(3, 4, event("confirm_canceled"))]
    assert judge.explain(answered)


def test_a_cancel_that_was_not_announced_is_seen_by_nobody_who_waits() -> None:
    judge = Judge(STRICT)
    cancel = (0, 1, CANCEL)
    assert judge.explain(ops(cancel, (2, 3, (linear.ANNOUNCED, False))))
    announced = (2, 3, event("submit", Returned(False), by=CALLER))
    assert judge.explain(ops(cancel, announced, (4, 5, (linear.ANNOUNCED, True))))


def test_outcome_and_messages() -> None:
    judge = Judge(CONFIRMED, outcomes=True, counted=(fx.SEND_CANCEL, fx.SEND_TASK))
    asked = (SUBMIT, (2, 3, CANCEL), (4, 5, event("confirm_failed")))
    assert judge.explain(ops(*asked, (6, 6, (linear.OUTCOME, "refused"))))
    assert not judge.explain(ops(*asked, (6, 6, (linear.OUTCOME, "unanswered"))))
    assert judge.explain(ops(*asked, (6, 6, (linear.COUNT, fx.SEND_CANCEL, 1))))
    assert not judge.explain(ops(*asked, (6, 6, (linear.COUNT, fx.SEND_CANCEL, 2))))
    assert judge.explain(ops(*asked, (6, 6, (linear.COUNT, fx.SEND_TASK, 1))))
    assert not judge.explain(ops(*asked, (6, 6, (linear.COUNT, fx.SEND_TASK, 2))))


def test_states_and_running() -> None:
    judge = Judge(CONFIRMED)
    assert judge.explain(ops(SUBMIT, (2, 2, (linear.STATE, "running"))))
    assert judge.explain(ops(SUBMIT, (2, 2, (linear.RUNNING, True))))
    assert not judge.explain(ops(SUBMIT, (2, 2, (linear.STATE, "pending"))))


def test_the_shortest_beginning_that_nothing_explains() -> None:
    judge = Judge(CONFIRMED)
    history = ops(
        SUBMIT,
        (2, 3, CANCEL),
        (4, 8, SUCCESS),
        (5, 6, (linear.CANCELLED, False)),
        (9, 10, (linear.DONE, True)),
    )
    found = shortest(judge, history)
    assert found is not None
    numbers, last, before = found
    assert last == 3
    assert numbers == [0, 1, 2, 3]
    assert {model.state for model in before} == {"cancel_requested"}


def test_what_can_be_explained_has_no_such_beginning() -> None:
    judge = Judge(CONFIRMED)
    assert shortest(judge, ops(SUBMIT, (2, 3, SUCCESS))) is None
    assert shortest(judge, ops(SUBMIT, (2, NEVER, SUCCESS))) is None


def lazily(judge: Judge, history: list[Op]) -> bool:
    """The definition: try every order."""
    for order in permutations(range(len(history))):
        place = {number: at for at, number in enumerate(order)}
        if any(
            history[a].end < history[b].begin and place[a] > place[b]
            for a in range(len(history))
            for b in range(len(history))
        ):
            continue
        model: Model | None = judge.start
        for number in order:
            model = judge.step(model, history[number].what)
            if model is None:
                break
        else:
            return True
    return False


def drawn(chance: random.Random, length: int) -> list[Op]:
    kinds: list[tuple] = [  # type: ignore[type-arg]
        CANCEL,
        SUCCESS,
        event("submit"),
        event("confirm_canceled"),
        (linear.DONE, True),
        (linear.DONE, False),
        (linear.CANCELLED, True),
        (linear.CANCELLED, False),
        (linear.RESULT, VALUE),
        (linear.RESULT, CANCELLED),
        (linear.RESULT, TIMEOUT),
    ]
    history = []
    for number in range(length):
        begin = number * 4 + chance.randrange(4) - chance.randrange(12)
        history.append(Op(begin, begin + 1 + chance.randrange(16), chance.choice(kinds)))
    return sorted(history, key=lambda op: op.begin)


def test_it_agrees_with_trying_every_order() -> None:
    chance = random.Random(4)
    judge = Judge(CONFIRMED)
    verdicts = set()
    for _ in range(400):
        history = drawn(chance, 5)
        said = judge.explain(history) is not None
        assert said is lazily(judge, history), history
        verdicts.add(said)
    assert verdicts == {True, False}


def test_twelve_operations_take_no_time() -> None:
    """50 µs on a quiet machine; ten times that here, so that no busy one makes it red."""
    chance = random.Random(1)
    judge = Judge(CONFIRMED)
    histories = [[Op(-2, -1, event("submit")), *drawn(chance, 11)] for _ in range(200)]
    for history in histories:
        judge.explain(history)
    began = process_time()
    for history in histories:
        judge.explain(history)
    assert (process_time() - began) / len(histories) < 500e-6
