"""The harness of the gallery's futures."""

from concurrent.futures import CancelledError
from contextlib import nullcontext
from typing import Any

import pytest

from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.gallery.clients import (
    ClientFutures,
    Ear,
    HeardFutures,
    how_it_ended,
)
from futurefsm.fsm.testing.gallery.manager import Manager
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


HEARD = ("cancelled", "exception", "result")


class Waiter:
    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.add_cancelled = self.add_exception = self.add_result = self.heard.append


@pytest.mark.parametrize("said", HEARD)
@pytest.mark.parametrize("how", HEARD)
def test_a_waiter_hears_how_it_ended(said: str, how: str) -> None:
    waiter = Waiter()
    told = getattr(Ear(waiter, lambda: how), f"add_{said}")
    if said == how:
        told("future")
    else:
        with pytest.raises(AssertionError, match=f"told of a {said}, and it was a {how}"):
            told("future")
    assert waiter.heard == ["future"] * (said == how)


@pytest.mark.parametrize(
    ("before", "said", "right"),
    [
        ("exception", "cancelled", True),
        ("exception", "exception", True),
        ("exception", "result", True),
        ("result", "cancelled", True),
        ("result", "result", True),
        ("result", "exception", False),
    ],
)
def test_a_cancel_may_overtake_who_tells_a_waiter(before: str, said: str, right: bool) -> None:
    looks = iter([before, "cancelled"])
    waiter = Waiter()
    ear = Ear(waiter, lambda: next(looks))
    with nullcontext() if right else pytest.raises(AssertionError, match="told of a"):
        getattr(ear, f"add_{said}")("future")
    assert waiter.heard == ["future"] * right


def test_how_it_ended_in_a_word() -> None:
    ends = ((True, True), (True, False), (False, True), (False, False))
    assert [how_it_ended(*end) for end in ends] == ["cancelled", *HEARD]


def test_an_early_message_is_counted() -> None:
    class Pending(HeardFutures):
        submitted = False

    early = Program(((Call("cancel"),),), (Move("confirm_failed"), Move("submit")))
    explore(Pending(), schedules=50, programs=[early]).check()


class Stale(Manager):
    """Goes on taking tasks when it is closed, and leaves them open."""

    def _close(self) -> list[ClientFuture]:
        return self._all()


class Slow(Manager):
    """Looks whether it is closed before it takes the lock."""

    def create(self) -> ClientFuture:
        if self._closed:
            raise RuntimeError("the client is closed")
        with self._lock:
            task = f"task {len(self._futures) + 1}"
            future = self._type(self._wire, task, delayed=self._delayed, waits=self._waits)
            self._futures[task] = future
        return future


class Managed(HeardFutures):
    calls = ("submit", "disconnect")


class Unsent(Manager):
    def submit(self) -> ClientFuture:
        return self.create()


class Rash(Manager):
    """Does not wait for the answers."""

    def disconnect(self, timeout: float | None = 30.0) -> None:
        for future in self._close():
            future._ask(1.0, also_finished=False)
        for future in self._all():
            future.on_disconnect()


class Silent(ClientFuture):
    def _ended(self) -> Any:
        try:
            return super()._ended()
        except CancelledError:
            raise CancelledError("somehow") from None


@pytest.mark.parametrize(
    ("harness", "words"),
    [
        (HeardFutures(manager=Stale), "submit() of user"),
        (Managed(manager=Slow), "still lists"),
        (HeardFutures(manager=Unsent), "submit() of user"),
        (HeardFutures(manager=Rash), "disconnect() of user"),
        (HeardFutures(Silent), "raised AssertionError"),
    ],
    ids=["stale", "slow", "unsent", "rash", "silent"],
)
def test_what_a_manager_does_beside_is_looked_at(harness: HeardFutures, words: str) -> None:
    report = explore(harness, schedules=6000, shrink=False)
    assert report.failure is not None
    assert words in report.failure.words


def test_a_message_for_nobody_or_that_nobody_knows_and_the_end_of_delivering() -> None:
    class Trusts(Manager):
        def _find(self, task: str, message: str) -> ClientFuture | None:
            return self._futures[task]

    class Gossips(Manager):
        def _hand_over(self, future: ClientFuture, message: str, key: str) -> None:
            super()._hand_over(future, "reconnected" if message == "gossip" else message, key)

    class Delivers(Manager):
        def _waits(self) -> bool:
            return not self._delivering and not self._futures

    for manager, words in ((Trusts, "KeyError"), (Gossips, "TaskCancel")):
        failure = explore(HeardFutures(manager=manager), schedules=3000, shrink=False).failure
        assert failure is not None
        assert words in failure.words
    with pytest.raises(AssertionError, match="taken for delivering"):
        explore(HeardFutures(manager=Delivers), schedules=100)
