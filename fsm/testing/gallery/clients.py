"""How the kit makes, feeds and calls the futures of the gallery."""

from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from futurefsm.fsm.errors import ResultLostError, WouldDeadlockError
from futurefsm.fsm.outcomes import DISCONNECTED
from futurefsm.fsm.testing.gallery.manager import Manager
from futurefsm.fsm.testing.gallery.reference import CANCELLED, PENDING, SETTLED, ClientFuture
from futurefsm.fsm.testing.harness import DEFAULT_CALLS, Harness
from futurefsm.fsm.testing.programs import Call
from futurefsm.fsm.testing.shipped import Messaged

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


class ClientFutures(Messaged):
    """Futures of a client whose cancel waits for the scheduler.

    Args:
        future: the class of the futures.
        manager: the class of what makes them, one in each run.
        delayed: results are fetched when somebody asks.
        calls: those that programs are made of; None: all.
    """

    calls: tuple[str, ...] = (*DEFAULT_CALLS, "disconnect", "submit")
    timed = (*Harness.timed, "cancel")
    events: Mapping[str, tuple[str, ...]] = {
        "cancel": ("cancel",),
        "disconnect": ("ask", "disconnect"),
    }
    faults = ("fetch fails",)
    lost = (ResultLostError,)

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


class HeardFutures(ClientFutures):
    """The same, with more looked at: how waiters are told, what a cancelled future still holds,
    what the agent's own thread asks, what comes of messages for nobody, and what is submitted
    beside a disconnect.

    Args: those of `ClientFutures`.
    """

    callbacks = (*Harness.callbacks, "cancels next")
    _box: dict[str, Any]
    _began: float

    def __init__(
        self,
        future: type[ClientFuture] = ClientFuture,
        manager: type[Manager] = Manager,
        *,
        delayed: bool = False,
    ) -> None:
        super().__init__(_heard(future), _asking(manager), delayed=delayed)

    def make(self, env: "Env") -> ClientFuture:
        """As there."""
        self._box, self._began = env.box, env.arena.now
        return super().make(env)

    def deliver(self, env: "Env", future: ClientFuture, event: str, value: Any) -> Any:
        """First a message for nobody, and one that nobody knows."""
        if env.arena.current is not None:
            env.box["manager"].deliver("confirm_canceled", "task of nobody")
            env.box["manager"].deliver("gossip", future.task)
        return super().deliver(env, future, event, value)

    def pump(self, env: "Env") -> None:
        """Between two messages the agent's thread is one like others."""
        env.walk()
        assert env.box["manager"]._waits(), "it is taken for delivering, and does not"

    def call(self, env: "Env", future: ClientFuture, call: Call) -> Any:
        """A disconnect that no timer ended has waited for every answer."""
        try:
            answer = super().call(env, future, call)
        except CancelledError as error:
            if getattr(error, "outcome", None) is None:
                raise AssertionError("CancelledError does not say how it came") from error
            raise
        if call.name == "disconnect":
            env.box["closed"] = True
            told = any(move.event == "disconnect" for move in env.program.path)
            if env.arena.now == self._began and not told:
                known = [each.cancel_outcome for each in env.futures]
                assert DISCONNECTED not in known, "disconnect() did not wait for an answer"
        return answer

    def _submit(self, env: "Env") -> None:
        closed = "closed" in env.box
        try:
            made = env.box["manager"].submit()
        except RuntimeError:
            return
        assert not closed, "it takes what is submitted behind a disconnect()"
        assert made.glance() != "pending", "what is submitted was not sent"
        env.box.setdefault("submitted", []).append(made)

    def listed(self, future: ClientFuture) -> int:
        """Those who wait; and futures that a disconnect left behind: who waits for them, waits for
        ever."""
        box = self._box
        left = [each for each in box.get("submitted", ()) if each._state not in SETTLED]
        return super().listed(future) + (len(left) if "closed" in box else 0)

    def state(self, future: ClientFuture) -> str:
        """Its state; something else where it holds a value that nobody may ask for."""
        state = super().state(future)
        condition: Any = future._condition
        if getattr(condition._lock, "_owner", None) is not None:
            return state  # in the middle of a step
        if state == "cancelled" and (future._result, future._exception) != (None, None):
            return f"{state}, with a value"
        return state


def _heard(future: type[ClientFuture]) -> type[ClientFuture]:
    class Heard(future):  # type: ignore[valid-type, misc]
        def on_submit(self) -> bool:
            before = self.violations
            sent: bool = super().on_submit()
            if not sent and self._state != CANCELLED:
                assert self.violations == before + 1, "a second submit was not counted"
            return sent

        def _fetch(self, key: str, failed: bool) -> tuple[Any, BaseException | None]:
            assert key, "it fetches what is no object"
            return super()._fetch(key, failed)  # type: ignore[no-any-return]

        def _tell_waiter(self, waiter: Any) -> None:
            super()._tell_waiter(Ear(waiter, self._how))

        def _how(self) -> str:
            # What is let go at the end is read first: a cancel may come in between.
            failed = self._exception is not None or self._failed
            return how_it_ended(self._state == CANCELLED, failed)

    return Heard


def _asking(manager: type[Manager]) -> type[Manager]:
    class Asking(manager):  # type: ignore[valid-type, misc]
        def _hand_over(self, future: ClientFuture, message: str, key: str) -> None:
            # Neither may wait here. A callback can come to ask this of another future.
            future.cancelled()
            if not future.done():
                with suppress(WouldDeadlockError, CancelledError):
                    future.result()
            before = future.violations
            super()._hand_over(future, message, key)
            if future._state == PENDING and message not in ("reconnected", "gossip"):
                # Whatever else a peer may say of it moves it.
                assert future.violations == before + 1, f"an early {message} was not counted"

    return Asking


def how_it_ended(cancelled: bool, failed: bool) -> str:
    """As an `Ear` knows it."""
    return "cancelled" if cancelled else "exception" if failed else "result"


class Ear:
    """Stands before a waiter of `wait()` or `as_completed()`: it must hear how the future ended,
    for `wait(..., FIRST_EXCEPTION)` goes by that.

    A future that is finished may be cancelled while its waiters are told. Then they may hear of
    either; and of a result, where the exception is let go between two looks: `concurrent.futures`
    does the same for that and for a cancel.

    Args:
        waiter: who is told in the end.
        how: how it has ended by now: "cancelled", "exception", or "result".
    """

    def __init__(self, waiter: Any, how: Callable[[], str]) -> None:
        self._waiter = waiter
        self._how = how
        self._right = how()

    def add_cancelled(self, future: Any) -> None:
        """It was cancelled."""
        self._is("cancelled")
        self._waiter.add_cancelled(future)

    def add_exception(self, future: Any) -> None:
        """It raised."""
        self._is("exception")
        self._waiter.add_exception(future)

    def add_result(self, future: Any) -> None:
        """It returned."""
        self._is("result")
        self._waiter.add_result(future)

    def _is(self, said: str) -> None:
        # Looked at behind what was said: what came in between is in it.
        overtaken = said != "exception" and self._right != self._how() == "cancelled"
        if said != self._right and not overtaken:
            raise AssertionError(f"a waiter is told of a {said}, and it was a {self._right}")
