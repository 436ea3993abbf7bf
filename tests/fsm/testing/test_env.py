"""The world of one run: messages, objects, callbacks, the pump."""

import gc
from concurrent.futures import Future
from typing import Any

import pytest

from futurefsm.fsm.testing import env as world
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.env import Env, LostError, TaskError
from futurefsm.fsm.testing.harness import Harness, StandardFutures
from futurefsm.fsm.testing.history import Raised, Returned
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.search.icb import following
from futurefsm.fsm.testing.stage import Shown, Stage
from futurefsm.fsm.testing.threads import benign


class Wired(StandardFutures):
    """Sends, fetches and deletes, as its calls say."""

    calls = ("send", "fetch", "delete", "awkward", "stop")
    objects = True
    messages = True
    faults = ("fetch fails",)

    def make(self, env: Env) -> Any:
        future = super().make(env)
        env.send("Hello", future)
        return future

    def deliver(self, env: Env, future: Any, event: str, value: Any) -> Any:
        env.box["key"] = value
        return None if event.startswith("result") else super().deliver(env, future, event, value)

    def call(self, env: Env, future: Any, call: Call) -> Any:
        if call.name == "send":
            return env.send("TaskCancel", future)
        if call.name == "fetch":
            return env.fetch(env.key(future))
        if call.name == "delete":
            return env.delete(env.key(future))
        if call.name == "awkward":
            return object()
        import asyncio

        raise asyncio.CancelledError


def run(harness: Harness, *calls: str, path: tuple[Move, ...] = (), **more: Any) -> Shown:
    program = Program((tuple(Call(name) for name in calls),), path, **more)
    stage = Stage(harness, only=())
    with stage.open():
        return stage.run(program, following(()), detailed=True)


def answers(shown: Shown) -> list[object]:
    return [record[3] for record in shown.seen.log if record[0] == h.ANSWER]


def notes(shown: Shown) -> list[str]:
    return [*shown.run.before, *(note for step in shown.run.steps for note in step.notes)]


def test_messages_are_points_and_are_seen() -> None:
    shown = run(Wired(), "send")
    assert (h.SENT, "Hello", -1, None, ()) in shown.seen.log
    assert (h.SENT, "TaskCancel", 0, 0, ()) in shown.seen.log
    assert ("send", "TaskCancel") in [(step.op, step.what) for step in shown.run.steps]
    assert "send TaskCancel future 1" in notes(shown)


def test_an_object_is_there_once_it_was_offered_and_until_it_is_deleted() -> None:
    offered = (Move("result_success"),)
    shown = run(Wired(), "fetch", "delete", "fetch", path=offered, early=1)
    assert answers(shown) == [Returned("value 0"), Returned(None), Raised("LostError")]
    again = run(Wired(), "delete", "fetch", path=(*offered, *offered), early=2)
    assert answers(again)[1] == Raised("LostError")
    assert [record for record in again.seen.log if record[0] == h.OFFERED] == [
        (h.OFFERED, "object 1")
    ]
    assert "delete object 1" in notes(again)


def test_fetching_can_fail() -> None:
    shown = run(Wired(), "fetch", path=(Move("result_success"),), early=1, faults=("fetch fails",))
    assert answers(shown) == [Raised("LostError")]
    assert "fetch object 1: it fails" in notes(shown)


def test_answers_are_kept_as_data() -> None:
    shown = run(Wired(), "awkward", "stop")
    assert answers(shown) == [Returned("<object>"), Raised("CancelledError")]
    assert "answer future 1.stop() ! CancelledError" in notes(shown)


def test_errors_are_data_too() -> None:
    assert world.token(TaskError("error 1")) == h.Error("TaskError", "error 1")
    assert world.token(KeyError("at 0x1234")) == h.Error("KeyError")
    assert TaskError("a") == TaskError("a") != TaskError("b")
    assert TaskError("a") != "a"
    assert len({TaskError("a"), TaskError("a")}) == 1


def test_each_move_brings_another_value() -> None:
    assert world.value_of(1, "result_success") == "value 1"
    assert world.value_of(2, "result_failed") == TaskError("error 2")


def test_the_pump_awaits_a_message() -> None:
    path = (Move.await_("TaskCancel"), Move("submit"))
    shown = run(Wired(), "send", path=path)
    kinds = [record[0] for record in shown.seen.log]
    assert kinds.index(h.DELIVER) > kinds.index(h.SENT)
    assert "deliver submit future 1" in notes(shown)


def test_a_message_that_never_comes_ends_the_path() -> None:
    path = (Move.await_("TaskCancel"), Move("submit"))
    shown = run(Wired(), "awkward", path=path)
    assert shown.run.end == "done"
    assert h.DELIVER not in [record[0] for record in shown.seen.log]


def test_what_was_refused_is_not_delivered_unless_it_is_forced() -> None:
    class Cancelled(StandardFutures):
        def make(self, env: Env) -> Any:
            future = super().make(env)
            future.cancel()
            return future

    shown = run(Cancelled(), "done", path=(Move("submit"), Move("result_success")))
    assert [record[1] for record in shown.seen.log if record[0] == h.DELIVER] == [0]
    path = (Move("submit"), Move("result_success", forced=True))
    shown = run(Cancelled(), "done", path=path)
    delivered = [record for record in shown.seen.log if record[0] == h.DELIVERED]
    assert delivered[1][2] == Raised("InvalidStateError")


