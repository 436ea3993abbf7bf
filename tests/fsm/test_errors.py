"""Errors: what they say, what they are caught as, and that they travel."""

import concurrent.futures
import copy
import pickle
from typing import Any

import pytest
from lifecycle_kit import Noting, brought

from futurefsm.fsm import errors
from futurefsm.fsm.errors import LifecycleError, own_error
from futurefsm.fsm.outcomes import REFUSED

PARENTS = {
    "InvalidStateError": concurrent.futures.InvalidStateError,
    "CancelledError": concurrent.futures.CancelledError,
    "FutureTimeoutError": concurrent.futures.TimeoutError,
    "WouldDeadlockError": RuntimeError,
    "WorkerDiedError": RuntimeError,
    "ConnectionLostError": ConnectionError,
    "ClientClosedError": RuntimeError,
    "ResultLostError": RuntimeError,
}


@pytest.mark.parametrize("name", PARENTS)
@pytest.mark.parametrize("travelled", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
def test_errors_with_a_story(name: str, travelled: Any) -> None:
    kind = getattr(errors, name)
    story = brought(Noting(), "finished").story
    error = kind("it went wrong", story)
    error.note = "kept"
    assert isinstance(error, PARENTS[name])
    assert error.story is story
    assert str(error).startswith("it went wrong\nStory: pending → finished\n")
    other = travelled(error)
    assert type(other) is kind
    assert str(other) == str(error)
    assert other.story is None, "the story stays behind; its text travels"
    assert other.note == "kept"


def test_what_errors_know_travels() -> None:
    cancelled, died, lost = (
        errors.CancelledError("c"),
        errors.WorkerDiedError("w"),
        errors.ResultLostError("l"),
    )
    cancelled.outcome, died.exit_code, lost.object_id = REFUSED, -9, b"id"
    others = pickle.loads(pickle.dumps((cancelled, died, lost)))
    assert (others[0].outcome, others[1].exit_code, others[2].object_id) == (REFUSED, -9, b"id")
    assert str(errors.CancelledError()) == ""


def test_lifecycle_error_travels() -> None:
    error = LifecycleError("bad", ("one", "two"))
    assert str(error) == "lifecycle 'bad' does not hold together:\n  - one\n  - two"
    other = pickle.loads(pickle.dumps(error))
    assert (other.lifecycle, other.problems, str(other)) == ("bad", ("one", "two"), str(error))


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (None, "x: its worker died"),
        (0, "x: its worker died with exit code 0"),
        (3, "x: its worker died with exit code 3"),
        (-9, "x: its worker died by signal 9 (SIGKILL)"),
        (-250, "x: its worker died by signal 250 (unknown)"),
    ],
)
def test_a_worker_that_died(code: int | None, text: str) -> None:
    error = own_error("worker_died_error", "x", code, None)
    assert isinstance(error, errors.WorkerDiedError)
    assert (str(error), error.exit_code) == (text, code)


def test_what_is_no_exit_code_is_shown_all_the_same() -> None:
    error = own_error("worker_died_error", "x", "out of memory", None)
    assert isinstance(error, errors.WorkerDiedError)
    assert (str(error), error.exit_code) == ("x: its worker died (out of memory)", None)


def test_a_lost_connection_and_a_closed_client() -> None:
    lost = own_error("connection_lost_error", "x", "silent for 60 s", None)
    assert isinstance(lost, errors.ConnectionLostError)
    assert str(lost) == "x: silent for 60 s"
    assert str(own_error("connection_lost_error", "x", None, None)) == "x: the connection was lost"
    closed = own_error("client_closed_error", "x", None, None)
    assert isinstance(closed, errors.ClientClosedError)
    assert "x: its client was closed" in str(closed)
