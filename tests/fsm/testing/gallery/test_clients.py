"""The harness of the gallery's futures."""

import pytest

from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.mutants_telling import CallsUnderItsLock
from futurefsm.fsm.testing.gallery.mutants_wire import DropsRefusal


def test_it_is_called_by_what_differs() -> None:
    assert ClientFutures().name == "ClientFuture"
    assert ClientFutures(delayed=True).name == "ClientFuture (delayed)"
    assert ClientFutures(CallsUnderItsLock).name == "CallsUnderItsLock"
    assert ClientFutures(manager=DropsRefusal).name == "DropsRefusal"


@pytest.mark.parametrize("calls", [("submit", "disconnect"), ("submit", "add_done_callback")])
def test_the_managers_calls_always_answer(calls: tuple[str, ...]) -> None:
    """A submit to a closed manager, too."""
    report = explore(ClientFutures(calls=calls), schedules=300).check()
    assert report.counts.schedules >= 300


def test_futures_that_were_not_sent_yet() -> None:
    class Pending(ClientFutures):
        submitted = False

    explore(Pending(), schedules=300).check()
