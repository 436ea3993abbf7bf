"""Graphs as dictionaries: what is a call, what a key; culled, ordered, refused."""

import operator
import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from futurefsm.client.graph import GraphCycleError, Key, MissingKeyError, plan


def test_calls_keys_and_constants() -> None:
    unhashable = bytearray(b"x")
    graph = {
        "a": 1,
        "t": ("no", "call"),
        "e": (),
        "b": (operator.add, "a", 5, unhashable, None),
        ("k", 0): (operator.neg, "b"),
        7: (operator.neg, ("k", 0)),
        "unused": (operator.neg, "missing"),
    }
    made = plan(graph, [7, "t", "e"])
    assert [call.key for call in made.calls] == ["b", ("k", 0), 7]
    assert made.calls[0].arguments == (Key("a"), 5, unhashable, None)
    assert made.constants == {"t": ("no", "call"), "e": (), "a": 1}
    assert made.needed_by == {"b": 1, ("k", 0): 1, 7: 0}
    assert plan(graph, []) == ((), {}, {})


def test_an_input_that_is_used_twice_is_needed_once() -> None:
    made = plan({"a": (int,), "b": (operator.add, "a", "a")}, ["b"])
    assert made.needed_by == {"a": 1, "b": 0}


def test_missing_keys_are_named_all_at_once() -> None:
    graph = {"a": (operator.add, "x", "b"), "b": (operator.neg, "y")}
    with pytest.raises(KeyError) as caught:
        plan(graph, ["a", "z"])
    assert isinstance(caught.value, MissingKeyError)
    assert caught.value.missing == {
        "z": "the caller",
        "x": "node 'a'",
        "y": "node 'b'",
    }
    assert "'x', asked for by node 'a'" in str(caught.value)
    assert pickle.loads(pickle.dumps(caught.value)).missing == caught.value.missing


@pytest.mark.parametrize("length", [1, 2, 3, 5000])
def test_a_cycle_is_shown(length: int) -> None:
    graph: dict[Any, Any] = {n: (operator.neg, (n + 1) % length) for n in range(length)}
    graph["in"] = (operator.neg, 0)
    with pytest.raises(ValueError, match="has a cycle") as caught:
        plan(graph, ["in"])
    assert isinstance(caught.value, GraphCycleError)
    assert caught.value.cycle == [*range(length), 0]
    assert pickle.loads(pickle.dumps(caught.value)).cycle == caught.value.cycle


def test_what_is_refused() -> None:
    graph = {"a": 1, "b": (sum, ["a"])}
    with pytest.raises(TypeError, match="argument 1 of node 'b' is a list"):
        plan(graph, ["b"])
    with pytest.raises(KeyError, match="wanted twice: 'a'"):
        plan(graph, ["a", "a"])
    with pytest.raises(TypeError, match="must be a list of keys"):
        plan(graph, "a")
    with pytest.raises(TypeError, match="graph must be a dictionary of key → node, not a list"):
        plan([("a", 1)], ["a"])  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="unhashable"):
        plan(graph, [["a"]])  # type: ignore[list-item]


@given(st.data())
def test_each_call_comes_behind_what_it_needs(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 12))
    names = data.draw(st.permutations(range(size)))
    graph: dict[Any, Any] = {}
    for place, name in enumerate(names):
        needs = data.draw(st.lists(st.sampled_from(names[:place]))) if place else []
        graph[name] = (max, *needs) if data.draw(st.booleans()) else name
    wanted = data.draw(st.lists(st.sampled_from(names), unique=True))
    made = plan(graph, wanted)
    seen: set[Any] = set(made.constants)
    for call in made.calls:
        assert {part.key for part in call.arguments} <= seen
        seen.add(call.key)
    assert set(wanted) <= seen
    needed = {part.key for call in made.calls for part in call.arguments}
    assert seen == set(wanted) | needed
