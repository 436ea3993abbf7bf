"""A program runs under a schedule, and what was seen is judged."""

import asyncio
import logging
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.env import Env
from futurefsm.fsm.testing.harness import Harness, StandardFutures
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.search.icb import Bounded, following
from futurefsm.fsm.testing.shipped import ConfirmedFutures
from futurefsm.fsm.testing.stage import Shown, Stage

PROGRAM = Program(((Call("cancel"),), (Call("result"),)), (Move("submit"), Move("result_success")))


def every(stage: Stage, program: Program, bound: int = 2) -> list[Shown]:
    search, found = Bounded(bound), []
    with stage.open():
        while (schedule := search.next()) is not None:
            found.append(stage.run(program, following(schedule)))
            search.learn(found[-1].run)
    return found


def test_nothing_is_wrong_with_the_standard_library() -> None:
    stage = Stage(StandardFutures())
    shown = every(stage, PROGRAM)
    assert all(not each.troubles for each in shown)
    counts = stage.counts
    assert counts.schedules == len(shown) == sum(counts.by_preemptions.values())
    assert counts.programs == 1
    assert 1 < counts.seen < counts.schedules
    assert ("pending", "cancel") in counts.rows
    assert ("running", "result_success") in counts.rows


def test_what_was_seen_before_is_not_judged_again(monkeypatch: pytest.MonkeyPatch) -> None:
    from futurefsm.fsm.testing import stage as module

    monkeypatch.setattr(module, "_REMEMBERED", 1)
    stage = Stage(StandardFutures())
    with stage.open():
        for _ in range(3):
            stage.run(PROGRAM, following(()))
        assert stage.counts.seen == 1
        for schedule in ((1,), (), (1,)):
            stage.run(PROGRAM, following(schedule))
    assert stage.counts.seen == 4  # only the latest is remembered here
    assert stage.counts.programs == 1


def test_a_run_in_detail_says_states_and_lines() -> None:
    stage = Stage(StandardFutures())
    with stage.open():
        shown = stage.run(PROGRAM, following(()), detailed=True)
    notes = [*shown.run.before, *(note for step in shown.run.steps for note in step.notes)]
    assert "state future 1 pending" in notes
    assert "state future 1 cancelled" in notes
    assert "call future 1.cancel()" in notes
    assert "answer future 1.cancel() = True" in notes
    assert any("test_stage" in step.where or "_base" in step.where for step in shown.run.steps)
    assert len(shown.stories) == 1


def test_of_a_class_that_does_not_say_its_state_none_is_shown() -> None:
    class Mute(StandardFutures):
        def state(self, future: Any) -> str | None:
            return None

    stage = Stage(Mute())
    with stage.open():
        shown = stage.run(Program(((Call("done"),),)), following(()), detailed=True)
    assert "state future" not in " ".join(note for step in shown.run.steps for note in step.notes)
    assert "None" not in str(getattr(shown.run, "before", ""))


def test_a_check_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no such check: luck"):
        Stage(StandardFutures(), only={"luck"})


def test_callbacks_that_raise_are_not_printed(caplog: pytest.LogCaptureFixture) -> None:
    program = Program(((Call("add_done_callback", how="raises"),),), (Move("result_success"),))
    every(Stage(StandardFutures()), program)
    assert not caplog.records
    logging.getLogger("concurrent.futures").error("heard again")
    assert len(caplog.records) == 1


class Locked(Harness):
    """Its thread ends with the lock taken; or raises; or waits with it."""

    calls = ("take", "raise", "sleep")

    class Odd:
        def __init__(self) -> None:
            self.lock = threading.Lock()
            self.other = threading.Lock()
            self.condition = threading.Condition(self.lock)

        def done(self) -> bool:
            with self.lock:
                return False

        running = done

    def make(self, env: Env) -> Any:
        return Locked.Odd()

    def call(self, env: Env, future: Any, call: Call) -> Any:
        if call.name == "take":
            future.lock.acquire()
        elif call.name == "sleep":
            with future.other, future.lock:
                future.condition.wait(1.0)
        else:
            raise KeyboardInterrupt

    def state(self, future: Any) -> str | None:
        return None


