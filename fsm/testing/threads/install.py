"""Swaps the names of threading, time and queue for those of a run, in all modules that hold them.

The replacements give the real thing to whoever is not in a run, so they may stay in place over
many runs, and other threads do not notice.
"""

import _thread
import os
import queue
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from concurrent.futures.thread import ThreadPoolExecutor
from contextlib import contextmanager
from types import ModuleType, SimpleNamespace
from typing import Any

from futurefsm.fsm.testing.threads import (
    adopt,
    clock,
    conditions,
    derived,
    locks,
    numbering,
    queues,
    semaphores,
    workers,
)
from futurefsm.fsm.testing.threads.active import ACTIVE
from futurefsm.fsm.testing.threads.foreign import refusals
from futurefsm.fsm.testing.threads.lines import lines_of
from futurefsm.fsm.testing.threads.scheduler import Arena, Setup
from futurefsm.fsm.testing.threads.watchdog import Guard

# Real object → what stands for it.
_SWAPS: list[tuple[Any, Any]] = [
    (_thread.allocate_lock, locks.Lock),
    # Another object from Python 3.13 on: the type.
    (threading.Lock, locks.Lock),
    (_thread.RLock, locks.RLock),
    (threading.RLock, locks.RLock),
    (threading.Condition, conditions.Condition),
    (threading.Event, conditions.Event),
    (threading.Semaphore, semaphores.Semaphore),
    (threading.BoundedSemaphore, semaphores.BoundedSemaphore),
    (threading.Barrier, semaphores.Barrier),
    (threading.local, workers.local),
    (threading.current_thread, workers.current_thread),
    (threading.enumerate, workers.enumerate_threads),
    (threading.active_count, workers.active_count),
    (threading.get_native_id, workers.native_id),
    (threading.get_ident, workers.task_ident),
    (workers.real_counter, workers.count_threads),
    (_thread.start_new_thread, workers.start_new_thread),
    (queue.SimpleQueue, queues.SimpleQueue),
    (time.monotonic, clock.monotonic),
    (time.monotonic_ns, clock.monotonic_ns),
    (time.perf_counter, clock.perf_counter),
    (time.perf_counter_ns, clock.perf_counter_ns),
    (time.time, clock.time_),
    (time.time_ns, clock.time_ns),
    (time.sleep, clock.sleep),
]
# Modules that keep the real names: the engine itself, and tools that measure real time.
_OWN = "futurefsm.fsm.testing.threads."
_TOOLS = {"_pytest", "pytest", "hypothesis", "coverage", "greenlet", "pluggy", "faulthandler"}

# (dictionary, name, real object) of what is swapped now.
_Swapped = list[tuple[Any, str, Any]]


class _Installation:
    """What is swapped now; nests."""

    def __init__(self) -> None:
        self.depth = 0
        self.undo: _Swapped = []
        self.adopted: list[adopt.Place] = []
        self.guard: Guard | None = None


NOW = _Installation()


def forget() -> None:
    """In a child of a fork: no run goes on there, and the guard's thread is not there."""
    ACTIVE.arena = ACTIVE.run = None
    NOW.guard = None


os.register_at_fork(after_in_child=forget)


def is_installed() -> bool:
    return NOW.depth > 0


def guard() -> None:
    """Before each run in the main thread: it is watched."""
    if NOW.guard is None:
        NOW.guard = Guard()
        NOW.guard.start()


def prepared(setup: Setup) -> Setup:
    """A setup that begins with fresh locks in the modules that were named."""

    def whole(arena: Arena) -> None:
        adopt.renew(arena, NOW.adopted)
        setup(arena)

    return whole


def recover() -> None:
    """After a run: the modules' own locks again."""
    adopt.restore(NOW.adopted)


