"""asyncio under the scheduler: every order of threads, timers and tasks; loops that stand still."""

import asyncio
import concurrent.futures
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from futurefsm.fsm.future import Future
from futurefsm.fsm.testing.loop import Loop, controlled
from futurefsm.fsm.testing.search.icb import Bounded, following
from futurefsm.fsm.testing.threads import benign, installed, run
from futurefsm.fsm.testing.threads.scheduler import Arena
from futurefsm.fsm.testing.threads.steps import Run

BACKENDS = ["pooled"]
try:
    import greenlet  # noqa: F401

    BACKENDS.append("greenlets")
except ImportError:
    pass

Setup = Callable[[Arena], None]


def every(setup: Setup, bound: int = 2, limit: int = 400, **options: Any) -> list[Run]:
    """Every run within a bound of preemptions."""
    search, runs = Bounded(bound), []
    with installed(), controlled():
        while (schedule := search.next()) is not None and len(runs) < limit:
            made = run(setup, following(schedule), **options)
            search.learn(made)
            runs.append(made)
    return runs


def ends(runs: list[Run]) -> set[str]:
    """How the runs ended: "done", and what the first task gave."""
    return {f"{each.end} {each.ended[0].value} {each.ended[0].error!r}" for each in runs}


def one(setup: Setup, **options: Any) -> Run:
    with controlled():
        return run(setup, benign, **options)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_thread_settles_what_a_loop_awaits(backend: str) -> None:
    def setup(arena: Arena) -> None:
        future: concurrent.futures.Future[int] = concurrent.futures.Future()

        async def main() -> int:
            return await asyncio.wrap_future(future)

        arena.spawn("loop", lambda: Loop(arena).run(main()))
        arena.spawn("pump", lambda: future.set_result(1))

    runs = every(setup, backend=backend)
    assert ends(runs) == {"done 1 None"}
    assert len(runs) > 5
    assert not any(each.troubles for each in runs)


def test_both_backends_do_the_same() -> None:
    def setup(arena: Arena) -> None:
        future: Any = Future()
        future.fire("submit")

        async def main() -> str:
            try:
                return str(await asyncio.wait_for(future, 1))
            except TimeoutError:
                return "timed out"

        arena.spawn("loop", lambda: asyncio.run(main()))
        arena.spawn("pump", lambda: future.fire("result_success", 1) and None)

    seen = []
    for backend in BACKENDS:
        runs = every(setup, backend=backend, bound=1)
        # A timer may expire at any moment, also beside the result.
        assert ends(runs) == {"done 1 None", "done timed out None"}
        seen.append([(each.choices, [str(step.op) for step in each.steps]) for each in runs])
    assert all(each == seen[0] for each in seen)


def test_time_is_virtual() -> None:
    def setup(arena: Arena) -> None:
        async def main() -> tuple[float, float]:
            loop = asyncio.get_running_loop()
            await asyncio.sleep(3600)
            return loop.time() // 3600, arena.now // 3600

        arena.spawn("loop", lambda: asyncio.run(main()))

    began = time.monotonic()
    assert one(setup).ended[0].value == (1, 1)
    assert time.monotonic() - began < 60


def order_of_two(*, ordered: bool) -> set[str]:
    def setup(arena: Arena) -> None:
        async def main() -> str:
            order: list[str] = []

            async def note(what: str) -> None:
                order.append(what)

            await asyncio.gather(note("a"), note("b"))
            return "".join(order)

        arena.spawn("loop", lambda: Loop(arena, ordered=ordered).run(main()))

    return {str(each.ended[0].value) for each in every(setup)}


def test_which_task_goes_on_is_a_choice() -> None:
    assert order_of_two(ordered=False) == {"ab", "ba"}
    assert order_of_two(ordered=True) == {"ab"}


def test_plain_callbacks_keep_their_order() -> None:
    def setup(arena: Arena) -> None:
        async def main() -> str:
            order: list[str] = []
            loop = asyncio.get_running_loop()
            for what in "abc":
                loop.call_soon(order.append, what)
            loop.call_soon(order.append, "-").cancel()
            while len(order) < 3:
                await asyncio.sleep(0)
            return "".join(order)

        arena.spawn("loop", lambda: Loop(arena).run(main()))

    assert {str(each.ended[0].value) for each in every(setup, limit=60)} == {"abc"}


