"""The client's own Future under the race kit."""

from collections.abc import Sequence
from typing import Any

import pytest

from futurefsm.client.future import Future
from futurefsm.client.home import Phase
from futurefsm.client.testing.live import LIVE, LiveFutures
from futurefsm.fsm.testing.exploring import explore


@pytest.mark.parametrize(("harness", "lines"), LIVE, ids=["at once", "delayed", "delayed, lines"])
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


@pytest.mark.parametrize(("future", "check"), [(Deaf, "released"), (Twice, "value")])
def test_what_is_wrong_is_found(future: type[Future[Any]], check: str) -> None:
    failure = explore(LiveFutures(future), schedules=6000, shrink=False).failure
    assert failure is not None
    assert failure.check == check
