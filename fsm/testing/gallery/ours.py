"""How the kit makes, feeds and calls `futurefsm.fsm.Future`, under any lifecycle."""

from collections import Counter
from collections.abc import Mapping
from concurrent.futures import CancelledError
from contextlib import suppress
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from futurefsm.fsm import effects as fx
from futurefsm.fsm.errors import ConnectionLostError, WorkerDiedError, WouldDeadlockError
from futurefsm.fsm.events import (
    CANCEL_TIMED_OUT,
    CONFIRM_CANCELED,
    CONNECTION_LOST,
    DISCONNECT,
    RECONNECTED,
    RESULT_FAILED,
    RESULT_SUCCESS,
    RESULT_WORKER_DIED,
    SUBMIT,
)
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.story import CALLER, CLIENT, MOVES_MAX, WIRE
from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.env import TaskError
from futurefsm.fsm.testing.gallery.clients import Ear, how_it_ended
from futurefsm.fsm.testing.harness import DEFAULT_CALLS, Harness
from futurefsm.fsm.testing.programs import Call
from futurefsm.fsm.testing.shipped import WiredFuture, listed_by
from futurefsm.fsm.threads import delivering, must_not_wait

if TYPE_CHECKING:
    from futurefsm.fsm.testing.env import Env

_SAID = {fx.SEND_TASK: "Task", fx.SEND_CANCEL: "TaskCancel"}


class FsmFutures(Harness):
    """Our own future.

    Args:
        lifecycle: the table that its answers are held against.
        future: the class.
        table: the lifecycle that it is given, if not the same.
        stored: its values lie in an object store.
        worn: it has moved more often than its story keeps; the table must lead back from running to
            pending by "reconnected".
    """

    source = WIRE
    deliverable = None
    messages = True
    outcomes = True
    callbacks = (*Harness.callbacks, "exits", "cancels next")

    def __init__(
        self,
        lifecycle: Lifecycle = CONFIRMED,
        future: type[Future[Any]] = Future,
        table: Lifecycle | None = None,
        *,
        stored: bool = False,
        worn: bool = False,
    ) -> None:
        self.lifecycle = lifecycle
        self._table = table or lifecycle
        self.objects = stored
        self.worn = worn
        self._made: type[Future[Any]] = _wired(future, stored=stored)
        waits = any(state.cancel_decided for state in lifecycle.states if not state.settled)
        self.cancel_waits = self.cancelled_waits = waits
        self.calls = (*DEFAULT_CALLS, "disconnect", "watch")
        if waits:
            self.timed = (*Harness.timed, "cancel")
            self.asking = ("cancel",)
        self.events: Mapping[str, tuple[str, ...]] = Harness.events

    @property
    def name(self) -> str:
        """The lifecycle's name, too."""
        return f"Future, {self._table.name}{', stored' if self.objects else ''}"

    def make(self, env: "Env") -> Any:
        future: Any = self._made(self._table)
        future._env, future._key, future._discarded = env, "", False
        future._quiet = False
        future._stayed, future._violations, future._moved = Counter(), 0, 0
        # Task → whether it said that the wait of a cancel ran out.
        future._told_by = {}
        if self.worn:
            _wear(future)
        return future

    def deliver(self, env: "Env", future: Any, event: str, value: Any) -> Any:
        if self.objects and event in (RESULT_SUCCESS, RESULT_FAILED):
            value = env.stock[value]
        elif self.objects and event in (CONNECTION_LOST, RESULT_WORKER_DIED):
            # It may bring the very exception.
            value = ConnectionResetError("the wire says so")
        elif event == RESULT_SUCCESS:
            value = _Value(value)
            value.env = env
        if env.arena.current is not None:
            _ask_on_the_pump(future)
        if event == CONFIRM_CANCELED:
            future.set_cancel_confirmed()
            return None
        if event == SUBMIT:
            # What comes with an event that offers nothing is nobody's value.
            value = TaskError("not a value")
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
        if call.name == "watch":
            # What counts who waits need not hold the lock; and whom it wakes in vain sleeps again.
            future._waiters, future._done_callbacks  # noqa: B018
            with future._condition:
                future._condition.notify_all()
            return None
        answer = super().call(env, future, call)
        return str(answer) if isinstance(answer, _Value) else answer

    def state(self, future: Any) -> str:
        """Its state; something else where its story says otherwise, or where it holds a value
        that nobody may ask for."""
        state = future.state
        if getattr(future._lock, "_owner", None) is not None:
            return str(state)  # in the middle of a step
        told = future._told(future._raw())
        states = [*([] if told.forgotten else [told.start]), *(move.state for move in told)]
        again = any(one == other for one, other in pairwise(states))
        timeless = any(move.time == 0 for move in told)
        if states[-1] != state or again or timeless:
            return f"{state}, with another story"
        if self.objects and isinstance(future._exception, ConnectionLostError | WorkerDiedError):
            return f"{state}, with another error than it was given"
        if future._env.box.get(_UNDER_A_LOCK):
            return f"{state}, with a value let go under a lock"
        if state.is_cancelled and (future._result, future._exception) != (None, None):
            return f"{state}, with a value"
        return str(state)

    def listed(self, future: Any) -> int:
        # Also who asks the future itself must be told so.
        return listed_by(future) or len(future._waiters)

    def outcome(self, future: Any) -> str | None:
        """What became of a cancel; something else where what moved nothing was not told."""
        story = future.story
        if story.stays != +future._stayed or future._violations:
            return "miscounted"
        if len(story) + story.forgotten != future._moved:
            return "miscounted"
        return super().outcome(future)


