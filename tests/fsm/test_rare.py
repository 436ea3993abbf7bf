"""The rare parts: who is told, and the deadline of a cancel."""

from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.outcomes import CONFIRMED_OUTCOME, TOO_LATE, UNANSWERED
from futurefsm.fsm.rare import TOLD, Rare


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