def test_a_timer_may_expire_while_somebody_computes() -> None:
    def setup(arena: Arena) -> None:
        async def main() -> str:
            order: list[str] = []
            loop = asyncio.get_running_loop()
            loop.call_later(1, order.append, "timer")
            loop.call_later(2, order.append, "never").cancel()
            loop.call_soon(order.append, "soon")
            while len(order) < 2:
                await asyncio.sleep(0.5)
            return " ".join(order)

        arena.spawn("loop", lambda: Loop(arena).run(main()))

    runs = every(setup, bound=1)
    assert {str(each.ended[0].value) for each in runs} == {"soon timer"}
    assert any("the clock goes on" in note for r in runs for step in r.steps for note in step.notes)


def test_a_timer_that_is_cancelled_while_the_loop_sleeps() -> None:
    """The loop wakes for nothing, and sleeps again."""

    def setup(arena: Arena) -> None:
        order: list[str] = []
        timers: list[asyncio.TimerHandle] = []

        async def main() -> str:
            loop = asyncio.get_running_loop()
            timers.append(loop.call_later(1, order.append, "cancelled"))
            await asyncio.sleep(2)
            return " ".join([*order, "woke"])

        def canceller() -> None:
            arena.block("wait", "the timer", lambda: bool(timers), None)
            timers[0].cancel()

        arena.spawn("loop", lambda: Loop(arena).run(main()))
        arena.spawn("canceller", canceller)

    assert {str(each.ended[0].value) for each in every(setup)} == {"woke", "cancelled woke"}


def test_a_wait_on_the_loops_thread_is_told() -> None:
    """Bug 20: whoever waits there makes the loop stand still."""

    def setup(arena: Arena) -> None:
        event = threading.Event()

        async def main() -> None:
            event.wait(30)

        arena.spawn("loop", lambda: asyncio.run(main()))
        arena.spawn("other", event.set)

    runs = every(setup)
    told = {(each.check, each.words) for made in runs for each in made.troubles}
    assert told == {
        (
            "loop blocked",
            "loop stands still: there was a wait (wait, Event 1) on the thread that runs it",
        )
    }


def test_the_wait_of_another_thread_is_none_of_the_loops() -> None:
    def setup(arena: Arena) -> None:
        event = threading.Event()

        async def main() -> None:
            await asyncio.to_thread(event.wait, 30)

        arena.spawn("loop", lambda: asyncio.run(main()))
        arena.spawn("other", event.set)

    runs = every(setup, limit=80)
    assert {each.end for each in runs} == {"done"}
    assert not any(each.troubles for each in runs)


def test_hooks_of_the_run_are_still_told() -> None:
    told: list[str] = []

    def setup(arena: Arena) -> None:
        event = threading.Event()
        arena.on_wait = lambda task, op, what, timed, lock: told.append(op)

        async def main() -> None:
            event.wait(1)

        def act() -> None:
            Loop(arena, on_block=lambda op, what: told.append(f"{op} {what}")).run(main())
            event.wait(1)

        arena.spawn("loop", act)

    made = one(setup)
    assert made.troubles == []
    # The loop's own select is a wait too, but blocks nobody.
    assert [each for each in told if each != "select"] == ["wait", "wait Event 1", "wait"]


def test_a_running_loop_is_seen_on_its_own_thread_only() -> None:
    seen: set[Any] = set()

    def setup(arena: Arena) -> None:
        async def main() -> None:
            await asyncio.sleep(0)
            arena.point("look")
            seen.add(("loop", asyncio.get_running_loop().is_running()))

        def look() -> None:
            arena.point("look")
            seen.add(("other", asyncio._get_running_loop()))

        arena.spawn("loop", lambda: asyncio.run(main()))
        arena.spawn("other", look)

    every(setup)
    assert seen == {("loop", True), ("other", None)}


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_run_that_is_given_up_leaves_nothing_behind(backend: str) -> None:
    """No coroutine that was never awaited, no task that is destroyed while it is pending."""

    def setup(arena: Arena) -> None:
        async def other() -> None:
            await asyncio.Event().wait()

        async def main() -> None:
            tasks = [asyncio.ensure_future(other()) for _ in range(2)]
            await asyncio.wait(tasks)

        arena.spawn("loop", lambda: asyncio.run(main()))

    made = one(setup, backend=backend)
    assert made.end == "deadlock"
    assert (made.blocked[0].op, made.blocked[0].what) == ("select", "loop")


def test_what_a_coroutine_leaves_is_ended() -> None:
    ended: list[str] = []
    left: list[Any] = []

    def setup(arena: Arena) -> None:
        async def other() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append("task")

        async def several() -> Any:
            try:
                yield 1
                yield 2
            finally:
                ended.append("generator")

        async def main() -> int:
            left.append(asyncio.ensure_future(other()))
            left.append(several())
            await asyncio.to_thread(ended.append, "thread")
            return int(await anext(left[1]))

        arena.spawn("loop", lambda: Loop(arena).run(main()))

    assert one(setup).ended[0].value == 1
    assert sorted(ended) == ["generator", "task", "thread"]


