"""Pooled threads: the same schedules as greenlets, step by step."""

import concurrent.futures
import queue
import random
import threading
from typing import Any

import pytest

from futurefsm.fsm.future import Future
from futurefsm.fsm.testing.threads import Arena, Run, benign, installed, pooled, run


def futures(make: Any) -> Any:
    def setup(arena: Arena) -> None:
        made = [make(), make()]

        def waits() -> Any:
            done, left = concurrent.futures.wait(made, 5)
            return sorted(made.index(each) for each in done), len(left)

        def asks() -> Any:
            return [made[0].cancel(), made[1].result(3)]

        def works() -> None:
            for each in made:
                if each.set_running_or_notify_cancel():
                    each.set_result(5)

        for task in (waits, asks, works):
            arena.spawn(task.__name__, task)

    return setup


def of_all_kinds(arena: Arena) -> None:
    waiting: Any = queue.Queue(1)
    barrier, semaphore = threading.Barrier(2), threading.Semaphore(1)

    def one() -> Any:
        timer = threading.Timer(3, waiting.put, ("x",))
        timer.start()
        with semaphore:
            barrier.wait(2)
        timer.cancel()
        return waiting.get(timeout=9)

    def two() -> Any:
        with semaphore:
            waiting.put(threading.current_thread().name, timeout=1)
        with concurrent.futures.ThreadPoolExecutor(2) as executor:
            return list(executor.map(lambda x: x * x, (1, 2))), barrier.wait(4)

    arena.spawn("one", one)
    arena.spawn("two", two)


def schedules(setup: Any, backend: str, detailed: bool) -> list[Any]:
    """What 40 schedules by chance are like."""
    dice = random.Random(7)

    def choose(options: Any, current: Any) -> int:
        return dice.randrange(len(options)) if dice.random() < 0.5 else 0

    return [told(run(setup, choose, backend=backend, detailed=detailed)) for _ in range(40)]


def told(done: Run) -> Any:
    ended = [(each.name, each.value, repr(each.error), each.done) for each in done.ended]
    return done.end, done.choices, done.costs, done.steps, done.blocked, ended, done.now


@pytest.mark.parametrize("detailed", [False, True])
@pytest.mark.parametrize(
    "setup",
    [futures(concurrent.futures.Future), futures(Future), of_all_kinds],
    ids=["stdlib", "ours", "all kinds"],
)
def test_both_backends_run_identical_schedules(setup: Any, detailed: bool) -> None:
    with installed():
        first = schedules(setup, "greenlets", detailed)
        assert schedules(setup, "pooled", detailed) == first
        # And the same each time.
        assert schedules(setup, "greenlets", detailed) == first
    assert len({each[0] for each in first}) >= 1
    assert len({str(each[1]) for each in first}) > 20


def test_threads_are_used_again() -> None:
    with installed():
        run(of_all_kinds, benign, backend="pooled")
        before = threading.active_count(), len(pooled._pool)
        for _ in range(3):
            run(of_all_kinds, benign, backend="pooled")
        assert (threading.active_count(), len(pooled._pool)) == before


def test_ctrl_c_of_the_caller_ends_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes in the calling thread, which only waits, while a task runs."""
    arenas: list[pooled.PooledArena] = []

    class Turn:
        """As the gate of the calling thread, but that Ctrl-C comes once while it waits."""

        def __init__(self, real: Any) -> None:
            self.real = real
            self.release = real.release
            self.came = False

        def acquire(self, timeout: float) -> bool:
            if not self.came:
                self.came = True
                raise KeyboardInterrupt
            return bool(self.real.acquire(timeout=timeout))

    def setup(arena: Any) -> None:
        arenas.append(arena)
        arena.turn = Turn(arena.turn)

        def spins() -> None:
            while True:
                arena.point("again")

        arena.spawn("spins", spins)

    with pytest.raises(KeyboardInterrupt):
        run(setup, benign, backend="pooled", max_steps=10**9)
    assert arenas[0].over


@pytest.mark.parametrize("spins", [False, True])
def test_ctrl_c_that_comes_with_the_turn_ends_the_run_too(
    monkeypatch: pytest.MonkeyPatch, spins: bool
) -> None:
    """The turn is there, and the call that took it raises: nobody gives it a second time."""
    monkeypatch.setattr(pooled, "LOOK", 0.001)
    monkeypatch.setattr(pooled, "ASLEEP", 0.004)
    going = [True]

    class Turn:
        def __init__(self, real: Any) -> None:
            self.real = real
            self.release = real.release
            self.came = False

        def acquire(self, timeout: float) -> bool:
            if not self.came:
                self.came = True
                if not spins:
                    self.real.acquire()
                raise KeyboardInterrupt
            return bool(self.real.acquire(timeout=timeout))

    def works() -> None:
        while spins and going[0]:
            pass

    def setup(arena: Any) -> None:
        arena.turn = Turn(arena.turn)
        arena.spawn("works", works)

    with pytest.raises(KeyboardInterrupt):
        run(setup, benign, backend="pooled")
    going[0] = False
