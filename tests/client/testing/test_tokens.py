"""What a failure prints replays it exactly."""

import re

import pytest

from futurefsm.client import testing
from futurefsm.client.testing.gallery import EXHIBITS
from futurefsm.client.testing.hunting import Setting, hunt
from futurefsm.client.testing.invariants import Broken
from futurefsm.client.testing.parts import Parts
from futurefsm.client.testing.switches import ALL, NONE
from futurefsm.client.testing.tokens import read, replay, token
from futurefsm.client.testing.world import World
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT

MINE = CONFIRMED.derive("MINE")


@pytest.mark.parametrize("name", ["deaf_tracker", "yes_future", "soft_scheduler"])
def test_the_printed_call_replays_the_same_failure(name: str) -> None:
    setting = next(each for each in EXHIBITS if each.parts.name == name)
    found = hunt(lambda _: setting, worlds=200, invariant=setting.parts.invariant).found
    assert found is not None
    printed = str(found)
    call = re.search(r"futurefsm\.client\.testing\.(replay\(.*\))$", printed)
    assert call is not None
    with pytest.raises(Broken) as caught:
        eval(call[1], {"replay": testing.replay})
    assert type(caught.value) is type(found)
    assert str(caught.value) == printed


def test_a_token_holds_the_whole_world() -> None:
    world = World(STRICT, 3, 4, ALL, b"\x00\xff/\n", encode=True)
    again = read(token(world))
    assert again.asked is STRICT
    assert (len(again.parties), again.workers) == (3, 4)
    assert (again.faults, again.tape.data, again.encode) == (ALL, b"\x00\xff/\n", True)


def test_a_lifecycle_of_your_own_is_handed_over() -> None:
    text = token(World(MINE, faults=NONE))
    with pytest.raises(ValueError, match="lifecycle 'MINE'"):
        replay(text)
    assert replay(text, lifecycle=MINE).lifecycle is MINE


def test_parts_of_your_own_are_handed_over() -> None:
    own = Parts("own")
    setting = Setting(CONFIRMED, 1, 1, NONE, own)
    text = token(setting.world(b""))
    with pytest.raises(ValueError, match="parts 'own'"):
        replay(text)
    assert replay(text, parts=own).parts is own


@pytest.mark.parametrize("text", ["", "nonsense", "!!!", "Y29uZmlybWVk"])
def test_nonsense_is_no_token(text: str) -> None:
    with pytest.raises(ValueError, match="no token"):
        replay(text)
