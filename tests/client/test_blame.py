"""Which part of a value cannot be pickled; values that answer no question."""

import threading
from typing import Any

import pytest

from futurefsm.client.blame import blame, said, shown, text_of, type_name

LOCK = threading.Lock()


class Holder:
    def __init__(self, inner: Any) -> None:
        self.inner = inner


class Hostile:
    """Every question is an error."""

    def __reduce__(self) -> Any:
        raise SystemExit

    def __repr__(self) -> str:
        raise RuntimeError

    def __getattr__(self, name: str) -> Any:
        raise RuntimeError(name)


class HostileError(Exception):
    def __str__(self) -> str:
        raise RuntimeError


def closure() -> Any:
    lock = LOCK
    return lambda: lock


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (LOCK, ""),
        (3, ""),
        ([1, {"key": LOCK}], "it[1]['key'], a _thread.lock"),
        ((0, [LOCK]), "it[1][0], a _thread.lock"),
        (closure(), "it.<closure lock>, a _thread.lock"),
        ([LOCK] * 5, "it[0], a _thread.lock"),
        ([1] * 5000 + [LOCK], ""),
    ],
)
def test_blame(value: Any, where: str) -> None:
    assert blame(value, "it") == where


def test_attributes_and_depth() -> None:
    held: Any = LOCK
    for _ in range(3):
        held = Holder(held)
    assert blame(held, "result") == "result.inner.inner.inner, a _thread.lock"
    for _ in range(30):
        held = [held]
    assert blame(held, "result").startswith("result[0][0][0]")


def test_hostile_values_are_spoken_of() -> None:
    value = Hostile()
    assert blame(value, "it") == ""
    assert blame([value], "it") == f"it[0], a {__name__}.Hostile"
    assert shown(value) == "<Hostile>"
    assert shown("x" * 100).endswith("...")
    assert type_name(value) == f"{__name__}.Hostile"
    assert type_name(3) == "int"
    assert "its __str__ raised RuntimeError" in text_of(HostileError())
    assert said(KeyError("k")) == "KeyError: 'k'"
