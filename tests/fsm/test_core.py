"""How a future moves: hooks, exceptions, re-entrancy, who is told and when."""

import gc
import logging
import threading
from collections.abc import Callable
from typing import Any

import pytest
from lifecycle_kit import CountingWaiter, Noting, brought, ping_pong

from futurefsm.fsm import core, errors
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.core import Core
from futurefsm.fsm.events import SUBMIT
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, SCHEDULER, STRICT, VALUE
from futurefsm.fsm.states import PENDING, RUNNING
from futurefsm.fsm.table import goes


class Strict(Future[Any]):
    default_lifecycle = STRICT


def running(make: Callable[[], Any] = Future) -> Any:
    return brought(make(), "running")


def elsewhere(act: Callable[[], Any]) -> Any:
    """Run it in another thread, bounded."""
    box: list[Any] = []
    thread = threading.Thread(target=lambda: box.append(act()), daemon=True)
    thread.start()
    thread.join(60)
    assert box, "the other thread hangs"
    return box[0]


# Reading.


def test_birth() -> None:
    future: Future[int] = Future()
    assert (future.state, future._state) == ("pending", "PENDING")
    assert future.lifecycle is CONFIRMED
    assert future.cancel_outcome is None
    assert not future.done()
    assert not future.running()
    assert Future(STRICT).lifecycle is STRICT
    assert Strict().lifecycle is STRICT
    assert isinstance(future, Core)


def test_a_lifecycle_that_is_not_about_a_future() -> None:
    with pytest.raises(ValueError, match="is about a value, not about a future"):
        Future(VALUE)
    with pytest.raises(ValueError, match="is about a task, not about a future"):
        type("Task", (Future,), {"default_lifecycle": SCHEDULER})


def test_repr() -> None:
    future: Any = Future()
    assert repr(future) == f"<Future at {id(future):#x} state=pending>"
    future.fire("submit")
    assert repr(future) == f"<Future at {id(future):#x} state=running after submit>"
    future.fire("result_success", 5)
    assert repr(future).endswith("state=finished returned int after result_success>")
    failed = running()
    failed.fire("result_failed", KeyError())
    assert repr(failed).endswith("state=finished raised KeyError after result_failed>")
    assert repr(brought(Future(), "cancelled")).endswith("state=cancelled after cancel>")
    strict = brought(Strict(), "cancelled")
    for _ in ("before", "after it was announced"):
        assert repr(strict) == f"<Strict at {id(strict):#x} state=cancelled>"
        strict.set_running_or_notify_cancel()
    assert repr(running(Strict)).endswith(" state=running>")


class FalseError(Exception):
    def __bool__(self) -> bool:
        return False


def test_an_exception_that_is_false() -> None:
    future = running()
    future.fire("result_failed", FalseError())
    assert "raised FalseError" in repr(future)
    waiter = CountingWaiter()
    other = running()
    other._waiters.append(waiter)
    other.fire("result_failed", FalseError())
    assert waiter.told == ["exception"]
    with pytest.raises(FalseError):
        other.result()


def test_describe_is_in_every_error() -> None:
    class Named(Future[Any]):
        def describe(self) -> str:
            return "task 7"

    future = running(Named)
    with pytest.raises(errors.FutureTimeoutError, match="task 7 is still running after 0 s"):
        future.result(0)
    future.fire("result_worker_died", -9)
    with pytest.raises(errors.WorkerDiedError, match=r"task 7: its worker died by signal 9") as e:
        future.result()
    assert e.value.story.path() == "pending → running → finished", "with the move that made it"


# Firing.


def test_an_unknown_event() -> None:
    future: Future[int] = Future()
    with pytest.raises(KeyError, match="has no event 'explode'; it has submit, cancel"):
        future.fire("explode")
    assert future.state == "pending"


def test_events_may_be_names() -> None:
    future: Future[int] = Future()
    assert future.fire("submit").row is CONFIRMED.row("pending", "submit")


