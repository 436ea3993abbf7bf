"""Greenlets: kept from run to run, each task with a context of its own."""

import contextvars
import sys
import threading
from collections.abc import Sequence

import pytest
from schedules import following

from futurefsm.fsm.testing.threads import Arena, Option, benign, greenlets, run

WHERE = contextvars.ContextVar("WHERE", default="nowhere")


def setup(arena: Arena) -> None:
    event = threading.Event()

    def user() -> str:
        before = WHERE.get()
        WHERE.set("task")
        event.wait()
        return before

    arena.spawn("one", user)
    arena.spawn("two", user)
    arena.spawn("sets", event.set)


def test_greenlets_are_used_again() -> None:
    run(setup, benign, backend="greenlets")
    (pool,) = [each for each in greenlets._pools.values() if each]
    before = set(map(id, pool))
    for choices in ([], [2, 1, 0, 1], [1, 1, 1]):
        run(setup, following(choices), backend="greenlets")
    assert set(map(id, pool)) == before


def test_a_task_that_another_one_begins_is_no_deeper() -> None:
    greenlets._pools.clear()

    def depth() -> int:
        frame, found = sys._getframe(), 0
        while frame.f_back is not None:
            frame, found = frame.f_back, found + 1
        return found

    def deep(left: int) -> int:
        return left and deep(left - 1)

    def setup(arena: Arena) -> None:
        def user() -> int:
            arena.point("begun")
            deep(400)
            return depth()

        for number in range(200):
            arena.spawn(f"t{number}", user)

    def next_one(options: Sequence[Option], current: int | None) -> int:
        """Each begins from within the one before."""
        numbers = [each.task for each in options]
        following = 0 if current is None else current + 1
        return numbers.index(following) if following in numbers else 0

    done = run(setup, next_one, backend="greenlets")
    assert {each.error for each in done.ended} == {None}
    assert len({each.value for each in done.ended}) == 1
    # So much of the stack was used up before.
    run(lambda arena: arena.spawn("deep", lambda: deep(600)) and None, benign)


@pytest.mark.parametrize("backend", ["greenlets", "pooled"])
def test_context_variables_do_not_leak_from_run_to_run(backend: str) -> None:
    for _ in range(2):
        done = run(setup, benign, backend=backend)
        assert [each.value for each in done.ended] == ["nowhere", "nowhere", None]
    assert WHERE.get() == "nowhere"
