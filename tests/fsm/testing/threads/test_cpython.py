"""CPython 3.11's own tests of the primitives of `threading`, and of queues, in a run.

Each test is a task; the threads that it starts are tasks too. Its sleeps mean "until the others are
blocked", and in virtual time that is exactly what they do.
"""

import queue
import unittest
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
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
    "test_many_threads_nonblock": "fifty threads that poll: a hundred thousand steps and more",
    "test_references": "the like, and about the memory of the C code",
    "test_thread_leak": "looks at threading._active, where a run's threads are not",
}


@contextmanager
def started(threads: list[Any], unlock: Any = None) -> Iterator[None]:
    """Their helper, but that it does not ask a clock how long it takes."""
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join()


if cpython_suite.missing() is None:
    import threading

    from test import lock_tests, test_queue

    # What they wait for is the end of real threads.
    lock_tests.threading_helper = test_queue.threading_helper = SimpleNamespace(
        threading_setup=lambda: (),
        threading_cleanup=lambda: None,
        wait_threads_exit=lambda timeout=0: nullcontext(),
        start_threads=started,
        join_thread=lambda thread, timeout=0: thread.join(),
    )

    KINDS: dict[str, dict[str, Callable[..., Any]]] = {
        "LockTests": {"locktype": lambda: threading.Lock()},
        "RLockTests": {"locktype": lambda: threading.RLock()},
        "EventTests": {"eventtype": lambda: threading.Event()},
        "ConditionTests": {"condtype": lambda *a: threading.Condition(*a)},
        "SemaphoreTests": {"semtype": lambda *a, **k: threading.Semaphore(*a, **k)},
        "BoundedSemaphoreTests": {"semtype": lambda *a, **k: threading.BoundedSemaphore(*a, **k)},
        "BarrierTests": {"barriertype": lambda *a, **k: threading.Barrier(*a, **k)},
        # Queues are made by the tests themselves.
        "QueueTest": {"type2test": lambda *a: queue.Queue(*a)},
        "LifoQueueTest": {"type2test": lambda *a: queue.LifoQueue(*a)},
        "PriorityQueueTest": {"type2test": lambda *a: queue.PriorityQueue(*a)},
        "BaseSimpleQueueTest": {"type2test": lambda: queue.SimpleQueue()},
    }
else:
    KINDS = {}


def suite(kind: str) -> type[Any]:
    found = getattr(lock_tests, kind, None) or getattr(test_queue, kind)
    # Some are meant to be mixed in.
    made = {key: staticmethod(value) for key, value in KINDS[kind].items()}
    bases = (found,) if issubclass(found, unittest.TestCase) else (found, unittest.TestCase)
    return type(kind, bases, {**made, "queue": queue})


def cases() -> Iterator[Any]:
    for kind in KINDS:
        for name in unittest.TestLoader().getTestCaseNames(suite(kind)):
            if name not in NOT_APPLICABLE:
                yield pytest.param(kind, name, id=f"{kind}-{name}")


@pytest.fixture(scope="module", autouse=True)
def primitives() -> Iterator[None]:
    with installed():
        yield


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("kind", "name"), list(cases()))
def test_as_cpython_tests_it(kind: str, name: str, backend: str) -> None:
    case = suite(kind)(name)

    def setup(arena: Arena) -> None:
        arena.spawn("test", lambda: (case.setUp(), getattr(case, name)(), case.doCleanups()))

    done = run(setup, benign, backend=backend, max_steps=100_000)
    for task in done.ended:
        if task.error is not None:
            raise task.error
    assert done.end == "done", done.blocked
