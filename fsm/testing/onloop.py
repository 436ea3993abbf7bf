"""A harness for futures that are used from an event loop, through `asyncio.wrap_future`.

    explore(OnLoop(MyFutures())).check()

The first user's thread runs a loop of ours. What it calls, it calls there: `result()` is an await
of the wrapped future, with a time-out by `asyncio.wait_for`, which cancels the future when it runs
out; `cancel()` cancels the wrapped future, and the others are called as they are. The other
users and the pump are threads, as ever. In addition to all other checks nobody may wait on the
loop's thread.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.checks.answers import WAITED_FOR
from futurefsm.fsm.testing.checks.loops import LOOPED
from futurefsm.fsm.testing.fit import usable
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.loop import Loop
from futurefsm.fsm.testing.programs import Call

if TYPE_CHECKING:
    from futurefsm.fsm.testing.env import Env

# What means the same on a loop and beside it, whatever the moment. A time-out does not: asyncio's
# timers may expire though the future has settled, so nothing is concluded from one.
_CALLS = ("cancel", "cancelled", "done", "running", "result", "add_done_callback")


class OnLoop(Harness):
    """The futures of another harness, used from a loop and from threads.

    Args:
        inner: makes, feeds and calls the futures.
        ordered: tasks of the loop go on in asyncio's own order.
    """

    # A cancel on a loop's thread asks, and comes back at once.
    cancel_waits = False

    def __init__(self, inner: Harness, *, ordered: bool = True) -> None:
        usable(inner)
        self.inner = inner
        self.ordered = ordered
        self.lifecycle = inner.lifecycle
        self.source = inner.source
        self.calls = tuple(call for call in _CALLS if call in inner.calls)
        self.timed = tuple(call for call in ("result",) if call in inner.timed)
        self.untimed = tuple(call for call in inner.untimed if call in self.calls)
        self.deliverable = inner.deliverable
        self.events: Mapping[str, tuple[str, ...]] = inner.events
        self.submitted = inner.submitted
        self.objects = inner.objects
        self.messages = inner.messages
        self.outcomes = inner.outcomes
        self.faults = inner.faults
        self.lost = inner.lost
        self.refuses = inner.refuses

    @property
    def name(self) -> str:
        """What is tested."""
        return f"{self.inner.name} on a loop"

    def make(self, env: "Env") -> Any:
        return self.inner.make(env)

    def deliver(self, env: "Env", future: Any, event: str, value: Any) -> Any:
        return self.inner.deliver(env, future, event, value)

    def state(self, future: Any) -> str | None:
        return self.inner.state(future)

    def outcome(self, future: Any) -> str | None:
        return self.inner.outcome(future)

    def listed(self, future: Any) -> int:
        return self.inner.listed(future)

    def pump(self, env: "Env") -> None:
        self.inner.pump(env)

    def error_name(self, error: BaseException) -> str:
        return WAITED_FOR if isinstance(error, _WaitedFor) else self.inner.error_name(error)

    def call(self, env: "Env", future: Any, call: Call) -> Any:
        """The first user calls on a loop; also what its callbacks call, they call as they are."""
        thread, _ = env.calling[env.arena.current]
        if thread != 0:
            return self.inner.call(env, future, call)

        def blocked(op: str, what: str) -> None:
            env.log.append((LOOPED, env.arena.current, op, what))

        loop = Loop(env.arena, ordered=self.ordered, on_block=blocked)
        return loop.run(self._on_loop(env, future, call))

    async def _on_loop(self, env: "Env", future: Any, call: Call) -> Any:
        if call.name == "result" and call.timeout is not None:
            return await _wait_for(env, future, call.timeout)
        if call.name == "result":
            return await asyncio.wrap_future(future)
        if call.name == "cancel":
            return await _cancel(future)
        return self.inner.call(env, future, call)


class _WaitedFor(Exception):
    """The time of a `wait_for` has run out."""


async def _wait_for(env: "Env", future: Any, timeout: float) -> Any:
    """Wait for the wrapped future; what its time-out does to the future is written down."""
    real, number, mine = future.cancel, env.number(future), env.arena.current

    def noting(*args: Any, **kwargs: Any) -> Any:
        if env.arena.current != mine:
            # Another thread, in its own name.
            return real(*args, **kwargs)
        env.log.append((h.ASKS, number))
        said = real(*args, **kwargs)
        env.log.append((h.ASKED, number, h.Returned(said)))
        return said

    future.cancel = noting
    try:
        return await asyncio.wait_for(asyncio.wrap_future(future), timeout)
    except TimeoutError as error:
        raise _WaitedFor from error
    finally:
        del future.cancel


async def _cancel(future: Any) -> Any:
    """Cancel the wrapped future; returns what `cancel()` said to the loop, which drops it."""
    said: list[Any] = []
    real = future.cancel

    def noting(*args: Any, **kwargs: Any) -> Any:
        said.append(real(*args, **kwargs))
        return said[-1]

    # The answer has to be explained by the table.
    future.cancel = noting
    try:
        asyncio.wrap_future(future).cancel()
        # The wrapped future tells its source in a callback of its own.
        while not said:
            await asyncio.sleep(0)
    finally:
        del future.cancel
    return said[0]
