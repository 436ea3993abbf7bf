"""A harness for futures that are used from an event loop, through `asyncio.wrap_future`.

    explore(OnLoop(MyFutures())).check()

The first user's thread runs a loop of ours. What it calls, it calls there: `result()` is an await
of the wrapped future, `cancel()` cancels that, and the others are called as they are. The other
users and the pump are threads, as ever. In addition to all other checks nobody may wait on the
loop's thread.
"""

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from futurefsm.fsm.testing.checks.loops import LOOPED
from futurefsm.fsm.testing.fit import usable
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.loop import Loop
from futurefsm.fsm.testing.programs import Call

if TYPE_CHECKING:
    from futurefsm.fsm.testing.env import Env

# What means the same on a loop and beside it, whatever the moment. Timed ones do not: asyncio's
# timers may expire though the future has settled.
_CALLS = ("cancel", "cancelled", "done", "running", "result", "add_done_callback")


class OnLoop(Harness):
    """The futures of another harness, used from a loop and from threads.

    Args:
        inner: makes, feeds and calls the futures.
        ordered: tasks of the loop go on in asyncio's own order.
    """

    timed: tuple[str, ...] = ()
    # A cancel on a loop's thread asks, and comes back at once.
    cancel_waits = False

    def __init__(self, inner: Harness, *, ordered: bool = True) -> None:
        usable(inner)
        self.inner = inner
        self.ordered = ordered
        self.lifecycle = inner.lifecycle
        self.source = inner.source
        self.calls = tuple(call for call in _CALLS if call in inner.calls)
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

    def pump(self, env: "Env") -> None:
        self.inner.pump(env)

    def error_name(self, error: BaseException) -> str:
        return self.inner.error_name(error)

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
        if call.name == "result":
            return await asyncio.wrap_future(future)
        if call.name == "cancel":
            return await _cancel(future)
        return self.inner.call(env, future, call)


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
