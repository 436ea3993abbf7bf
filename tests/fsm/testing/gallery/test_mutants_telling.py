"""Every mutant of `mutants_telling` is on show, and is a small edit."""

import inspect
from typing import Any

from gallery_store import Store, mutants_of, on_show

from futurefsm.fsm.testing.gallery import mutants_telling
from futurefsm.fsm.testing.gallery.manager import Manager


def test_every_mutant_is_on_show() -> None:
    made = mutants_of(mutants_telling)
    assert made
    assert made <= on_show()


def test_every_mutant_is_small() -> None:
    for each in mutants_of(mutants_telling, hidden=True):
        assert len(inspect.getsource(each).splitlines()) <= 30, each


def test_a_waiter_is_told_again_when_the_value_is_here() -> None:
    told: list[Any] = []

    class Waiter:
        add_result = staticmethod(told.append)

    manager = Manager(Store(), mutants_telling.TellsWhenLoaded, delayed=True)
    future = manager.submit()
    manager.deliver("result_success", future.task, "k")
    future._waiters.append(Waiter())
    assert future.result(0) == 42
    assert told == [future, future]


def test_a_result_behind_the_end_calls_nobody() -> None:
    manager = Manager(Store(), mutants_telling.CallsFromTwoPaths)
    future = manager.submit()
    told: list[Any] = []
    future.add_done_callback(told.append)
    manager.disconnect(0)
    manager.deliver("result_success", future.task, "k")
    assert told == [future]
