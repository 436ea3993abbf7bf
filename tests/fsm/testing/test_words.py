"""Values and answers in words."""

import concurrent.futures
import pickle
from typing import Any

import pytest

from futurefsm.fsm.errors import FutureTimeoutError
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.testing import words
from futurefsm.fsm.testing.aside import Got
from futurefsm.fsm.testing.model import Model


def test_values_are_known_by_their_numbers() -> None:
    copy = pickle.loads(pickle.dumps(words.Value(3)))
    assert words.said(Got(copy)) == "value 3"
    copied = pickle.loads(pickle.dumps(words.TaskError(4)))
    assert words.said(Got(error=copied)) == "raises error 4"
    assert words.said(Got(copied)) == "error 4"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (concurrent.futures.CancelledError(), words.CANCELLED),
        (concurrent.futures.InvalidStateError(), words.INVALID),
        (FutureTimeoutError(), words.TIMED_OUT),
        (KeyError("key"), "raises KeyError: 'key'"),
    ],
)
def test_errors(error: BaseException, said: str) -> None:
    assert words.said(Got(error=error)) == said
    assert words.is_standard(error) == (not isinstance(error, KeyError))


def test_long_ones_are_cut() -> None:
    assert len(words.short("x" * 500)) == 60
    assert words.short("two\nlines", quoted=False) == "two lines"


def test_an_event_and_its_value() -> None:
    assert words.shown("submit", None) == "submit"
    assert words.shown("result_success", words.Value(1)) == "result_success value 1"


@pytest.mark.parametrize(
    ("events", "result", "exception", "told"),
    [
        (("submit",), words.TIMED_OUT, words.TIMED_OUT, None),
        (("cancel",), words.CANCELLED, words.CANCELLED, "cancelled"),
        (("submit", "result_success"), "value 1", "None", "result"),
        (("submit", "result_failed"), "raises value 1", "value 1", "exception"),
        (
            ("submit", "connection_lost"),
            "raises connection_lost_error",
            "connection_lost_error",
            "exception",
        ),
    ],
)
def test_what_the_table_expects(events: Any, result: str, exception: str, told: Any) -> None:
    model = Model(CONFIRMED)
    for event in events:
        model.take(event, words.Value(1))
    assert words.answer(model, "result") == result
    assert words.answer(model, "exception") == exception
    assert told is None or words.told(model) == told


def test_lists() -> None:
    assert words.listed([]) == "nothing"
    assert words.listed([1, "b"]) == "1, b"
    assert repr(words.sides([2, 1], [])) == "done: 1, 2; not done: nothing"
