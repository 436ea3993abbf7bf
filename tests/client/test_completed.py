"""Futures in the order in which they end, for threads and for loops."""

import asyncio
import concurrent.futures
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.completed import as_completed
from futurefsm.protocol import messages as m
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


def submitted(client: Client, scheduler: ScriptedScheduler, count: int) -> tuple[Any, Any]:
    futures = [client.submit(abs, -n) for n in range(count)]
    return futures, [scheduler.expect(m.Task) for _ in range(count)]


def test_in_the_order_of_their_ends(client: Client, scheduler: ScriptedScheduler) -> None:
    futures, tasks = submitted(client, scheduler, 3)
    scheduler.result(tasks[2], "c")
    assert futures[2].result(PATIENCE_S) == "c"
    seen = as_completed([*futures, futures[0]], PATIENCE_S)
    ended = iter(seen)
    assert next(ended) is futures[2]
    scheduler.result(tasks[0], "a")
    assert next(ended) is futures[0]
    scheduler.result(tasks[1], "b", failed=True)
    assert next(ended) is futures[1]
    assert list(ended) == []


def test_on_a_loop(client: Client, scheduler: ScriptedScheduler) -> None:
    futures, tasks = submitted(client, scheduler, 3)

    async def main() -> list[Any]:
        seen = []
        order = iter([1, 2, 0])
        scheduler.result(tasks[next(order)], 0)
        async for future in as_completed([*futures, futures[1]], PATIENCE_S):
            seen.append(futures.index(future))
            if (at := next(order, None)) is not None:
                scheduler.result(tasks[at], 0)
        return seen

    assert asyncio.run(main()) == [1, 2, 0]


def test_the_time_out(client: Client, scheduler: ScriptedScheduler) -> None:
    futures, _ = submitted(client, scheduler, 2)

    async def main() -> None:
        async for future in as_completed(futures, 0.01):
            raise AssertionError(future)

    with pytest.raises(TimeoutError, match=r"2 \(of 2\) futures unfinished after 0.01 s"):
        asyncio.run(main())
    with pytest.raises(TimeoutError, match=r"2 \(of 2\) futures unfinished"):
        list(as_completed(futures, 0.01))


def test_breaking_out_cancels_nothing(client: Client, scheduler: ScriptedScheduler) -> None:
    futures, tasks = submitted(client, scheduler, 2)

    async def main() -> None:
        scheduler.result(tasks[1], 1)
        async for future in as_completed(futures):
            assert future is futures[1]
            break

    asyncio.run(main())
    assert futures[0].running()
    scheduler.result(tasks[0], 1)
    assert futures[0].result(PATIENCE_S) == 1


def test_futures_of_any_executor() -> None:
    with concurrent.futures.ThreadPoolExecutor(2) as pool:

        async def main() -> set[int]:
            return {f.result() async for f in as_completed(futures)}

        futures = [pool.submit(abs, -n) for n in range(4)]
        assert {f.result() for f in as_completed(futures)} == {0, 1, 2, 3}
        assert asyncio.run(main()) == {0, 1, 2, 3}


def test_cancelling_the_awaiting_task_asks_and_leaves_the_loop_free(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    async def main() -> None:
        future = client.submit(abs, -1)
        task = await asyncio.to_thread(scheduler.expect, m.Task)

        async def wait() -> Any:
            return await future

        waiting = asyncio.create_task(wait())
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        # The request is out, nobody has answered, and the loop runs.
        asked = await asyncio.to_thread(scheduler.expect, m.TaskCancel)
        assert asked.task_id == task.task_id
        assert future.state == "cancel_requested"
        scheduler.confirm(task, m.CancelConfirmType.CANCELED)
        async for each in as_completed([future], PATIENCE_S):
            assert each.cancelled()

    asyncio.run(main())