def test_perform_gets_the_effects_of_the_wire_and_the_value() -> None:
    got: list[Any] = []

    class Client(Future[Any]):
        def perform(self, step: Step, value: Any) -> None:
            assert not self._lock._is_owned()
            got.append((step.effects, value))

    future = Client()
    future.fire("submit", "call")
    future.fire("cancel")
    future.fire("result_success", b"id")
    assert got == [
        (("send_task",), "call"),
        (("send_cancel",), None),
        (("delete_result",), b"id"),
    ]


def test_a_violation_is_logged_once_and_moves_nothing(caplog: pytest.LogCaptureFixture) -> None:
    future = running()
    for _ in range(3):
        assert future.fire("submit").violates
    assert future.state == "running"
    assert future.story.stays == {"submit": 3}
    [record] = caplog.records
    assert record.getMessage() == (
        "the future: (running, submit) violation from the wire is a violation; ignored"
    )


def test_a_caller_s_violation_says_why() -> None:
    future = brought(Strict(), "finished")
    with pytest.raises(errors.InvalidStateError) as caught:
        future.set_result(1)
    assert str(caught.value).startswith("FINISHED: <Strict at 0x")
    assert "result_success is not allowed in state finished" in str(caught.value)
    assert caught.value.story.path().endswith("→ finished")


def test_own_errors_may_come_ready_made() -> None:
    future = running()
    mine = ValueError("mine")
    future.fire("connection_lost", mine)
    assert future.exception() is mine


# What raises.


class Interrupt(BaseException):
    """Stands for KeyboardInterrupt."""


def test_a_perform_that_raises_loses_nobody() -> None:
    class Broken(Future[Any]):
        def perform(self, step: Step, value: Any) -> None:
            if step.node.settled:
                raise OSError("no wire")

    future = running(Broken)
    future.fire("cancel")
    called: list[Any] = []
    waiter = CountingWaiter()
    future._waiters.append(waiter)
    future.add_done_callback(called.append)
    with pytest.raises(OSError, match="no wire"):
        future.fire("result_success")
    assert future.state == "cancelled"
    assert called == [future]
    assert waiter.told == ["cancelled"]


def test_a_waiter_that_raises_loses_nobody() -> None:
    class Bad(CountingWaiter):
        def add_result(self, _future: Any) -> None:
            raise Interrupt

    future = running(Noting)
    called: list[Any] = []
    future._waiters.append(Bad())
    future.add_done_callback(called.append)
    with pytest.raises(Interrupt):
        future.fire("result_success")
    assert called == [future]
    assert not future._lock._is_owned()


def test_callbacks_that_raise_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    future = running()
    called: list[Any] = []
    future.add_done_callback(lambda f: 1 // 0)
    future.add_done_callback(called.append)
    future.fire("result_success")
    assert called == [future]
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.getMessage().startswith("exception calling callback for <Future at")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, Interrupt])
def test_an_interrupt_in_a_callback_comes_out_at_the_end(kind: type[BaseException]) -> None:
    future = running()
    called: list[int] = []

    def interrupted(_future: Any) -> None:
        called.append(1)
        raise kind

    future.add_done_callback(interrupted)
    future.add_done_callback(lambda f: called.append(2))
    with pytest.raises(kind):
        future.fire("result_success")
    assert called == [1, 2]
    assert future.done()


@pytest.mark.parametrize("event", ["result_success", "result_failed"])
def test_a_keep_that_raises_moves_nothing(event: str) -> None:
    class Bad(Future[Any]):
        def _keep(self, step: Step, value: Any) -> None:
            raise Interrupt

    future = running(Bad)
    with pytest.raises(Interrupt):
        future.fire(event)
    assert future.state == "running"
    assert not future._lock._is_owned()
    assert elsewhere(lambda: future.cancel(timeout=0)) is True