def test_what_goes_wrong_in_a_callback_is_kept() -> None:
    loops: list[Loop] = []
    told: list[Any] = []

    def setup(arena: Arena) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: 1 / 0)
            await asyncio.sleep(0)
            loop.set_exception_handler(lambda _loop, context: told.append(context["message"]))
            loop.call_exception_handler({"message": "said"})

        loops.append(Loop(arena))
        arena.spawn("loop", lambda: loops[0].run(main()))

    made = one(setup)
    error, said = loops[0].errors
    assert isinstance(error, ZeroDivisionError)
    assert told == [said] == ["said"]
    notes = [note for step in made.steps for note in step.notes]
    assert "the loop's exception handler is told: ZeroDivisionError: division by zero" in notes


def test_a_stopped_loop_runs_what_was_ready() -> None:
    order: list[str] = []

    def setup(arena: Arena) -> None:
        loop = Loop(arena, name="my loop")

        def act() -> None:
            loop.call_soon(loop.stop)
            loop.call_soon(order.append, "ready")
            loop.run_forever()
            loop.close()

        assert repr(loop) == "my loop"
        arena.spawn("loop", act)

    assert one(setup).end == "done"
    assert order == ["ready"]


def test_tasks_are_numbered_alike_in_every_run() -> None:
    names: list[Any] = []

    def setup(arena: Arena) -> None:
        async def main() -> None:
            task = asyncio.ensure_future(asyncio.sleep(0))
            names.append((task.get_name(), hash(task), task.running()))  # type: ignore[attr-defined]
            named = asyncio.create_task(asyncio.sleep(0), name="mine")
            names.append(named.get_name())
            await asyncio.wait([task, named])

        arena.spawn("loop", lambda: asyncio.run(main()))

    one(setup)
    one(setup)
    assert names == [("task 2", 2, False), "mine"] * 2


def test_an_error_of_the_choice_ends_the_run() -> None:
    def choose(options: Any, current: int | None) -> int:
        if len(options) > 1 and options[0] == options[1]:
            raise KeyError("no more choices")
        return 0

    def setup(arena: Arena) -> None:
        async def main() -> None:
            await asyncio.gather(asyncio.sleep(0), asyncio.sleep(0))

        arena.spawn("loop", lambda: asyncio.run(main()))

    with pytest.raises(KeyError, match="no more choices"), controlled():
        run(setup, choose)


def test_outside_of_a_run_asyncio_is_itself() -> None:
    async def main() -> str:
        return type(asyncio.get_running_loop()).__module__

    with controlled():
        assert asyncio.run(main()).startswith("asyncio.")


def test_a_detailed_run_says_what_runs() -> None:
    def setup(arena: Arena) -> None:
        async def main() -> None:
            asyncio.get_running_loop().call_soon([].append, 1)
            await asyncio.sleep(0)

        arena.spawn("loop", lambda: asyncio.run(main()))

    notes = [note for step in one(setup, detailed=True).steps for note in step.notes]
    assert {"run task 1", "run list.append"} <= set(notes)


def test_several_loops_in_a_run() -> None:
    def setup(arena: Arena) -> None:
        future: concurrent.futures.Future[str] = concurrent.futures.Future()

        async def asks() -> str:
            return await asyncio.wrap_future(future)

        async def answers() -> None:
            future.set_result("from the other loop")

        arena.spawn("one", lambda: Loop(arena, name="one").run(asks()))
        arena.spawn("other", lambda: Loop(arena, name="other").run(answers()))

    assert ends(every(setup, limit=50)) == {"done from the other loop None"}


def test_a_loop_whose_run_did_not_begin_is_closed_without_a_word() -> None:
    loops: list[Loop] = []

    def setup(arena: Arena) -> None:
        loops.append(Loop(arena))
        raise KeyError("no run today")

    with pytest.raises(KeyError):
        run(setup, benign)
    assert not loops[0].is_closed()
    loops.clear()


def test_what_goes_wrong_after_the_end_is_no_error() -> None:
    """A task of a run that was given up: what its end raises is nobody's business."""
    loops: list[Loop] = []

    def setup(arena: Arena) -> None:
        async def main() -> None:
            loop = asyncio.get_running_loop()
            try:
                await asyncio.Event().wait()
            finally:
                loop.call_exception_handler({"message": "too late"})

        loops.append(Loop(arena))
        arena.spawn("loop", lambda: loops[0].run(main()))

    assert one(setup).end == "deadlock"
    assert loops[0].errors == []
