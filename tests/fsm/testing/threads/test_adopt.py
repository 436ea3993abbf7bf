"""Locks that modules made when they were imported."""

import concurrent.futures.thread
import queue
import sys
import threading
import types
from typing import Any

import pytest
from schedules import alone, every

from futurefsm.fsm.testing.threads import Arena, adopt, benign, installed, run

SOURCE = """
import queue, threading
LOCK = threading.Lock()
RLOCK = threading.RLock()
CONDITION = threading.Condition(LOCK)
EVENT = threading.Event()
EVENT.set()
SEMAPHORE = threading.Semaphore(2)
BOUNDED = threading.BoundedSemaphore(3)
SPACE = threading.local()
QUEUE = queue.SimpleQueue()
PLAIN = 7
class Holder:
    lock = threading.RLock()
    number = 3
"""
NAMES = ["LOCK", "RLOCK", "CONDITION", "EVENT", "SEMAPHORE", "BOUNDED", "SPACE", "QUEUE"]


@pytest.fixture
def module(monkeypatch: pytest.MonkeyPatch) -> Any:
    made: Any = types.ModuleType("with_locks")
    exec(SOURCE, vars(made))
    monkeypatch.setitem(sys.modules, "with_locks", made)
    return made


def test_each_run_has_fresh_ones_and_then_the_real_ones_stand_there_again(module: Any) -> None:
    before = dict(vars(module)), module.Holder.lock
    seen: list[list[Any]] = []

    def look() -> None:
        seen.append([*[getattr(module, name) for name in NAMES], module.Holder.lock])
        assert module.CONDITION._lock is module.LOCK
        assert module.EVENT.is_set()
        assert module.SEMAPHORE._value == 2
        assert module.PLAIN == 7

    with installed("with_locks"):
        alone(look)
        assert (dict(vars(module)), module.Holder.lock) == before
        alone(look)
    assert (dict(vars(module)), module.Holder.lock) == before
    real = [*[before[0][name] for name in NAMES], before[1]]
    assert len({id(each) for each in (*seen[0], *seen[1], *real)}) == 3 * len(real)


def test_they_are_called_by_their_place(module: Any) -> None:
    def use() -> list[str]:
        return [repr(module.LOCK), repr(module.Holder.lock), repr(threading.Lock())]

    with installed(module):
        texts = alone(use)
    assert [text.partition(" at ")[2] for text in texts] == [
        "with_locks.LOCK>",
        "Holder.lock>",
        "Lock 1>",
    ]


def test_the_executors_own_lock_is_always_controlled() -> None:
    """Who submits holds it while it puts into a queue."""

    def setup(arena: Arena) -> None:
        executor = concurrent.futures.ThreadPoolExecutor(1)
        for name in "ab":
            arena.spawn(name, lambda: executor.submit(lambda: None) and None)

    whats = {step.what for done in [next(every(setup))] for step in done.steps}
    assert "concurrent.futures.thread._global_shutdown_lock" in whats


def test_locks_of_a_module_that_was_imported_in_a_run_are_renewed() -> None:
    module: Any = types.ModuleType("imported_late")

    def imports() -> None:
        exec(SOURCE, vars(module))

    alone(imports)
    with installed(module):
        assert alone(lambda: [module.LOCK.acquire(), module.RLOCK.acquire(), module.EVENT.is_set()])
        with_condition = alone(lambda: module.CONDITION.acquire(False))
    assert with_condition


def test_modules_are_given_by_name_or_as_such() -> None:
    assert adopt.resolve(["queue", threading]) == [queue, threading]
    with pytest.raises(ValueError, match="no module 'no_such' is loaded: import it first"):
        adopt.resolve(["no_such"])


def test_nested_installations_add_their_modules(module: Any) -> None:
    with installed("with_locks"):
        with installed("with_locks"):
            pass
        assert "with_locks.LOCK" in alone(lambda: repr(module.LOCK))
    run(lambda arena: None, benign)
    assert type(module.LOCK).__module__ == "_thread"
