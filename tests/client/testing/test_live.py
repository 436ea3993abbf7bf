"""The client's own Future under the race kit."""

from collections.abc import Callable, Sequence
from queue import SimpleQueue
from typing import Any

import pytest

from futurefsm.client.future import Future
from futurefsm.client.home import Phase
from futurefsm.client.testing.live import LIVE, LiveFutures
from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.programs import AWAIT, Call, Move, Program

PATH = (Move("submit"), Move("result_success"))
NAMES = ["at once", "at once, lines", "delayed", "delayed, lines"]


@pytest.mark.parametrize(("harness", "lines"), LIVE, ids=NAMES)
def test_nothing_is_wrong_with_a_clients_future(harness: LiveFutures, lines: Sequence[str]) -> None:
    assert ("delayed" in harness.name) == harness.delayed
    counts = explore(harness, schedules=500, lines=lines).check().counts
    assert counts.schedules >= 500


class Deaf(Future[Any]):
    """Who sleeps is not woken when the bytes come."""

    def deliver(self, payload: Any) -> None:
        with self._lock:
            if self._phase is Phase.OWED:
                self._phase, self._payload = Phase.HERE, payload
        self._release_held()


class Twice(Future[Any]):
    """Says that its value is here before it is: another thread reads without the lock."""

    def lose(self, object_id: bytes, reason: str) -> None:
        with self._lock:
            if self._phase is Phase.OWED:
                self._phase = Phase.MADE
                self._lock.wake()
        super().lose(object_id, reason)


class Trusting(Future[Any]):
    """Believes the wait: does not look again when the time ran out."""

    def _wait_until(self, met: Callable[[], bool], timeout: float | None) -> bool:
        if met():
            return True
        bed: SimpleQueue[None] = SimpleQueue()
        with self._lock:
            if met():
                return True
            self._lock.enlist(bed, met)
        return self._lock.sleep(bed, timeout)

    def _wait_for_value(self, timeout: float | None) -> bool:
        return self._wait_until(lambda: self._node.settled, timeout)


@pytest.mark.parametrize(
    ("future", "check", "faults", "timeout"),
    [
        (Deaf, "released", (), None),
        (Twice, "value", ("fetch fails",), None),
        (Trusting, "timed calls re-read", (), 1.0),
    ],
)
def test_what_is_wrong_is_found(
    future: type[Future[Any]], check: str, faults: tuple[str, ...], timeout: float | None
) -> None:
    program = Program(((Call("result", timeout),),), PATH, faults, early=1)
    options: dict[str, Any] = {"programs": [program], "schedules": 400}
    explore(LiveFutures(), **options).check()
    failure = explore(LiveFutures(future), shrink=False, **options).failure
    assert failure is not None
    assert failure.check == check


class Blind(LiveFutures):
    """Does not say when a value is being made."""

    making = Harness.making


def test_who_runs_out_of_time_while_another_makes_the_value_is_right() -> None:
    # The first makes the value; the second wakes, finds that, and has no time left to wait.
    ask = Call("result")
    program = Program(((ask,), (ask._replace(timeout=1.0),)), PATH, futures=1, early=1)
    options: dict[str, Any] = {"programs": [program], "search": "random"}
    explore(LiveFutures(), schedules=1000, **options).check()
    failure = explore(Blind(), schedules=6000, shrink=False, **options).failure
    assert failure is not None
    assert failure.check == "timed calls re-read"


def test_the_store_is_served_while_a_message_is_awaited() -> None:
    # It never comes, for nobody cancels; the value of the other future does.
    path = (*PATH[:1], PATH[0]._replace(future=1), PATH[1], Move(AWAIT, 1, "TaskCancel"))
    program = Program(((Call("exception"),),), path, futures=2, early=2)
    harness = LiveFutures(delayed=True)
    explore(harness, schedules=200, programs=[program]).check()


def test_the_store_is_served_until_the_last_callback_has_run() -> None:
    # It cancels, when its user has ended long since: what cannot be fetched has to be deleted.
    call = Call("add_done_callback", how="cancels")
    program = Program(((call,),), PATH, faults=("fetch fails",), early=1)
    explore(LiveFutures(), schedules=500, programs=[program]).check()
