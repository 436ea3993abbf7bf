"""Lock and RLock: every answer is that of the real one; who holds what is known."""

import _thread
import threading
from collections.abc import Callable
from typing import Any

import pytest
from schedules import BACKENDS, alone, every, outcomes, scene

from futurefsm.fsm.testing.threads import Arena, Uncontrolled, benign, installed, locks, run

KINDS = ("Lock", "RLock")


def told(function: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """What a call returns or raises."""
    try:
        return repr(function(*args, **kwargs))
    except Exception as raised:
        return f"{type(raised).__name__}: {raised}"


def answers(make: Callable[[], Any]) -> list[str]:
    """All that one thread can hear from a lock."""
    lock = make()
    said = [
        told(lock.release),
        told(lock.acquire),
        told(lock.acquire, False),
        told(lock.acquire, blocking=False),
        told(lock.acquire, True, 0),
        told(lock.acquire, True, -2),
        told(lock.acquire, False, 1),
        told(lock.acquire, timeout=threading.TIMEOUT_MAX * 2),
        told(lock.release),
    ]
    while told(lock.release) == "None":
        pass
    with lock as entered:
        said.append(repr(entered))
    if hasattr(lock, "locked"):
        said.append(told(lock.locked))
    if hasattr(lock, "_is_owned"):
        said += [told(lock._is_owned), told(lock._release_save), told(lock._recursion_count)]
        with lock, lock:
            saved = lock._release_save()
            said += [told(lock._is_owned), told(lock._recursion_count)]
            lock._acquire_restore(saved)
            said += [told(lock._is_owned), told(lock._recursion_count)]
    lock.acquire()
    lock._at_fork_reinit()
    return [*said, told(lock.acquire, False)]


@pytest.mark.parametrize("kind", KINDS)
def test_one_thread_hears_what_the_real_one_says(kind: str) -> None:
    real = answers({"Lock": locks.real_lock, "RLock": locks.real_rlock}[kind])
    mine = alone(lambda: answers(getattr(threading, kind)))
    # Python 3.11's real RLock has no locked().
    if len(mine) > len(real):
        del mine[real.index("True", 9) + 1]
    assert mine == real


def holds(lock: Any) -> Any:
    with lock:
        return lock.acquire(False)


def tries(lock: Any) -> bool:
    return bool(lock.acquire(False))


def waits_a_while(lock: Any) -> bool:
    return bool(lock.acquire(timeout=1))


def test_what_several_threads_can_hear_of_a_lock() -> None:
    make = lambda: threading.Lock()  # noqa: E731
    assert outcomes(scene(holds, tries, make=make)) == {
        ("done", False, False),
        ("done", False, True),
        # The other keeps it.
        ("deadlock", None, True),
    }
    assert outcomes(scene(waits_a_while, waits_a_while, make=make)) == {
        ("done", True, False),
        ("done", False, True),
    }


def test_what_several_threads_can_hear_of_an_rlock() -> None:
    def passes_by(lock: Any) -> Any:
        with lock:
            return True

    def foreign(lock: Any) -> Any:
        try:
            lock.release()
        except RuntimeError as error:
            return str(error)

    make = lambda: threading.RLock()  # noqa: E731
    # holds() has it twice, and lets it go once.
    assert ("deadlock", True, None) in outcomes(scene(holds, passes_by, make=make))
    assert outcomes(scene(holds, foreign, make=make)) == {
        ("done", True, "cannot release un-acquired lock")
    }


def test_who_leaves_a_with_must_still_have_the_lock() -> None:
    def loses(lock: Any) -> str:
        try:
            with lock:
                lock.release()
                # Here the other may take it; who does not, finds it free.
                threading.Lock().acquire()
        except RuntimeError as error:
            return str(error)
        return "nothing"

    make = lambda: threading.RLock()  # noqa: E731
    refused = "cannot release un-acquired lock"
    assert outcomes(scene(loses, lambda lock: lock.acquire(), make=make)) == {
        ("done", refused, True),
        # The other was first, and keeps it.
        ("deadlock", None, True),
    }


def test_blocking_is_any_truth() -> None:
    assert alone(lambda: threading.Lock().acquire(1))  # type: ignore[arg-type]


def test_a_lock_may_be_released_by_another() -> None:
    def releases(lock: Any) -> None:
        lock.release()

    def setup(arena: Arena) -> None:
        lock = threading.Lock()
        lock.acquire()
        arena.spawn("gets", lambda: lock.acquire())
        arena.spawn("releases", lambda: releases(lock))

    assert outcomes(setup) == {("done", True, None)}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_dead_lock_names_lock_holder_and_line(backend: str) -> None:
    def setup(arena: Arena) -> None:
        one, two = threading.Lock(), threading.Lock()
        arena.label(two, "the second")

        def crosses(first: Any, second: Any) -> None:
            with first, second:
                pass

        arena.spawn("a", lambda: crosses(one, two))
        arena.spawn("b", lambda: crosses(two, one))

    (dead,) = [done for done in every(setup, backend=backend) if done.end == "deadlock"][:1]
    assert [each[1:5] for each in dead.blocked] == [
        ("a", "acquire", "the second", "b"),
        ("b", "acquire", "Lock 1", "a"),
    ]
    assert all(each.where.startswith("test_locks.py:") for each in dead.blocked)


def test_hooks_hear_of_locks_that_are_got_and_let_go() -> None:
    heard: list[tuple[str, Any, Any]] = []

    def setup(arena: Arena) -> None:
        lock, timed = threading.RLock(), threading.Lock()
        condition = threading.Condition(lock)
        arena.on_acquire = lambda task, lock: heard.append(("got", task, arena.name_of(lock)))
        arena.on_release = lambda task, lock: heard.append(("let", task, arena.name_of(lock)))
        arena.on_wait = lambda task, op, what, timer, own: heard.append((op, timer, own is lock))

        def user() -> list[list[Any]]:
            held = []
            with lock, lock, timed:
                held.append(arena.held())
            with timed:
                pass
            timed.acquire(timeout=1)
            timed.release()
            with condition:
                condition.wait(1)
                held.append(arena.held(0))
            return [[arena.name_of(each) for each in some] for some in held]

        arena.spawn("user", user)

    with installed():
        done = run(setup, benign)
    assert done.ended[0].value == [["RLock 1", "Lock 1"], ["RLock 1"]]
    locked = [("got", 0, "Lock 1"), ("let", 0, "Lock 1")]
    assert heard == [
        ("got", 0, "RLock 1"),
        *locked,
        ("let", 0, "RLock 1"),
        *locked,
        *locked,
        ("got", 0, "RLock 1"),
        ("let", 0, "RLock 1"),
        ("wait", True, True),
        ("got", 0, "RLock 1"),
        ("let", 0, "RLock 1"),
    ]


def test_a_stop_lies_in_front_of_acquire_and_none_when_it_is_entered_again() -> None:
    def setup(arena: Arena) -> None:
        lock = threading.RLock()

        def user() -> None:
            with lock, lock:
                lock.acquire(True, 1)
                lock.release()

        arena.spawn("user", user)

    done = run(setup, benign, detailed=True)
    assert [(step.op, step.what) for step in done.steps] == [("start", ""), ("acquire", "RLock 1")]
    assert done.steps[1].where.startswith("test_locks.py:")


@pytest.mark.parametrize("kind", KINDS)
def test_text(kind: str) -> None:
    def texts() -> list[str]:
        lock = getattr(threading, kind)()
        before = repr(lock)
        with lock:
            return [before, repr(lock)]

    assert alone(texts) == [
        f"<unlocked threading.{kind} object at {kind} 1>",
        f"<locked threading.{kind} object held by alone at {kind} 1>",
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_outside_a_run_it_is_real(kind: str) -> None:
    with installed():
        assert type(getattr(threading, kind)()).__module__ == "_thread"
        assert type(_thread.allocate_lock()) is type(locks.real_lock())


def test_setup_and_those_who_look_later_take_free_locks_and_never_wait() -> None:
    kept: dict[str, Any] = {}

    def setup(arena: Arena) -> None:
        kept["lock"], kept["rlock"] = lock, rlock = threading.Lock(), threading.RLock()
        with rlock, rlock, lock:
            assert not lock.acquire(False)
            assert not lock.acquire(timeout=2)
            with pytest.raises(Uncontrolled, match="acquire of Lock 1 would wait"):
                lock.acquire()
            assert rlock._is_owned()
        arena.spawn("keeps", lambda: (rlock.acquire(), lock.acquire(), lock.acquire()))

    assert run(setup, benign).end == "deadlock"
    lock, rlock = kept["lock"], kept["rlock"]
    # Its holder is gone.
    with pytest.raises(Uncontrolled, match="acquire of RLock 1 would wait"):
        rlock.acquire()
    with pytest.raises(Uncontrolled, match="would wait"):
        lock.acquire()


def test_a_lock_of_an_earlier_run_is_used_while_it_is_free_and_refused_when_not() -> None:
    kept: list[Any] = []
    run(lambda arena: kept.append(threading.Lock()), benign)

    def setup(arena: Arena) -> None:
        def user() -> None:
            with kept[0]:
                arena.point("inside")

        arena.spawn("one", user)
        arena.spawn("two", user)

    assert run(setup, benign).end == "done"
    kinds = {
        type(ended.error)
        for choice in (0, 1)
        for ended in run(setup, lambda options, current, c=choice: c).ended
    }
    assert kinds == {type(None), Uncontrolled}


def test_a_thread_that_is_not_of_the_run_is_refused() -> None:
    refused: list[str] = []

    def setup(arena: Arena) -> None:
        lock, event = threading.Lock(), threading.Event()
        turn = locks.real_lock()
        turn.acquire()

        def foreign() -> None:
            for call in (lock.acquire, event.set, event.wait):
                try:
                    call()
                except Uncontrolled as error:
                    refused.append(str(error))
            turn.release()

        def user() -> None:
            _start(foreign)
            turn.acquire()

        arena.spawn("user", user)

    run(setup, benign)
    names = [each.partition(" is used by a thread")[0] for each in refused]
    assert names == ["Lock 1", "Event 1", "Event 1"]


def _start(function: Callable[[], None]) -> None:
    """A real thread, behind the scheduler's back."""
    from futurefsm.fsm.testing.threads.active import start_thread

    start_thread(function)
