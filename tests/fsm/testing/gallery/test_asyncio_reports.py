"""Races of event loops: each is caught, by the check that is named; put right, each is silent."""

import asyncio

import pytest

from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.gallery.asyncio_reports import (
    ASYNCIO_REPORTS,
    BLOCKED_LOOP,
    passes_the_cancel_on,
    swallows_the_cancel,
)
from futurefsm.fsm.testing.gallery.exhibits import Exhibit

ALL = (BLOCKED_LOOP, *ASYNCIO_REPORTS)


@pytest.mark.parametrize("exhibit", ALL, ids=lambda each: each.number)
def test_it_is_caught_and_small(exhibit: Exhibit) -> None:
    failure = explore(exhibit.broken, schedules=20_000, checks=exhibit.checks).failure
    assert failure is not None
    assert failure.check in exhibit.checks
    assert failure.program.calls <= 3
    assert len(failure.run.steps) <= 20
    assert failure.run.switches <= 5


@pytest.mark.parametrize("exhibit", ALL, ids=lambda each: each.number)
def test_put_right_it_is_silent(exhibit: Exhibit) -> None:
    explore(exhibit.right, schedules=100).check()


@pytest.mark.parametrize("body", [swallows_the_cancel, passes_the_cancel_on])
def test_both_do_the_same_where_nothing_races(body: object) -> None:
    async def main(cancel: bool) -> object:
        gate = asyncio.get_running_loop().create_future()
        task = asyncio.ensure_future(body(gate))  # type: ignore[operator]
        await asyncio.sleep(0)
        if cancel:
            task.cancel()
        else:
            gate.set_result(1)
        await asyncio.wait([task])
        return "cancelled" if task.cancelled() else task.result()

    assert asyncio.run(main(cancel=False)) == 1
    assert asyncio.run(main(cancel=True)) == "cancelled"