def _bound(swaps: dict[int, Any]) -> Iterator[tuple[dict[str, Any], str, Any]]:
    """(globals of a module, name, replacement) of every real name that is bound somewhere."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in _TOOLS or name.startswith(_OWN):
            continue
        # Anything may stand there.
        space = getattr(module, "__dict__", None)
        if not isinstance(space, dict):
            continue
        for key, value in list(space.items()):
            mine = swaps.get(id(value))
            if mine is not None:
                yield space, key, mine


def _bound_inside(
    swaps: dict[int, Any], modules: Iterable[ModuleType]
) -> Iterator[tuple[Any, str, Any]]:
    """The same for class attributes of some modules."""
    for module in modules:
        for owner in list(vars(module).values()):
            if isinstance(owner, type) and owner.__module__ == module.__name__:
                for key, value in list(vars(owner).items()):
                    mine = swaps.get(id(value))
                    if mine is not None:
                        yield owner, key, mine


def _swap(space: Any, key: str, mine: Any, undo: _Swapped) -> None:
    if isinstance(space, dict):
        undo.append((space, key, space[key]))
        space[key] = mine
    else:
        undo.append((space, key, vars(space)[key]))
        setattr(space, key, mine)


def _unswap(undo: _Swapped) -> None:
    for space, key, real in reversed(undo):
        if isinstance(space, dict):
            space[key] = real
        else:
            setattr(space, key, real)
    undo.clear()


def _begin(swaps: dict[int, Any]) -> None:
    """The outermost level: everything that concerns no module in particular."""
    undo = NOW.undo
    # An import that happens in a run is no business of the scheduler's: it happens only once.
    importer = sys.modules["_frozen_importlib"]
    _swap(vars(importer), "_thread", SimpleNamespace(**vars(_thread)), undo)
    for place in list(_bound(swaps)):
        _swap(*place, undo)
    for name, method in workers.methods.items():
        _swap(threading.Thread, name, method, undo)
    _swap(ThreadPoolExecutor, "_counter", staticmethod(workers.count_executors), undo)
    workers.remember_hook()
    numbering.install()


def _end() -> None:
    if NOW.guard is not None:
        NOW.guard.stop()
        NOW.guard = None
    numbering.uninstall()
    _unswap(NOW.undo)


@contextmanager
def installed(
    *modules: str | ModuleType,
    lines: Iterable[str | ModuleType] = (),
    hashed: Iterable[type] = (),
) -> Iterator[None]:
    """Unmodified code that is called in a run is controlled by it.

    `run` does this by itself; around many runs it is done once. Whoever is not in a run, another
    thread too, gets the real thing meanwhile.

    Args:
        modules: modules, or their names, that made locks when they were imported: each run puts
            fresh ones in their globals and class attributes.
        lines: modules whose every line is a switch point too; locks as in `modules`.
        hashed: classes that hash by address and are kept in sets: numbered by first use instead,
            for good, as futures of `concurrent.futures` are.

    Raises:
        ValueError: a module is not loaded.
        RuntimeError: called in a run.
    """
    if ACTIVE.arena is not None:
        raise RuntimeError("installed() cannot be entered while a run is going on")
    instrumented = adopt.resolve(lines)
    named = [*adopt.resolve(modules), *instrumented]
    # Kept, so that no id is given to another object meanwhile.
    foreign = [*refusals(), *derived.rlocks()] if not NOW.depth else []
    swaps = {id(real): mine for real, mine in (*_SWAPS, *foreign)}
    undo: _Swapped = []
    if not NOW.depth:
        _begin(swaps)
    NOW.depth += 1
    before = NOW.adopted
    try:
        for place in list(_bound_inside(swaps, named)):
            _swap(*place, undo)
        numbering.add(hashed)
        known = {id(place[2]) for place in before}
        NOW.adopted = [*before, *[p for p in adopt.places(named) if id(p[2]) not in known]]
        with lines_of(instrumented):
            yield
    finally:
        NOW.adopted = before
        _unswap(undo)
        NOW.depth -= 1
        if not NOW.depth:
            _end()
