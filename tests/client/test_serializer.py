"""What travels, how often, and what is said when it cannot."""

import functools
import operator
import pickle
import signal
import sys
import threading
import tracemalloc
from collections.abc import Callable
from typing import Any
from unittest.mock import Mock

import numpy as np
import pytest

from futurefsm.client.blame import shown
from futurefsm.client.engine import sealed
from futurefsm.client.engine.sealed import Sealed
from futurefsm.client.errors import UnsendableError
from futurefsm.client.serializer import (
    SHARE_MAX_BYTES,
    SHARE_MIN_BYTES,
    Serializer,
    likeness,
    name_of,
    travelling,
)


def plain(a: int, b: int = 2) -> int:
    return a + b


def test_a_function_by_reference_is_pickled_once() -> None:
    serializer = Serializer()
    assert serializer.function(operator.add, {}) is serializer.function(operator.add, {})
    assert serializer.loads(serializer.function(plain, {}).payload) is plain


def test_a_closure_is_pickled_each_time() -> None:
    serializer = Serializer()
    limit = 5

    def over(value: int) -> bool:
        return value > limit

    before = serializer.function(over, {})
    assert serializer.function(over, {}).digest == before.digest
    limit = 7
    after = serializer.function(over, {})
    assert after.digest != before.digest
    assert serializer.loads(after.payload)(6) is False


def test_keywords_travel_with_the_function() -> None:
    serializer = Serializer()
    bound = serializer.loads(serializer.function(plain, {"b": 40}).payload)
    assert bound(2) == 42


def test_large_arguments_are_shared_and_small_ones_that_cannot_change() -> None:
    serializer = Serializer()
    for value in (bytes(SHARE_MIN_BYTES), [0] * SHARE_MIN_BYTES, 1, "text", None, 2.5):
        first, second = (serializer.argument(value, "argument 1", plain) for _ in range(2))
        assert first.digest is not None
        assert first.digest == second.digest
    one = serializer.argument(1, "argument 1", plain)
    assert serializer.argument(True, "argument 1", plain).digest != one.digest
    # A task that changes its list must not change another's.
    assert serializer.argument([1], "argument 1", plain).digest is None
    assert serializer.argument(bytes(SHARE_MAX_BYTES), "argument 1", plain).digest is None


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_000_000])
def test_bytes_of_any_size_travel(size: int) -> None:
    value = bytes(size)
    assert pickle.loads(Serializer().argument(value, "argument 1", plain).payload) == value


def test_likeness_is_cheap_and_tells_most_apart() -> None:
    large = bytes(1_000_000)
    assert likeness(large) == likeness(bytes(1_000_000))
    assert likeness(large) != likeness(bytes(1_000_001))
    assert likeness(large) != likeness(large[:-1] + b"1")
    assert likeness(large) != likeness(b"1" + large[1:])
    # One byte in the middle is not looked at. `Uploads` compares the rest.
    assert likeness(large) == likeness(large[:500_001] + b"1" + large[500_002:])


class Holder:
    def __init__(self, inner: Any) -> None:
        self.inner = inner


@pytest.mark.parametrize(
    ("value", "blame"),
    [
        (threading.Lock(), ""),
        ([1, {"key": threading.Lock()}], r"it\[1\]\['key'\]"),
        (Holder((0, threading.Lock())), r"it\.inner\[1\]"),
    ],
)
def test_the_error_names_the_part_to_blame(value: Any, blame: str) -> None:
    with pytest.raises(UnsendableError, match=f"argument 3 of plain.*cannot be sent.*{blame}"):
        Serializer().argument(value, "argument 3", plain)


def test_a_function_that_cannot_travel() -> None:
    lock = threading.Lock()

    def locked() -> None:
        with lock:
            pass

    with pytest.raises(UnsendableError, match=r"the function itself of .*locked.*closure lock"):
        Serializer().function(locked, {})
    with pytest.raises(UnsendableError, match="argument 'b' of plain"):
        Serializer().function(plain, {"b": lock})


def test_names() -> None:
    assert name_of(plain) == "plain"
    assert name_of(functools.partial(plain, 1)) == "partial(plain)"
    assert name_of(Holder.__init__) == "Holder.__init__"

    class Callable_:
        def __call__(self) -> None: ...

    assert name_of(Callable_()) == "Callable_"


