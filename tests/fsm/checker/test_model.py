"""A system is data, and small ones are easily made."""

import pytest
from checker_kit import LAMP, lamp

from futurefsm.fsm.checker import ModelError, System, some, state, value
from futurefsm.fsm.checker.model import (
    ALWAYS,
    NEVER,
    Channel,
    Every,
    In,
    Is,
    Not,
    Some,
    every,
    implies,
)


def test_conditions_are_made_of_words() -> None:
    on, sent = state("light", "on"), value("sent", 1, 2)
    assert on == In("light", ("on",))
    assert sent == Is("sent", (1, 2))
    assert every(on, sent) == Every((on, sent))
    assert some(on, sent) == Some((on, sent))
    assert implies(on, sent) == Some((Not(on), sent))
    assert every() == ALWAYS
    assert some() == NEVER


def test_a_channel_that_is_a_set() -> None:
    assert Channel("c", "a", "b", ("m",), reorders=True, duplicates=True).is_set
    assert not Channel("c", "a", "b", ("m",), reorders=True).is_set
    assert not Channel("c", "a", "b", ("m",), duplicates=True).is_set


def test_a_system_that_cannot_be_is_not_made() -> None:
    with pytest.raises(ModelError, match="system 's': 'a b' is no identifier"):
        System("s", "", (), (), actions=(), variables=(), channels=(Channel("a b", "x", "y", ()),))


def test_parts_have_names() -> None:
    what: System = lamp()
    assert what.part("light").lifecycle is LAMP
