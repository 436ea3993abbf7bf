"""Objects that are sent once and used by many tasks, on real clusters and on the engine."""

import gc
import operator
from collections import namedtuple
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.errors import InvalidReferenceError, UnsendableError
from tests.cluster.conftest import PATIENCE_S
from tests.cluster.test_graphs import nothing_is_kept

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

MIB = 2**20


def owned(client: Client) -> int:
    """How many sent objects the client keeps in the store."""
    agent = client._agent
    return agent.call(lambda: len(agent.pump.tracker._uploads._owned)) or 0


def test_one_object_many_tasks(client: Client) -> None:
    reference = client.send_object(list(range(1000)), name="numbers")
    assert repr(reference).startswith("<ObjectReference 'numbers', ")
    futures = [client.submit(operator.getitem, reference, n) for n in range(20)]
    assert [future.result(PATIENCE_S) for future in futures] == list(range(20))
    assert client.submit(operator.eq, reference, reference).result(PATIENCE_S) is True
    reference.delete()
    assert nothing_is_kept(client)


def test_inside_containers(client: Client) -> None:
    # In the function, so that they travel by value: workers do not have this module.
    Pair = namedtuple("Pair", "first second")

    @dataclass
    class Job:
        data: Any
        factor: int

    def run(job: Any, more: Any, *, extra: Any) -> float:
        first, (second, *_) = more["list"][0], more["pair"]
        return job.factor * sum(job.data) + first + sum(second) + max(extra["set"])

    numbers = client.send_object([1, 2, 3])
    one = client.send_object(1000)
    future = client.submit(
        run,
        Job(numbers, 2),
        {"list": [one], "pair": Pair(numbers, 0)},
        extra={"set": {one, 5}},
    )
    assert future.result(PATIENCE_S) == 12 + 1000 + 6 + 1000
    same = client.submit(lambda pair: pair[0] is pair[1], [numbers, numbers])
    assert same.result(PATIENCE_S) is True
    graph = {"numbers": numbers, "sum": (sum, "numbers"), "neg": (operator.neg, "sum")}
    assert client.get(graph, ["neg", "numbers"]) == {"neg": -6, "numbers": numbers}


def test_an_error_in_a_task_with_references_is_the_tasks_own(client: Client) -> None:
    zero = client.send_object(0)

    def divide(values: list[int]) -> float:
        return values[0] / values[1]

    with pytest.raises(ZeroDivisionError, match="division by zero"):
        client.submit(divide, [1, zero]).result(PATIENCE_S)


def test_a_deleted_object_stays_for_the_tasks_that_need_it(client: Client) -> None:
    reference = client.send_object(5)
    slow = client.submit(operator.add, client.submit(operator.add, 1, 1), reference)
    reference.delete()
    reference.delete()
    assert slow.result(PATIENCE_S) == 7
    with pytest.raises(InvalidReferenceError, match="it was deleted"):
        client.submit(operator.neg, reference)
    with pytest.raises(InvalidReferenceError, match="it was deleted"):
        client.submit(sum, [reference])
    assert nothing_is_kept(client)


def test_the_last_reference_deletes_the_object(client: Client) -> None:
    gc.collect()
    before = owned(client)
    reference = client.send_object(5)
    assert client.submit(operator.neg, reference).result(PATIENCE_S) == -5
    assert owned(client) == before + 1
    del reference
    gc.collect()
    assert owned(client) == before


def test_clear_and_other_clients(client: Client, new_client: Callable[..., Client]) -> None:
    with new_client() as other:
        reference = other.send_object("theirs")
        with pytest.raises(InvalidReferenceError, match="belongs to another client"):
            client.submit(len, reference)
        future = other.submit(len, "theirs")
        with pytest.raises(InvalidReferenceError, match="a future of another client"):
            client.submit(operator.neg, future)
        assert future.result(PATIENCE_S) == 6
        other.clear()
        with pytest.raises(InvalidReferenceError, match=r"deleted by clear\(\)"):
            other.submit(len, reference)
        assert other.submit(len, other.send_object("again")).result(PATIENCE_S) == 5


def test_a_reference_in_a_closure_is_refused(client: Client) -> None:
    reference = client.send_object("value")
    future = client.submit(len, "value")
    for captured in (reference, future):
        with pytest.raises(UnsendableError, match="means something to its own client only"):
            client.submit(lambda captured=captured: captured)
    assert future.result(PATIENCE_S) == 5
    assert nothing_is_kept(client)


@pytest.mark.parametrize("size", [0, 1, 64 * MIB])
def test_sizes(client: Client, size: int) -> None:
    payload = bytes(size)
    assert client.submit(bytes, size).result(PATIENCE_S) == payload
    reference = client.send_object(payload)
    assert client.submit(len, reference).result(PATIENCE_S) == size
    assert client.submit(len, payload).result(PATIENCE_S) == size


@pytest.mark.cluster_long
def test_a_gibibyte(new_client: Callable[..., Client], kind: str) -> None:
    more = {"max_result_bytes": 2 << 30, "store_bytes": 8 << 30} if kind == "engine" else {}
    with new_client(**more) as client:
        reference = client.send_object(bytes(1 << 30), name="large")
        assert client.submit(len, reference).result(PATIENCE_S * 2) == 1 << 30
        reference.delete()
        assert len(client.submit(bytes, 1 << 30).result(PATIENCE_S * 2)) == 1 << 30
