"""Swaps the names of threading, time and queue for those of a run, in all modules that hold them.

The replacements give the real thing to whoever is not in a run, so they may stay in place over
many runs, and other threads do not notice.
"""

import _thread
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from futurefsm.fsm.testing.threads import clock, conditions, locks
from futurefsm.fsm.testing.threads.watchdog import Guard, in_main_thread

# Real object → what stands for it.
_SWAPS: list[tuple[Any, Any]] = [
    (_thread.allocate_lock, locks.Lock),
    (_thread.RLock, locks.RLock),
    (threading.RLock, locks.RLock),
    (threading.Condition, conditions.Condition),
    (threading.Event, conditions.Event),
    (time.monotonic, clock.monotonic),
    (time.monotonic_ns, clock.monotonic_ns),
    (time.perf_counter, clock.perf_counter),
    (time.perf_counter_ns, clock.perf_counter_ns),
    (time.time, clock.time_),
    (time.time_ns, clock.time_ns),
    (time.sleep, clock.sleep),
]
# Modules that keep the real names: the engine itself, and tools that measure real time.
_OWN = ("futurefsm.fsm.testing.threads",)
_TOOLS = ("_pytest", "pytest", "hypothesis", "coverage", "greenlet", "pluggy", "faulthandler")

_depth = 0
_guard: Guard | None = None
_undo: list[tuple[dict[str, Any], str, Any]] = []


def is_installed() -> bool:
    return _depth > 0


def _places() -> Iterator[tuple[dict[str, Any], str, Any]]:
    """(globals of a module, name, replacement) of every real name that is bound somewhere."""
    swaps = {id(real): mine for real, mine in _SWAPS}
    for name, module in list(sys.modules.items()):
        top = name.partition(".")[0]
        if top in _TOOLS or name.startswith(_OWN) or not isinstance(module, ModuleType):
            continue
        space = vars(module)
        for key, value in list(space.items()):
            mine = swaps.get(id(value))
            if mine is not None:
                yield space, key, mine


@contextmanager
def installed(*modules: str | ModuleType, lines: Iterable[str] = ()) -> Iterator[None]:
    """Unmodified code that is called in a run is controlled by it.

    Args:
        modules: more modules to look into.
        lines: modules whose every line is a switch point.
    """
    global _depth, _guard
    if not _depth:
        for space, key, mine in _places():
            _undo.append((space, key, space[key]))
            space[key] = mine
        if in_main_thread():
            _guard = Guard()
            _guard.start()
    _depth += 1
    try:
        yield
    finally:
        _depth -= 1
        if not _depth:
            if _guard is not None:
                _guard.stop()
                _guard = None
            for space, key, real in reversed(_undo):
                space[key] = real
            _undo.clear()
