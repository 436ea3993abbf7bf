"""The harness of our own Future, under any lifecycle."""

from contextlib import suppress
from dataclasses import replace
from queue import SimpleQueue
from typing import Any
from unittest.mock import Mock

import pytest

from futurefsm.fsm.effects import DELETE_RESULT
from futurefsm.fsm.events import CANCEL_TIMED_OUT, CONFIRM_CANCELED, RESULT_SUCCESS, SUBMIT
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.states import CANCEL_REQUESTED
from futurefsm.fsm.story import Story
from futurefsm.fsm.table import Lifecycle, ignores
from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.gallery.bite import LOOPED
from futurefsm.fsm.testing.gallery.ours import FedByCaller, FsmFutures
from futurefsm.fsm.testing.harness import Harness


@pytest.mark.parametrize("lifecycle", [CONFIRMED, STRICT], ids=str)
def test_it_is_silent(lifecycle: Lifecycle) -> None:
    harness = FsmFutures(lifecycle)
    assert lifecycle.name in harness.name
    explore(harness, schedules=300).check()


def test_a_future_that_is_given_another_table_is_told() -> None:
    deaf = CONFIRMED.derive("deaf", ignores(CANCEL_REQUESTED, CONFIRM_CANCELED, why="not heard"))
    report = explore(FsmFutures(CONFIRMED, table=deaf), schedules=3000, shrink=False)
    assert report.failure is not None


def test_what_is_delivered_in_no_task_asks_nothing_on_the_pump() -> None:
    """As behind the end of a run."""
    harness = FsmFutures(CONFIRMED)
    env = Mock(arena=Mock(current=None))
    future = harness.make(env)
    assert harness.deliver(env, future, SUBMIT, None) is True
    assert future.running()


def test_another_class() -> None:
    class Mine(Future[Any]):
        def done(self) -> bool:
            return True

    assert explore(FsmFutures(STRICT, Mine), schedules=300).failure is not None


@pytest.mark.parametrize(
    "harness",
    [
        FsmFutures(stored=True),
        FedByCaller(STRICT),
        FedByCaller(CONFIRMED),
        FsmFutures(LOOPED),
        FsmFutures(LOOPED, worn=True),
    ],
    ids=["stored", "strict", "confirmed", "looped", "worn"],
)
def test_it_is_silent_in_other_ways(harness: Harness) -> None:
    explore(harness, schedules=300).check()


def test_a_table_that_leaves_an_object_is_told() -> None:
    row = CONFIRMED.row(CANCEL_REQUESTED, RESULT_SUCCESS)
    effects = tuple(effect for effect in row.effects if effect != DELETE_RESULT)
    leaky = CONFIRMED.derive("leaky", replace(row, effects=effects))
    report = explore(FsmFutures(CONFIRMED, table=leaky, stored=True), schedules=3000, shrink=False)
    assert report.failure is not None
    assert report.failure.check == "no leak"


class Forgetful(Future[Any]):
    """Its story ends where it began."""

    def _raw(self) -> Any:
        return ()


class Keeps(Future[Any]):
    """A value that its user did not want stays."""

    def _take_special(self, step: Any, value: Any, source: str) -> None:
        kept = self._result
        super()._take_special(step, value, source)
        self._result = kept


class Miscounts(Future[Any]):
    """Says that all it heard moved it."""

    @property
    def story(self) -> Any:
        return Story(self.lifecycle.start, self._raw())


class Uncounted(Future[Any]):
    """Says nothing of the moves that it has forgotten."""

    @property
    def story(self) -> Any:
        said = super().story
        return Story(said.start, self._raw(), said.stays)


class LetsGoUnderItsLock(Future[Any]):
    """What its user does with a value that is let go, is done under its lock."""

    def _took_special(self, node: Any, step: Any, *rest: Any) -> bool:
        if step.discards:
            with self._lock:
                self._result = None
        return super()._took_special(node, step, *rest)


class Wraps(Future[Any]):
    """Makes an error of its own also where it was given one."""

    def _own_error(self, step: Any, value: Any, story: Any) -> BaseException:
        return super()._own_error(step, str(value), story)


class Stays(Future[Any]):
    """Who waited in vain stays in the list of those who sleep."""

    def _wait_until(self, met: Any, timeout: float | None) -> bool:
        found = super()._wait_until(met, timeout)
        if not found:
            self._lock.enlist(SimpleQueue())
        return found


class Tires(Future[Any]):
    """A cancel that only asks is told that its time ran out."""

    def cancel(self, timeout: Any = 1.0) -> bool:
        said = super().cancel(timeout)
        if timeout == 0 and not self.done():
            self.fire(CANCEL_TIMED_OUT, None, "client")
        return said


class Swallows(Future[Any]):
    """Nobody hears that a callback left."""

    def _call_back(self, callbacks: Any) -> None:
        with suppress(SystemExit):
            super()._call_back(callbacks)


class Overwrites(Future[Any]):
    """Who looks whether anybody waits makes the list anew."""

    @property
    def _waiters(self) -> Any:
        waiting = self._waiting
        if self._node.announced or waiting:
            return super()._waiters
        with self._lock:
            self._waiting = fresh = []
        return fresh

    @_waiters.setter
    def _waiters(self, waiters: Any) -> None:
        raise AttributeError


class Watched(FsmFutures):
    """Somebody watches, and somebody waits."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.calls = ("wait", "watch")


@pytest.mark.parametrize(
    ("harness", "words"),
    [
        (FsmFutures(CONFIRMED, Stays), "still lists"),
        (FsmFutures(CONFIRMED, Tires), "raised AssertionError"),
        (FsmFutures(CONFIRMED, Swallows), "raised AssertionError"),
        (Watched(CONFIRMED, Overwrites), "raised ValueError"),
        (FsmFutures(CONFIRMED, Forgetful), "with another story"),
        (FsmFutures(CONFIRMED, Keeps), "with a value"),
        (FsmFutures(CONFIRMED, Miscounts), "miscounted"),
        (FsmFutures(LOOPED, Uncounted, worn=True), "miscounted"),
        (FsmFutures(CONFIRMED, LetsGoUnderItsLock), "let go under a lock"),
        (FsmFutures(CONFIRMED, Wraps, stored=True), "with another error"),
    ],
    ids=[
        *["asleep", "asking", "exits", "watch"],
        *["story", "value", "stays", "forgotten", "lock", "error"],
    ],
)
def test_what_a_future_tells_of_itself_is_looked_at(harness: Harness, words: str) -> None:
    report = explore(harness, schedules=6000, shrink=False)
    assert report.failure is not None
    assert words in report.failure.words


def test_who_waits_where_it_may_not_is_seen() -> None:
    class Waits(Future[Any]):
        def _must_not_wait(self) -> bool:
            return False

    assert explore(FsmFutures(CONFIRMED, Waits), schedules=3000, shrink=False).failure is not None
