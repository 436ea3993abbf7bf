"""Virtual time: it moves when a timer fires, and only then."""

import threading
import time
from typing import Any

import pytest
from schedules import BACKENDS, alone, every, outcomes

from futurefsm.fsm.testing.threads import Arena, benign, clock, installed, run

CLOCKS = ("monotonic", "perf_counter", "time", "monotonic_ns", "perf_counter_ns", "time_ns")


@pytest.mark.parametrize("name", CLOCKS)
def test_a_clock_stands_still_but_for_timers(name: str) -> None:
    def read() -> list[Any]:
        ask = getattr(time, name)
        before = ask()
        for _ in range(1000):
            pass
        assert ask() == before
        time.sleep(30)
        return [before, ask() - before]

    first, moved = alone(read)
    assert alone(read)[0] == first
    assert moved == pytest.approx(30e9 if name.endswith("ns") else 30, rel=1e-3)
    with installed():
        real = getattr(clock, f"real_{name}")
        assert real() <= getattr(time, name)() <= real() + 1e12


@pytest.mark.parametrize("backend", BACKENDS)
def test_sleeping_takes_no_time_and_may_end_in_any_order(backend: str) -> None:
    def setup(arena: Arena) -> None:
        order: list[str] = []
        for name, seconds in (("long", 3600.0), ("short", 1.0)):
            arena.spawn(name, lambda n=name, s=seconds: (time.sleep(s), order.append(n)))
        arena.finish = lambda: orders.add(tuple(order))

    orders: set[tuple[str, ...]] = set()
    assert outcomes(setup, backend=backend)
    assert orders == {("long", "short"), ("short", "long")}
    # The benign schedule is what a clock does.
    orders.clear()
    run(setup, benign, backend=backend)
    assert orders == {("short", "long")}


def test_no_rounding_makes_a_loop_wait_twice() -> None:
    def setup(arena: Arena) -> None:
        condition = threading.Condition()

        def waits() -> int:
            waited = 0
            deadline = time.monotonic() + 0.1
            with condition:
                while (left := deadline - time.monotonic()) > 0:
                    condition.wait(left)
                    waited += 1
            return waited

        arena.spawn("waits", waits)

    assert {done.ended[0].value for done in every(setup)} == {1}


def test_to_sleep_for_no_time_lets_the_others_go_first() -> None:
    def setup(arena: Arena) -> None:
        done: list[int] = []

        def polls() -> None:
            while not done:
                time.sleep(0)

        arena.spawn("polls", polls)
        arena.spawn("works", lambda: done.append(1))

    assert run(setup, benign).end == "done"


def test_sleep_refuses_what_the_real_one_refuses_and_setup_does_not_wait() -> None:
    heard: list[Any] = []

    def setup(arena: Arena) -> None:
        time.sleep(5)
        assert arena.now == 5
        arena.on_wait = lambda *args: heard.append(args)
        arena.spawn("sleeps", lambda: time.sleep(1))
        with pytest.raises(ValueError, match="sleep length must be non-negative"):
            time.sleep(-1)

    done = run(setup, benign)
    assert heard == [(0, "sleep", "", True, None)]
    assert done.now > 6
    with installed():
        time.sleep(0)
