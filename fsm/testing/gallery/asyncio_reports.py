"""Races of event loops: one of a client's own history, and those that other projects reported.

Each is a few lines of ours that go wrong as the report tells, beside the same put right.
"""

import asyncio
import concurrent.futures
from typing import TYPE_CHECKING, Any

from futurefsm.fsm import events as ev
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.exhibits import Exhibit
from futurefsm.fsm.testing.gallery.mutants_waiting import BlocksTheLoop
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.inloop import AsyncioFutures, AsyncioTasks, on_loop, settle
from futurefsm.fsm.testing.loop import Loop
from futurefsm.fsm.testing.onloop import OnLoop
from futurefsm.fsm.testing.programs import Call

if TYPE_CHECKING:
    from futurefsm.fsm.testing.env import Env


def settle_at_the_end(future: Any, event: str, value: Any) -> None:
    """A runner that sets the result of its coroutine without a look: somebody may have cancelled
    the future meanwhile."""
    if event == ev.RESULT_FAILED:
        future.set_exception(value)
    else:
        future.set_result(value)


async def swallows_the_cancel(gate: Any) -> Any:
    """`asyncio.wait_for` until Python 3.11: a cancel that arrives with the result is forgotten."""
    woken = asyncio.get_running_loop().create_future()

    def wake(_gate: Any) -> None:
        if not woken.done():
            woken.set_result(None)

    gate.add_done_callback(wake)
    try:
        await woken
    except asyncio.CancelledError:
        if gate.done():
            return gate.result()
        raise
    return gate.result()


async def passes_the_cancel_on(gate: Any) -> Any:
    """The same, as it should be: who was cancelled ends cancelled."""
    woken = asyncio.get_running_loop().create_future()

    def wake(_gate: Any) -> None:
        if not woken.done():
            woken.set_result(None)

    gate.add_done_callback(wake)
    await woken
    return gate.result()


async def swallows_it_across_threads(gate: Any) -> Any:
    """The same across threads: between the cancel and the look another thread settles what was
    waited for."""
    try:
        await _woken_from_outside(gate)
    except asyncio.CancelledError:
        if gate.done():
            return gate.result()
        raise
    return gate.result()


async def passes_it_on_across_threads(gate: Any) -> Any:
    """The same, as it should be."""
    await _woken_from_outside(gate)
    return gate.result()


def _woken_from_outside(gate: Any) -> Any:
    """A future of this loop that ends with one of `concurrent.futures`, and does not cancel it."""
    loop = asyncio.get_running_loop()
    woken = loop.create_future()

    def wake() -> None:
        if not woken.done():
            woken.set_result(None)

    gate.add_done_callback(lambda _gate: loop.call_soon_threadsafe(wake))
    return woken


class CrossThreadTasks(AsyncioTasks):
    """Tasks that wait for a future of `concurrent.futures`, which the pump settles beside the
    loop."""

    def create(self, env: "Env", loop: Loop) -> Any:
        gate: Any = concurrent.futures.Future()
        task = loop.create_task(self._body(gate))
        env.box[f"gate {task.number}"] = gate
        return task

    def deliver(self, env: "Env", future: Any, event: str, value: Any) -> Any:
        settle(env.box[f"gate {future.number}"], event, value)
        return on_loop(env, lambda: None, future)


class ThreadsafeTasks(AsyncioTasks):
    """Tasks whose users have a future of `concurrent.futures`, as `run_coroutine_threadsafe` gives
    one: what is cancelled is that, and the task hears of it later. The state is the task's: a
    cancel that said True must be so in both. It is where users ask the task itself, on its loop.
    """

    @property
    def name(self) -> str:
        return f"{super().name}, cancels_its_own_future"

    def create(self, env: "Env", loop: Loop) -> Any:
        task = super().create(env, loop)
        env.box[f"outer {task.number}"] = bridged(loop, task)
        return task

    def call(self, env: "Env", future: Any, call: Call) -> Any:
        outer = env.box[f"outer {future.number}"]
        if call.name == "add_done_callback":
            callback = env.callback(call)
            return outer.add_done_callback(lambda _outer: callback(future))
        return Harness.call(self, env, outer, call)


def bridged(loop: Any, task: Any) -> Any:
    """A future that ends as a task does, and whose cancel is told to it."""
    outer: Any = concurrent.futures.Future()

    def ended(_task: Any) -> None:
        if task.cancelled():
            outer.cancel()
        if not outer.set_running_or_notify_cancel():
            return
        if task.exception() is not None:
            outer.set_exception(task.exception())
        else:
            outer.set_result(task.result())

    def cancelled(_outer: Any) -> None:
        if outer.cancelled():
            loop.call_soon_threadsafe(task.cancel)

    task.add_done_callback(ended)
    outer.add_done_callback(cancelled)
    return outer


_GITHUB = "https://github.com/"

BLOCKED_LOOP = Exhibit(
    "20",
    "cancelling a task that awaits the future stops the whole loop",
    ("loop blocked",),
    OnLoop(ClientFutures(BlocksTheLoop)),
    OnLoop(ClientFutures()),
)

ASYNCIO_REPORTS: tuple[Exhibit, ...] = (
    Exhibit(
        "tornado-2188",
        "a coroutine ends after its future was cancelled: set_result() raises",
        ("pump raises",),
        AsyncioFutures(settle_at_the_end),
        AsyncioFutures(),
        source=_GITHUB + "tornadoweb/tornado/issues/2188",
    ),
    Exhibit(
        "cpython-86296",
        "a cancel that arrives with the result is swallowed: cancel() is True of a finished task",
        ("linearizable", "agreement", "value"),
        AsyncioTasks(swallows_the_cancel),
        AsyncioTasks(passes_the_cancel_on),
        source=_GITHUB + "python/cpython/issues/86296",
    ),
    Exhibit(
        "synchronicity-208",
        "another thread's result comes between a cancel and the look: the cancel is swallowed",
        ("linearizable", "agreement", "value"),
        CrossThreadTasks(swallows_it_across_threads),
        CrossThreadTasks(passes_it_on_across_threads),
        source=_GITHUB + "modal-labs/synchronicity/pull/208",
    ),
    Exhibit(
        "cpython-105836",
        "cancel() of a coroutine's future is True at once, and its task runs on to its end",
        ("linearizable", "agreement", "value"),
        ThreadsafeTasks(),
        AsyncioTasks(),
        source=_GITHUB + "python/cpython/issues/105836",
    ),
)