def test_a_question_that_would_wait_for_ever_at_the_end() -> None:
    (shown,) = every(Stage(Locked()), Program(((Call("take"),),)))
    assert [trouble.check for trouble in shown.troubles] == ["timed calls end"]


def test_a_wait_under_another_lock() -> None:
    (shown,) = every(Stage(Locked()), Program(((Call("sleep"),),)))
    assert [trouble.check for trouble in shown.troubles] == ["nothing under a lock"]
    assert "while it held Lock 2" in shown.troubles[0].words


def test_control_exceptions_come_out_of_a_run() -> None:
    stage = Stage(Locked())
    with stage.open(), pytest.raises(KeyboardInterrupt):
        stage.run(Program(((Call("raise"),),)), following(()))


def test_an_error_of_the_harness_comes_out_too() -> None:
    class Broken(StandardFutures):
        def pump(self, env: Env) -> None:
            raise ZeroDivisionError

    stage = Stage(Broken())
    with stage.open(), pytest.raises(ZeroDivisionError):
        stage.run(PROGRAM._replace(path=()), following(()))


def test_a_timed_wait_is_told_what_it_found_on_waking() -> None:
    program = Program(((Call("result", 1.0),),), (Move("submit"), Move("result_success")), (), 1, 1)
    woken = [s for s in every(Stage(ConfirmedFutures()), program) if _woke(s)]
    assert woken
    assert all(not shown.troubles for shown in woken)


def _woke(shown: Shown) -> bool:
    return any(record[0] == h.WOKE for record in shown.seen.log)


class OnEvent:
    """Its `result()` waits on an event, under no lock."""

    def __init__(self, looks: str) -> None:
        self._lock, self._event = threading.Lock(), threading.Event()
        self._queue: Any = queue.SimpleQueue()
        self._looks = looks
        self._state, self._value = "PENDING", None

    def set_result(self, value: Any) -> None:
        with self._lock:
            self._state, self._value = "FINISHED", value
            self._event.set()
            self._queue.put(None)

    def done(self) -> bool:
        with self._lock:
            return self._state == "FINISHED"

    def result(self, timeout: float | None = None) -> Any:
        if self._looks == "at its queue":
            try:
                self._queue.get(timeout=timeout)
            except queue.Empty:
                raise TimeoutError from None
        elif not self._event.wait(timeout):
            seen = {"at the state": lambda: self.done(), "at the event": self._event.is_set}
            if not seen.get(self._looks, lambda: False)():
                raise TimeoutError
        return self._value


class OnEvents(Harness):
    calls = ("result", "done")
    deliverable = ("result_success",)

    def __init__(self, looks: str) -> None:
        self.looks = looks

    def make(self, env: Env) -> Any:
        return OnEvent(self.looks)


@pytest.mark.parametrize("looks", ["at the state", "at the event", "nowhere", "at its queue"])
def test_who_waits_on_an_event_has_to_look_again(looks: str) -> None:
    stage = Stage(OnEvents(looks), only={"timed calls re-read"})
    ask = Call("result", 1.0)
    program = Program(((ask,), (Call("done", future=1),)), (Move("result_success"),), (), 2)
    found = {trouble.words for shown in every(stage, program) for trouble in shown.troubles}
    wrong = looks in ("nowhere", "at its queue")
    assert len(found) == wrong
    # Every other wait is one step, as ever: `wait()` waits on an event, too.
    waits = every(Stage(StandardFutures()), Program(((Call("wait", 1.0),),)))
    assert not [s for shown in waits for s in shown.run.steps if s.op == "come back"]


class Makes:
    """Who asks first makes the value; it takes a while."""

    def __init__(self) -> None:
        self.lock, self.making = threading.Lock(), False

    def make(self) -> None:
        with self.lock:
            self.making = True
        with self.lock:
            self.making = False

    def done(self) -> bool:
        return False

    running = done


