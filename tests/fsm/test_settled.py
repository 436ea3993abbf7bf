"""What a future ended with, at one moment: whoever awaits it is told, whatever its user does."""

import asyncio
import concurrent.futures
from typing import Any

import pytest
from lifecycle_kit import brought

from futurefsm.fsm.future import Future
from futurefsm.fsm.settled import Settled


def finished(event: str = "result_success", value: Any = "value") -> Any:
    future = brought(Future(), "running")
    future.fire(event, value)
    return future


def test_a_value_stays_though_its_user_cancels() -> None:
    future = finished()
    then = Settled(future)
    future.cancel()
    assert (then.done(), then.cancelled()) == (True, False)
    assert (then.exception(), then.result()) == (None, "value")
    assert then._get_snapshot() == (True, False, "value", None)
    assert Settled(future).cancelled()


def test_an_error() -> None:
    error = ValueError("failed")
    then = Settled(finished("result_failed", error))
    assert then.exception() is error
    with pytest.raises(ValueError, match="failed"):
        then.result()


def test_a_cancel() -> None:
    future = brought(Future(), "cancelled")
    then = Settled(future)
    assert then._get_snapshot() == (True, True, None, None)
    with pytest.raises(concurrent.futures.CancelledError):
        then.exception()
    with pytest.raises(concurrent.futures.CancelledError):
        then.result()


def test_who_awaits_is_told_though_its_user_cancels_at_the_worst_moment() -> None:
    """Behind asyncio's first question: the second would raise in a callback of the loop, and the
    task that awaits would never hear of anything."""
    future = finished()

    async def main() -> Any:
        wrapped = asyncio.wrap_future(future)
        # asyncio has been told that it has settled; it copies at its next turn.
        future.cancel()
        return await asyncio.wait_for(wrapped, 60)

    assert asyncio.run(main()) == "value"
    assert future.cancelled()


def test_other_callbacks_get_the_future_itself() -> None:
    called: list[Any] = []
    future = finished()
    future.add_done_callback(called.append)
    future.add_done_callback(lambda each: called.append(each))
    assert called == [future, future]
