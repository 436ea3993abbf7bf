"""Schedules by lot."""

import itertools
from collections.abc import Callable
from random import Random

import pytest

from futurefsm.fsm.testing.search.pct import pct, plain, pos
from futurefsm.fsm.testing.threads import Arena, Choose, installed, run

KINDS = [plain, pct, pos]


def threads(arena: Arena) -> None:
    def body() -> None:
        for number in range(3):
            arena.point("step", f"thing {number % 2}")

    for name in "abc":
        arena.spawn(name, body)


def orders(kind: Callable[[Random], Choose], seed: int, number: int) -> list[tuple[int, ...]]:
    chance = Random(seed)
    with installed():
        return [
            tuple(step.task for step in run(threads, kind(chance)).steps) for _ in range(number)
        ]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_does_the_same(kind: Callable[[Random], Choose]) -> None:
    assert orders(kind, 1, 20) == orders(kind, 1, 20)
    assert orders(kind, 1, 20) != orders(kind, 2, 20)


@pytest.mark.parametrize("kind", KINDS)
def test_many_different_schedules_come_up(kind: Callable[[Random], Choose]) -> None:
    assert len(set(orders(kind, 3, 100))) > 12


def switches(order: tuple[int, ...]) -> int:
    return sum(a != b for a, b in itertools.pairwise(order))


def test_priorities_change_only_at_their_moments() -> None:
    """Three threads by priorities switch where one ends, and at most twice more each time."""
    assert max(switches(order) for order in orders(pct, 5, 100)) <= 2 + 2


def test_without_a_run_an_operation_is_about_nothing() -> None:
    from futurefsm.fsm.testing.threads import Option

    choose = pos(Random(1))
    options = [Option(0, False), Option(1, False)]
    assert {choose(options, None) for _ in range(20)} == {0, 1}
