"""Virtual time of a run: it moves only when a timer fires. Other threads get the real clock."""

import time

from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident
from futurefsm.fsm.testing.threads.tasks import CELL

real_monotonic = time.monotonic
real_time = time.time
real_perf_counter = time.perf_counter
real_monotonic_ns = time.monotonic_ns
real_time_ns = time.time_ns
real_perf_counter_ns = time.perf_counter_ns
real_sleep = time.sleep

# What the clocks show when a run begins: some second that is the same in every run.
MONOTONIC = 1_000.0
EPOCH = 1_000_000_000.0


def monotonic() -> float:
    arena = ACTIVE.arena
    if arena is None or arena.ident != get_ident():
        return real_monotonic()
    return MONOTONIC + arena.now


def perf_counter() -> float:
    arena = ACTIVE.arena
    if arena is None or arena.ident != get_ident():
        return real_perf_counter()
    return MONOTONIC + arena.now


def time_() -> float:
    arena = ACTIVE.arena
    if arena is None or arena.ident != get_ident():
        return real_time()
    return EPOCH + arena.now


def monotonic_ns() -> int:
    arena = ACTIVE.arena
    if arena is None or arena.ident != get_ident():
        return real_monotonic_ns()
    return int((MONOTONIC + arena.now) * 1e9)


def perf_counter_ns() -> int:
    arena = ACTIVE.arena
    if arena is None or arena.ident != get_ident():
        return real_perf_counter_ns()
    return int((MONOTONIC + arena.now) * 1e9)


def time_ns() -> int:
    arena = ACTIVE.arena
    if arena is None or arena.ident != get_ident():
        return real_time_ns()
    return int((EPOCH + arena.now) * 1e9)


def sleep(seconds: float) -> None:
    """Wait for a timer that only the scheduler fires."""
    arena = ACTIVE.arena
    if arena is None or arena.ident != get_ident():
        real_sleep(seconds)
        return
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    me = arena.me
    if me is None:
        arena.now += seconds
        return
    if arena.on_wait is not None:
        arena.tell(arena.on_wait, me.number, "sleep", "", True, None)
    # Also for no seconds at all: whoever gives way lets the others go first, or a loop that polls
    # would never end.
    me.op = "sleep"
    me.what = ""
    me.timed = True
    me.deadline = arena.now + seconds
    me.state = CELL
    arena.step(me)
