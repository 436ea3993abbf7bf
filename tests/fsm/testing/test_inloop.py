"""asyncio's own futures and tasks: silent where they are used as they should be."""

import asyncio
from typing import Any

import pytest

from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.inloop import AsyncioFutures, AsyncioTasks, Future, InLoop
from futurefsm.fsm.testing.programs import Call, Move, Program


@pytest.mark.parametrize("ordered", [True, False])
@pytest.mark.parametrize("kind", [AsyncioFutures, AsyncioTasks])
def test_asyncio_is_silent(kind: Any, ordered: bool) -> None:
    report = explore(kind(ordered=ordered), schedules=80)
    report.check()
    assert report.failure is None
    assert "asyncio." in kind().name
    assert report.counts.schedules == 80


def test_callbacks_ask_where_they_are() -> None:
    """On the loop's thread; what they ask there cannot wait."""
    program = Program(
        (
            (Call("add_done_callback", how="asks"), Call("add_done_callback", how="cancels")),
            (Call("result"), Call("done")),
        ),
        (Move("result_failed"),),
    )
    for kind in (AsyncioFutures, AsyncioTasks):
        explore(kind(), schedules=60, programs=[program]).check()


def test_a_mistake_is_found() -> None:
    """A task that forgets that it was cancelled."""

    async def stubborn(gate: Any) -> Any:
        while True:
            try:
                return await asyncio.shield(gate)
            except asyncio.CancelledError:
                if gate.done():
                    raise

    failure = explore(AsyncioTasks(stubborn), schedules=1_000, checks=["linearizable"]).failure
    assert failure is not None
    assert "stubborn" in AsyncioTasks(stubborn).name
    assert failure.program.calls == 1


def test_what_lives_in_the_loop_has_to_be_said() -> None:
    with pytest.raises(NotImplementedError, match="def create"):
        explore(InLoop(), schedules=1)


def test_a_future_of_a_loop_never_runs() -> None:
    with asyncio.Runner() as runner:
        assert not Future(loop=runner.get_loop()).running()