class Making(Harness):
    calls = ("make",)

    def make(self, env: Env) -> Any:
        return Makes()

    def making(self, future: Any) -> bool:
        return bool(future.making)

    def state(self, future: Any) -> str | None:
        return None


@pytest.mark.parametrize("futures", [1, 2])
def test_it_is_seen_when_a_value_is_made(futures: int) -> None:
    program = Program(((Call("make", future=futures - 1),),), (), (), futures)
    stage = Stage(Making(), only={"timed calls re-read"})
    with stage.open():
        log = stage.run(program, following(())).seen.log
    seen = [record for record in log if record[0] == h.MAKING]
    assert seen == [(h.MAKING, futures - 1, True), (h.MAKING, futures - 1, False)]


def test_a_stage_can_be_opened_twice_and_leaves_nothing() -> None:
    before = threading.Lock
    stage = Stage(StandardFutures())
    with stage.open(), stage.open():
        assert stage.run(PROGRAM, following(())).troubles == ()
    assert threading.Lock is before


def test_lines_can_be_points() -> None:
    stage = Stage(StandardFutures(), lines=["concurrent.futures._base"])
    with stage.open():
        by_line = stage.run(PROGRAM, following(()))
    with Stage(StandardFutures()).open() as plain:
        by_operation = plain.run(PROGRAM, following(()))
    assert len(by_line.run.steps) > 2 * len(by_operation.run.steps)
    assert by_line.troubles == ()


class Busy(Future[Any]):
    """Has a thread of its own from the start."""

    def __init__(self, work: Callable[[Future[Any]], object]) -> None:
        super().__init__()
        threading.Thread(target=work, args=(self,), daemon=True).start()


class WithThreads(Harness):
    def __init__(self, work: Callable[[Future[Any]], object]) -> None:
        self.work = work

    def make(self, env: Env) -> Any:
        return Busy(self.work)


@pytest.mark.parametrize("path", [(), PROGRAM.path])
def test_a_thread_of_the_futures_own_is_not_taken_for_the_pump(path: tuple[Move, ...]) -> None:
    program = Program(((Call("result"),),), path)
    for shown in every(Stage(WithThreads(Future.exception)), program):
        assert not shown.troubles


def test_the_error_of_such_a_thread_is_told() -> None:
    def works(future: Future[Any]) -> None:
        raise KeyError

    (shown,) = every(Stage(WithThreads(works)), Program(((Call("done"),),)), bound=0)[:1]
    assert [str(each.check) for each in shown.troubles][:1] == ["pump raises"]
    assert "Thread-1" in shown.troubles[0].words
    assert shown.troubles[0].words.endswith(
        "a thread of the future's own, raised KeyError and ended"
    )


@pytest.mark.parametrize("error", [SystemExit, asyncio.CancelledError])
def test_what_ends_the_pump_silently_is_found(error: type[BaseException]) -> None:
    class Ends(Harness):
        def make(self, env: Env) -> Any:
            return Future()

        def deliver(self, env: Env, future: Any, event: str, value: Any) -> Any:
            raise error

    shown = every(Stage(Ends()), Program(((Call("done"),),), (Move("submit"),)))[0]
    assert shown.troubles[0].words == f"submit raised {error.__name__} out of the pump"


def test_a_callback_may_ask_on_the_pump_for_an_event_that_is_set() -> None:
    class WithEvent(Future[Any]):
        def __init__(self) -> None:
            super().__init__()
            self.event = threading.Event()

        def set_result(self, result: Any) -> None:
            self.event.set()
            super().set_result(result)

        def result(self, timeout: float | None = None) -> Any:
            self.event.wait(timeout)
            return super().result(0)

    class Futures(Harness):
        def make(self, env: Env) -> Any:
            return WithEvent()

    asks = Call("add_done_callback", how="asks")
    for shown in every(Stage(Futures()), Program(((asks,),), (Move("submit"), PROGRAM.path[1]))):
        assert not shown.troubles
