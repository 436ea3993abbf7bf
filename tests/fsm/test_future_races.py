"""Many threads on one future, started by a barrier: one verdict, everybody told once."""

import itertools
import sys
import threading
from collections.abc import Callable, Iterator
from types import CodeType, FrameType
from typing import Any

import pytest
from lifecycle_kit import CountingWaiter, Noting, brought

from futurefsm.fsm.compiled import Step
from futurefsm.fsm.core import Core
from futurefsm.fsm.errors import CancelledError, WouldDeadlockError
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.settled import Settled

ROUNDS = 2_000


@pytest.fixture(autouse=True)
def _switch_often() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


class Team:
    """Threads that do a round together: all start at one barrier, all are waited for at one."""

    def __init__(self, count: int, act: Callable[[int], None]) -> None:
        self.gate = threading.Barrier(count + 1, timeout=60)
        self.errors: list[BaseException] = []
        self.act = act
        self.over = False
        self.threads = [threading.Thread(target=self._run, args=(i,)) for i in range(count)]
        for thread in self.threads:
            thread.start()

    def _run(self, number: int) -> None:
        while True:
            self.gate.wait()
            if self.over:
                return
            try:
                self.act(number)
            except BaseException as error:
                self.errors.append(error)
            self.gate.wait()

    def round(self) -> None:
        self.gate.wait()
        self.gate.wait()
        assert self.errors == []

    def end(self) -> None:
        self.over = True
        self.gate.wait()
        for thread in self.threads:
            thread.join(60)


class Round:
    """One future, watched."""

    def __init__(self) -> None:
        self.future: Any = brought(Noting(), "running")
        self.called: list[Any] = []
        self.answers: list[Any] = []
        self.waiter = CountingWaiter()
        self.future.add_done_callback(self.called.append)
        self.future._waiters.append(self.waiter)