def interrupted_at(monkeypatch: pytest.MonkeyPatch, where: str) -> Any:
    """A future that Ctrl-C hits while its lock is held: when it takes, or has just taken, those
    who are to be told."""
    future = running()
    future._made_rare()
    real = core.Rare.take
    left = [1]

    def take(rare: Any, step: Step) -> Any:
        if left and step.notifies:
            left.pop()
            if where == "after":
                future._lock.release()  # as if behind release(), where the lock is ours no more
            raise KeyboardInterrupt
        return real(rare, step)

    monkeypatch.setattr(core.Rare, "take", take)
    return future


def test_ctrl_c_under_the_lock_leaves_nobody_asleep(monkeypatch: pytest.MonkeyPatch) -> None:
    future = interrupted_at(monkeypatch, "before")
    called: list[Any] = []
    waiter = CountingWaiter()
    future._waiters.append(waiter)
    future.add_done_callback(called.append)
    sleeper = threading.Thread(target=future.result, daemon=True)
    sleeper.start()
    with pytest.raises(KeyboardInterrupt):
        future.fire("result_success", 5)
    sleeper.join(60)
    assert not sleeper.is_alive()
    assert (called, waiter.told) == ([future], ["result"])
    assert elsewhere(future.result) == 5


def test_ctrl_c_behind_the_release(monkeypatch: pytest.MonkeyPatch) -> None:
    future = interrupted_at(monkeypatch, "after")
    with pytest.raises(KeyboardInterrupt):
        future.fire("result_success", 5)
    assert elsewhere(future.result) == 5


def test_ctrl_c_before_anything_was_taken() -> None:
    future = running()

    class Lock:
        """A lock whose acquire is interrupted before, or behind, the taking."""

        def __init__(self, owned: bool) -> None:
            self.owned = owned

        def acquire(self) -> None:
            raise KeyboardInterrupt

        def release(self) -> None:
            self.owned = False

        def _is_owned(self) -> bool:
            return self.owned

    for owned in (False, True):
        real, future._lock = future._lock, Lock(owned)
        with pytest.raises(KeyboardInterrupt):
            future.fire("result_success", 5)
        assert future._lock.owned is False
        future._lock = real
        assert future.state == "running"


# Re-entrancy.


def test_a_callback_may_do_anything_to_its_future() -> None:
    future = running()
    answers: list[Any] = []

    def act(same: Any) -> None:
        same.add_done_callback(lambda f: answers.append("late callback"))
        answers.append(same.result())
        answers.append(same.cancel())
        answers.append(same.cancelled())
        answers.append(same.fire("result_success").moves)

    future.add_done_callback(act)
    future.fire("result_success", 5)
    assert answers == ["late callback", 5, True, True, False]
    assert future.cancel_outcome == "after_finish"


def test_no_lock_is_held_in_a_callback_a_perform_or_a_waiter() -> None:
    """Another thread can call every method of the future meanwhile."""
    asked: list[str] = []

    def ask(future: Any) -> None:
        def read() -> bool:
            if future.state == "finished":
                assert (future.result(), future.exception()) == (1, None)
            future.add_done_callback(lambda f: None)
            assert repr(future)
            assert future.story
            assert future._waiters is not None
            return True

        elsewhere(read)
        elsewhere(lambda: future.cancel(timeout=0))
        elsewhere(future.cancelled)
        asked.append(str(future.state))

    class Asking(Future[Any]):
        def perform(self, step: Step, value: Any) -> None:
            if step.event == "submit":
                ask(self)

    class AskingWaiter(CountingWaiter):
        def add_result(self, future: Any) -> None:
            ask(future)

    future = Future[Any]()
    future.fire("submit")
    future.add_done_callback(ask)
    future._waiters.append(AskingWaiter())
    future.fire("result_success", 1)
    Asking().fire("submit")
    assert asked == ["cancelled", "cancelled", "cancel_requested"]


class Finalized:
    """Fires a future when the garbage collector takes it: in the middle of anything."""

    def __init__(self, act: Callable[[], Any]) -> None:
        self.act = act
        self.me = self

    def __del__(self) -> None:
        self.act()


