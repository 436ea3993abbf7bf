"""The rare parts: who is told, and the deadline of a cancel."""

from types import SimpleNamespace

import pytest

from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.outcomes import CONFIRMED_OUTCOME, TOO_LATE, UNANSWERED
from futurefsm.fsm.rare import TOLD, Rare, Waiters, each


def test_take_gives_everybody_once() -> None:
    rare = Rare()
    rare.callbacks = [print]
    settles = CONFIRMED.compiled.on["cancel"]
    assert rare.take(settles) == [print]
    assert rare.take(settles) == []


def test_nobody_waits_for_what_has_told() -> None:
    TOLD.append("waiter")
    assert TOLD == []
    TOLD.remove("waiter")


def test_waiters_are_as_a_list() -> None:
    future = SimpleNamespace(_waiting=None)
    waiters = Waiters(future)
    assert (len(waiters), [*waiters]) == (0, [])
    with pytest.raises(ValueError):
        waiters.remove("nobody")
    added: list[object] = []
    for waiter in "a", ["b"], "c", "a":
        waiters.append(waiter)
        added.append(waiter)
        assert (len(waiters), [*waiters]) == (len(added), added)
    with pytest.raises(ValueError):
        waiters.remove("nobody")
    while added:
        waiters.remove(added[-1])
        added.remove(added[-1])
        assert [*waiters] == added
    assert future._waiting is None


def test_one_waiter_is_kept_without_a_list() -> None:
    waiter = object()
    future = SimpleNamespace(_waiting=None)
    Waiters(future).append(waiter)
    assert future._waiting is waiter
    assert [*each(waiter)] == [waiter]
    Waiters(future).remove(waiter)
    assert future._waiting is None


def test_counting() -> None:
    rare = Rare()
    assert [rare.stayed("a"), rare.stayed("a"), rare.stayed("b")] == [1, 2, 1]
    assert rare.stays == {"a": 2, "b": 1}


def test_learning() -> None:
    rare = Rare()
    for fact in (UNANSWERED, CONFIRMED_OUTCOME, UNANSWERED, TOO_LATE):
        rare.learn(fact)
    assert rare.outcome is TOO_LATE


def test_deadlines() -> None:
    rare = Rare()
    assert rare.allowed(now=5.0) == 0.0, "nobody asked"
    rare.allow_until(now=5.0, seconds=2.0)
    assert rare.allowed(now=6.0) == 1.0
    assert rare.allowed(now=9.0) == 0.0
    rare.allow_until(now=5.0, seconds=None)
    assert rare.allowed(now=1e9) is None
