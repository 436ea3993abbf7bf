"""Futures on an event loop: awaited, gathered, wrapped, and never a loop that stands still."""

import asyncio
import threading
import time
from typing import Any

import pytest
from lifecycle_kit import Noting, brought

from futurefsm.fsm import errors
from futurefsm.fsm.future import Future

# A loop that waited for an answer would stand still for the whole `cancel_timeout`, 30 s. Less than
# this is the machine, which may be busy.
STILL_S = 15


def running() -> Any:
    return brought(Noting(), "running")


def soon(act: Any, *args: Any) -> None:
    """Act in another thread, as a message pump does."""
    threading.Thread(target=act, args=args, daemon=True).start()


def test_await() -> None:
    async def main() -> Any:
        future = running()
        soon(future.fire, "result_success", 42)
        return await future

    assert asyncio.run(main()) == 42


def test_await_what_is_settled_already() -> None:
    async def main() -> Any:
        future = running()
        future.fire("result_success", 1)
        return await future

    assert asyncio.run(main()) == 1


def test_await_raises_what_the_task_raised() -> None:
    async def main() -> None:
        future = running()
        soon(future.fire, "result_failed", ValueError("x"))
        with pytest.raises(ValueError, match="x"):
            await future
        lost = running()
        soon(lost.fire, "connection_lost")
        with pytest.raises(errors.ConnectionLostError):
            await lost

    asyncio.run(main())


def test_await_a_cancelled_future() -> None:
    async def main() -> None:
        future = running()
        soon(future.fire, "confirm_canceled")
        with pytest.raises(asyncio.CancelledError):
            await future

    asyncio.run(main())


def test_wrap_future_and_gather() -> None:
    async def main() -> Any:
        futures = [running() for _ in range(3)]
        wrapped = [asyncio.wrap_future(future) for future in futures]
        for number, future in enumerate(futures):
            soon(future.fire, "result_success", number)
        return await asyncio.gather(*wrapped), await asyncio.gather(*futures)

    assert asyncio.run(main()) == ([0, 1, 2], [0, 1, 2])


def test_gather_returns_exceptions() -> None:
    async def main() -> Any:
        good, bad = running(), running()
        soon(good.fire, "result_success", 1)
        soon(bad.fire, "result_worker_died", 3)
        return await asyncio.gather(good, bad, return_exceptions=True)

    first, second = asyncio.run(main())
    assert first == 1
    assert isinstance(second, errors.WorkerDiedError)


def test_as_completed_and_wait() -> None:
    async def main() -> Any:
        futures = [running() for _ in range(3)]
        for number in (2, 0, 1):
            futures[number].fire("result_success", number)
        seen = {await each for each in asyncio.as_completed([wrapped(f) for f in futures])}
        done, left = await asyncio.wait([wrapped(f) for f in futures], timeout=60)
        return seen, {each.result() for each in done}, left

    def wrapped(future: Any) -> Any:
        return asyncio.wrap_future(future)

    assert asyncio.run(main()) == ({0, 1, 2}, {0, 1, 2}, set())


class Pulse:
    """Measures how long a loop stood still."""

    def __init__(self) -> None:
        self.longest = 0.0

    async def __aenter__(self) -> "Pulse":
        self.task = asyncio.ensure_future(self._beat())
        await asyncio.sleep(0)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await asyncio.sleep(0.01)
        self.task.cancel()

    async def _beat(self) -> None:
        before = time.monotonic()
        while True:
            await asyncio.sleep(0.001)
            self.longest = max(self.longest, time.monotonic() - before)
            before = time.monotonic()


def test_cancelling_the_task_that_awaits_does_not_block_the_loop() -> None:
    async def main() -> float:
        future = running()
        async with Pulse() as pulse:

            async def wait() -> None:
                await future

            task = asyncio.ensure_future(wait())
            await asyncio.sleep(0.002)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert future.state == "cancel_requested"
            assert future.performed == ["send_task", "send_cancel"]
            assert future.cancelled() is True
        future.fire("result_success", 1)
        assert future.cancel_outcome == "too_late"
        return pulse.longest

    assert Future.cancel_timeout == 30.0
    assert asyncio.run(main()) < STILL_S


def test_cancel_on_the_loop_does_not_block_it() -> None:
    async def main() -> float:
        future = running()
        async with Pulse() as pulse:
            assert future.cancel() is True
            assert future.cancel(None) is True
            assert future.cancelled() is True
        return pulse.longest

    assert asyncio.run(main()) < STILL_S


def test_wait_for_times_out_and_asks_for_the_end() -> None:
    async def main() -> Any:
        future = running()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(future, 0.01)
        return future

    future = asyncio.run(main())
    assert future.state == "cancel_requested"


def test_a_thread_beside_the_loop_may_wait() -> None:
    async def main() -> Any:
        future = running()
        asking = asyncio.ensure_future(asyncio.to_thread(future.cancel, 60))
        while not future._condition._waiters:
            await asyncio.sleep(0)
        assert not asking.done()
        future.fire("confirm_canceled")
        return await asking

    assert asyncio.run(main()) is True


def test_a_loop_that_is_closed_already_harms_nobody() -> None:
    future = running()

    async def leave() -> None:
        asyncio.wrap_future(future)

    asyncio.run(leave())
    called: list[Any] = []
    future.add_done_callback(called.append)
    future.fire("result_success", 1)
    assert future.result() == 1
    assert called == [future]
