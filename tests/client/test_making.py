"""Bytes that become a value, an exception, or an error that says why they did not."""

import pickle
import threading
from typing import Any

import pytest

from futurefsm.client.errors import ResultUnreadableError, SerializationError
from futurefsm.client.making import made_of, no_memory
from futurefsm.client.serializer import Serializer
from futurefsm.fsm.errors import ResultLostError
from futurefsm.protocol.piggyback import Handed


class Asked:
    """Of a future only what is told."""

    story = None

    def describe(self) -> str:
        return "task 7"


class Large(Handed):
    """What was handed over, and cannot be loaded."""

    def __init__(self, error: BaseException) -> None:
        self.error = error

    def __len__(self) -> int:
        return 5_000

    def load(self) -> Any:
        raise self.error


def made(payload: Any, failed: bool = False) -> tuple[Any, BaseException | None]:
    return made_of(Asked(), Serializer(), payload, failed)  # type: ignore[arg-type]


def test_a_value_and_an_exception() -> None:
    assert made(pickle.dumps([1])) == ([1], None)
    value, error = made(pickle.dumps(KeyError(1)), True)
    assert value is None
    assert isinstance(error, KeyError)


def test_what_is_no_exception() -> None:
    _, error = made(pickle.dumps([1]), True)
    assert isinstance(error, ResultUnreadableError)
    assert "failed with a builtins.list" in str(error)


@pytest.mark.parametrize("payload", [b"garbage", Large(EOFError("cut"))])
def test_bytes_that_become_nothing(payload: Any) -> None:
    _, error = made(payload)
    assert isinstance(error, ResultUnreadableError)
    assert f"({len(payload):,} bytes)" in str(error)
    assert error.__cause__ is not None


def test_no_memory_for_what_was_handed_over() -> None:
    _, error = made(Large(MemoryError()))
    assert isinstance(error, ResultLostError)
    assert no_memory(5_000) in str(error)


def test_ctrl_c_is_for_who_asks() -> None:
    with pytest.raises(KeyboardInterrupt):
        made(Large(KeyboardInterrupt()))


def fails() -> None:
    raise ValueError("no")


def of_a_worker(function: Any, *arguments: Any) -> bytes:
    """What a cluster's worker sends of a call that fails."""
    call = pickle.loads(Serializer(guarded=True).function(function, {}).payload)
    try:
        pickle.dumps(call(*arguments))
    except Exception as error:
        return pickle.dumps(error)
    raise AssertionError("it did not fail")


class Stubborn(Exception):
    def add_note(self, note: str) -> None:
        raise RuntimeError


def test_what_a_clusters_worker_raises_around_a_function_names_the_task() -> None:
    """A result that cannot be pickled is a bare TypeError there."""
    cluster = Serializer(guarded=True)

    def notes(payload: bytes, serializer: Serializer = cluster) -> list[str]:
        _, error = made_of(Asked(), serializer, payload, True)  # type: ignore[arg-type]
        assert error is not None
        return getattr(error, "__notes__", [])

    (said,) = notes(of_a_worker(threading.Lock))
    assert said.startswith("task 7: not its function raised this, but its worker, around it")
    # What the function raised comes by the guard, with or without frames of its own.
    assert notes(of_a_worker(fails)) == notes(of_a_worker(int, "x")) == []
    # They say by themselves what they are of.
    assert notes(pickle.dumps(SerializationError("the result", "x", "f", "why"))) == []
    assert notes(pickle.dumps(Stubborn())) == []
    assert notes(of_a_worker(threading.Lock), Serializer()) == []


def test_where_a_function_could_not_be_guarded_nobody_knows() -> None:
    class Plain:
        def serialize(self, value: Any) -> bytes:
            if value is not len:
                raise TypeError("only what is known")
            return b"len"

        def deserialize(self, payload: bytes) -> Any:
            return len

    serializer = Serializer(Plain(), guarded=True)
    assert serializer.guarded
    assert serializer.function(len, {}).payload == b"len"
    assert not serializer.guarded
