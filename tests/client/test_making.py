"""Bytes that become a value, an exception, or an error that says why they did not."""

import pickle
from typing import Any

import pytest

from futurefsm.client.errors import ResultUnreadableError
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
