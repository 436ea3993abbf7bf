"""Every mutant of `mutants_wire` is on show, and is a small edit."""

import inspect

from gallery_store import Store, mutants_of, on_show

from futurefsm.fsm.testing.gallery import mutants_wire
from futurefsm.fsm.testing.gallery.manager import Manager


def test_every_mutant_is_on_show() -> None:
    made = mutants_of(mutants_wire)
    assert made
    assert made <= on_show()


def test_every_mutant_is_small() -> None:
    for each in mutants_of(mutants_wire, hidden=True):
        assert len(inspect.getsource(each).splitlines()) <= 30, each


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
