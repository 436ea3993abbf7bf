"""Threads, timers and thread locals of a run answer as the real ones do."""

import _thread
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from schedules import BACKENDS, alone, every, outcomes

from futurefsm.fsm.testing.threads import Arena, Uncontrolled, benign, installed, run, workers


def one(function: Callable[[], Any]) -> Callable[[Arena], None]:
    return lambda arena: arena.spawn("main", function) and None


def told(function: Callable[..., Any], *args: Any) -> str:
    try:
        return repr(function(*args))
    except Exception as raised:
        return f"{type(raised).__name__}: {raised}"


def answers() -> list[str]:
    """All that one can hear from a thread that does nothing but wait for us."""
    gate = threading.Event()
    thread = threading.Thread(target=gate.wait, name="t", daemon=True)
    said = [told(thread.join), told(thread.is_alive), str(thread.ident), str(thread.native_id)]
    said.append(told(thread.start))
    said += [told(thread.start), told(thread.is_alive), str(thread.ident is None)]
    said += [told(thread.join, 0), told(thread.join, -1), told(thread.join, 0.001)]
    said.append(str(thread in threading.enumerate()))
    gate.set()
    said += [told(thread.join), told(thread.is_alive), told(thread.join), told(thread.start)]
    said += [str(thread in threading.enumerate()), thread.name, str(thread.daemon)]
    said.append(told(threading.current_thread().join))

    class Unmade(threading.Thread):
        def __init__(self) -> None:
            pass

    return [*said, told(Unmade().start)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_thread_answers_as_a_real_one(backend: str) -> None:
    heard: list[str] = []
    real = threading.Thread(target=lambda: heard.extend(answers()))
    real.start()
    real.join()
    assert alone(answers, backend=backend) == heard
    assert len(heard) == 21


def test_start_returns_before_or_after_the_thread_has_run() -> None:
    def main() -> list[Any]:
        ran: list[int] = []
        thread = threading.Thread(target=lambda: ran.append(1))
        thread.start()
        seen = len(ran), thread.is_alive()
        thread.join()
        return [*seen, len(ran), thread.is_alive()]

    found = {tuple(done.ended[0].value) for done in every(one(main))}  # type: ignore[arg-type]
    assert found == {(0, True, 1, False), (0, False, 1, False), (1, False, 1, False)}


def test_join_with_a_timeout_may_come_back_too_early() -> None:
    def main() -> bool:
        thread = threading.Thread(target=lambda: None)
        thread.start()
        thread.join(5)
        return thread.is_alive()

    assert {done.ended[0].value for done in every(one(main))} == {True, False}
    assert run(one(main), benign).ended[0].value is False


def test_join_with_a_timeout_gives_up_when_the_time_is_over() -> None:
    def main() -> tuple[bool, float]:
        gate = threading.Event()
        thread = threading.Thread(target=gate.wait, daemon=True)
        before = time.monotonic()
        thread.start()
        thread.join(5)
        return thread.is_alive(), round(time.monotonic() - before, 3)

    assert run(one(main), benign).ended[0].value == (True, 5)


def test_a_timer_that_is_cancelled_in_time_does_not_run() -> None:
    def main() -> tuple[Any, ...]:
        ran: list[int] = []
        timer = threading.Timer(30, ran.append, (1,))
        timer.start()
        timer.cancel()
        before = len(ran)
        timer.join()
        return before, len(ran)

    assert {done.ended[0].value for done in every(one(main))} == {(0, 0), (1, 1)}


def test_a_subclass_that_was_made_before_is_controlled_too() -> None:
    assert issubclass(threading.Timer, workers.Thread)

    def main() -> str:
        mine = Mine()
        mine.start()
        mine.join()
        return mine.said

    assert alone(main) == "Mine-thread of the run"


class Mine(threading.Thread):
    said = ""

    def run(self) -> None:
        self.said = f"{type(self).__name__}-thread of the run"
        assert threading.current_thread() is self


def test_an_exception_ends_the_thread_and_is_kept() -> None:
    def fails() -> None:
        raise KeyError("x")

    def main() -> None:
        thread = threading.Thread(target=fails)
        thread.start()
        thread.join()

    done = run(one(main), benign)
    assert [type(each.error) for each in done.ended] == [type(None), KeyError]
    assert done.ended[1].name == "Thread-1 (fails)"


def test_sys_exit_ends_it_quietly() -> None:
    def main() -> None:
        thread = threading.Thread(target=lambda: exec("raise SystemExit"))
        thread.start()
        thread.join()

    assert [each.error for each in run(one(main), benign).ended] == [None, None]


def test_a_hook_that_is_set_in_the_run_hears_of_exceptions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heard: list[Any] = []

    def main() -> None:
        monkeypatch.setattr(
            threading, "excepthook", lambda args: heard.append((args.exc_type, args.thread.name))
        )
        thread = threading.Thread(target=lambda: 1 / 0, name="t")
        thread.start()
        thread.join()

    run(one(main), benign)
    assert heard == [(ZeroDivisionError, "t")]


def test_names_and_idents_are_the_same_in_every_run() -> None:
    def who() -> tuple[Any, ...]:
        return (
            threading.current_thread().name,
            threading.get_ident(),
            threading.get_native_id(),
            _thread.get_ident(),
        )

    def main() -> list[Any]:
        heard = [who()]
        with ThreadPoolExecutor(1) as executor:
            heard.append(executor.submit(who).result())
        thread = threading.Thread(target=lambda: heard.append(who()))
        thread.start()
        thread.join()
        return heard

    first, second = alone(main), alone(main)
    assert first == second
    names = ["alone", "ThreadPoolExecutor-0_0", "Thread-1 (<lambda>)"]
    assert [each[0] for each in first] == names
    assert len({ident for each in first for ident in each[1:]}) == 3


def test_main_thread_and_setup_are_the_callers() -> None:
    outside = threading.get_ident(), threading.current_thread(), threading.get_native_id()

    def setup(arena: Arena) -> None:
        now = threading.get_ident(), threading.current_thread(), threading.get_native_id()
        assert now == outside
        arena.spawn("t", lambda: threading.current_thread() is threading.main_thread())

    with installed():
        assert outside[0] == threading.get_ident()
        assert threading.current_thread() in threading.enumerate()
        assert threading.active_count() >= 1
    assert run(setup, benign).ended[0].value is False


def test_all_threads_of_the_run_can_be_listed() -> None:
    def main() -> tuple[int, list[str]]:
        thread = threading.Thread(target=lambda: None, name="other")
        thread.start()
        return threading.active_count(), [each.name for each in threading.enumerate()]

    assert alone(main) == (3, ["MainThread", "alone", "other"])


def test_start_new_thread_makes_a_daemon_task() -> None:
    def main() -> list[Any]:
        heard: list[Any] = []
        gate = threading.Event()

        def raw(*args: Any, **named: Any) -> None:
            heard.append((args, named))
            gate.set()

        ident = _thread.start_new_thread(raw, (1,), {"x": 2})
        gate.wait()
        return [*heard, ident == threading.get_ident()]

    assert alone(main) == [((1,), {"x": 2}), False]


def test_outside_a_run_real_threads_run() -> None:
    with installed():
        ran = threading.Event()
        thread = threading.Thread(target=ran.set)
        thread.start()
        thread.join()
        assert ran.is_set()
        assert not thread.is_alive()
        assert thread.name.startswith("Thread-")
        turn = _thread.allocate_lock()
        turn.acquire()
        _thread.start_new_thread(turn.release, ())
        assert turn.acquire(timeout=30)
        with ThreadPoolExecutor(1, "") as executor:
            assert executor.submit(lambda: 1).result() == 1


def test_threads_of_a_run_can_be_looked_at_after_it() -> None:
    kept: list[threading.Thread] = []

    def setup(arena: Arena) -> None:
        def main() -> None:
            for target in (lambda: None, lambda: arena.block("wait", "nothing", lambda: False)):
                kept.append(threading.Thread(target=target))
                kept[-1].start()

        arena.spawn("main", main)

    with installed():
        assert run(setup, benign).end == "deadlock"
        for thread in kept:
            assert not thread.is_alive()
            thread.join()
    for thread in kept:
        assert not thread.is_alive()
        thread.join()


def test_the_setup_does_not_wait_for_a_thread() -> None:
    def setup(arena: Arena) -> None:
        thread = threading.Thread(target=lambda: None, name="t")
        thread.start()
        assert thread.is_alive()
        thread.join(1)
        thread.join()

    with pytest.raises(Uncontrolled, match="join of t would wait"):
        run(setup, benign)


def test_hooks_hear_of_a_join_of_a_thread_that_lives() -> None:
    heard: list[Any] = []

    def setup(arena: Arena) -> None:
        def main() -> None:
            arena.on_wait = lambda *args: heard.append(args)
            for timeout in (None, 2):
                thread = threading.Thread(target=lambda: None, name="t")
                thread.start()
                thread.join(timeout)
                thread.join()

        arena.spawn("main", main)

    run(setup, benign)
    assert [each[3] for each in heard] == [False, True]


class Space(threading.local):
    """Made before any run: real."""


def test_each_task_has_attributes_of_its_own() -> None:
    def main() -> list[Any]:
        class Counted(threading.local):
            def __init__(self, start: int) -> None:
                self.count = start

        space, counted = threading.local(), Counted(7)
        space.x = "main"
        counted.count += 1

        def other() -> list[Any]:
            seen = [hasattr(space, "x"), counted.count]
            space.x = "other"
            del space.x
            with pytest.raises(AttributeError):
                del space.x
            return seen

        with ThreadPoolExecutor(1) as executor:
            heard = executor.submit(other).result()
        return [*heard, space.x, counted.count, vars(space)]

    assert alone(main) == [False, 7, "main", 8, {"x": "main"}]


def test_a_thread_local_refuses_what_the_real_one_refuses() -> None:
    def wrongs() -> list[str]:
        space = threading.local()
        return [
            told(threading.local, 1),
            told(lambda: setattr(space, "__dict__", {})),
            told(lambda: delattr(space, "__dict__")),
        ]

    assert [each.partition(":")[0] for each in alone(wrongs)] == [
        each.partition(":")[0] for each in wrongs()
    ]


def test_outside_a_run_a_thread_local_is_real() -> None:
    with installed():
        assert type(threading.local()) is workers.real_local


def test_what_a_pool_does_over_every_schedule_is_right() -> None:
    def main() -> Any:
        with ThreadPoolExecutor(1) as executor:
            return executor.submit(pow, 2, 3).result()

    assert outcomes(one(main), limit=200_000) == {("done", 8, None)}
