"""`run`: one schedule, on the backend that is there."""

import gc
import importlib.util
from collections.abc import Callable
from functools import cache

from futurefsm.fsm.testing.threads import install
from futurefsm.fsm.testing.threads.active import ACTIVE
from futurefsm.fsm.testing.threads.pooled import run_pooled
from futurefsm.fsm.testing.threads.scheduler import Arena, Setup
from futurefsm.fsm.testing.threads.steps import Choose, Run
from futurefsm.fsm.testing.threads.watchdog import in_main_thread

Backend = Callable[[Setup, Choose, int, bool], Run]


@cache
def _backend(name: str | None, main: bool) -> Backend:
    if name is None:
        name = "greenlets" if main and importlib.util.find_spec("greenlet") else "pooled"
    if name == "pooled":
        return run_pooled
    if name == "greenlets":
        if not main:
            raise ValueError(
                "greenlets need the main thread: elsewhere a task that blocks in C could not be "
                "interrupted. Leave the backend out, or take 'pooled'"
            )
        from futurefsm.fsm.testing.threads.greenlets import run_greenlets

        return run_greenlets
    raise ValueError(f"backend must be 'greenlets', 'pooled' or None, not {name!r}")


def run(
    setup: Setup,
    choose: Choose,
    *,
    backend: str | None = None,
    max_steps: int = 2000,
    detailed: bool = False,
    finish: Callable[[], None] | None = None,
) -> Run:
    """Run real code of several threads under one schedule.

    Args:
        setup: makes the objects and calls `arena.spawn`; runs in no task, so operations in it never
            switch, and must not wait.
        choose: decides the schedule.
        backend: "greenlets" (main thread only), "pooled", or None: greenlets where they can be.
        max_steps: a run that takes more ends as "livelock".
        detailed: lines of the code under test in each step; costs time.
        finish: looks at the objects after a run that ended as "done"; in no task, as `setup`. The
            same as setting `arena.finish`.

    Raises:
        Uncontrolled: something runs that no scheduler can control.
        BaseException: what `choose` or `setup` raised; Ctrl-C, or what steers a test, in a task.
    """
    if ACTIVE.run is not None:
        raise RuntimeError("a run inside a run: only one can go on at a time in a process")
    main = in_main_thread()
    start = _backend(backend, main)
    if finish is not None:
        setup = _finished(setup, finish)
    if install.is_installed():
        return _start(start, setup, choose, max_steps, detailed, main)
    with install.installed():
        return _start(start, setup, choose, max_steps, detailed, main)


def _finished(setup: Setup, finish: Callable[[], None]) -> Setup:
    def whole(arena: Arena) -> None:
        arena.finish = finish
        setup(arena)

    return whole


def _start(
    start: Backend, setup: Setup, choose: Choose, max_steps: int, detailed: bool, main: bool
) -> Run:
    if main:
        install.guard()
    prepared = install.prepared(setup)
    # No collector in a run: its finalizers would come at other moments in each.
    collects = gc.isenabled()
    gc.disable()
    try:
        return start(prepared, choose, max_steps, detailed)
    finally:
        install.recover()
        if collects:
            gc.enable()