class Stubborn:
    """Answers no question."""

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)

    def __repr__(self) -> str:
        raise ValueError("no text")

    def __call__(self) -> int:
        return 5


class Unsendable(Stubborn):
    def __reduce_ex__(self, protocol: Any) -> Any:
        raise TypeError("no")


class Unsayable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


class SaysNothing:
    def __reduce__(self) -> Any:
        raise Unsayable


def test_objects_that_answer_no_question() -> None:
    stubborn = Stubborn()
    assert Serializer().loads(Serializer().function(stubborn, {}).payload)() == 5
    assert name_of(stubborn) == "Stubborn"
    assert name_of(Mock(func=Mock())) == "Mock"
    assert shown(stubborn) == "<Stubborn>"
    with pytest.raises(UnsendableError, match="the function itself of Unsendable"):
        Serializer().function(Unsendable(), {})
    with pytest.raises(UnsendableError, match="argument 1 of plain"):
        Serializer().argument(Unsendable(), "argument 1", plain)
    with pytest.raises(UnsendableError, match="Unsayable"):
        Serializer().argument(SaysNothing(), "argument 1", plain)


def test_a_closure_with_a_variable_that_comes_later() -> None:
    lock = threading.Lock()

    def early() -> Any:
        return later, lock

    with pytest.raises(UnsendableError, match="closure lock"):
        Serializer().function(early, {})
    later = 1


class Own:
    """A serializer of a user's own, by names where it knows one."""

    def serialize(self, obj: Any) -> bytes:
        if obj == "text":
            return "not bytes"  # type: ignore[return-value]
        if callable(obj):
            return f"F{obj.__module__}:{obj.__qualname__}".encode()
        return b"V" + pickle.dumps(obj)

    def deserialize(self, payload: bytes) -> Any:
        if payload[:1] == b"V":
            return pickle.loads(payload[1:])
        module, _, name = payload[1:].decode().partition(":")
        return operator.attrgetter(name)(sys.modules[module])


def test_a_codec_of_a_users_own_is_used_for_all_but_errors() -> None:
    serializer = Serializer(Own())
    assert serializer.function(plain, {}).payload.startswith(b"F")
    assert serializer.loads(serializer.function(plain, {}).payload) is plain
    value = serializer.argument([1], "argument 1", plain).payload
    assert value.startswith(b"V")
    assert serializer.loads(memoryview(value)) == [1]
    assert isinstance(serializer.loads_error(pickle.dumps(KeyError(1))), KeyError)
    with pytest.raises(UnsendableError, match=r"argument 1 of plain.*gave a str, not bytes"):
        serializer.argument("text", "argument 1", plain)


def test_small_arguments_of_a_users_serializer_are_not_shared() -> None:
    # What becomes of the bytes is its own business.
    serializer = Serializer(Own())
    assert serializer.argument(1, "argument 1", plain).digest is None
    assert serializer.argument(bytes(SHARE_MIN_BYTES), "argument 1", plain).digest is not None


def test_a_codec_that_knows_functions_only_gets_no_guard() -> None:
    serializer = Serializer(Own(), guarded=True)
    assert serializer.loads(serializer.function(plain, {}).payload) is plain
    assert serializer.named(plain, ("b",)) is None


class Half:
    def serialize(self, obj: Any) -> bytes:
        return b""


class Locked(Own):
    def __init__(self) -> None:
        self.lock = threading.Lock()


def test_a_codec_has_to_travel() -> None:
    assert isinstance(pickle.loads(travelling(Own())), Own)
    with pytest.raises(TypeError, match=r"has no deserialize\(\)"):
        travelling(Half())
    with pytest.raises(TypeError, match=r"an instance, not the class: Own\(\)"):
        travelling(Own)
    with pytest.raises(UnsendableError, match=r"the serializer of this client.*it.lock"):
        travelling(Locked())


class Rings:
    """An alarm goes off while it is pickled."""

    def __reduce__(self) -> Any:
        signal.raise_signal(signal.SIGALRM)
        return (list, ())


class Late(Exception):
    """What the user's handler raises."""


def late(*_: object) -> None:
    raise Late


