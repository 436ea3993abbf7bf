"""How the kit makes, feeds and calls `futurefsm.fsm.Future`, under any lifecycle."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from futurefsm.fsm import effects as fx
from futurefsm.fsm.errors import WouldDeadlockError
from futurefsm.fsm.events import DISCONNECT, SUBMIT
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.story import CLIENT, WIRE
from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.harness import DEFAULT_CALLS, Harness
from futurefsm.fsm.testing.programs import Call
from futurefsm.fsm.threads import delivering

if TYPE_CHECKING:
    from futurefsm.fsm.testing.env import Env

_SAID = {fx.SEND_TASK: "Task", fx.SEND_CANCEL: "TaskCancel"}


class FsmFutures(Harness):
    """Our own future.

    Args:
        lifecycle: the table that its answers are held against.
        future: the class.
        table: the lifecycle that it is given, if not the same.
    """

    source = WIRE
    deliverable = None
    messages = True
    outcomes = True
    refuses = (WouldDeadlockError,)

    def __init__(
        self,
        lifecycle: Lifecycle = CONFIRMED,
        future: type[Future[Any]] = Future,
        table: Lifecycle | None = None,
    ) -> None:
        self.lifecycle = lifecycle
        self._table = table or lifecycle
        self._made: type[Future[Any]] = _wired(future)
        waits = any(state.cancel_decided for state in lifecycle.states if not state.settled)
        self.cancel_waits = waits
        self.calls = (*DEFAULT_CALLS, "disconnect")
        if waits:
            self.timed = (*Harness.timed, "cancel")
        self.events: Mapping[str, tuple[str, ...]] = Harness.events

    @property
    def name(self) -> str:
        """The lifecycle's name, too."""
        return f"Future, {self._table.name}"

    def make(self, env: "Env") -> Any:
        future = self._made(self._table)
        future.env = env  # type: ignore[attr-defined]
        return future

    def deliver(self, env: "Env", future: Any, event: str, value: Any) -> Any:
        answer = future.fire(event, value, WIRE).answer
        return answer if event == SUBMIT else None

    def pump(self, env: "Env") -> None:
        with delivering():
            env.walk()

    def call(self, env: "Env", future: Any, call: Call) -> Any:
        if call.name == "disconnect":
            for each in env.futures:
                each.fire(DISCONNECT, None, CLIENT)
            return None
        return super().call(env, future, call)

    def state(self, future: Any) -> str:
        return str(future.state)


def _wired(future: type[Future[Any]]) -> type[Future[Any]]:
    """A subclass that sends what its lifecycle says."""

    class Wired(future):  # type: ignore[valid-type, misc]
        env: "Env"

        def perform(self, step: Any, value: Any) -> None:
            for effect in step.effects:
                if effect in _SAID:
                    self.env.send(_SAID[effect], self)

    return Wired
