"""Client.get, on a scheduler that does as it is told and on real workers."""

import operator
import threading

import pytest

from futurefsm.client.client import Client
from futurefsm.client.errors import QueueFullError, UnsendableError
from futurefsm.client.graph import MissingKeyError
from futurefsm.protocol import messages as m
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


def test_node_by_node(client: Client, scheduler: ScriptedScheduler) -> None:
    graph = {"a": 5, "b": (operator.neg, "a"), "c": (operator.add, "b", "b")}
    futures = client.get(graph, ["c", "a"], block=False)
    assert list(futures) == ["c", "a"]
    assert futures["a"].result() == 5
    object_id = scheduler.result(scheduler.expect(m.Task), -5)
    second = scheduler.expect(m.Task)
    assert [each.data for each in second.function_args] == [object_id, object_id]
    scheduler.result(second, -10)
    assert futures["c"].result(PATIENCE_S) == -10
    assert scheduler.count(m.GraphTask) == 0
    # The inner node's value was never fetched, and is deleted with the last that needed it.
    assert object_id in {scheduler.expect_deletion(), scheduler.expect_deletion()}


def test_a_constant_is_sent_once(client: Client, scheduler: ScriptedScheduler) -> None:
    large = b"x" * 100
    graph = {"a": large, "b": (len, "a"), "c": (bytes.upper, "a")}
    client.get(graph, ["b", "c"], block=False)
    first, second = scheduler.expect(m.Task), scheduler.expect(m.Task)
    assert first.function_args == second.function_args


def test_nothing_is_sent_where_a_node_cannot_be(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    graph = {"a": (len, "x"), "x": "fine", "b": (len, "lock"), "lock": threading.Lock()}
    with pytest.raises(UnsendableError, match="node 'lock'"):
        client.get(graph, ["a", "b"])
    with pytest.raises(MissingKeyError):
        client.get(graph, ["a", "nobody"])
    with pytest.raises(TypeError, match="keys must be a list of keys, not 'a'"):
        client.get(graph, "a")
    client._agent.call(lambda: None)
    assert scheduler.count(m.Task) == 0


def test_all_or_nothing(client: Client, scheduler: ScriptedScheduler) -> None:
    """The queue is full in the middle: what was sent is called back."""
    graph = {"a": (int, 1), "b": (operator.neg, "a"), "c": (operator.neg, "b")}
    put = client._submitter.put
    sent = []

    def full(sending: object) -> None:
        if len(sent) == 2:
            raise QueueFullError("no room")
        sent.append(sending)
        put(sending)  # type: ignore[arg-type]

    client._submitter.put = full  # type: ignore[method-assign]
    with pytest.raises(QueueFullError):
        client.get(graph, ["c"])
    del client._submitter.put
    client._agent.call(lambda: None)
    tracker = client._agent.pump.tracker
    assert client._agent.call(lambda: len(tracker)) == 0
    assert not client._agent.pump.futures


def test_on_real_workers(cluster: Client) -> None:
    view = cluster.options(delayed=True)
    futures = view.get({"a": 1, "b": (operator.neg, "a")}, ["b"], block=False)
    assert futures["b"].result(PATIENCE_S) == -1
    reference = cluster.send_object([1, 2])
    earlier = cluster.submit(operator.neg, 7)
    graph = {"r": reference, "l": [reference, 5], "f": earlier, "s": (sum, "r"), "n": (len, "l")}
    graph["t"] = (operator.add, "f", "s")
    values = cluster.get(graph, ["t", "n", "r", "f"])
    assert values == {"t": -4, "n": 2, "r": reference, "f": -7}
    with pytest.raises(ZeroDivisionError):
        cluster.get({"a": (operator.truediv, 1, 0), "b": (operator.neg, "a")}, ["b"])
