"""The arena: what tasks, hooks and harnesses do with it."""

import contextlib
import threading
from typing import Any

import pytest
from schedules import BACKENDS, every, following

from futurefsm.fsm.testing.threads import Arena, Trouble, Uncontrolled, benign, installed, run

pytestmark = pytest.mark.parametrize("backend", BACKENDS)


class Stop(BaseException):
    """As Hypothesis raises to end an example."""


def test_what_chooses_may_raise_and_nobody_swallows_it(backend: str) -> None:
    def choose(options: Any, current: Any) -> int:
        raise Stop

    def swallows(arena: Arena) -> None:
        with contextlib.suppress(BaseException):
            arena.point("x")

    def setup(arena: Arena) -> None:
        arena.spawn("one", lambda: swallows(arena))
        arena.spawn("two", lambda: swallows(arena))

    with pytest.raises(Stop):
        run(setup, choose, backend=backend)
    calls: list[int] = []

    def later(options: Any, current: Any) -> int:
        calls.append(1)
        if len(calls) == 2:
            raise Stop
        return 0

    with pytest.raises(Stop):
        run(setup, later, backend=backend)
    assert len(calls) == 2


def test_a_choice_that_is_none_of_the_options_is_refused(backend: str) -> None:
    def setup(arena: Arena) -> None:
        for name in "ab":
            arena.spawn(name, lambda: None)

    with pytest.raises(IndexError):
        run(setup, lambda options, current: 7, backend=backend)


def test_what_steers_a_test_ends_the_run(backend: str) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    def setup(arena: Arena) -> None:
        arena.spawn("a", interrupted)
        arena.spawn("b", lambda: arena.block("await", "", lambda: False))

    with pytest.raises(KeyboardInterrupt):
        run(setup, benign, backend=backend)
    assert run(lambda arena: None, benign, backend=backend).end == "done"


def test_errors_of_tasks_are_kept(backend: str) -> None:
    def fails() -> None:
        raise KeyError("x")

    def setup(arena: Arena) -> None:
        arena.spawn("fails", fails)
        arena.spawn("returns", lambda: 5)

    done = run(setup, benign, backend=backend)
    assert [(e.name, e.value, type(e.error), e.done) for e in done.ended] == [
        ("fails", None, KeyError, True),
        ("returns", 5, type(None), True),
    ]


def test_an_error_of_the_setup_comes_out(backend: str) -> None:
    def setup(arena: Arena) -> None:
        raise KeyError("setup")

    with pytest.raises(KeyError, match="setup"):
        run(setup, benign, backend=backend)
    assert run(lambda arena: None, benign, backend=backend).end == "done"


def test_block_waits_until_it_is_ready_or_the_timer_fires(backend: str) -> None:
    def setup(arena: Arena) -> None:
        came: list[int] = []
        assert arena.block("await", "", lambda: True)
        with pytest.raises(Uncontrolled, match="await of it would wait"):
            arena.block("await", "it", lambda: False)
        arena.spawn("waits", lambda: arena.block("await", "", lambda: bool(came), 2))
        arena.spawn("brings", lambda: came.append(1))
        arena.on_wait = lambda *args: heard.add(args)

    heard: set[Any] = set()
    found = {done.ended[0].value for done in every(setup, backend=backend)}
    assert found == {True, False}
    assert heard == {(0, "await", "", True, None)}


