"""Harness: how a future class is made, fed and called. Subclass it for a class of your own.

    class MyFutures(Harness):
        def make(self, env):
            return MyFuture()

    explore(MyFutures()).check()

The defaults are those of `concurrent.futures`: the pump calls `set_running_or_notify_cancel`,
`set_result` and `set_exception`, and the table is STRICT.
"""

import asyncio
import concurrent.futures
from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from futurefsm.fsm.lifecycles import STRICT
from futurefsm.fsm.story import CALLER, WIRE
from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.programs import Call

if TYPE_CHECKING:
    from futurefsm.fsm.testing.env import Env

DEFAULT_CALLS = (
    "cancel",
    "cancelled",
    "done",
    "running",
    "result",
    "exception",
    "add_done_callback",
    "wait",
    "as_completed",
)
_STATES = {
    "PENDING": "pending",
    "RUNNING": "running",
    "CANCELLED": "cancelled",
    "CANCELLED_AND_NOTIFIED": "cancelled",
    "FINISHED": "finished",
}

_ERRORS: tuple[tuple[type[BaseException], str], ...] = (
    (concurrent.futures.CancelledError, "CancelledError"),
    (asyncio.CancelledError, "CancelledError"),
    (TimeoutError, "TimeoutError"),
    (concurrent.futures.TimeoutError, "TimeoutError"),
    (concurrent.futures.InvalidStateError, "InvalidStateError"),
    (asyncio.InvalidStateError, "InvalidStateError"),
)


