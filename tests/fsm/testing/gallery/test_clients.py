"""The harness of the gallery's futures."""

from typing import Any

import pytest

from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.gallery.clients import ClientFutures, Ear, HeardFutures
from futurefsm.fsm.testing.gallery.mutants_telling import CallsUnderItsLock
from futurefsm.fsm.testing.gallery.mutants_wire import DropsRefusal
from futurefsm.fsm.testing.gallery.reference import ClientFuture
from futurefsm.fsm.testing.programs import Call, Move, Program


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


@pytest.mark.parametrize("delayed", [False, True])
def test_who_is_heard_is_silent(delayed: bool) -> None:
    explore(HeardFutures(delayed=delayed), schedules=300).check()


def test_a_value_that_is_kept_for_nobody_is_seen() -> None:
    class Keeps(ClientFuture):
        def _discard(self) -> str | None:
            return self._key

    report = explore(HeardFutures(Keeps), schedules=2000, shrink=False)
    assert report.failure is not None
    assert "with a value" in report.failure.words


@pytest.mark.parametrize("said", ["cancelled", "exception", "result"])
def test_a_waiter_hears_how_it_ended(said: str) -> None:
    heard: list[Any] = []

    class Waiter:
        add_cancelled = add_exception = add_result = heard.append

    right = Ear(Waiter, said == "cancelled", said == "exception")
    wrong = Ear(Waiter, said == "exception", said == "result")
    getattr(right, f"add_{said}")("future")
    assert heard == ["future"]
    with pytest.raises(AssertionError, match="told of a"):
        getattr(wrong, f"add_{said}")("future")
    assert heard == ["future"]


def test_an_early_message_is_counted() -> None:
    class Pending(HeardFutures):
        submitted = False

    early = Program(((Call("cancel"),),), (Move("confirm_failed"), Move("submit")))
    explore(Pending(), schedules=50, programs=[early]).check()
