"""What the scheduler cannot control is refused with a clear error, and never hangs."""

import contextlib
import select
import socket
import threading
import types
from typing import Any

import pytest
from schedules import BACKENDS

from futurefsm.fsm.testing.threads import Arena, Uncontrolled, benign, installed, run, watchdog
from futurefsm.fsm.testing.threads.active import ACTIVE, real_lock, real_start

pytestmark = pytest.mark.parametrize("backend", BACKENDS)

LOCK = threading.Lock()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "ASLEEP", 0.25)


def test_a_lock_made_before_the_run_is_named_by_its_line(backend: str) -> None:
    lock = real_lock()

    def setup(arena: Arena) -> None:
        event = threading.Event()

        def holds() -> None:
            with lock:
                event.wait()

        def wants() -> None:
            lock.acquire()

        arena.spawn("holds", holds)
        arena.spawn("wants", wants)

    with pytest.raises(Uncontrolled, match=r"wants blocks at test_watchdog.py:\d+, .* a lock made"):
        run(setup, benign, backend=backend)
    # Who held it was unwound; a later run is well.
    assert lock.acquire(False) or backend == "pooled"
    assert run(lambda arena: None, benign, backend=backend).end == "done"


def test_named_to_installed_such_a_lock_is_controlled(backend: str) -> None:
    def setup(arena: Arena) -> None:
        event = threading.Event()

        def holds() -> None:
            with LOCK:
                event.wait()

        def wants() -> None:
            with LOCK:
                event.set()

        arena.spawn("holds", holds)
        arena.spawn("wants", wants)

    with installed(__name__):
        done = run(setup, benign, backend=backend)
    assert done.end == "deadlock"
    assert done.blocked[1].what == f"{__name__}.LOCK"
    assert done.blocked[1].holder == "holds"


@pytest.mark.parametrize("how", ["recv", "select"])
def test_a_wait_in_c_is_refused(backend: str, how: str) -> None:
    one, other = socket.socketpair()
    calls = {"recv": lambda: one.recv(1), "select": lambda: select.select([one], [], [])}
    with one, other:
        with pytest.raises(Uncontrolled, match=r"reads blocks at test_watchdog.py:\d+"):
            run(lambda arena: arena.spawn("reads", calls[how]) and None, benign, backend=backend)
        # A thread that was left behind wakes, and does no harm.
        other.send(b"x")


def test_a_wait_in_the_setup_or_at_the_end_is_refused_too(backend: str) -> None:
    lock = real_lock()
    lock.acquire()
    with pytest.raises(Uncontrolled, match="the setup blocks at test_watchdog"):
        run(lambda arena: lock.acquire() and None, benign, backend=backend)

    def setup(arena: Arena) -> None:
        arena.spawn("t", lambda: None)
        arena.finish = lambda: lock.acquire() and None

    with pytest.raises(Uncontrolled, match="what looks at the end blocks at test_watchdog"):
        run(setup, benign, backend=backend)


def elsewhere(function: Any) -> Any:
    """What a function raises in a thread that is not the main one."""
    heard: list[Any] = []

    def called() -> None:
        try:
            heard.append(function())
        except BaseException as raised:
            heard.append(raised)

    thread = threading.Thread(target=called)
    thread.start()
    thread.join()
    return heard[0]


@pytest.mark.parametrize("part", ["setup", "task", "finish", "nothing"])
def test_off_the_main_thread_nothing_hangs_either(backend: str, part: str) -> None:
    if backend == "greenlets":
        refused = elsewhere(lambda: run(lambda arena: None, benign, backend=backend))
        assert isinstance(refused, ValueError)
        return
    lock = real_lock()
    lock.acquire()

    def setup(arena: Arena) -> None:
        if part == "setup":
            lock.acquire()
        arena.spawn("t", lambda: part == "task" and lock.acquire())
        arena.finish = lambda: part == "finish" and lock.acquire() and None

    told = elsewhere(lambda: run(setup, benign))
    # Who was left behind goes on, and does no harm.
    lock.release()
    if part == "nothing":
        assert told.end == "done"
    else:
        who = {"setup": "the setup", "task": "t", "finish": "what looks at the end"}[part]
        assert isinstance(told, Uncontrolled)
        assert str(told).startswith(f"{who} blocks at test_watchdog.py")
    assert isinstance(elsewhere(lambda: run(lambda arena: 1 // 0, benign)), ZeroDivisionError)


def test_code_that_swallows_its_end_cannot_hide_it(backend: str) -> None:
    lock = real_lock()
    lock.acquire()

    def setup(arena: Arena) -> None:
        def hides() -> None:
            try:
                lock.acquire()
            except BaseException:
                with contextlib.suppress(BaseException):
                    lock.acquire()
                arena.point("goes on")

        arena.spawn("hides", hides)

    with pytest.raises(Uncontrolled, match="hides blocks"):
        run(setup, benign, backend=backend)


def test_code_without_a_switch_point_is_refused(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "BUSY", 0.2)
    stop: list[int] = []

    def computes() -> None:
        total = 0
        while not stop:
            total += 1

    try:
        with pytest.raises(Uncontrolled, match=r"computes has come to no switch point for 0.2 s"):
            run(lambda arena: arena.spawn("computes", computes) and None, benign, backend=backend)
    finally:
        stop.append(1)


def test_a_loop_in_which_nothing_changes_is_refused_sooner(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "ROUND", 0.2)
    stop: list[int] = []

    def spins() -> None:
        while not stop:
            pass

    try:
        with pytest.raises(Uncontrolled, match=r"spins goes round at test_watchdog.py:\d+ for 0.2"):
            run(lambda arena: arena.spawn("spins", spins) and None, benign, backend=backend)
    finally:
        stop.append(1)


def test_work_between_two_steps_is_no_block(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()

    def works() -> int:
        return sum(range(3_000_000))

    assert (
        run(lambda arena: arena.spawn("works", works) and None, benign, backend=backend)
        .ended[0]
        .value
    )


def test_whoever_sits_at_a_debugger_is_left_alone(backend: str) -> None:
    """The thread that is looked at sleeps, below code of pdb."""
    turn, begun = real_lock(), real_lock()
    turn.acquire()
    begun.acquire()
    code = compile("def prompt(): begun.release(); turn.acquire()", "pdb.py", "exec")
    space: dict[str, Any] = {"__name__": "pdb", "turn": turn, "begun": begun}
    exec(code, space)
    idents: list[int] = []
    real_start(lambda: (idents.append(threading.get_ident()), space["prompt"]()), ())
    begun.acquire()
    arena: Any = types.SimpleNamespace(progress=0)
    ACTIVE.arena = arena
    try:
        watch = watchdog.Watch()
        assert [watch.look(arena, idents[0]) for _ in range(50)] == [None] * 50
    finally:
        ACTIVE.arena = None
        turn.release()


def test_a_signal_without_a_verdict_does_nothing(backend: str) -> None:
    guard = watchdog.Guard()
    guard._interrupt(0, None)
    guard._verdict = (None, 3, "old")  # type: ignore[assignment]
    guard._interrupt(0, None)
    assert guard._verdict is None
