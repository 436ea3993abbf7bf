"""Greenlets: kept from run to run, each task with a context of its own."""

import contextvars
import threading

import pytest
from schedules import following

from futurefsm.fsm.testing.threads import Arena, benign, greenlets, run

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


@pytest.mark.parametrize("backend", ["greenlets", "pooled"])
def test_context_variables_do_not_leak_from_run_to_run(backend: str) -> None:
    for _ in range(2):
        done = run(setup, benign, backend=backend)
        assert [each.value for each in done.ended] == ["nowhere", "nowhere", None]
    assert WHERE.get() == "nowhere"
