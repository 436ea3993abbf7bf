"""A harness for what lives in an event loop: asyncio's own futures and tasks, and yours.

    explore(AsyncioFutures()).check()
    explore(AsyncioTasks(my_coroutine, ordered=False)).check()

The loop runs on a thread of its own. Users and the pump are threads that ask it, in the only way
that asyncio allows: `call_soon_threadsafe`. So what is explored is the order in which all of them
come to the loop, and with `ordered=False` also which of its tasks goes on.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm import states as st
from futurefsm.fsm.story import WIRE
from futurefsm.fsm.table import Lifecycle, goes, ignores
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.loop import Loop
from futurefsm.fsm.testing.programs import AWAIT, Call

if TYPE_CHECKING:
    from futurefsm.fsm.testing.env import Env

_TELL = (fx.NOTIFY, fx.ANNOUNCE)
_LATE = "it has ended; asyncio raises InvalidStateError to who does not look first"

# Three states, and a cancel that nobody can refuse. What `cancel()` says of a future that is
# cancelled already is its harness' business: asyncio says False.
ASYNCIO = Lifecycle(
    "asyncio",
    st.PENDING,
    (
        goes(st.PENDING, ev.CANCEL, st.CANCELLED, *_TELL, why="at once", answer=True),
        ignores(st.CANCELLED, ev.CANCEL, why="it is cancelled already", answer=True),
        ignores(st.FINISHED, ev.CANCEL, why="what has ended stays so", answer=False),
        goes(st.PENDING, ev.RESULT_SUCCESS, st.FINISHED, fx.OFFER_VALUE, *_TELL, why="a value"),
        ignores(st.CANCELLED, ev.RESULT_SUCCESS, why=_LATE, violates_by_caller=True),
        ignores(st.FINISHED, ev.RESULT_SUCCESS, why=_LATE, violates_by_caller=True),
        goes(st.PENDING, ev.RESULT_FAILED, st.FINISHED, fx.OFFER_ERROR, *_TELL, why="an error"),
        ignores(st.CANCELLED, ev.RESULT_FAILED, why=_LATE, violates_by_caller=True),
        ignores(st.FINISHED, ev.RESULT_FAILED, why=_LATE, violates_by_caller=True),
    ),
)

Settle = Callable[[Any, str, Any], None]
Body = Callable[[Any], Awaitable[Any]]


class InLoop(Harness):
    """What the futures and the tasks of a loop have in common.

    Args:
        ordered: tasks of the loop go on in asyncio's own order.
    """

    lifecycle = ASYNCIO
    source = WIRE
    calls: tuple[str, ...] = ("cancel", "cancelled", "done", "result", "add_done_callback")
    timed: tuple[str, ...] = ()
    untimed: tuple[str, ...] = ("result", "cancel")
    deliverable: tuple[str, ...] | None = ("result_success", "result_failed")

    def __init__(self, *, ordered: bool = True) -> None:
        self.ordered = ordered

    def make(self, env: "Env") -> Any:
        loop = env.box.get("loop")
        if loop is None:
            loop = env.box["loop"] = Loop(env.arena, ordered=self.ordered, idle=AWAIT)
        return self.create(env, loop)

    def create(self, env: "Env", loop: Loop) -> Any:
        """One fresh, pending future of the loop."""
        raise NotImplementedError("say what lives in the loop: def create(self, env, loop)")

    def state(self, future: Any) -> str | None:
        if not future.done():
            return "pending"
        return "cancelled" if future.cancelled() else "finished"

    def call(self, env: "Env", future: Any, call: Call) -> Any:
        if call.name == "add_done_callback":
            callback = env.callback(call)
            return on_loop(env, lambda: future.add_done_callback(callback))
        here = env.box["loop"].runs_here()
        if call.name == "result" and not here:
            return on_loop(env, lambda: asyncio.shield(future))
        if call.name == "cancel":
            # True where it is, or was, cancelled: asyncio says False of what is cancelled already.
            return on_loop(env, lambda: future.cancel() or future.cancelled(), self.ends(future))
        return on_loop(env, getattr(future, call.name))

    def ends(self, future: Any) -> Any:
        """What is waited for after a cancel; None: nothing, for it is done at once."""
        return None


class Future(asyncio.Future[Any]):
    """As asyncio's; and it says that it never runs, as the kit asks."""

    def running(self) -> bool:
        """A future of asyncio is pending until it has ended."""
        return False


