"""Semaphores and barriers: the same outcomes, over every schedule, as CPython's own code has."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from schedules import alone, outcomes, scene

from futurefsm.fsm.testing.threads import Arena, Uncontrolled, benign, installed, run, semaphores


def cpython_semaphore(value: int = 0) -> Any:
    """`threading.Semaphore` in Python, over a lock of the run."""
    made = semaphores.real_semaphore(value)
    made._cond = semaphores.conditions.real_condition(threading.Lock())  # type: ignore[attr-defined]
    return made


def takes(semaphore: Any) -> Any:
    return semaphore.acquire()


def takes_timed(semaphore: Any) -> Any:
    return semaphore.acquire(timeout=1)


def takes_at_once(semaphore: Any) -> Any:
    return semaphore.acquire(False)


def gives(semaphore: Any) -> Any:
    return semaphore.release()


def gives_two(semaphore: Any) -> Any:
    return semaphore.release(2)


@pytest.mark.parametrize(
    "tasks",
    [
        (takes, gives),
        (takes_timed, gives),
        (takes_at_once, gives),
        (takes_timed, takes, gives),
        (takes, takes, gives_two),
    ],
    ids=lambda s: "+".join(f.__name__ for f in s),
)
def test_semaphore_can_do_what_cpythons_can(tasks: tuple[Callable[..., Any], ...]) -> None:
    assert outcomes(scene(*tasks, make=lambda: threading.Semaphore(0))) == outcomes(
        scene(*tasks, make=cpython_semaphore)
    )


def test_it_counts() -> None:
    def counted() -> list[Any]:
        bounded = threading.BoundedSemaphore(1)
        with bounded:
            said = [bounded.acquire(False), bounded.acquire(timeout=0), bounded.acquire(timeout=-1)]
        said.append(repr(bounded))
        for wrong in (lambda: bounded.release(), lambda: bounded.release(0)):
            with pytest.raises(ValueError) as raised:
                wrong()
            said.append(str(raised.value))
        with pytest.raises(ValueError, match="can't specify timeout for non-blocking acquire"):
            bounded.acquire(False, 1)
        with pytest.raises(ValueError, match="semaphore initial value must be >= 0"):
            threading.Semaphore(-1)
        return [*said, repr(threading.Semaphore(3))]

    assert alone(counted) == [
        False,
        False,
        False,
        "<threading.BoundedSemaphore at BoundedSemaphore 1: value=1/1>",
        "Semaphore released too many times",
        "n must be one or more",
        "<threading.Semaphore at Semaphore 1: value=3>",
    ]


def test_hooks_hear_who_may_wait() -> None:
    heard: list[Any] = []

    def setup(arena: Arena) -> None:
        semaphore = threading.Semaphore(2)
        arena.on_wait = lambda task, op, what, timed, lock: heard.append((op, timed, lock))
        arena.spawn("takes", lambda: (takes(semaphore), takes_timed(semaphore)))

    run(setup, benign)
    assert heard == [("acquire", False, None), ("acquire", True, None)]


def test_outside_a_run_they_are_real_and_in_setup_they_do_not_wait() -> None:
    with installed():
        assert type(threading.Semaphore()) is semaphores.real_semaphore
        assert type(threading.BoundedSemaphore()) is semaphores.real_bounded

        class Mine(threading.BoundedSemaphore):
            pass

        mine = Mine(1)
        with mine:
            assert not mine.acquire(False)
        with pytest.raises(ValueError, match="too many times"):
            mine.release()

        def setup(arena: Arena) -> None:
            semaphore = threading.Semaphore(1)
            assert semaphore.acquire()
            assert not semaphore.acquire(False)
            assert not semaphore.acquire(timeout=1)
            semaphore.acquire()

        with pytest.raises(Uncontrolled, match="acquire of Semaphore 1 would wait"):
            run(setup, benign)


def meets(barrier: Any) -> Any:
    try:
        return barrier.wait()
    except threading.BrokenBarrierError:
        return "broken"


def meets_timed(barrier: Any) -> Any:
    try:
        return barrier.wait(1)
    except threading.BrokenBarrierError:
        return "broken"


def test_a_barrier_breaks_for_all_when_one_gives_up() -> None:
    found = outcomes(scene(meets, meets_timed, make=lambda: threading.Barrier(2)), limit=100_000)
    assert found == {("done", 0, 1), ("done", 1, 0), ("done", "broken", "broken")}


def test_a_barrier_is_called_by_its_name() -> None:
    def setup(arena: Arena) -> None:
        barrier = threading.Barrier(2)
        assert repr(barrier) == "<threading.Barrier at Barrier 1: waiters=0/2>"
        arena.spawn("one", barrier.wait)

    done = run(setup, benign)
    assert done.end == "deadlock"
    assert [step[2:4] for step in done.steps[1:]] == [("acquire", "Barrier 1's lock")]
    assert done.blocked[0][2:4] == ("wait", "Barrier 1")
    with installed():
        barrier = threading.Barrier(1)
        barrier.abort()
        assert "broken" in repr(barrier)
