"""Every mutant of `mutants_wire` is on show, and is a small edit."""

import inspect

from gallery_store import Store

from futurefsm.fsm.testing import campaign
from futurefsm.fsm.testing.gallery import mutants_wire
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
        for name, each in vars(mutants_wire).items()
        if inspect.isclass(each) and each.__module__ == mutants_wire.__name__ and name[0] != "_"
    }
    assert made
    assert made <= shown


def test_every_mutant_is_small() -> None:
    for name, each in vars(mutants_wire).items():
        if inspect.isclass(each) and each.__module__ == mutants_wire.__name__:
            assert len(inspect.getsource(each).splitlines()) <= 30, name


def test_what_is_wrong_shows_only_where_it_is_wrong() -> None:
    """Where nothing comes in between, they are right."""
    store = Store()
    manager: Manager = mutants_wire.WaitsUnderTheManagersLock(store)
    future = manager.submit()
    manager.deliver("result_success", future.task, "k")
    manager.disconnect(0)
    assert future.state == "finished"

    manager = Manager(store, mutants_wire.SendsUnderItsLock)
    future = manager.submit()
    manager.deliver("result_success", future.task, "k")
    assert future.cancel(0)
    assert future.cancelled()

    manager = mutants_wire.ForgetsAtAnyConfirm(store)
    future = manager.submit()
    manager.deliver("confirm_failed", future.task)
    manager.deliver("result_success", future.task, "other")
    manager.deliver("confirm_canceled", future.task)
    assert store.deleted[-1] == "other"
    assert not future.done()
