"""Every mutant of `mutants_waiting` is on show, and is a small edit."""

import inspect
from typing import Any

import pytest
from gallery_store import Store, mutants_of, on_show

from futurefsm.fsm.testing.gallery import mutants_waiting
from futurefsm.fsm.testing.gallery.manager import Manager
from futurefsm.fsm.testing.gallery.reference import ClientFuture


def test_every_mutant_is_on_show() -> None:
    made = mutants_of(mutants_waiting)
    assert made
    assert made <= on_show()


def test_every_mutant_is_small() -> None:
    for each in mutants_of(mutants_waiting, hidden=True):
        assert len(inspect.getsource(each).splitlines()) <= 30, each


def submitted(future: type[ClientFuture], *, delayed: bool = False) -> tuple[Manager, Any, Store]:
    store = Store()
    manager = Manager(store, future, delayed=delayed)
    return manager, manager.submit(), store


def test_what_is_wrong_shows_only_where_it_is_wrong() -> None:
    """Where nothing comes in between, they are right."""
    manager, future, _ = submitted(mutants_waiting.SkipsFetch)
    with pytest.raises(TimeoutError):
        future.result(0)
    manager.deliver("result_failed", future.task, "e")
    with pytest.raises(ValueError, match="no"):
        future.result(0)

    manager, future, _ = submitted(mutants_waiting.WaitsUnderItsLock)
    assert future.cancel(0)
    future._answered.set()
    assert future.cancel()

    manager, future, _ = submitted(mutants_waiting.QueryWaits)
    assert future.cancel(0)
    manager.deliver("confirm_canceled", future.task)
    assert future.cancelled()

    manager, future, _ = submitted(mutants_waiting.SaysTrueTooSoon)
    manager.deliver("result_success", future.task, "k")
    manager.deliver("result_success", future.task, "k")
    assert future.result(0) == 42

    manager, future, store = submitted(mutants_waiting.ChecksThenActs)
    future._sent = False
    assert future.cancel(0)
    assert store.sent == [("Task", future.task)]


def test_who_was_not_woken_waits_for_the_value() -> None:
    manager, future, _ = submitted(mutants_waiting.SleepsBesideTheValue)
    with pytest.raises(TimeoutError):
        future.result(0)

    class Late:
        def wait(self, timeout: float | None) -> bool:
            manager.deliver("result_success", future.task, "k")
            return False

        def set(self) -> None: ...

    future._answered = Late()
    future._loaded.set()
    assert future.result(0) == 42