@pytest.mark.parametrize("inner", ["cancel", "result_success", "connection_lost", "disconnect"])
@pytest.mark.parametrize("outer", ["result_success", "result_worker_died", "confirm_canceled"])
def test_a_finalizer_may_fire_the_same_future(
    monkeypatch: pytest.MonkeyPatch, inner: str, outer: str
) -> None:
    """Between the look at the table and the move: the first to move decides."""
    future = running(Noting)
    called: list[Any] = []
    future.add_done_callback(called.append)
    real, left = core.monotonic, [1]

    def collecting() -> float:
        if left:
            left.pop()
            Finalized(lambda: future.fire(inner, "inner"))
            gc.collect()
        return real()

    monkeypatch.setattr(core, "monotonic", collecting)
    future.fire(outer, "outer")
    first = CONFIRMED.row("running", inner).target
    assert future.state == CONFIRMED.row(first, outer).target
    assert [m.event for m in future.story][1] == inner
    assert called == ([future] if future.done() else [])
    if inner == "result_success":
        assert future.result() == "inner", "one verdict"


def test_what_is_discarded_dies_outside_the_lock() -> None:
    future = running()
    owned: list[bool] = []

    class Value:
        def __del__(self) -> None:
            owned.append(future._lock._is_owned())

    future.fire("result_success", Value())
    assert future.cancel() is True
    assert owned == [False]


@pytest.mark.parametrize(
    ("make", "mine", "theirs", "state"),
    [
        (lambda: running(Noting), "result_success", "cancel", "cancelled"),
        (lambda: running(Noting), "confirm_canceled", "result_success", "finished"),
        (lambda: Noting(ping_pong()), "hit", "hit", "pending"),
    ],
)
def test_a_slower_thread_looks_again(
    monkeypatch: pytest.MonkeyPatch, make: Any, mine: str, theirs: str, state: str
) -> None:
    """The node was read, then another thread moved: on the fast path and off it."""
    future = make()
    real, left = core.monotonic, [1]

    def overtaken() -> float:
        if left:
            left.pop()
            elsewhere(lambda: future.fire(theirs, 1))
        return real()

    monkeypatch.setattr(core, "monotonic", overtaken)
    future.fire(mine, 1)
    assert future.state == state
    assert theirs in [move.event for move in future.story]


# The rare parts.


def test_waiters_are_told_once_and_kept_no_longer() -> None:
    future, waiter = running(), CountingWaiter()
    future._waiters.append(waiter)
    assert [*future._waiters] == [waiter]
    future.fire("result_success")
    assert future.cancel() is True
    assert waiter.told == ["result"]
    assert future._waiters == []
    # As wait() and as_completed() do it, also with what has ended.
    future._waiters.append(waiter)
    future._waiters.remove(waiter)
    assert (future._waiters, future._waiting) == ([], None)


def test_a_cancel_under_strict_is_announced_later() -> None:
    future, waiter = Future[Any](STRICT), CountingWaiter()
    future._waiters.append(waiter)
    future.cancel()
    assert (waiter.told, [*future._waiters]) == ([], [waiter])
    future.fire("submit")
    assert (waiter.told, future._waiters) == (["cancelled"], [])


def test_two_threads_make_one_rare(monkeypatch: pytest.MonkeyPatch) -> None:
    future = running()
    real, left, second = core.Rare, [1], []

    def made() -> Any:
        if left:
            left.pop()
            second.append(elsewhere(future._made_rare))
        return real()

    monkeypatch.setattr(core, "Rare", made)
    assert future._made_rare() is second[0]


def test_what_concurrent_futures_looks_at() -> None:
    future = running()
    assert future._done_callbacks == []
    future.add_done_callback(print)
    assert future._done_callbacks == [print]
    with future._condition:
        assert future._lock._is_owned()
    with pytest.raises(AttributeError):
        future._state = "FINISHED"


def test_a_step_without_an_effect_performs_nothing() -> None:
    quiet = CONFIRMED.derive("quiet", goes(PENDING, SUBMIT, RUNNING, why="nothing is sent"))
    future = Noting(quiet)
    future.fire("submit")
    assert (future.state, future.performed) == ("running", [])