class Harness:
    """How to test one future class.

    Attributes:
        lifecycle: the table that its answers are held against.
        source: where events come from: `CALLER` (an executor of this process, which the table may
            refuse with `InvalidStateError`), or `WIRE` (messages, which are never refused).
        calls: the public calls that programs are made of.
        timed: those of them that take ``timeout=``.
        untimed: those that may wait without bound while the future is not settled.
        asking: those of them that also take ``timeout=0``, and then only ask.
        callbacks: what callbacks do, beside nothing: "raises", "asks", "cancels"; "cancels next"
            (another future of the program); "exits" (it leaves with SystemExit).
        deliverable: the events that `deliver` knows; None: all of the lifecycle but its users'.
        events: what a call does to the future, in events of the lifecycle; "ask" is a cancel that
            leaves a settled future alone.
        submitted: the future is handed out running; False: pending, and the pump starts it.
        objects: values lie in an object store (`env.fetch`, `env.delete`); `deliver` brings keys.
        messages: it sends messages (`env.send`): the pump may await them, and they are counted.
        outcomes: `outcome` tells what became of a cancel.
        faults: what can go wrong beside: "fetch fails".
        lost: errors that `result` may raise after such a fault.
        cancel_waits: `cancel()` waits for the answer (unless a timer fires, or it may not wait).
        cancelled_waits: `cancelled()` waits for the answer to a cancel, too, until the latest
            ``cancel()`` may wait no longer.
        modules: names of modules that make locks when they are imported: each run gets fresh ones.
        hashed: classes of futures, but for those of `concurrent.futures`, that are put into sets:
            their order must not be that of addresses.
        refuses: what a call that may not wait in a callback or on the pump raises there.
    """

    lifecycle: Lifecycle = STRICT
    source: str = CALLER
    calls: tuple[str, ...] = DEFAULT_CALLS
    timed: tuple[str, ...] = ("result", "exception", "wait", "as_completed")
    untimed: tuple[str, ...] = ("result", "exception", "wait", "as_completed")
    asking: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ("raises", "asks", "cancels")
    deliverable: tuple[str, ...] | None = ("submit", "result_success", "result_failed")
    events: Mapping[str, tuple[str, ...]] = {"cancel": ("cancel",), "disconnect": ("disconnect",)}
    submitted: bool = False
    objects: bool = False
    messages: bool = False
    outcomes: bool = False
    faults: tuple[str, ...] = ()
    lost: tuple[type[BaseException], ...] = ()
    cancel_waits: bool = False
    cancelled_waits: bool = False
    modules: tuple[str, ...] = ()
    hashed: tuple[type, ...] = ()
    refuses: tuple[type[BaseException], ...] = ()

    @property
    def name(self) -> str:
        """What is tested, for reports."""
        return type(self).__name__

    def make(self, env: "Env") -> Any:
        """One fresh, pending future. Runs before the threads start; nothing switches in it."""
        raise NotImplementedError("a harness says how to make its future: def make(self, env)")

    def deliver(self, env: "Env", future: Any, event: str, value: Any) -> Any:
        """The pump brings an event. What it returns is the answer to the pump, if any.

        Args:
            value: the value, the exception, or with `objects` the key of the object.
        """
        if event == "submit":
            try:
                return future.set_running_or_notify_cancel()
            except RuntimeError as error:
                # The standard library's word for a start that the state forbids.
                if type(error) is not RuntimeError:
                    raise
                if future.cancelled():
                    # Its second time is an error there; here it says the same again.
                    return False
                raise concurrent.futures.InvalidStateError(*error.args) from error
        if event == "result_success":
            return future.set_result(value)
        if event == "result_failed":
            return future.set_exception(value)
        future.fire(event, value, self.source)
        return None

    def call(self, env: "Env", future: Any, call: Call) -> Any:
        """A user's thread makes a call; returns its answer.

        `env.futures` has all the futures, for calls that take all.
        """
        if call.name == "add_done_callback":
            return future.add_done_callback(env.callback(call))
        if call.name == "wait":
            first = call.how == "first"
            when = concurrent.futures.FIRST_COMPLETED if first else concurrent.futures.ALL_COMPLETED
            waited = concurrent.futures.wait(env.futures, call.timeout, when)
            return env.numbers(waited.done), env.numbers(waited.not_done)
        if call.name == "as_completed":
            yielded = concurrent.futures.as_completed(env.futures, call.timeout)
            return tuple(env.number(each) for each in yielded)
        method: Callable[..., Any] = getattr(future, call.name)
        return method() if call.timeout is None else method(timeout=call.timeout)

    def state(self, future: Any) -> str | None:
        """Which state of the lifecycle it says that it is in; None: it does not say. Never waits
        and takes no lock."""
        return _STATES.get(getattr(future, "_state", ""))

    def outcome(self, future: Any) -> str | None:
        """What became of a cancel; None: nothing yet. Asked where `outcomes` is set."""
        outcome = future.cancel_outcome
        return None if outcome is None else str(outcome)

    def making(self, future: Any) -> bool:
        """Whether a thread makes its value just now of what was fetched: who asks meanwhile has
        to wait for it, and may run out of time though the future has settled. Never waits and
        takes no lock."""
        return False

    def listed(self, future: Any) -> int:
        """How many it has in its lists who wait for it. When every call has come back, it must be
        none: a wait that leaves itself behind leaks. Never waits and takes no lock.

        The default looks where the futures of `concurrent.futures` have them.
        """
        condition = getattr(future, "_condition", None)
        lists = (vars(future) if hasattr(future, "__dict__") else {}).get("_waiters")
        found = (lists, getattr(condition, "_waiters", None))
        return sum(len(each) for each in found if isinstance(each, list | deque | set | dict))

    def pump(self, env: "Env") -> None:
        """What the pump's thread does: the path of the program. Override to wrap it."""
        env.walk()

    def error_name(self, error: BaseException) -> str:
        """The name by which the table knows an error; what it does not know keeps its own."""
        for kind, name in _ERRORS:
            if isinstance(error, kind):
                return name
        return type(error).__name__


class StandardFutures(Harness):
    """`concurrent.futures.Future`, as it ships with Python."""

    def make(self, env: "Env") -> Any:
        return concurrent.futures.Future()


__all__ = ["CALLER", "DEFAULT_CALLS", "WIRE", "Harness", "StandardFutures"]