_UNDER_A_LOCK = "a value was let go under a lock"


class _Value(str):
    """A value that sees where it is let go: what it does then is its owner's, and no lock's."""

    env: "Env"

    def __del__(self) -> None:
        arena = self.env.arena
        if arena.current is not None and arena.held():
            self.env.box[_UNDER_A_LOCK] = True


def _leaving(fn: Any, left: list[SystemExit]) -> Any:
    """The same callback; it also says with what it left."""

    def called(future: Any) -> None:
        try:
            fn(future)
        except SystemExit as error:
            left.append(error)
            raise

    return called


def _hears_who_leaves(call_back: Any, callbacks: Any) -> None:
    """Run callbacks; of those that leave with SystemExit the first must come out at the end. What
    whoever fired does with it is his business."""
    left: list[SystemExit] = []
    heard: SystemExit | None = None
    try:
        call_back([_leaving(fn, left) for fn in callbacks])
    except SystemExit as error:
        heard = error
    assert heard is (left[0] if left else None), "a callback has left, and it was not said"


# Who fires may call his wire as he likes.
_OWN_SOURCE = "the old wire"


def _wear(future: Any) -> None:
    """Send it and lose it, more often than its story keeps; nothing of that is said."""
    future._quiet = True
    for _ in range(MOVES_MAX // 2 + 2):
        future.fire(SUBMIT, None, _OWN_SOURCE)
        future.fire(RECONNECTED, None, _OWN_SOURCE)
    future._quiet = False


def _ask_on_the_pump(future: Any) -> None:
    """What would wait there must not. Answers are no matter: errors of the task, too."""
    future.cancelled()
    with suppress(Exception, CancelledError):
        future.result()


class FedByCaller(Harness):
    """Our own future, fed by an executor of the same process, which the table may refuse.

    Args: those of `FsmFutures`.
    """

    source = CALLER
    deliverable = None
    refuses = (WouldDeadlockError,)

    def __init__(
        self,
        lifecycle: Lifecycle,
        future: type[Future[Any]] = Future,
        table: Lifecycle | None = None,
    ) -> None:
        self.lifecycle = lifecycle
        self._table = table or lifecycle
        self._made = _looked(future)

    def make(self, env: "Env") -> Any:
        return self._made(self._table)

    def state(self, future: Any) -> str:
        return str(future.state)


def _looked(future: type[Future[Any]]) -> type[Future[Any]]:
    class Looked(future):  # type: ignore[valid-type, misc]
        def __repr__(self) -> str:
            assert not self._lock._is_owned(), "shown under its lock"
            return str(super().__repr__())

    return Looked


def _counting(future: type[Future[Any]]) -> type[Future[Any]]:
    """A subclass that counts its steps, and looks at what its cancel says of its time."""

    class Counting(future):  # type: ignore[valid-type, misc]
        _env: "Env"
        _stayed: Counter[str]
        _told_by: dict[int | None, bool]
        _violations: int
        _moved: int

        def cancel(self, *args: Any, **options: Any) -> bool:
            before = self._stayed[CANCEL_TIMED_OUT]
            self._told_by[self._env.arena.current] = False
            answer: bool = super().cancel(*args, **options)
            if options.get("timeout") == 0:
                assert not self._told_by[self._env.arena.current], "a time-out, and nobody waited"
            elif self._node.cancel_decided and not self.done() and must_not_wait() is None:
                # Nobody answered: its own time ran out, or that of another.
                told = CANCEL_TIMED_OUT not in self._node.on
                assert told or self._stayed[CANCEL_TIMED_OUT] > before, "no time-out was told"
            return answer

        def fire(self, event: str, value: Any = None, source: str = WIRE) -> Any:
            step = super().fire(event, value, source)
            self._moved += step.moves
            if event == CANCEL_TIMED_OUT:
                self._told_by[self._env.arena.current] = True
            if not step.moves:
                self._stayed[event] += 1
                self._violations += step.violates
            return step

        def violated(self, step: Any, source: str) -> None:
            self._violations -= 1
            super().violated(step, source)

    return Counting


def _wired(future: type[Future[Any]], *, stored: bool) -> type[Future[Any]]:
    """A subclass that does what its lifecycle says: sends, and with a store deletes. Its hooks
    also look at how they are called."""

    class Wired(_counting(future)):  # type: ignore[misc]
        _env: "Env"
        _quiet: bool

        def perform(self, step: Any, value: Any) -> None:
            if self._quiet:
                return
            if stored:
                WiredFuture.perform(self, step, value)
                return
            for effect in step.effects:
                if effect in _SAID:
                    self._env.send(_SAID[effect], self)

        def describe(self) -> str:
            assert not self._lock._is_owned(), "described under its lock"
            return "a future under test"

        def _tell(self, waiters: Any) -> None:
            for waiter in waiters:
                super()._tell([Ear(waiter, self._how)])

        def _call_back(self, callbacks: Any) -> None:
            _hears_who_leaves(super()._call_back, callbacks)

        def _how(self) -> str:
            # What is let go at the end is read first: a cancel may come in between.
            failed = self._exception is not None
            return how_it_ended(self._node.state.is_cancelled, failed)

    return Wired
