"""A system that cannot be is refused, and what is wrong is named."""

from dataclasses import replace
from typing import Any

import pytest
from checker_kit import LIGHTS, lamp

from futurefsm.fsm.checker import Invariant, ModelError, NoDeadlock, Variable, state, value
from futurefsm.fsm.checker.model import (
    ALWAYS,
    AlwaysPossible,
    Assign,
    Clear,
    Condition,
    Empty,
    Fire,
    Not,
    Operation,
    Send,
    When,
    every,
    implies,
)
from futurefsm.fsm.checker.wellformed import conditions

WRONG_ACTS: list[tuple[Operation, str]] = [
    (Fire("sun", "press"), "there is no part sun"),
    (Fire("light", "shine"), "light has no event shine"),
    (Send("air", "press"), "there is no channel air"),
    (Send("wire", "shine"), "wire carries no shine"),
    (Clear("air"), "there is no channel air"),
    (Assign("luck", 1), "there is no variable luck"),
    (When(value("luck", 1), ()), "there is no variable luck"),
    (When(ALWAYS, (), (Assign("luck", 1),)), "there is no variable luck"),
]


@pytest.mark.parametrize(("operation", "said"), WRONG_ACTS, ids=lambda each: str(each))
def test_what_cannot_be_done(operation: Operation, said: str) -> None:
    good = lamp()
    push = replace(good.actions[0], does=(operation,))
    with pytest.raises(ModelError, match=said):
        replace(good, actions=(push,))
    with pytest.raises(ModelError, match=said):
        replace(good, deliveries={**good.deliveries, ("wire", "press"): (operation,)})
    with pytest.raises(ModelError, match=said):
        replace(good, parts=(replace(good.parts[0], effects={("on", "press"): (operation,)}),))


WRONG_CONDITIONS: list[tuple[Condition, str]] = [
    (state("sun", "on"), "there is no part sun"),
    (state("light", "on", "blue"), "light has no state blue"),
    (value("luck", 1), "there is no variable luck"),
    (Empty("air"), "there is no channel air"),
    (Not(Empty("air")), "there is no channel air"),
    (implies(ALWAYS, every(value("luck", 0))), "there is no variable luck"),
]


@pytest.mark.parametrize(("condition", "said"), WRONG_CONDITIONS, ids=lambda each: str(each))
def test_what_cannot_be_asked(condition: Condition, said: str) -> None:
    good = lamp()
    with pytest.raises(ModelError, match=said):
        replace(good, actions=(replace(good.actions[0], guard=condition),))
    for ask in (Invariant, AlwaysPossible, NoDeadlock):
        with pytest.raises(ModelError, match=said):
            lamp(ask("It", condition, "it"))


def test_each_name_is_a_name_and_is_there_once() -> None:
    good = lamp()
    with pytest.raises(ModelError, match="sent is named twice"):
        replace(good, variables=(*good.variables, Variable("sent")))
    with pytest.raises(ModelError, match="'my lamp' is no identifier"):
        replace(good, parts=(replace(good.parts[0], name="my lamp"),))


def test_every_message_has_somebody_who_reads_it() -> None:
    with pytest.raises(ModelError, match="nobody says what press on wire does"):
        replace(lamp(), deliveries={})


def test_each_problem_is_told_once_and_all_are() -> None:
    good = lamp()
    wrong: Any = (Assign("luck", 1), Assign("luck", 1), Clear("air"))
    with pytest.raises(ModelError) as caught:
        replace(good, actions=(replace(good.actions[0], does=wrong),))
    assert str(caught.value) == (
        "system 'lamp': there is no variable luck; there is no channel air"
    )


def test_conditions_of_properties() -> None:
    on, off = state("light", "on"), state("light", "off")
    assert conditions(LIGHTS) == (value("beeped", 0), on)
    assert conditions(Invariant("I", off, "")) == (off,)
    assert conditions(AlwaysPossible("A", off, "")) == (off,)
    assert conditions(NoDeadlock("N", on, "")) == (on,)
