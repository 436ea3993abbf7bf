"""How a class of futures is made, fed and looked at."""

import asyncio
import concurrent.futures
from typing import Any

import pytest

from futurefsm.fsm.errors import ConnectionLostError, WorkerDiedError
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.testing.subject import UNKNOWN, Subject

STANDARD = Subject(concurrent.futures.Future)
OURS = Subject(Future, CONFIRMED)


def test_what_a_standard_future_can_do() -> None:
    future = STANDARD.make()
    assert STANDARD.lifecycle is STRICT
    assert STANDARD.wire_events(future) == ()
    assert STANDARD.methods(future) == (
        "set_running_or_notify_cancel",
        "set_result",
        "set_exception",
    )
    assert STANDARD.usable(future) == ("submit", "cancel", "result_success", "result_failed")
    assert STANDARD.tells_waiters(future)
    assert not STANDARD.takes_timeout(future)
    assert STANDARD.state(future) is None
    assert STANDARD.view(future) == "PENDING"
    assert STANDARD.outcome(future) == UNKNOWN
    assert STANDARD.effects(future) is None
    assert STANDARD.is_own_error(future, "worker_died_error", RuntimeError())
    assert STANDARD.cancel(future) is True


def test_what_one_of_ours_can_do() -> None:
    future = OURS.make()
    assert OURS.wire_events(future) == tuple(e for e in CONFIRMED.events if e != "cancel")
    assert "set_cancel_confirmed" in OURS.methods(future)
    assert OURS.takes_timeout(future)
    OURS.deliver(future, "submit", None)
    assert OURS.state(future) == "running"
    assert OURS.view(future) == "RUNNING"
    assert OURS.cancel(future) is True
    assert OURS.outcome(future) == "unanswered"
    assert OURS.is_own_error(future, "worker_died_error", WorkerDiedError())
    assert not OURS.is_own_error(future, "worker_died_error", ConnectionLostError())


def test_what_an_author_says() -> None:
    fired: list[Any] = []
    subject = Subject(
        concurrent.futures.Future,
        CONFIRMED,
        fire=lambda future, event, value: fired.append((event, value)),
        events=["submit"],
        state=lambda future: "pending",
        effects=lambda future: ["send_task"],
        name="mine",
    )
    future = subject.make()
    assert subject.wire_events(future) == ("submit",)
    subject.deliver(future, "submit", 3)
    assert fired == [("submit", 3)]
    assert subject.state(future) == "pending"
    assert subject.effects(future) == ["send_task"]


def test_a_stranger() -> None:
    """Nothing is asked that it does not have."""

    class Stranger:
        cancel = asyncio.Future.cancel  # no signature that could be read of this descriptor
        _state = "SOMETHING"

    stranger: Any = Stranger()
    assert STANDARD.methods(stranger) == ()
    assert not STANDARD.tells_waiters(stranger)
    assert STANDARD.view(stranger) is None
    stranger.cancel = dict.get
    assert STANDARD.takes_timeout(stranger) is False
    stranger.cancel = print
    assert STANDARD.takes_timeout(stranger) is False
    stranger.cancel = None
    assert STANDARD.takes_timeout(stranger) is False


@pytest.mark.parametrize(
    ("make", "lifecycle", "words"),
    [(Future(), STRICT, "make must make futures"), (Future, "strict", "lifecycle is 'strict'")],
)
def test_wrong_types_are_told_at_once(make: Any, lifecycle: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words):
        Subject(make, lifecycle)
