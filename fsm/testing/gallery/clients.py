"""How the kit makes, feeds and calls the futures of the gallery."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from futurefsm.fsm.errors import ResultLostError, WouldDeadlockError
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.story import WIRE
from futurefsm.fsm.testing.gallery.manager import Manager
from futurefsm.fsm.testing.gallery.reference import ClientFuture
from futurefsm.fsm.testing.harness import DEFAULT_CALLS, Harness
from futurefsm.fsm.testing.programs import Call

if TYPE_CHECKING:
    from futurefsm.fsm.testing.env import Env


class _Line:
    """The wire of one run: what is said of a task is said of its future."""

    def __init__(self, env: "Env") -> None:
        self._env = env

    def send(self, message: str, task: str) -> None:
        self._env.send(message, self._env.box["manager"].peek(task))

    def fetch(self, key: str) -> Any:
        return self._env.fetch(key)

    def delete(self, key: str) -> None:
        self._env.delete(key)


class ClientFutures(Harness):
    """Futures of a client whose cancel waits for the scheduler.

    Args:
        future: the class of the futures.
        manager: the class of what makes them, one in each run.
        delayed: results are fetched when somebody asks.
        calls: those that programs are made of; None: all.
    """

    lifecycle = CONFIRMED
    source = WIRE
    calls: tuple[str, ...] = (*DEFAULT_CALLS, "disconnect", "submit")
    timed = (*Harness.timed, "cancel")
    deliverable = None
    events: Mapping[str, tuple[str, ...]] = {
        "cancel": ("cancel",),
        "disconnect": ("ask", "disconnect"),
    }
    submitted = True
    objects = True
    messages = True
    outcomes = True
    faults = ("fetch fails",)
    lost = (ResultLostError,)
    cancel_waits = True
    refuses = (WouldDeadlockError,)

    def __init__(
        self,
        future: type[ClientFuture] = ClientFuture,
        manager: type[Manager] = Manager,
        *,
        delayed: bool = False,
        calls: tuple[str, ...] | None = None,
    ) -> None:
        self.future = future
        self.manager = manager
        self.delayed = delayed
        if calls is not None:
            self.calls = calls

    @property
    def name(self) -> str:
        """The class that differs from the correct one, or the correct one."""
        made = self.future if self.manager is Manager else self.manager
        return made.__name__ + (" (delayed)" if self.delayed else "")

    def make(self, env: "Env") -> ClientFuture:
        """A pending future of this run's manager."""
        manager = env.box.get("manager")
        if manager is None:
            manager = self.manager(_Line(env), self.future, delayed=self.delayed)
            env.box["manager"] = manager
        future: ClientFuture = manager.create()
        return future

    def deliver(self, env: "Env", future: ClientFuture, event: str, value: Any) -> Any:
        """The agent hands a message to the manager, which finds the future that it is for."""
        if event == "submit":
            return future.on_submit()
        return env.box["manager"].deliver(event, future.task, value or "")

    def call(self, env: "Env", future: ClientFuture, call: Call) -> Any:
        """A user's call; "disconnect" and "submit" are the manager's."""
        if call.name == "disconnect":
            return env.box["manager"].disconnect()
        if call.name == "submit":
            return self._submit(env)
        return super().call(env, future, call)

    def _submit(self, env: "Env") -> None:
        try:
            env.box["manager"].submit()
        except RuntimeError:
            # Closed meanwhile: an answer, too. All that counts is that it comes.
            return

    def state(self, future: ClientFuture) -> str:
        """Its state, without its lock."""
        return future.glance()
