"""Races of event loops: each is caught, by the check that is named; put right, each is silent."""

import asyncio
import concurrent.futures
from types import SimpleNamespace
from typing import Any

import pytest

from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.gallery.asyncio_reports import (
    ASYNCIO_REPORTS,
    BLOCKED_LOOP,
    bridged,
    passes_it_on_across_threads,
    passes_the_cancel_on,
    swallows_it_across_threads,
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


@pytest.mark.parametrize(
    "body",
    [
        swallows_the_cancel,
        passes_the_cancel_on,
        swallows_it_across_threads,
        passes_it_on_across_threads,
    ],
)
def test_both_do_the_same_where_nothing_races(body: Any) -> None:
    async def main(cancel: bool) -> object:
        gate: Any = asyncio.get_running_loop().create_future()
        if "across" in body.__name__:
            gate = concurrent.futures.Future()
        task = asyncio.ensure_future(body(gate))
        await asyncio.sleep(0)
        if cancel:
            task.cancel()
        else:
            gate.set_result(1)
        await asyncio.wait([task])
        return "cancelled" if task.cancelled() else task.result()

    assert asyncio.run(main(cancel=False)) == 1
    assert asyncio.run(main(cancel=True)) == "cancelled"


def test_each_says_what_it_tests() -> None:
    names = [exhibit.broken.name for exhibit in ASYNCIO_REPORTS]
    assert names[-1] == "asyncio.Task, waits, cancels_its_own_future"


def test_who_was_cancelled_is_not_woken_by_what_comes_then() -> None:
    async def main() -> bool:
        gate: Any = concurrent.futures.Future()
        task = asyncio.ensure_future(passes_it_on_across_threads(gate))
        await asyncio.sleep(0)
        task.cancel()
        gate.set_result(1)
        await asyncio.wait([task])
        await asyncio.sleep(0)
        return task.cancelled()

    assert asyncio.run(main())


@pytest.mark.parametrize("end", ["value", "error", "cancelled inside", "cancelled outside"])
def test_a_bridge_ends_as_its_task_does(end: str) -> None:
    async def body() -> str:
        if end == "error":
            raise KeyError(end)
        if end.startswith("cancelled"):
            await asyncio.get_running_loop().create_future()
        return end

    async def main() -> Any:
        task = asyncio.ensure_future(body())
        outer = bridged(SimpleNamespace(call_soon_threadsafe=lambda fn: fn()), task)
        await asyncio.sleep(0)
        if end.startswith("cancelled"):
            (outer if end == "cancelled outside" else task).cancel()
        await asyncio.wait([task])
        await asyncio.sleep(0)
        assert outer.cancelled() == task.cancelled()
        return outer

    outer = asyncio.run(main())
    if end.startswith("cancelled"):
        assert outer.cancelled()
    elif end == "error":
        assert isinstance(outer.exception(0), KeyError)
    else:
        assert outer.result(0) == end
