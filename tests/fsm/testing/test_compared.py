"""One future beside its model: every call is made of both."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from broken_futures import Blind, Mute, Noting, Plain, Raises

from futurefsm.fsm import events as ev
from futurefsm.fsm import states as st
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.table import violates
from futurefsm.fsm.testing.bench import Bench
from futurefsm.fsm.testing.differs import Differs
from futurefsm.fsm.testing.subject import Subject


@pytest.fixture
def ours() -> Iterator[Bench]:
    bench = Bench(Subject(Noting, CONFIRMED, effects=lambda future: future.performed), 30.0)
    yield bench
    bench.close()


def last(bench: Bench) -> str:
    return bench.story[-1].split(": ", 1)[1]


def test_a_life(ours: Bench) -> None:
    future = ours.make()
    future.watch()
    future.add_callback("ask")
    future.deliver("submit")
    future.cancel(wait=True)
    assert last(ours).startswith("cancel(timeout=1e-06) → True   (running, cancel)")
    future.cancelled()
    future.result()
    assert last(ours) == "result(timeout=0) → raises TimeoutError"
    future.fire("result_success")
    assert last(ours).startswith("fire(result_success value 1, source='caller') → ")
    future.exception(wait=True)
    assert last(ours) == "exception(timeout=None) → raises CancelledError"
    future.method("set_canceled")
    future.repr()
    future.happen("cancel")
    future.happen("disconnect")


def test_what_a_caller_must_not_do(ours: Bench) -> None:
    future = ours.make("running")
    future.fire("submit")
    assert "raises InvalidStateError   (running, submit) violation" in last(ours)
    future.method("set_running_or_notify_cancel")
    future.deliver("submit")
    assert "→ None" in last(ours)


def test_the_error_that_the_table_names(ours: Bench) -> None:
    future = ours.make("running")
    future.deliver("result_worker_died")
    future.result()
    assert last(ours) == "result(timeout=0) → raises worker_died_error"
    future.exception()
    assert last(ours) == "exception(timeout=0) → worker_died_error"


def test_another_error_than_the_table_names() -> None:
    class Other(Future[Any]):
        def _own_error(self, *_of: Any) -> BaseException:
            return ZeroDivisionError("another")

    bench = Bench(Subject(Other, CONFIRMED), 30.0)
    future = bench.make("running")
    future.deliver("connection_lost")
    with pytest.raises(Differs) as found:
        future.result()
    assert found.value.expected == "raises connection_lost_error"
    assert found.value.got == "raises ZeroDivisionError: another"
    bench.close()


def test_under_strict_a_request_has_no_timer() -> None:
    bench = Bench(Subject(lambda: Noting(STRICT), STRICT), 30.0)
    future = bench.make("running")
    future.cancel(wait=True)
    assert last(bench).startswith("cancel(timeout=1e-06) → False")
    bench.close()


def test_a_cancel_that_may_not_be() -> None:
    never = violates(st.RUNNING, ev.CANCEL, why="never")
    lifecycle = CONFIRMED.derive("never", never, without=["cancel_requested"])
    bench = Bench(Subject(lambda: Noting(lifecycle), lifecycle), 30.0)
    future = bench.make("running")
    future.cancel(wait=True)
    assert "raises InvalidStateError" in last(bench)
    bench.close()


def test_the_standard_library_says_it_in_its_own_words() -> None:
    """A task that is started twice raises RuntimeError there, and a second announcement, too."""
    bench = Bench(Subject(Plain), 30.0)
    future = bench.make("cancelled")
    future.method("set_running_or_notify_cancel")
    assert "→ False" in last(bench)
    future.method("set_running_or_notify_cancel")
    assert "raises InvalidStateError" in last(bench)
    bench.close()


def test_a_runtime_error_of_another_call_is_its_own() -> None:
    class Runs(Plain):
        def set_result(self, result: Any) -> None:
            raise RuntimeError("out of memory")

    bench = Bench(Subject(Runs), 30.0)
    with pytest.raises(Differs, match="raises RuntimeError: out of memory"):
        bench.make().method("set_result")
    bench.close()


@pytest.mark.parametrize("kind", [Mute, Blind, Raises], ids=lambda kind: kind.__name__)
def test_what_raises_is_told(kind: Any) -> None:
    bench = Bench(Subject(kind), 30.0)

    def ask() -> None:
        future = bench.make("finished")
        future.repr()
        future.add_callback("raise")

    with pytest.raises(Differs, match=r"got +raises (AttributeError|CallbackError)"):
        ask()
    bench.close()


def test_what_is_logged_on_purpose_is_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench(Subject(Plain), 30.0)
    future = bench.make("finished")
    future.add_callback("raise")
    future.method("set_running_or_notify_cancel")
    bench.close()
    assert caplog.records == []
    assert logging.root.manager.disable == logging.NOTSET
