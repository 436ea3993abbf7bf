"""A tracker of one's own in a simulated world: nothing private is asked of it."""

from typing import Any

import pytest
from hypothesis import given, settings

from futurefsm.client.testing.hunting import Setting, hunt
from futurefsm.client.testing.invariants import NO_LEAK, Broken
from futurefsm.client.testing.parts import PRODUCTION, Parts
from futurefsm.client.testing.strategies import worlds
from futurefsm.client.testing.switches import HARSH, NONE
from futurefsm.client.testing.tokens import replay
from futurefsm.client.testing.trackers import TrackerLike, fetches, kept
from futurefsm.client.testing.world import World
from futurefsm.client.tracker import Tracker
from futurefsm.fsm import effects as fx
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT

ASKED = {name for name in vars(TrackerLike) if not name.startswith("_")}
ASKED |= set(TrackerLike.__annotations__)


class Own:
    """Not one of ours: it has what `TrackerLike` says, and nothing else."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        vars(self)["_Own__inner"] = Tracker(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        if name not in ASKED:
            raise AttributeError(f"nobody may ask a tracker for {name}")
        return getattr(vars(self)["_Own__inner"], name)

    def __setattr__(self, name: str, value: Any) -> None:
        assert name in ASKED
        setattr(vars(self)["_Own__inner"], name, value)


class Forgets(Own):
    """Broken: the result that lost against a cancel stays in the store."""

    def perform(self, task_id: bytes, effects: Any, value: Any, now: float) -> None:
        rest = [effect for effect in effects if effect != fx.DELETE_RESULT]
        self.__getattr__("perform")(task_id, rest, value, now)


OWN = Parts("own", tracker=Own)


@settings(max_examples=60, deadline=None)
@given(worlds(CONFIRMED, STRICT, parts=OWN))
def test_a_tracker_of_ones_own_runs_in_any_world(world: World) -> None:
    assert type(world.parties[0].tracker) is Own
    world.run()


def test_what_it_does_wrong_is_found() -> None:
    parts = Parts("forgets", tracker=Forgets)
    setting = Setting(CONFIRMED, 1, 1, HARSH, parts)
    found = hunt(lambda _chance: setting, worlds=400, invariant=NO_LEAK)
    assert found.found is not None
    text = str(found.found)
    assert "parts=forgets" in text
    token = text.split('replay("')[1].split('"')[0]
    with pytest.raises(Broken, match="object store"):
        replay(token, parts=parts)


def test_it_may_say_what_it_keeps() -> None:
    class Says(Own):
        def kept(self) -> list[bytes]:
            return [b"object"]

    assert kept(Says(b"me", None, CONFIRMED)) == {b"object"}
    assert kept(Own(b"me", None, CONFIRMED)) is None
    assert kept(Tracker(b"me", None, CONFIRMED)) == frozenset()  # type: ignore[arg-type]
    assert fetches(Own(b"me", None, CONFIRMED), b"object") is False
    assert fetches(Tracker(b"me", None, CONFIRMED), b"object") is False  # type: ignore[arg-type]


def test_what_one_that_says_so_keeps_is_compared() -> None:
    """It keeps what it has uploaded, for the next task, and says that it keeps nothing."""

    class SaysNothing(Own):
        def kept(self) -> list[bytes]:
            return []

    setting = Setting(CONFIRMED, 1, 1, NONE, Parts("says", tracker=SaysNothing))
    found = hunt(lambda _chance: setting, worlds=200).found
    assert found is not None
    assert found.invariant == NO_LEAK
    assert "its client does not" in str(found)


def test_production_is_a_tracker_too() -> None:
    made: TrackerLike = Tracker(b"me", None, CONFIRMED)  # type: ignore[arg-type]
    assert made.credits is None
    assert PRODUCTION.tracker is Tracker