def test_finish_looks_when_all_is_done(backend: str) -> None:
    seen: list[Any] = []

    def setup(arena: Arena) -> None:
        lock = threading.Lock()

        def finish() -> None:
            with lock:
                seen.append((arena.current, threading.Lock()))

        arena.finish = finish
        arena.spawn("a", lambda: lock.acquire() and lock.release())

    run(setup, benign, backend=backend)
    assert seen[0][0] is None
    assert "Lock 2" in repr(seen[0][1])
    seen.clear()

    def stuck(arena: Arena) -> None:
        arena.finish = lambda: seen.append(1)
        arena.spawn("a", lambda: arena.block("await", "", lambda: False))

    assert run(stuck, benign, backend=backend).end == "deadlock"
    assert seen == []
    with pytest.raises(ZeroDivisionError):
        run(lambda arena: None, benign, backend=backend, finish=lambda: 1 // 0)


def test_trouble_is_kept_and_ends_the_run_if_it_is_fatal(backend: str) -> None:
    def setup(arena: Arena) -> None:
        arena.trouble("early", "in the setup", fatal=True)

        def user() -> None:
            arena.trouble("check", "goes on")
            with contextlib.suppress(BaseException):
                arena.trouble("check", "ends", fatal=True)
            arena.point("never")

        arena.spawn("user", user)
        arena.spawn("other", lambda: None)

    done = run(setup, benign, backend=backend)
    assert done.end == "trouble"
    assert done.troubles == [
        Trouble("early", "in the setup", -1),
        Trouble("check", "goes on", 0),
        Trouble("check", "ends", 0),
    ]
    assert not any(each.done for each in done.ended)


def test_who_will_not_end_is_left_behind(backend: str) -> None:
    def setup(arena: Arena) -> None:
        event = threading.Event()

        def stubborn() -> None:
            while True:
                with contextlib.suppress(BaseException):
                    event.wait()

        arena.spawn("stubborn", stubborn)

    for _ in range(2):
        assert run(setup, benign, backend=backend).end == "deadlock"


def test_a_task_that_is_ended_runs_its_finally(backend: str) -> None:
    cleaned: list[str] = []

    def setup(arena: Arena) -> None:
        condition = threading.Condition()

        own = threading.RLock()

        def user() -> None:
            own.acquire()
            try:
                with condition:
                    condition.wait()
            finally:
                cleaned.append("user")
                with own:
                    own.acquire()
                with pytest.raises(RuntimeError), contextlib.suppress(Exception):
                    raise RuntimeError

        def fails() -> None:
            try:
                condition.acquire()
                condition.wait()
            finally:
                # It does not own it now, and is not told so.
                condition.release()
                raise KeyError

        arena.spawn("user", user)
        arena.spawn("fails", fails)

    done = run(setup, following([]), backend=backend)
    assert done.end == "deadlock"
    assert cleaned == ["user"]
    assert [each.error for each in done.ended] == [None, None]


def test_hooks_can_ask_who_does_what(backend: str) -> None:
    def setup(arena: Arena) -> None:
        lock = threading.Lock()

        def user() -> Any:
            with lock:
                arena.block("await", "", lambda: False, 1)
                return arena.held(), arena.fired(0), arena.pending(1), arena.current

        arena.spawn("user", user)
        arena.spawn("other", lambda: lock.acquire())
        assert arena.held() == []

    done = run(setup, benign, backend=backend)
    held, fired, pending, current = done.ended[0].value  # type: ignore[misc]
    assert (len(held), fired, current) == (1, 1, 0)
    assert pending == ("acquire", held[0])
    # Its run is gone, and it still has a name.
    text = repr(held[0])
    del done
    assert "Lock 1" in text
    assert "Lock 1" in repr(held[0])


def test_hooks_look_at_anything_and_do_not_switch(backend: str) -> None:
    looked: list[Any] = []

    def setup(arena: Arena) -> None:
        lock, other = threading.RLock(), threading.Condition()

        def look(*about: Any) -> None:
            # What its task has is open to it.
            with lock, other:
                looked.append(arena.current)
                arena.point("here")

        def user() -> None:
            with lock:
                pass
            with other:
                other.wait(1)

        arena.spawn("user", user)
        arena.on_wait = arena.on_acquire = arena.on_release = look
        arena.on_step = lambda: look()

    done = run(setup, benign, backend=backend, detailed=True)
    assert [step.op for step in done.steps] == ["start", "acquire", "acquire", "wait", "reacquire"]
    assert looked.count(0) == 7
    assert looked.count(None) == 6


@pytest.mark.parametrize("hook", ["on_acquire", "on_release", "on_step", "on_wait"])
def test_what_a_hook_raises_comes_out_of_the_run(backend: str, hook: str) -> None:
    def setup(arena: Arena) -> None:
        condition = threading.Condition()

        def user() -> None:
            with contextlib.suppress(BaseException), condition:
                condition.wait(1)
            arena.point("y")

        def fails(*about: Any) -> None:
            raise KeyError(hook)

        arena.spawn("user", user)
        setattr(arena, hook, fails)

    with pytest.raises(KeyError, match=hook):
        run(setup, benign, backend=backend, detailed=True)


def test_of_releases_only_those_after_which_the_answer_differs_are_told(backend: str) -> None:
    told: list[int] = []

    def setup(arena: Arena) -> None:
        lock, thing, answers = threading.Lock(), [0], [0]

        def user() -> None:
            for number in (0, 1, 1, 2):
                with lock:
                    thing[0] = number

        def hear(*about: Any) -> None:
            answers[0] = thing[0]
            told.append(thing[0])

        arena.spawn("user", user)
        arena.watched = (lambda asked: asked[0]), thing, answers
        arena.on_release = hear

    run(setup, benign, backend=backend)
    assert told == [1, 2]


def test_one_run_at_a_time(backend: str) -> None:
    def nested() -> str:
        with pytest.raises(RuntimeError, match="a run inside a run"):
            run(lambda arena: None, benign)
        with pytest.raises(RuntimeError, match="cannot be entered while a run"):
            installed().__enter__()
        return "refused"

    done = run(lambda arena: arena.spawn("a", nested) and None, benign, backend=backend)
    assert done.ended[0].value == "refused"


def test_a_run_lets_go_of_its_objects_when_it_ends(backend: str) -> None:
    gone: list[str] = []

    class Thing:
        def __init__(self) -> None:
            self.lock = threading.Lock()

        def __del__(self) -> None:
            gone.append("thing")

    def setup(arena: Arena) -> None:
        thing = Thing()
        arena.label(thing.lock, "its lock")
        arena.spawn("a", lambda: thing.lock.acquire())
        arena.spawn("b", lambda: thing.lock.acquire())

    with installed():
        assert run(setup, benign, backend=backend).end == "deadlock"
        assert gone == ["thing"]
