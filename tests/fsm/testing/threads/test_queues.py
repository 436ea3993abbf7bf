"""Queues of a run: those of `queue`, unmodified, and SimpleQueue."""

import queue
from typing import Any

import pytest
from schedules import BACKENDS, alone, every, outcomes, scene

from futurefsm.fsm.testing.threads import Arena, Uncontrolled, benign, installed, queues, run

KINDS = ("Queue", "LifoQueue", "PriorityQueue", "SimpleQueue")


def told(function: Any, *args: Any, **kwargs: Any) -> str:
    try:
        return repr(function(*args, **kwargs))
    except Exception as raised:
        return f"{type(raised).__name__}: {raised}"


def answers(kind: str) -> list[str]:
    """All that one thread can hear from a queue."""
    waiting = getattr(queue, kind)()
    said = [told(waiting.get, False), told(waiting.get_nowait), told(waiting.get, True, 0)]
    said += [told(waiting.get, True, -1), told(waiting.get, True, 0.001), told(waiting.empty)]
    said += [told(waiting.put, 1), told(waiting.put_nowait, 2), told(waiting.put, 3, False, 1)]
    said += [told(waiting.qsize), told(waiting.empty)]
    return said + [told(waiting.get) for _ in range(2)] + [told(waiting.get, timeout=1)]


@pytest.mark.parametrize("kind", KINDS)
def test_one_thread_hears_what_the_real_one_says(kind: str) -> None:
    assert alone(lambda: answers(kind)) == answers(kind)


def puts(waiting: Any) -> None:
    waiting.put("x")


def gets(waiting: Any) -> Any:
    return waiting.get()


def gets_timed(waiting: Any) -> Any:
    try:
        return waiting.get(timeout=1)
    except queue.Empty:
        return "empty"


@pytest.mark.parametrize("kind", ["Queue", "SimpleQueue"])
@pytest.mark.parametrize("backend", BACKENDS)
def test_who_gets(kind: str, backend: str) -> None:
    def make() -> Any:
        return getattr(queue, kind)()

    assert outcomes(scene(gets, puts, make=make), backend=backend) == {("done", "x", None)}
    found = outcomes(scene(gets_timed, puts, make=make), backend=backend)
    assert found == {("done", "x", None), ("done", "empty", None)}


def test_a_bounded_queue_makes_who_puts_wait() -> None:
    def puts_two(waiting: Any) -> Any:
        waiting.put(1)
        try:
            waiting.put(2, timeout=1)
        except queue.Full:
            return "full"
        return "put"

    found = outcomes(scene(puts_two, gets, make=lambda: queue.Queue(1)))
    assert found == {("done", "put", 1), ("done", "full", 1)}


def test_who_waits_for_nothing_is_named() -> None:
    for done in every(scene(gets, make=lambda: queue.SimpleQueue())):
        assert done.blocked[0][1:5] == ("gets", "get", "SimpleQueue 1", "")


def test_outside_a_run_it_is_real_and_in_setup_it_does_not_wait() -> None:
    with installed():
        assert type(queue.SimpleQueue()) is queues.real_simple_queue

    heard: list[Any] = []

    def setup(arena: Arena) -> None:
        waiting: Any = queue.SimpleQueue()
        arena.on_wait = lambda *args: heard.append(args[1:4:2])
        waiting.put(1)
        assert waiting.get() == 1
        assert repr(waiting) == "<SimpleQueue 1, 0 items>"
        with pytest.raises(ValueError, match="NaN"):
            waiting.get(timeout=float("nan"))
        arena.spawn("gets", lambda: told(waiting.get, timeout=1))
        with pytest.raises(queue.Empty):
            waiting.get(timeout=1)
        with pytest.raises(Uncontrolled, match="get of SimpleQueue 1 would wait"):
            waiting.get()

    run(setup, benign)
    assert heard == [("get", True)]