@pytest.mark.parametrize("answer", ["result_success", "confirm_canceled", "connection_lost"])
def test_ten_cancel_while_another_delivers(answer: str) -> None:
    now: list[Round] = [Round()]

    def act(number: int) -> None:
        game = now[0]
        if number == 0:
            game.future.fire(answer, "value")
        else:
            game.answers.append(game.future.cancel(timeout=0 if number % 2 else 20))
            game.answers.append(game.future.cancelled())

    team = Team(11, act)
    try:
        for _ in range(ROUNDS // 3):
            now[0] = Round()
            team.round()
            game = now[0]
            assert game.future.state == "cancelled"
            assert game.answers == [True] * 20
            assert game.future.performed.count("send_cancel") <= 1
            assert game.future.performed.count("delete_result") <= 1
            assert game.called == [game.future]
            assert len(game.waiter.told) == 1
            states = [str(move.state) for move in game.future.story]
            assert states in (
                ["running", "cancelled"],
                ["running", "cancel_requested", "cancelled"],
                ["running", "finished", "cancelled"],
            )
    finally:
        team.end()


def test_all_answers_at_once() -> None:
    """Whatever comes first decides; who asks meanwhile is never told two things."""
    answers = ["result_success", "result_failed", "result_worker_died", "connection_lost"]
    now: list[Round] = [Round()]

    def act(number: int) -> None:
        game = now[0]
        if number < len(answers):
            game.future.fire(answers[number], ValueError(answers[number]))
        else:
            error = game.future.exception(20)
            try:
                value = game.future.result(20)
            except Exception as raised:
                value = raised
            game.answers.append((error, value))

    team = Team(len(answers) + 3, act)
    try:
        for _ in range(ROUNDS // 2):
            now[0] = Round()
            team.round()
            game = now[0]
            assert game.future.state == "finished"
            assert len(game.future.story) == 2
            assert len(set(game.answers)) == 1
            error, value = game.answers[0]
            assert error is value or (error is None and "result_success" in str(value))
            assert game.called == [game.future]
            assert len(game.waiter.told) == 1
    finally:
        team.end()


def test_callbacks_are_added_while_it_settles() -> None:
    """Each is called exactly once, by who settles or by who adds it."""
    now: list[Round] = [Round()]

    def act(number: int) -> None:
        game = now[0]
        if number == 0:
            game.future.fire("result_success")
        else:
            for i in range(5):
                game.future.add_done_callback(lambda _f, who=(number, i): game.answers.append(who))

    team = Team(5, act)
    try:
        for _ in range(ROUNDS // 2):
            now[0] = Round()
            team.round()
            expected = [(number, i) for number in range(1, 5) for i in range(5)]
            assert sorted(now[0].answers) == expected
    finally:
        team.end()


def test_sleepers_of_all_kinds_wake() -> None:
    """No wake-up is lost, whichever of them makes the condition."""
    futures: list[Any] = [None]
    results: list[Any] = []

    def act(number: int) -> None:
        future = futures[0]
        if number == 0:
            future.fire("result_success", 1)
        else:
            results.append(future.result(60))

    team = Team(4, act)
    try:
        for _ in range(ROUNDS):
            futures[0] = brought(Future(), "running")
            results.clear()
            team.round()
            assert results == [1, 1, 1]
    finally:
        team.end()


def test_a_finished_future_is_cancelled_while_others_read_it() -> None:
    """A reader gets the value or CancelledError: never neither, never an emptied value."""
    futures: list[Any] = [None]
    seen: list[Any] = []

    def act(number: int) -> None:
        future = futures[0]
        if number == 0:
            future.cancel()
            return
        for _ in range(3):
            try:
                seen.append(future.result() if number % 2 else future.exception() and None)
            except BaseException as error:
                seen.append(type(error).__name__)

    team = Team(5, act)
    try:
        for _ in range(ROUNDS // 2):
            futures[0] = brought(Future(), "running")
            futures[0].fire("result_failed", ValueError())
            seen.clear()
            team.round()
            # exception() gave the error (and None is noted), or the future was cancelled.
            assert set(seen) <= {"ValueError", "CancelledError", None}
            assert futures[0].state == "cancelled"
    finally:
        team.end()


def test_a_question_from_inside_a_step_does_not_wait() -> None:
    """A signal handler may run between taking the lock and the move. Its wait would let the lock
    go, and the interrupted step would then overwrite what happened meanwhile."""
    asked: list[Any] = []

    class Interrupted(Future[int]):
        def _take_special(self, step: Step, value: Any, source: str) -> None:
            if step.event == "cancel" and not asked:
                try:
                    self.result(10)
                except WouldDeadlockError as error:
                    asked.append(str(error))
                asked.append(self.cancelled())
            super()._take_special(step, value, source)

    future = Interrupted(CONFIRMED)
    future.fire("submit")
    assert future.cancel(timeout=0)
    assert "from a signal handler" in asked[0]
    assert asked[1] is False
    assert future.state == "cancel_requested"


def before_instruction(
    number: int, codes: tuple[CodeType, ...], act: Callable[[], Any], also: Callable[[], Any]
) -> tuple[Any, list[Any]]:
    """What `act` answers, and what `also` does in the middle of it: before that instruction of
    those functions, on the same thread. Nothing in the list: they have fewer instructions."""
    left, answers = [number], []

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        if frame.f_code not in codes:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and left:
            left[0] -= 1
            if left[0] < 0:
                left.clear()
                answers.append(answer(also))
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        said = answer(act)
    finally:
        sys.settrace(before)
    return said, answers


def answer(act: Callable[[], Any]) -> Any:
    try:
        return act()
    except (CancelledError, ValueError) as raised:
        return raised


READING = (Future.result, Future._awaited_result, Future._outcome_of_task, Future._ended)
MOVING = (Core.fire, Core._took_special, Core._take_special)
READERS: dict[str, Callable[[Any], Any]] = {
    "result": Future.result,
    "exception": Future.exception,
    "asyncio": lambda future: (lambda end: end.exception() or end.result())(Settled(future)),
}


@pytest.mark.parametrize("end", ["result_success", "result_failed"])
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("first", ["reads", "cancels"])
def test_the_end_is_read_in_one_moment(first: str, reader: str, end: str) -> None:
    """Who reads while its user cancels gets all of before or all of after: whatever instruction of
    the one the other comes in between."""
    seen = set()
    for number in itertools.count():
        future, value = brought(Future(), "running"), ValueError("it failed")
        future.fire(end, value)
        acts = (lambda f=future: READERS[reader](f)), future.cancel
        act, also = acts if first == "reads" else acts[::-1]
        functions = READING if first == "reads" else MOVING
        codes = tuple(function.__code__ for function in functions)
        said, answers = before_instruction(number, codes, act, also)
        if not answers:
            break
        said = said if first == "reads" else answers[0]
        no_error = reader == "exception" and end == "result_success"
        before = None if no_error else value
        assert said is before or isinstance(said, CancelledError), f"instruction {number}"
        seen.add(type(said))
        assert isinstance(answer(lambda f=future: READERS[reader](f)), CancelledError)
    assert number > 15
    assert len(seen) == 2


def test_the_end_is_read_while_another_holds_the_lock() -> None:
    """A step that another thread takes is no reason to wait: it is before, or after it."""
    future = brought(Future(), "running")
    future.fire("result_success", 5)
    told: list[Any] = []
    with future._lock:
        asking = threading.Thread(target=lambda: told.append((future.result(), future.exception())))
        asking.start()
        asking.join(60)
    assert told == [(5, None)]


def test_who_reads_while_it_is_cancelled_reads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    future = brought(Future(), "running")
    future.fire("result_success", 5)
    slot: Any = Core.__dict__["_exception"]
    left = [future.cancel]

    class Cancels:
        def __get__(self, its: Any, owner: Any = None) -> Any:
            if left:
                left.pop()()
            return slot.__get__(its, owner)

        def __set__(self, its: Any, error: Any) -> None:
            slot.__set__(its, error)

    monkeypatch.setattr(Core, "_exception", Cancels())
    with pytest.raises(CancelledError):
        future.exception()
    assert not left