def settle(future: Any, event: str, value: Any) -> None:
    """As one should: what has ended is left alone."""
    if not future.done():
        if event == ev.RESULT_FAILED:
            future.set_exception(value)
        else:
            future.set_result(value)


class AsyncioFutures(InLoop):
    """`asyncio.Future`, settled on its loop.

    Args:
        how: settles a future with what an event brings; runs on the loop.
    """

    def __init__(self, how: Settle = settle, *, ordered: bool = True) -> None:
        super().__init__(ordered=ordered)
        self._how = how

    @property
    def name(self) -> str:
        return f"asyncio.Future, {getattr(self._how, '__name__', '?')}"

    def create(self, env: "Env", loop: Loop) -> Any:
        return Future(loop=loop)

    def deliver(self, env: "Env", future: Any, event: str, value: Any) -> Any:
        return on_loop(env, lambda: self._how(future, event, value))


async def waits(gate: Any) -> Any:
    """As plain as a task can be."""
    return await gate


class AsyncioTasks(InLoop):
    """`asyncio.Task`: a coroutine that waits for something, gets it, and may be cancelled.

    Args:
        body: the coroutine; awaits what it is given, and returns its value.
    """

    def __init__(self, body: Body = waits, *, ordered: bool = True) -> None:
        super().__init__(ordered=ordered)
        self._body = body

    @property
    def name(self) -> str:
        return f"asyncio.Task, {getattr(self._body, '__name__', '?')}"

    def create(self, env: "Env", loop: Loop) -> Any:
        gate = Future(loop=loop)
        task = loop.create_task(self._body(gate))
        env.box[f"gate {task.number}"] = gate
        return task

    def deliver(self, env: "Env", future: Any, event: str, value: Any) -> Any:
        gate = env.box[f"gate {future.number}"]
        # What came has been dealt with once the task has ended.
        return on_loop(env, lambda: settle(gate, event, value), future)

    def ends(self, future: Any) -> Any:
        """Asked is not done: the coroutine hears of it at its next step."""
        return future


def on_loop(env: "Env", act: Callable[[], Any], until: Any = None) -> Any:
    """Do something on the loop's thread, and wait for what comes of it.

    Args:
        act: called on the loop; a future that it returns is awaited.
        until: a future that has to have ended before the answer is given.
    """
    arena, loop = env.arena, env.box["loop"]
    if "loop runs" not in env.box:
        env.box["loop runs"] = arena.spawn("loop", loop.run_forever, daemon=True)
    if loop.runs_here():
        # A callback: it is there already, and must not wait.
        return act()
    answers: list[tuple[Any, BaseException | None]] = []

    def ended(awaited: Any) -> None:
        if awaited.cancelled():
            answers.append((None, asyncio.CancelledError()))
        elif awaited.exception() is not None:
            answers.append((None, awaited.exception()))
        else:
            answers.append((awaited.result(), None))

    def now() -> None:
        try:
            answer = act()
        except Exception as error:
            answers.append((None, error))
            return
        if asyncio.isfuture(answer):
            answer.add_done_callback(ended)
        elif until is None or until.done():
            answers.append((answer, None))
        else:
            until.add_done_callback(lambda _until: answers.append((answer, None)))

    loop.call_soon_threadsafe(now)
    arena.block(AWAIT, loop.name, lambda: bool(answers))
    answer, error = answers[0]
    if error is not None:
        raise error
    return answer
