"""Task graphs, on real clusters and on the embedded engine."""

import concurrent.futures
import operator
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.graph import GraphCycleError, MissingKeyError
from futurefsm.fsm.errors import CancelledError, ClientClosedError
from tests.cluster.conftest import PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def nothing_is_kept(client: Client) -> bool:
    """All result objects are deleted, as far as the client knows."""
    agent, tracker = client._agent, client._agent.pump.tracker
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if agent.call(lambda: len(tracker) + len(tracker.values)) == 0:
            return True
        time.sleep(0.01)
    return False


def adder() -> Callable[..., float]:
    """Made in a function, so that it travels by value: workers do not have this module."""

    def add(*numbers: float) -> float:
        return sum(numbers)

    return add


add = adder()


def test_shared_inputs_constants_and_the_order_of_keys(client: Client) -> None:
    graph: dict[Any, Any] = {
        "a": 1,
        "b": 2,
        "c": (operator.add, "a", 1),
        "d": (operator.mul, "c", "b"),
        "e": (add, "c", "d", "c", 0.5),
        "not needed": (operator.truediv, "a", 0),
    }
    assert client.get(graph, ["e", "a", "c"]) == {"e": 8.5, "a": 1, "c": 2}
    assert list(client.get(graph, ["e", "a", "c"])) == ["e", "a", "c"]
    futures = client.get(graph, ["d", "b"], block=False)
    assert {key: future.result(PATIENCE_S) for key, future in futures.items()} == {"d": 4, "b": 2}
    assert client.get(graph, []) == {}
    assert client.get({"b": (bytes, 3)}, ["b"]) == {"b": bytes(3)}
    assert nothing_is_kept(client)


def test_a_diamond_and_a_chain(client: Client) -> None:
    chain: dict[Any, Any] = {0: 0, **{n: (operator.add, n - 1, 0.5) for n in range(1, 31)}}
    assert client.get(chain, [30, 29]) == {30: 15.0, 29: 14.5}
    wide: dict[Any, Any] = {"x": (pow, 2.0, "n"), "n": 5}
    wide |= {("leaf", n): (operator.mul, "x", n + 0.5) for n in range(30)}
    wide["sum"] = (add, *[("leaf", n) for n in range(30)])
    assert client.get(wide, ["sum"]) == {"sum": 32.0 * 450}
    assert nothing_is_kept(client)


def test_a_failure_is_the_error_of_all_that_depend_on_it(client: Client) -> None:
    graph = {
        "bad": (operator.truediv, 1, 0),
        "fine": (operator.neg, 7),
        "mid": (operator.add, "bad", "fine"),
        "target": (operator.neg, "mid"),
    }
    with pytest.raises(ZeroDivisionError):
        client.get(graph, ["target", "fine"])
    futures = client.get(graph, ["target", "fine", "mid"], block=False)
    assert futures["fine"].result(PATIENCE_S) == -7
    for key in ("target", "mid"):
        assert isinstance(futures[key].exception(PATIENCE_S), ZeroDivisionError)
    # The client is as good as before.
    assert client.get({"x": (operator.neg, 3)}, ["x"]) == {"x": -3}
    assert nothing_is_kept(client)


@pytest.mark.cluster_long
def test_a_failure_does_not_wait_for_what_runs(client: Client) -> None:
    graph = {"slow": (time.sleep, 100), "bad": (operator.truediv, 1, 0)}
    with pytest.raises(ZeroDivisionError):
        client.get(graph, ["slow", "bad"])
    assert nothing_is_kept(client)


def test_cancel_of_one_target(client: Client, tmp_path: Path) -> None:
    gate = tmp_path / "open"

    def wait_for(path: str) -> None:
        import os
        import time

        while not os.path.exists(path):
            time.sleep(0.01)

    graph = {
        "path": str(gate),
        "gate": (wait_for, "path"),
        "one": (operator.is_, "gate", None),
        "two": (operator.is_not, "gate", None),
        "after one": (operator.not_, "one"),
    }
    futures = client.get(graph, ["one", "two", "after one"], block=False)
    assert futures["one"].cancel(PATIENCE_S)
    with pytest.raises(CancelledError, match="never_sent"):
        futures["one"].result()
    with pytest.raises(CancelledError, match="a task whose result it needs was cancelled"):
        futures["after one"].result(PATIENCE_S)
    gate.touch()
    assert futures["two"].result(PATIENCE_S) is False
    assert nothing_is_kept(client)


def test_cancel_of_the_whole_graph(client: Client) -> None:
    """A node that runs, with one that depends on it: Scaler's own client waits for ever."""
    graph = {
        "runs": (time.sleep, 100),
        "waits": (operator.is_, "runs", None),
        "target": (operator.not_, "waits"),
        "other": (operator.truth, "waits"),
    }
    futures = client.get(graph, ["target", "other"], block=False)
    assert client.cancel(futures.values(), timeout=PATIENCE_S)
    assert all(future.cancelled() for future in futures.values())
    # Nobody needs what runs: it is stopped.
    assert nothing_is_kept(client)
    assert client.submit(operator.add, 1, 2).result(PATIENCE_S) == 3


def test_disconnect_ends_a_graph(new_client: Callable[..., Client]) -> None:
    client = new_client()
    graph = {"runs": (time.sleep, 100), "target": (operator.is_, "runs", None)}
    futures = client.get(graph, ["target"], block=False)
    client.disconnect(timeout=PATIENCE_S)
    assert futures["target"].cancelled()
    with pytest.raises(ClientClosedError):
        client.get(graph, ["target"])


def test_what_cannot_be_computed_is_refused_before_anything_is_sent(client: Client) -> None:
    good = {"good": (operator.neg, 1)}
    with pytest.raises(GraphCycleError, match="'a' → 'b' → 'a'"):
        client.get(good | {"a": (operator.neg, "b"), "b": (operator.neg, "a")}, ["good", "a"])
    with pytest.raises(MissingKeyError, match="'q', asked for by node 'a'"):
        client.get(good | {"a": (operator.neg, "q")}, ["good", "a"])
    assert nothing_is_kept(client)
    assert client.violations == 0


def test_futures_as_arguments(client: Client) -> None:
    one = client.submit(operator.add, 1, 0.5)
    two = client.submit(operator.mul, one, one)
    three = client.submit(sum, [one, two, {"x": two}["x"]])
    keywords = client.submit(int, "101", base=client.submit(int, "2"))
    assert three.result(PATIENCE_S) == 6.0
    assert keywords.result(PATIENCE_S) == 5
    # One whose value is here: it travels again.
    assert client.submit(operator.neg, three).result(PATIENCE_S) == -6.0
    failed = client.submit(operator.truediv, one, 0)
    late = client.submit(operator.neg, failed)
    assert isinstance(late.exception(PATIENCE_S), ZeroDivisionError)
    assert isinstance(failed.exception(PATIENCE_S), ZeroDivisionError)
    assert isinstance(client.submit(operator.neg, failed).exception(PATIENCE_S), ZeroDivisionError)
    assert nothing_is_kept(client)


def test_many_graphs_at_once(client: Client) -> None:
    def compute(n: int) -> Any:
        graph: dict[Any, Any] = {"n": n, "a": (operator.neg, "n"), "b": (operator.mul, "a", "a")}
        return client.get(graph, ["b"])["b"]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        assert list(pool.map(compute, range(40))) == [n * n for n in range(40)]
    assert nothing_is_kept(client)
