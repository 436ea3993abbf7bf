"""Names are swapped wherever they are bound, and put back."""

import _thread
import concurrent.futures.thread
import queue
import sys
import threading
import time
import types
from _thread import RLock as bound_early
from threading import Thread
from time import monotonic as clock_early
from typing import Any

import pytest
from schedules import alone

from futurefsm.fsm import core
from futurefsm.fsm.testing.threads import install, installed
from futurefsm.fsm.testing.threads.install import NOW

PLACES = [
    (threading, "Lock RLock Condition Event Semaphore BoundedSemaphore Barrier local"),
    (threading, "current_thread get_ident get_native_id enumerate active_count _newname"),
    (_thread, "allocate_lock RLock get_ident start_new_thread"),
    (time, "monotonic time perf_counter monotonic_ns time_ns perf_counter_ns sleep"),
    (queue, "SimpleQueue time"),
    (core, "FutureLock monotonic"),
    (Thread, "start join is_alive"),
    (sys.modules[__name__], "bound_early clock_early"),
    (concurrent.futures.thread.ThreadPoolExecutor, "_counter"),
]


def bound() -> dict[str, Any]:
    return {
        f"{getattr(place, '__name__', place)}.{name}": getattr(place, name)
        for place, names in PLACES
        for name in names.split()
    }


def test_all_names_are_swapped_and_put_back() -> None:
    before = bound()
    with installed():
        within = bound()
        with installed():
            assert bound() == within
        assert bound() == within
    assert bound() == before
    same = [name for name in before if within[name] is before[name]]
    # It counts with what is swapped.
    assert same == ["threading._newname"]


def test_they_are_put_back_after_an_error() -> None:
    before = bound()
    with pytest.raises(KeyError), installed():
        raise KeyError
    with pytest.raises(ValueError, match="no module 'none' is loaded"), installed("none"):
        raise AssertionError
    assert bound() == before
    assert NOW.depth == 0
    assert NOW.guard is None


def test_names_that_were_bound_early_are_controlled() -> None:
    def used() -> list[Any]:
        lock = bound_early()
        with lock:
            return [repr(lock), clock_early()]

    text, now = alone(used)
    assert "RLock 1" in text
    assert now == 1000


def test_classes_of_named_modules_may_hold_names() -> None:
    module = types.ModuleType("holding")
    exec("import threading\nclass Holding:\n    make = threading.Event", vars(module))
    real = module.Holding.make
    with installed(module):
        assert module.Holding.make is not real
    assert module.Holding.make is real


def test_tools_keep_the_real_names() -> None:
    import hypothesis.internal.conjecture.engine as engine

    real = engine.time.perf_counter if hasattr(engine, "time") else None
    with installed():
        assert engine.perf_counter if hasattr(engine, "perf_counter") else True
        assert real is None or real() > 0


def test_what_stands_among_the_modules_need_not_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Strange:
        __slots__ = ()

    monkeypatch.setitem(sys.modules, "strange", Strange())  # type: ignore[arg-type]
    with installed():
        assert threading.Lock is not bound_early


def test_modules_that_are_imported_in_a_run_come_as_ever() -> None:
    def imports() -> str:
        sys.modules.pop("this_is_new", None)
        import colorsys

        return colorsys.__name__

    sys.modules.pop("colorsys", None)
    assert alone(imports) == "colorsys"


def test_a_child_of_a_fork_begins_anew() -> None:
    with installed():
        alone(lambda: None)
        guard = NOW.guard
        assert guard is not None
        install.forget()
        assert NOW.guard is None
        # The child's own watch.
        alone(lambda: None)
        assert NOW.guard not in (None, guard)
        NOW.guard.stop()
        NOW.guard = guard


def test_it_may_be_entered_and_left_off_the_main_thread() -> None:
    entered, leave = threading.Event(), threading.Event()
    before = bound()

    def elsewhere() -> None:
        with installed():
            entered.set()
            leave.wait()

    thread = Thread(target=elsewhere)
    thread.start()
    entered.wait()
    assert NOW.guard is None
    # A run in the main thread is watched all the same.
    alone(lambda: None)
    assert NOW.guard is not None
    leave.set()
    thread.join()
    assert bound() == before
    assert NOW.guard is None