@pytest.mark.parametrize(
    ("how", "calls"),
    [("", []), ("asks", ["done", "result"]), ("cancels", ["cancel"]), ("cancels next", ["cancel"])],
)
def test_callbacks_ask_and_cancel(how: str, calls: list[str]) -> None:
    program = Program(
        ((Call("add_done_callback", how=how), Call("done")),),
        (Move("submit"), Move("result_success")),
    )
    stage = Stage(StandardFutures())
    with stage.open():
        shown = stage.run(program, following((1,)))
        assert stage.run(program, following(())).troubles == ()
    assert shown.troubles == ()
    history = h.read(shown.seen)
    assert [made.call.name for made in history.made if made.thread < 0] == calls
    assert [record[1:3] for record in history.of(h.CALLBACK)] == [(1, 0)]


def test_what_a_callback_raises_stays_with_the_future() -> None:
    program = Program(
        ((Call("add_done_callback", how="raises"),),), (Move("submit"), Move("result_success"))
    )
    stage = Stage(StandardFutures())
    with stage.open():
        assert stage.run(program, following(())).troubles == ()


def test_what_is_done_under_a_lock_is_marked() -> None:
    class Holds(Wired):
        def call(self, env: Env, future: Any, call: Call) -> Any:
            with future._condition:
                return super().call(env, future, call)

    shown = run(Holds(), "send")
    assert any(note.startswith("trouble sends TaskCancel while it holds") for note in notes(shown))


def test_a_future_that_is_none_of_those_under_test_has_no_number() -> None:
    class Odd(Wired):
        def call(self, env: Env, future: Any, call: Call) -> Any:
            return env.number(object()), env.numbers([future])

    assert answers(run(Odd(), "send")) == [Returned((-1, (0,)))]
    assert issubclass(LostError, RuntimeError)


def test_before_the_threads_start_nothing_switches() -> None:
    class Early(Wired):
        def make(self, env: Env) -> Any:
            env.offer("object 1", 5)
            assert env.fetch("object 1") == 5
            env.delete("object 1")
            return super().make(env)

    shown = run(Early(), "send")
    assert (h.FETCHED, "object 1", None, (), True) in shown.seen.log
    assert (h.DELETED, "object 1", None, ()) in shown.seen.log


@pytest.mark.parametrize("call", ["result", "cancelled"])
def test_an_error_leaves_no_circle(call: str) -> None:
    """Its traceback holds the frames of the run: whoever kept it there, too, would keep the run
    for the garbage collector, which then took a part of the time of a search."""

    class Strange(Future[Any]):
        def cancelled(self) -> bool:
            raise KeyError("broken")

    class Asks(Harness):
        def make(self, env: Env) -> Any:
            return Strange()

    asks = Program(((Call(call, timeout=1.0 if call == "result" else None),),))
    stage = Stage(Asks(), only=["pump raises"])
    with stage.open():
        stage.run(asks, benign)
        gc.collect()
        gc.freeze()
        try:
            shown = stage.run(asks, benign)
            assert isinstance(answers(shown)[0], Raised)
            del shown
            assert gc.collect() == 0
        finally:
            gc.unfreeze()


@pytest.mark.parametrize("mute", [False, True])
@pytest.mark.parametrize("call", ["set_result", "running"])
def test_a_mistake_in_the_code_is_explained(call: str, mute: bool) -> None:
    """Its name alone helps nobody; but a future is not asked for its text, which takes its lock."""

    class Broken(Future[Any]):
        pass

    def breaks(self: Any, *args: Any) -> Any:
        raise KeyError(self, *args) if mute else KeyError("object at 0x7f")

    setattr(Broken, call, breaks)

    class Breaks(Harness):
        def make(self, env: Env) -> Any:
            return Broken()

    done = Program(((Call("running"),),), (Move("submit"), Move("result_success")))
    stage = Stage(Breaks(), only=["pump raises", "answers"])
    with stage.open():
        shown = stage.run(done, benign, detailed=True)
    assert shown.troubles
    notes = [note for step in shown.run.steps for note in step.notes]
    line = breaks.__code__.co_firstlineno + 1
    said = "KeyError" if mute else "KeyError: 'object'"
    assert f"{said} (test_env.py:{line})" in notes


def test_a_callback_that_cancels_the_next_future_or_leaves() -> None:
    def ran(how: str) -> Shown:
        path = (Move("submit"), Move("result_success"))
        program = Program(((Call("add_done_callback", how=how),),), path, futures=2)
        stage = Stage(StandardFutures())
        with stage.open():
            return stage.run(program, following(()))

    shown = ran("cancels next")
    assert [made.call.future for made in h.read(shown.seen).made if made.thread < 0] == [1]
    finals = [record[1:3] for record in shown.seen.log if record[0] == h.FINAL]
    assert finals == [(0, "finished"), (1, "cancelled")]
    # The standard library lets it out of the pump.
    assert [str(trouble.words) for trouble in ran("exits").troubles] == [
        "result_success raised SystemExit out of the pump"
    ]
