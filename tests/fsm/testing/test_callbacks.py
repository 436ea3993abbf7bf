"""Callbacks of every kind: what they ought to hear, and what they hear."""

import concurrent.futures
from contextlib import suppress
from typing import Any

import pytest
from broken_futures import Another, Noting, OwnLock, UnderTheLock

from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.testing.bench import Bench
from futurefsm.fsm.testing.callbacks import KINDS, Callback, Waiter
from futurefsm.fsm.testing.differs import Differs
from futurefsm.fsm.testing.subject import Subject


def heard(kind: Any, *kinds: str, patience_s: float = 30.0) -> tuple[str, str]:
    """What callbacks of a future that finishes ought to hear, and what they hear."""
    lifecycle = CONFIRMED if kind is Noting else STRICT
    bench = Bench(Subject(kind, lifecycle), patience_s)
    try:
        future = bench.make("running")
        for each in kinds:
            future.add_callback(each)
        with suppress(Differs):
            future.method("set_result")
        return future.heard.both()
    finally:
        bench.close()


def test_each_kind() -> None:
    expected, came = heard(concurrent.futures.Future, *KINDS)
    assert expected == came
    assert came == "1, 2, 3 (cancelled() False, result() value 1), 4 (cancel() False), 5, 5b"


def test_one_that_cancels() -> None:
    """Who comes behind it sees a cancelled future, where the lifecycle lets it."""
    expected, came = heard(Noting, "cancel", "ask")
    assert expected == came
    assert came == "1 (cancel() True), 2 (cancelled() True, result() raises CancelledError)"


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (UnderTheLock, "1 (under the future's lock)"),
        (Another, "1 (with another future)"),
    ],
)
def test_what_is_wrong_is_said(kind: Any, wrong: str) -> None:
    expected, came = heard(kind, "note")
    assert expected == "1"
    assert came == wrong


def test_a_question_of_another_thread_that_hangs_is_asked_once() -> None:
    _expected, came = heard(OwnLock, "note", "note", patience_s=2.0)
    assert came == "1 (while another thread's done() hangs), 2"


def test_words() -> None:
    assert repr(Callback("1", "note")) == "callback 1"
    assert repr(Callback("2", "ask")) == "callback 2, which does 'ask'"
    waiter = Waiter(1)
    waiter.add_result(None)
    waiter.add_exception(None)
    waiter.add_cancelled(None)
    assert waiter.told == ["result", "exception", "cancelled"]
