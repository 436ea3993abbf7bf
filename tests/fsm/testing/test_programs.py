"""Programs: data that can be printed, stored and read again."""

import json

import pytest

from futurefsm.fsm.testing.programs import Call, Move, Program

PROGRAM = Program(
    ((Call("cancel", 1.0), Call("done")), (Call("wait", how="first"),)),
    (Move("submit"), Move.await_("TaskCancel"), Move("result_success", forced=True)),
    ("fetch fails",),
    1,
    1,
)


def test_a_program_is_read_as_it_was_written() -> None:
    assert Program.from_data(json.loads(json.dumps(PROGRAM.as_data()))) == PROGRAM


def test_what_is_no_program_is_refused() -> None:
    with pytest.raises(ValueError, match="no program"):
        Program.from_data([1, 2, 3, 4, 5])


def test_a_program_says_who_does_what() -> None:
    assert str(PROGRAM).splitlines() == [
        "user 1: cancel(timeout=1), done()",
        "user 2: wait(first)",
        "before: submit",
        "pump: await TaskCancel, result_success",
        "faults: fetch fails",
    ]


def test_with_two_futures_it_says_which() -> None:
    program = Program(((Call("cancel", future=1), Call("wait")), ()), (Move("submit", 1),), (), 2)
    assert str(program).splitlines() == [
        "user 1: cancel() of future 2, wait()",
        "user 2: nothing",
        "pump: submit of future 2",
    ]


def test_calls_are_counted() -> None:
    assert PROGRAM.calls == 3
    assert Call("wait").on_all
    assert not Call("result").on_all
