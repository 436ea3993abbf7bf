"""Every mutant of `mutants_telling` is on show, and is a small edit."""

import inspect

from futurefsm.fsm.testing import campaign
from futurefsm.fsm.testing.gallery import mutants_telling
from futurefsm.fsm.testing.gallery.clients import ClientFutures
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
