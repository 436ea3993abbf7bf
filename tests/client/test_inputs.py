"""How a call is pickled: plain, with inputs, with inputs inside its arguments."""

import pickle
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.errors import UnsendableError
from futurefsm.client.inputs import pack
from futurefsm.client.resolve import with_references
from futurefsm.client.serializer import Serializer
from futurefsm.client.uploads import Blob
from tests.client.scripted import ScriptedScheduler


def show(*args: Any, **kwargs: Any) -> Any:
    return args, kwargs


def test_a_plain_call() -> None:
    serializer = Serializer()
    packed = pack(serializer, show, None, (1, [2]), {"x": 3})
    assert packed.plain
    assert [pickle.loads(each.payload) for each in packed.arguments] == [1, [2]]
    function = pickle.loads(packed.function.payload)
    assert function(1) == ((1,), {"x": 3})
    ready = serializer.function(show, {})
    again = pack(serializer, show, ready, (packed.arguments[0],), {})
    assert again.function is ready
    assert again.arguments == packed.arguments[:1]


def test_a_call_without_arguments_is_its_function(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pickled once; what went into it is looked at for each call, and nothing else is done."""
    serializer = Serializer()
    first = pack(serializer, show, None, (), {})
    assert first.plain
    assert first.arguments == ()

    def never(*_: Any) -> Any:
        raise AssertionError("it is known")

    monkeypatch.setattr(serializer, "function", never)
    assert pack(serializer, show, None, (), {}).function is first.function
    assert pack(serializer, show, None, (1,), {}).function is first.function
    assert pack(serializer, show, first.function, (), {}) == first


def test_whole_arguments(client: Client, scheduler: ScriptedScheduler) -> None:
    reference, future = client.send_object("r"), client.submit(len, "x")
    packed = pack(Serializer(), show, None, (reference, 1, future), {})
    assert not packed.plain
    assert packed.arguments[0] is reference
    assert isinstance(packed.arguments[1], Blob)
    assert packed.arguments[2] is future


def test_inside_arguments(client: Client, scheduler: ScriptedScheduler) -> None:
    reference, future = client.send_object("r"), client.submit(len, "x")
    large = bytes(1000)
    packed = pack(
        Serializer(), show, None, ({"k": [reference]}, large, future), {"x": (future, reference)}
    )
    assert packed.function.name == packed.arguments[1].name == "show"
    plan, own, *objects = packed.arguments
    stands_for = {id(reference): "R", id(future): "F"}
    passed = [
        pickle.loads(each.payload) if isinstance(each, Blob) else stands_for[id(each)]
        for each in objects
    ]
    assert sorted(map(str, passed)) == sorted(["F", "R", str(large)])
    args, kwargs = with_references(pickle.loads(plan.payload), pickle.loads(own.payload), *passed)
    assert args == ({"k": ["R"]}, large, "F")
    assert kwargs == {"x": ("F", "R")}


def test_in_the_function_itself(client: Client, scheduler: ScriptedScheduler) -> None:
    reference = client.send_object("r")

    def captures() -> Any:
        return reference

    for args, kwargs in (((), {}), (([reference],), {}), ((), {"x": reference})):
        with pytest.raises(UnsendableError, match=r"the function itself of .*captures"):
            pack(Serializer(), captures, None, args, kwargs)


def test_keywords_to_a_cluster_travel_as_arguments(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    serializer, reference = Serializer(guarded=True), client.send_object("r")
    packed = pack(serializer, show, None, (1,), {"x": 2, "y": reference})
    assert packed.arguments[2] is reference
    assert not packed.plain
    function = pickle.loads(packed.function.payload)
    values = [pickle.loads(each.payload) for each in packed.arguments[:2]]
    assert function(*values, "R") == ((1,), {"x": 2, "y": "R"})
    other = pack(serializer, show, None, (), {"x": bytes(1000), "y": 3})
    assert other.function is packed.function
    assert other.arguments[0].digest is not None
    nested = pack(serializer, show, None, (5,), {"x": [reference]})
    plan, own, *objects = nested.arguments
    assert objects[1:] == [reference]
    loaded = [pickle.loads(each.payload) for each in (plan, own, objects[0])]
    assert with_references(*loaded, "R") == ((5,), {"x": ["R"]})
    with pytest.raises(UnsendableError, match="argument 'z' of show"):
        pack(serializer, show, None, (), {"z": (n for n in ())})
    with pytest.raises(UnsendableError, match="the function itself"):
        pack(serializer, lambda **_: scheduler, None, (), {"z": 1})
