"""CPython 3.11's own tests of the primitives of `threading`, in a run, on those of the run.

Each test is a task; the threads that it starts are tasks too. Its sleeps mean "until the others are
blocked", and in virtual time that is exactly what they do.
"""

import unittest
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import cpython_suite
import pytest

from futurefsm.fsm.testing.threads import Arena, benign, installed, run

pytestmark = pytest.mark.system(cpython_suite.PACKAGE)

BACKENDS = ("greenlets", "pooled")
# Test → why it cannot apply.
NOT_APPLICABLE = {
    "test_weakref_deleted": "the run keeps its locks, to say who holds what, until it ends",
    "test_at_fork_reinit": "no run goes on in a child of a fork",
    "test_thread_leak": "looks at threading._active, where a run's threads are not",
}

if cpython_suite.missing() is None:
    import threading

    from test import lock_tests

    # What they wait for is the end of real threads.
    lock_tests.threading_helper = SimpleNamespace(
        threading_setup=lambda: (),
        threading_cleanup=lambda: None,
        wait_threads_exit=lambda timeout=0: nullcontext(),
    )

    KINDS: dict[str, dict[str, Callable[..., Any]]] = {
        "LockTests": {"locktype": lambda: threading.Lock()},
        "RLockTests": {"locktype": lambda: threading.RLock()},
        "EventTests": {"eventtype": lambda: threading.Event()},
        "ConditionTests": {"condtype": lambda *a: threading.Condition(*a)},
        "SemaphoreTests": {"semtype": lambda *a, **k: threading.Semaphore(*a, **k)},
        "BoundedSemaphoreTests": {"semtype": lambda *a, **k: threading.BoundedSemaphore(*a, **k)},
        "BarrierTests": {"barriertype": lambda *a, **k: threading.Barrier(*a, **k)},
    }
else:
    KINDS = {}


def cases() -> Iterator[Any]:
    for kind in KINDS:
        for name in unittest.TestLoader().getTestCaseNames(getattr(lock_tests, kind)):
            if name not in NOT_APPLICABLE:
                yield pytest.param(kind, name, id=f"{kind}-{name}")


@pytest.fixture(scope="module", autouse=True)
def primitives() -> Iterator[None]:
    with installed():
        yield


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("kind", "name"), list(cases()))
def test_as_cpython_tests_it(kind: str, name: str, backend: str) -> None:
    made = {key: staticmethod(value) for key, value in KINDS[kind].items()}
    case = type(kind, (getattr(lock_tests, kind),), made)(name)

    def setup(arena: Arena) -> None:
        arena.spawn("test", lambda: (case.setUp(), getattr(case, name)(), case.doCleanups()))

    done = run(setup, benign, backend=backend, max_steps=100_000)
    for task in done.ended:
        if task.error is not None:
            raise task.error
    assert done.end == "done", done.blocked
