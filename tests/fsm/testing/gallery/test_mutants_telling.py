"""Every mutant of `mutants_telling` is on show, and is a small edit."""

import inspect
from typing import Any

from gallery_store import Store

from futurefsm.fsm.testing import campaign
from futurefsm.fsm.testing.gallery import mutants_telling
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.manager import Manager
from futurefsm.fsm.testing.onloop import OnLoop


def test_every_mutant_is_on_show() -> None:
    shown: set[type] = set()
    for exhibit in campaign.HISTORY:
        harness = exhibit.broken
        if isinstance(harness, OnLoop):
            harness = harness.inner
        assert isinstance(harness, ClientFutures)
        shown |= {harness.future, harness.manager}
    made = {
        each
        for name, each in vars(mutants_telling).items()
        if inspect.isclass(each) and each.__module__ == mutants_telling.__name__ and name[0] != "_"
    }
    assert made
    assert made <= shown


def test_every_mutant_is_small() -> None:
    for name, each in vars(mutants_telling).items():
        if inspect.isclass(each) and each.__module__ == mutants_telling.__name__:
            assert len(inspect.getsource(each).splitlines()) <= 30, name


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
