"""Who can be picked, in which order, and at which cost."""

import threading
from collections.abc import Sequence
from typing import Any

import pytest
from schedules import BACKENDS, every, following

from futurefsm.fsm.testing.threads import Arena, Option, Run, benign, run

Seen = list[tuple[list[Option], int | None]]


def watched(setup: Any, choices: Sequence[int], **more: Any) -> tuple[Run, Seen]:
    """A run, and what could be chosen at each of its choices."""
    seen: Seen = []
    follow = following(choices)

    def choose(options: Sequence[Option], current: int | None) -> int:
        seen.append((list(options), current))
        return follow(options, current)

    return run(setup, choose, **more), seen


def points(arena: Arena) -> None:
    for name in "abc":
        arena.spawn(name, lambda: arena.point("here"))


def test_the_current_task_comes_first_then_others_by_number() -> None:
    _, seen = watched(points, [1])
    assert seen[0] == ([Option(0, False), Option(1, False), Option(2, False)], None)
    assert seen[1] == ([Option(1, False), Option(0, False), Option(2, False)], 1)


def test_timers_come_last_the_next_to_fire_first() -> None:
    def setup(arena: Arena) -> None:
        for name, seconds in (("late", 9.0), ("soon", 1.0)):
            arena.spawn(name, lambda s=seconds: arena.block("await", "", lambda: False, s))
        arena.spawn("works", lambda: arena.point("work"))

    done, seen = watched(setup, [0, 0, 0])
    assert seen[-2] == (
        [Option(2, False), Option(1, True), Option(0, True)],
        2,
    )
    assert done.costs[-2:] == [(0, 1, 1), (0, 0)]
    assert [step.task for step in done.steps if step.fires] == [1, 0]
    assert 9 < done.now < 9.001


def test_a_lone_option_is_not_asked_for() -> None:
    _, seen = watched(lambda arena: arena.spawn("a", lambda: arena.point("x")) and None, [])
    assert seen == []


@pytest.mark.parametrize("tasks", [2, 12])
def test_any_number_of_tasks(tasks: int) -> None:
    def setup(arena: Arena) -> None:
        for number in range(tasks):
            assert arena.spawn(f"t{number}", lambda: None) == number

    done, _ = watched(setup, [])
    assert [each.name for each in done.ended] == [f"t{number}" for number in range(tasks)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_without_end_is_a_livelock(backend: str) -> None:
    def spins(arena: Arena) -> None:
        def spin() -> None:
            while True:
                arena.point("again")

        arena.spawn("spins", spin)
        arena.spawn("waits", lambda: arena.block("await", "x", lambda: False))

    done = run(spins, benign, max_steps=50, backend=backend)
    assert done.end == "livelock"
    assert len(done.steps) == 50
    assert not any(each.done for each in done.ended)


@pytest.mark.parametrize("backend", BACKENDS)
def test_daemons_go_on_while_they_can_and_hold_nobody_up(backend: str) -> None:
    def setup(arena: Arena) -> None:
        left = ["one", "two"]
        arena.spawn("user", lambda: None)

        def pump() -> None:
            while True:
                arena.block("await", "message", lambda: bool(left))
                arena.note(left.pop())

        arena.spawn("pump", pump, daemon=True)
        arena.spawn("other", lambda: arena.block("await", "", lambda: False, 1), daemon=True)

    for done in every(setup, backend=backend):
        assert done.end == "done"
        assert [note for step in done.steps for note in step.notes] == ["two", "one"]
        assert [each.done for each in done.ended][:2] == [True, False]
        assert done.blocked == []


def test_timers_of_daemons_alone_do_not_go_on() -> None:
    def setup(arena: Arena) -> None:
        for name in "ab":
            arena.spawn(name, lambda: arena.block("await", "", lambda: False, 5), daemon=True)

    done = run(setup, benign)
    assert (done.end, done.now, len(done.choices)) == ("done", 0, 2)


def test_a_daemon_without_end_is_no_livelock() -> None:
    def setup(arena: Arena) -> None:
        def spin() -> None:
            while True:
                arena.point("again")

        arena.spawn("spins", spin, daemon=True)

    assert run(setup, benign, max_steps=20).end == "done"


def test_blocked_daemons_are_named_in_a_dead_lock() -> None:
    def setup(arena: Arena) -> None:
        event = threading.Event()
        arena.spawn("user", event.wait)
        arena.spawn("pump", lambda: arena.block("await", "m", lambda: False), daemon=True)

    done = run(setup, benign)
    assert done.end == "deadlock"
    assert [each[1:4] for each in done.blocked] == [
        ("user", "wait", "Event 1"),
        ("pump", "await", "m"),
    ]


def test_on_step_hears_of_each_step_of_a_detailed_run() -> None:
    heard: list[int] = []

    def setup(arena: Arena) -> None:
        points(arena)
        arena.on_step = lambda: heard.append(arena.progress)

    run(setup, benign, detailed=True)
    # Before the first, and after each.
    assert heard == list(range(7))
    heard.clear()
    run(setup, benign)
    assert heard == []
