"""Values that are fetched when somebody asks, on real clusters and on the embedded engine."""

import asyncio
import concurrent.futures
import gc
import operator
import time
from collections.abc import Callable
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.fsm.errors import CancelledError, ResultLostError
from tests.cluster.conftest import PATIENCE_S
from tests.cluster.test_graphs import nothing_is_kept

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def held(client: Client) -> int:
    """How many result objects are in the store for this client."""
    agent = client._agent
    return agent.call(lambda: len(agent.pump.tracker.values)) or 0


def finished(client: Client, *futures: Any) -> None:
    done, _ = concurrent.futures.wait(futures, PATIENCE_S)
    assert len(done) == len(futures)


def test_nothing_is_fetched_until_somebody_asks(client: Client) -> None:
    lazy = client.options(delayed=True)
    futures = [lazy.submit(pow, 2, n) for n in range(3)]
    finished(client, *futures)
    assert [each.value_text() for each in futures] == [
        "its value is in the object store, and nobody has asked for it"
    ] * 3
    assert held(client) == 3
    assert futures[0].result(PATIENCE_S) == 1
    heard: concurrent.futures.Future[Any] = concurrent.futures.Future()
    futures[1].add_done_callback(lambda future: heard.set_result(future.result()))
    assert heard.result(PATIENCE_S) == 2

    async def wait_for(future: Any) -> Any:
        return await future

    assert asyncio.run(wait_for(futures[2])) == 4
    assert nothing_is_kept(client)


def test_asked_before_it_ended(client: Client) -> None:
    future = client.submit_verbose(time.sleep, [0.2], delayed=True)
    assert future.result(PATIENCE_S) is None
    error = client.submit_verbose(operator.truediv, [1, 0], delayed=True)
    assert isinstance(error.exception(PATIENCE_S), ZeroDivisionError)
    assert nothing_is_kept(client)


def test_used_by_a_task_and_never_fetched(client: Client) -> None:
    large = client.submit_verbose(bytes, [2**20], delayed=True)
    finished(client, large)
    assert client.submit(len, large).result(PATIENCE_S) == 2**20
    assert held(client) == 1
    assert large.cancel()
    with pytest.raises(CancelledError):
        large.result()
    assert nothing_is_kept(client)


def test_a_dropped_future_leaves_nothing(client: Client) -> None:
    future = client.submit_verbose(bytes, [10], delayed=True)
    finished(client, future)
    assert held(client) == 1
    del future
    gc.collect()
    assert nothing_is_kept(client)


def test_the_client_ends_before_anybody_asks(new_client: Callable[..., Client]) -> None:
    with new_client() as client:
        future = client.submit_verbose(pow, [2, 3], delayed=True)
        asked = client.submit_verbose(pow, [2, 4], delayed=True)
        asked.add_done_callback(lambda future: None)
    assert asked.result(PATIENCE_S) == 16
    with pytest.raises(ResultLostError, match="closed before anybody asked"):
        future.result(PATIENCE_S)
