"""Harnesses that ship: our own Future under both lifecycles. `harness` has the standard one."""

from typing import TYPE_CHECKING, Any

from futurefsm.fsm import effects as fx
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.errors import WouldDeadlockError
from futurefsm.fsm.events import RESULT_FAILED, RESULT_SUCCESS
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.rare import each
from futurefsm.fsm.story import CALLER, WIRE
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.threads import delivering

if TYPE_CHECKING:
    from futurefsm.fsm.testing.env import Env


class StrictFutures(Harness):
    """Our Future under STRICT, fed by an executor of the same process."""

    lifecycle = STRICT
    source = CALLER
    deliverable = None
    refuses = (WouldDeadlockError,)

    def make(self, env: "Env") -> Any:
        return Future(self.lifecycle)

    def state(self, future: Any) -> str | None:
        # A string: `str` of it would be a copy, in every look.
        state: str = future._node.state
        return state

    def listed(self, future: Any) -> int:
        return listed_by(future)


class WiredFuture(Future[Any]):
    """A future whose effects become messages, and whose value lies in an object store."""

    __slots__ = ("_discarded", "_env", "_key")

    def __init__(self, env: "Env") -> None:
        super().__init__(env.harness.lifecycle)
        self._env = env
        self._key = ""
        self._discarded = False

    def perform(self, step: Step, value: Any) -> None:
        """The effects of the wire, as a client performs them. Two threads may come in any order."""
        env = self._env
        for effect in step.effects:
            if effect == fx.SEND_TASK:
                env.send("Task", self)
            elif effect == fx.SEND_CANCEL:
                env.send("TaskCancel", self)
            elif effect == fx.DELETE_RESULT:
                env.delete(env.key(self, step.event))
            elif effect in (fx.OFFER_VALUE, fx.OFFER_ERROR):
                self._key = env.key(self, step.event)
                if self._discarded:
                    env.delete(self._key)
            elif effect == fx.DISCARD_VALUE:
                self._discarded = True
                if self._key:
                    env.delete(self._key)


class Messaged(Harness):
    """Futures under CONFIRMED that a pump feeds with messages, whoever made them."""

    lifecycle = CONFIRMED
    source = WIRE
    timed: tuple[str, ...] = ("cancel", "result", "exception", "wait", "as_completed")
    deliverable = None
    submitted = True
    objects = True
    messages = True
    outcomes = True
    cancel_waits = True
    cancelled_waits = True
    refuses = (WouldDeadlockError,)


class ConfirmedFutures(Messaged):
    """Our Future under CONFIRMED, fed with messages by a pump."""

    def make(self, env: "Env") -> Any:
        return WiredFuture(env)

    def deliver(self, env: "Env", future: Any, event: str, value: Any) -> Any:
        if event in (RESULT_SUCCESS, RESULT_FAILED):
            # What lies under that key; fetching is not what is tested here.
            value = env.stock[value]
        if env.arena.me is None:
            # Before the threads start nobody runs who could wait.
            future.fire(event, value, WIRE)
            return
        with delivering():
            future.fire(event, value, WIRE)

    def state(self, future: Any) -> str | None:
        # A string: `str` of it would be a copy, in every look.
        state: str = future._node.state
        return state

    def listed(self, future: Any) -> int:
        return listed_by(future)


def listed_by(future: Any) -> int:
    """How many a future of ours has in its lists who wait for it."""
    return len(each(future._waiting)) + len(future._condition._waiters or ())
