"""Tasks that wait for tasks of their own, where there is one worker: nobody waits for ever."""

from collections.abc import Callable
from typing import Any

import pytest

from futurefsm.client.client import Client
from tests.cluster.conftest import NESTING_KINDS, PATIENCE_S, Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def total(depth: int) -> int:
    """Sums 1 to depth, each summand in a task of its own, below the one before."""
    from futurefsm.client.client import Client

    if not depth:
        return 0
    with Client(timeout=60) as client:
        return depth + client.submit(total, depth - 1).result(60)


def graph() -> Any:
    import operator

    from futurefsm.client.client import Client

    with Client(timeout=60) as client:
        nodes = {"a": 20, "b": (operator.add, "a", "a"), "c": (operator.add, "b", 2)}
        return client.get(nodes, ["c", "b"])


def in_a_thread() -> int:
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(total, 1).result(60)


def fibonacci(client: Client, n: int) -> int:
    if n < 2:
        return n
    futures = [client.submit(fibonacci, client, n - back) for back in (1, 2)]
    return sum(future.result(60) for future in futures)


@pytest.mark.parametrize("kind", NESTING_KINDS)
def test_one_worker_is_enough(kind: str, private_cluster: Callable[..., Cluster]) -> None:
    made = Client(workers=1) if kind == "engine" else private_cluster(kind, n_workers=1).client()
    with made as client:
        assert client.submit(total, 3).result(PATIENCE_S) == 6
        assert client.submit(graph).result(PATIENCE_S) == {"c": 42, "b": 40}
        assert client.submit(in_a_thread).result(PATIENCE_S) == 1
        assert client.submit(fibonacci, client, 3).result(PATIENCE_S) == 2
