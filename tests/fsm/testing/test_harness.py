"""How a future class is made, fed and called."""

import asyncio
import concurrent.futures
from typing import Any

import pytest

from futurefsm.fsm.testing.env import Env
from futurefsm.fsm.testing.harness import Harness, StandardFutures
from futurefsm.fsm.testing.programs import Call, Program
from futurefsm.fsm.testing.threads.scheduler import Arena

Standard = concurrent.futures.Future


class Outside:
    """No run: what a harness needs of an arena outside."""

    current = None


@pytest.fixture
def env() -> Env:
    made: Any = Outside()
    arena: Arena = made
    env = Env(StandardFutures(), Program(((Call("done"),),)), arena)
    env.futures = [StandardFutures().make(env)]
    return env


def test_a_harness_has_to_say_how_to_make_its_future(env: Env) -> None:
    with pytest.raises(NotImplementedError, match="def make"):
        Harness().make(env)
    assert StandardFutures().name == "StandardFutures"


def test_events_become_calls_of_an_executor(env: Env) -> None:
    harness, future = StandardFutures(), env.futures[0]
    assert harness.state(future) == "pending"
    assert harness.deliver(env, future, "submit", None) is True
    assert harness.state(future) == "running"
    harness.deliver(env, future, "result_success", 1)
    assert future.result() == 1
    with pytest.raises(concurrent.futures.InvalidStateError):
        harness.deliver(env, future, "submit", None)
    failed: Standard[int] = Standard()
    harness.deliver(env, failed, "result_failed", KeyError())
    assert isinstance(failed.exception(), KeyError)


def test_a_start_that_was_refused_is_refused_again(env: Env) -> None:
    harness, future = StandardFutures(), env.futures[0]
    future.cancel()
    assert harness.deliver(env, future, "submit", None) is False
    assert harness.deliver(env, future, "submit", None) is False
    assert harness.state(future) == "cancelled"


def test_an_error_of_the_start_itself_comes_out(env: Env) -> None:
    class Broken:
        def set_running_or_notify_cancel(self) -> None:
            raise RecursionError("deep")

    with pytest.raises(RecursionError):
        StandardFutures().deliver(env, Broken(), "submit", None)


def test_other_events_are_fired(env: Env) -> None:
    fired: list[Any] = []

    class Fires:
        def fire(self, *said: Any) -> None:
            fired.append(said)

    assert StandardFutures().deliver(env, Fires(), "disconnect", None) is None
    assert fired == [("disconnect", None, "caller")]


def test_calls_with_and_without_a_time_out(env: Env) -> None:
    harness, future = StandardFutures(), env.futures[0]
    future.set_result(5)
    assert harness.call(env, future, Call("result")) == 5
    assert harness.call(env, future, Call("result", 1.0)) == 5
    assert harness.call(env, future, Call("wait")) == ((0,), ())
    assert harness.call(env, future, Call("wait", how="first")) == ((0,), ())
    assert harness.call(env, future, Call("as_completed", 1.0)) == (0,)


def test_a_class_that_tells_no_state(env: Env) -> None:
    assert StandardFutures().state(object()) is None


def test_outcomes_are_names() -> None:
    class Cancelled:
        cancel_outcome: object = None

    future = Cancelled()
    assert StandardFutures().outcome(future) is None
    future.cancel_outcome = 7
    assert StandardFutures().outcome(future) == "7"


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (concurrent.futures.CancelledError(), "CancelledError"),
        (asyncio.CancelledError(), "CancelledError"),
        (TimeoutError(), "TimeoutError"),
        (concurrent.futures.InvalidStateError(), "InvalidStateError"),
        (asyncio.InvalidStateError(), "InvalidStateError"),
        (KeyError(), "KeyError"),
    ],
)
def test_errors_by_the_tables_names(error: BaseException, name: str) -> None:
    assert StandardFutures().error_name(error) == name


def test_who_waits_is_counted_where_the_standard_library_lists_them() -> None:
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()
    assert StandardFutures().listed(future) == 0
    future._waiters.append(object())  # type: ignore[attr-defined]
    future._condition._waiters.append(object())  # type: ignore[attr-defined]
    assert StandardFutures().listed(future) == 2

    class Slots:
        __slots__ = ("_condition",)

    assert StandardFutures().listed(Slots()) == 0