class Handler:
    def method(self, *_: object) -> None:
        raise Late

    def __call__(self, *_: object) -> None:
        raise Late


class Rung(str):
    """A serializer that is interrupted."""

    def serialize(self, value: Any) -> bytes:
        signal.raise_signal(signal.SIGALRM)
        return b""

    def deserialize(self, data: bytes) -> Any:
        return None

    __reduce__ = Rings.__reduce__


def _uses(value: Any) -> Callable[[], Any]:
    return lambda: value


@pytest.mark.parametrize(
    "handler",
    [late, Handler().method, Handler(), functools.partial(late, 1)],
    ids=["a function", "a method", "an object", "a partial"],
)
def test_what_a_signals_handler_raises_is_no_fault_of_what_is_pickled(handler: Any) -> None:
    """A time-out by an alarm, say: it reaches who set the alarm, as it is."""
    own = Serializer(Rung())
    before = signal.signal(signal.SIGALRM, handler)
    try:
        for act in (
            lambda: Serializer().argument(Rings(), "argument 1", len),
            lambda: Serializer().function(_uses(Rings()), {}),
            lambda: Serializer().function(print, {"end": Rings()}),
            lambda: Serializer(guarded=True).function(_uses(Rings()), {}),
            lambda: Serializer(guarded=True).named(_uses(Rings()), ("end",)),
            lambda: own.argument(1, "argument 1", len),
            lambda: travelling(Rung()),
        ):
            with pytest.raises(Late) as caught:
                act()
            assert caught.value.__cause__ is None
    finally:
        signal.signal(signal.SIGALRM, before)


@pytest.mark.parametrize(
    "value",
    [
        b"x" * (SHARE_MAX_BYTES + 1),
        bytearray(SHARE_MAX_BYTES + 1),
        {"several": [b"x" * SHARE_MAX_BYTES, bytearray(SHARE_MAX_BYTES)]},
        [np.arange(SHARE_MAX_BYTES)],
        [str(np.arange(4)), "x" * (SHARE_MAX_BYTES + 1)],
    ],
    ids=["bytes", "bytearray", "inside", "array", "text"],
)
def test_large_objects_are_written_to_where_they_can_be_handed_over(value: Any) -> None:
    blob = Serializer(seals=True).argument(value, "argument 1", plain)
    assert isinstance(blob.payload, Sealed)
    assert blob.digest is None
    loaded = Serializer().loads(blob.payload)
    assert type(loaded) is type(value)
    assert pickle.dumps(loaded) == pickle.dumps(value)
    assert pickle.dumps(pickle.loads(bytes(blob.payload))) == pickle.dumps(value)


def test_what_was_sent_does_not_change_with_the_users_array() -> None:
    """It is written while the argument is pickled, not when it leaves."""
    array = np.zeros(SHARE_MAX_BYTES)
    sealing, plain_ = Serializer(seals=True), Serializer()
    blobs = [each.argument(array, "argument 1", plain) for each in (sealing, plain_)]
    array[:] = 1
    assert [plain_.loads(blob.payload).max() for blob in blobs] == [0, 0]


@pytest.mark.parametrize(("seals", "copies"), [(True, 0), (False, 1)])
def test_no_more_copies_of_an_array_than_are_needed(seals: bool, copies: int) -> None:
    array, serializer = np.ones(SHARE_MAX_BYTES), Serializer(seals=seals)
    tracemalloc.start()
    try:
        blob = serializer.argument({"an": [array]}, "argument 1", plain)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(blob.payload) > array.nbytes
    assert peak < (copies + 0.25) * array.nbytes


def test_what_is_shared_or_made_by_a_users_own_stays_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = bytes(SHARE_MAX_BYTES), bytes(SHARE_MAX_BYTES + 1)
    for serializer, value in (
        (Serializer(seals=True), small),
        (Serializer(seals=True), [small[1000:]]),
        (Serializer(), [large]),
        (Serializer(Own(), seals=True), large),
    ):
        assert isinstance(serializer.argument(value, "argument 1", plain).payload, bytes)
    monkeypatch.setattr(sealed, "room", lambda: False)
    blob = Serializer(seals=True).argument(large, "argument 1", plain)
    assert pickle.loads(bytes(blob.payload)) == large
