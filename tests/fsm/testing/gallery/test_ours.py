"""The harness of our own Future, under any lifecycle."""

from typing import Any

import pytest

from futurefsm.fsm.events import CONFIRM_CANCELED
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.states import CANCEL_REQUESTED
from futurefsm.fsm.table import Lifecycle, ignores
from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.gallery.ours import FsmFutures


@pytest.mark.parametrize("lifecycle", [CONFIRMED, STRICT], ids=str)
def test_it_is_silent(lifecycle: Lifecycle) -> None:
    harness = FsmFutures(lifecycle)
    assert lifecycle.name in harness.name
    explore(harness, schedules=300).check()


def test_a_future_that_is_given_another_table_is_told() -> None:
    deaf = CONFIRMED.derive("deaf", ignores(CANCEL_REQUESTED, CONFIRM_CANCELED, why="not heard"))
    report = explore(FsmFutures(CONFIRMED, table=deaf), schedules=3000)
    assert report.failure is not None


def test_another_class() -> None:
    class Mine(Future[Any]):
        def done(self) -> bool:
            return True

    assert explore(FsmFutures(STRICT, Mine), schedules=300).failure is not None
