"""How a future of any class is made, fed and looked at by one thread.

What is said here fits `futurefsm.fsm.Future` and `concurrent.futures.Future`; for a class of your
own, override what differs.
"""

import concurrent.futures
import inspect
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from futurefsm.fsm import errors
from futurefsm.fsm import events as ev
from futurefsm.fsm.events import Event
from futurefsm.fsm.lifecycles import STRICT
from futurefsm.fsm.states import VIEWS
from futurefsm.fsm.story import WIRE
from futurefsm.fsm.table import Lifecycle

# Methods that an executor calls → the event that they are.
METHODS: dict[str, Event] = {
    "set_running_or_notify_cancel": ev.SUBMIT,
    "set_result": ev.RESULT_SUCCESS,
    "set_exception": ev.RESULT_FAILED,
    "set_cancel_confirmed": ev.CONFIRM_CANCELED,
    "set_canceled": ev.CONFIRM_CANCELED,
}
# Those of them that bring what the scheduler said: late and repeated ones are borne.
FROM_THE_WIRE = ("set_cancel_confirmed", "set_canceled")

_ERRORS: dict[str, type[BaseException]] = {
    "worker_died_error": errors.WorkerDiedError,
    "connection_lost_error": errors.ConnectionLostError,
    "client_closed_error": errors.ClientClosedError,
}

# What is not known is not compared.
UNKNOWN = "?"

Deliver = Callable[[Any, str, Any], object]


class Subject:
    """A class of futures under test.

    Args:
        make: makes one future in the start state of the lifecycle, without arguments.
        lifecycle: the table that it has to obey.
        fire: delivers an event of the wire to a future, as the message pump would:
            `fire(future, event, value)`. By default `future.fire(event, value)` where there is such
            a method; where there is none, no events come from the wire, and the future is moved by
            the methods of `concurrent.futures` alone.
        events: the events that `fire` can deliver; by default all of the lifecycle that are not the
            user's own.
        state: what a future says that its state is, by the lifecycle's name; None where it does not
            say. By default `future.state` of our own futures.
        effects: the effects of the wire that were performed for a future so far, in order; by
            default nobody looks.
        name: for messages; by default the name of the future's class.

    Raises:
        TypeError: `make` cannot be called (a future in its place?), or `lifecycle` is none.

    A subclass may override every method instead; nothing else is asked of a future.
    """

    def __init__(
        self,
        make: Callable[[], Any],
        lifecycle: Lifecycle = STRICT,
        *,
        fire: Deliver | None = None,
        events: Iterable[str] | None = None,
        state: Callable[[Any], str | None] | None = None,
        effects: Callable[[Any], Sequence[str]] | None = None,
        name: str = "",
    ) -> None:
        if not callable(make):
            raise TypeError(f"make must make futures when it is called, and {make!r} cannot be")
        if not isinstance(lifecycle, Lifecycle):
            raise TypeError(f"lifecycle is {lifecycle!r}, and no Lifecycle")
        self.lifecycle = lifecycle
        self.name = name
        # A call has hung once: when the same is tried again it is waited for a shorter time.
        self.hung = False
        self._make = make
        self._fire = fire
        self._events = None if events is None else tuple(str(each) for each in events)
        self._state = state
        self._effects = effects

    def make(self) -> Any:
        """One fresh future."""
        return self._make()

    # What it can do.

    def is_ours(self, future: Any) -> bool:
        """Whether it is a `futurefsm.fsm.Future`: then more is compared, and more exactly."""
        from futurefsm.fsm.core import Core

        return isinstance(future, Core)

    def wire_events(self, future: Any) -> tuple[str, ...]:
        """The events that can be delivered to it."""
        if self._events is not None:
            return self._events
        if self._fire is None and not self.is_ours(future):
            return ()
        return tuple(str(each) for each in self.lifecycle.events if not each.by_user)

    def methods(self, future: Any) -> tuple[str, ...]:
        """The methods of an executor that it has and that mean something in the lifecycle."""
        return tuple(
            name
            for name, event in METHODS.items()
            if event in self.lifecycle.events and callable(getattr(future, name, None))
        )

    def usable(self, future: Any) -> tuple[str, ...]:
        """All events that can be made to happen to it, in the order of the lifecycle."""
        there = {*self.wire_events(future), *(METHODS[name] for name in self.methods(future))}
        there |= {ev.CANCEL}
        return tuple(str(event) for event in self.lifecycle.events if event in there)

    def tells_waiters(self, future: Any) -> bool:
        """Whether `wait()` and `as_completed()` of `concurrent.futures` can be used with it."""
        return isinstance(future, concurrent.futures.Future)

    def takes_timeout(self, future: Any) -> bool:
        """Whether its `cancel()` can be told how long to wait."""
        try:
            return "timeout" in inspect.signature(future.cancel).parameters
        except (TypeError, ValueError):
            return False

    # What is done with it.

    def deliver(self, future: Any, event: str, value: Any) -> None:
        """A message arrives."""
        if self._fire is not None:
            self._fire(future, event, value)
        else:
            future.fire(event, value, WIRE)

    def cancel(self, future: Any, timeout: float | None = 0.0) -> Any:
        """Its user cancels. It must not wait for an answer: nobody could give one meanwhile.

        Args:
            timeout: seconds, for a `cancel()` that knows time-outs; else it is called without.
        """
        return future.cancel(timeout=timeout) if self.takes_timeout(future) else future.cancel()

    def result(self, future: Any, timeout: float | None = 0) -> Any:
        """`result()`. Seconds, or None: it is settled, so that nothing is waited for."""
        return future.result(timeout=timeout)

    def exception(self, future: Any, timeout: float | None = 0) -> Any:
        """`exception()`, likewise."""
        return future.exception(timeout=timeout)

    # What it says.

    def state(self, future: Any) -> str | None:
        """Its state, by the lifecycle's name; None where it does not say."""
        if self._state is not None:
            return self._state(future)
        return str(future.state) if self.is_ours(future) else None

    def view(self, future: Any) -> str | None:
        """Its state as `concurrent.futures` looks at it; None where it has no such thing."""
        view = getattr(future, "_state", None)
        return view if self.tells_waiters(future) and view in VIEWS else None

    def outcome(self, future: Any) -> str | None:
        """What it says became of a cancel; `UNKNOWN` where it says nothing of the kind."""
        return getattr(future, "cancel_outcome", UNKNOWN)

    def effects(self, future: Any) -> Sequence[str] | None:
        """What was performed for it on the wire so far; None where nobody knows."""
        return None if self._effects is None else self._effects(future)

    def is_own_error(self, future: Any, effect: str, error: BaseException) -> bool:
        """Whether an exception is the one that the table names: any, but for our own futures."""
        if self.is_ours(future):
            return isinstance(error, _ERRORS[effect])
        return isinstance(error, Exception)
