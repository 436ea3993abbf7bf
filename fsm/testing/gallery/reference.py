"""A correct client future, as one would write it by hand: a condition, flags, and care.

It obeys the CONFIRMED lifecycle without using its table, so that each bug of the gallery is a small
edit of code that looks like what people write. The rule that keeps it correct: decide under the
lock, act after it. Whatever is foreign (waiters, callbacks, the wire) is touched under no lock, and
nothing is concluded from how a wait returned: the state is read again.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, NamedTuple, Protocol

from futurefsm.fsm import errors, outcomes
from futurefsm.fsm.outcomes import Outcome
from futurefsm.fsm.settled import ASKS_IN_STEPS, Settled

# The states of `concurrent.futures`, which its own functions (wait, as_completed) look at.
PENDING = "PENDING"
RUNNING = "RUNNING"
CANCELLED = "CANCELLED_AND_NOTIFIED"
FINISHED = "FINISHED"
SETTLED = (CANCELLED, FINISHED)

TASK = "Task"
TASK_CANCEL = "TaskCancel"

Callback = Callable[["Future[Any]"], object]
_CONFIRMS = {
    "canceled": outcomes.CONFIRMED_OUTCOME,
    "not_found": outcomes.NOT_FOUND,
}

logger = logging.getLogger("futurefsm.fsm.testing.gallery")


class Wire(Protocol):
    """What leads to the scheduler and to the object store."""

    def send(self, message: str, task: str) -> None:
        """Send a message about a task. May wait: the pipe can be full."""

    def fetch(self, key: str) -> Any:
        """Get a result object. Raises where it cannot be had."""

    def delete(self, key: str) -> None:
        """Tell the store that nobody will ask for an object any more."""


class Told(NamedTuple):
    """Who has to hear of a settling."""

    waiters: list[Any]
    callbacks: list[Callback]


class ClientFuture(Future[Any]):
    """A future whose cancel waits for the scheduler.

    Args:
        wire: where its messages go.
        task: the task's id.
        delayed: the result object is fetched when somebody asks, not when it arrives.
        waits: says whether the current thread may wait; None: every thread but a loop's may.
    """

    _done_callbacks: list[Callback]

    def __init__(
        self,
        wire: Wire,
        task: str,
        *,
        delayed: bool = False,
        waits: Callable[[], bool] | None = None,
    ) -> None:
        super().__init__()
        self.task = task
        self.cancel_outcome: Outcome | None = None
        self.violations = 0
        self._wire = wire
        self._delayed = delayed
        self._waits = waits
        # The task was handed to the wire; a cancel was asked for; until when the latest may wait.
        self._sent = False
        self._asked = False
        self._deadline: float | None = 0.0
        # The result object of a delayed future; whether it is an error; how many fetch it just now,
        # and which it is, or was: who fetches an object deletes it.
        self._key: str | None = None
        self._failed = False
        self._loads = 0
        self._fetched: str | None = None

    # What users call.

    def cancel(self, timeout: float | None = 30.0) -> bool:
        """Ask for its end and wait for the answer, at most `timeout` seconds. Always True."""
        self._ask(timeout)
        if self._may_wait():
            self._wait_settled(timeout)
        return True

    def cancelled(self) -> bool:
        """True once its end is decided so; waits within the deadline of the latest cancel."""
        with self._condition:
            if self._state in SETTLED or not self._asked:
                return self._state == CANCELLED
            left = left_of(self._deadline)
        if self._may_wait():
            self._wait_settled(left)
        # Nothing else can come of a request.
        return True

    def result(self, timeout: float | None = None) -> Any:
        """The task's value. Raises what the task raised, CancelledError, TimeoutError."""
        self._wait_or_raise(timeout)
        self._load()
        error, value = self._ended()
        if error is not None:
            raise error
        return value

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the task raised, or None. Waits and raises as `result`."""
        self._wait_or_raise(timeout)
        self._load()
        return self._ended()[0]

    def add_done_callback(self, fn: Callback) -> None:
        """Call `fn(self)` once it is settled, at once where it is. Its exceptions are logged."""
        with self._condition:
            if self._state not in SETTLED:
                self._done_callbacks.append(fn)
                return
        self._call(fn)

    @property
    def state(self) -> str:
        """The state, by its name in the lifecycle."""
        with self._condition:
            return self.glance()

    def glance(self) -> str:
        """The state, as it stands: for one who knows that nobody moves it just now."""
        if self._state == RUNNING:
            return "cancel_requested" if self._asked else "running"
        return {PENDING: "pending", FINISHED: "finished"}.get(self._state, "cancelled")

    # What the manager calls.

    def on_submit(self) -> bool:
        """Hand the task to the wire; False where it is not pending (any more)."""
        with self._condition:
            if self._state != PENDING:
                self.violations += self._state != CANCELLED
                return False
            self._state = RUNNING
        self._wire.send(TASK, self.task)
        with self._condition:
            self._sent = True
            owed = self._asked
        if owed:
            # Asked for meanwhile: a TaskCancel must not overtake its Task. Owed also where the
            # future is settled by now: the task has left, and nobody wants it.
            self._wire.send(TASK_CANCEL, self.task)
        return True

    def on_confirm(self, kind: str) -> None:
        """A TaskCancelConfirm came: "canceled", "not_found" or "failed"."""
        told = None
        with self._condition:
            if self._state == PENDING:
                self.violations += 1
            elif self._state == RUNNING and kind == "failed":
                if self._asked:
                    self._learn(outcomes.REFUSED)
            elif self._state == RUNNING:
                fact = _CONFIRMS[kind] if self._asked else outcomes.BY_SCHEDULER
                told = self._settle(CANCELLED, fact)
        self._tell(told)

    def on_result(self, key: str, *, failed: bool = False) -> None:
        """A TaskResult came: `key` names the object that holds the value, or the error."""
        value = error = None
        if not self._delayed and not self.done():
            value, error = self._fetch(key, failed)
        told, drop = None, None
        with self._condition:
            if self._state == PENDING:
                self.violations += 1
            elif self._state == RUNNING and self._asked:
                told, drop = self._settle(CANCELLED, outcomes.TOO_LATE), key
            elif self._state == RUNNING:
                if self._delayed:
                    self._key, self._failed = key, failed
                else:
                    self._result, self._exception, drop = value, error, key
                told = self._settle(FINISHED)
            elif self._state == CANCELLED:
                self._learn(outcomes.TOO_LATE)
                # A duplicate names what was fetched, or is just now: whoever fetches deletes that.
                drop = None if key == self._fetched else key
        self._tell(told)
        self._delete(drop)

    def on_worker_died(self) -> None:
        """The worker ended without an answer."""
        self._fail(errors.WorkerDiedError(f"task {self.task}: its worker died"), _WORKER_DIED)

    def on_connection_lost(self) -> None:
        """The scheduler is gone for good."""
        lost = errors.ConnectionLostError(f"task {self.task}: the connection was lost")
        self._fail(lost, outcomes.CONNECTION_LOST_OUTCOME, sent=False)

    def on_disconnect(self) -> None:
        """The client is closed: what is not settled is cancelled."""
        told = None
        with self._condition:
            if self._state not in SETTLED:
                never = self._state == PENDING
                fact = outcomes.NEVER_SENT if never else outcomes.DISCONNECTED
                told = self._settle(CANCELLED, fact)
        self._tell(told)

    def on_reconnected(self) -> None:
        """The link is back: the answer to a cancel may have been lost with the old one."""
        with self._condition:
            again = self._state == RUNNING and self._asked and self._sent
        if again:
            self._wire.send(TASK_CANCEL, self.task)

    # Moving: under the lock.

    def _settle(self, state: str, fact: Outcome | None = None) -> Told:
        """Settle it, wake those who sleep; returns who has to be told, after the lock."""
        self._state = state
        if fact is not None:
            self._learn(fact)
        self._condition.notify_all()
        told = Told(self._waiters.copy(), self._done_callbacks.copy())
        self._done_callbacks.clear()
        return told

    def _learn(self, fact: Outcome) -> None:
        """Another fact about the cancel."""
        self.cancel_outcome = outcomes.refine(self.cancel_outcome, fact)

    def _discard(self) -> str | None:
        """Drop the value; returns the object to delete, unless who fetches it will."""
        key, self._key = self._key, None
        self._result = self._exception = None
        return None if self._loads else key

    # Acting: under no lock.

    def _ask(self, timeout: float | None, *, also_finished: bool = True) -> None:
        """Ask for its end. `also_finished`: its user does not want the value either."""
        told, send, drop = None, False, None
        with self._condition:
            if self._state == PENDING:
                told = self._settle(CANCELLED, outcomes.NEVER_SENT)
            elif self._state == RUNNING:
                self._deadline = deadline_of(timeout)
                if not self._asked:
                    self._asked, send = True, self._sent
                    self._learn(outcomes.UNANSWERED)
            elif self._state == FINISHED and also_finished:
                self._state = CANCELLED
                self._learn(outcomes.AFTER_FINISH)
                drop = self._discard()
        self._tell(told)
        if send:
            self._wire.send(TASK_CANCEL, self.task)
        self._delete(drop)

    def _fail(self, error: Exception, fact: Outcome, *, sent: bool = True) -> None:
        """End it with an error of ours; `sent`: only a task that was sent can end so."""
        told = None
        with self._condition:
            if self._state == PENDING and sent:
                self.violations += 1
            elif self._state == RUNNING and self._asked:
                told = self._settle(CANCELLED, fact)
            elif self._state in (PENDING, RUNNING):
                self._exception = error
                told = self._settle(FINISHED)
        self._tell(told)

    def _tell(self, told: Told | None) -> None:
        """Tell `wait()`, `as_completed()` and the callbacks."""
        if told is None:
            return
        for waiter in told.waiters:
            self._tell_waiter(waiter)
        for fn in told.callbacks:
            self._call(fn)

    def _tell_waiter(self, waiter: Any) -> None:
        if self._state == CANCELLED:
            waiter.add_cancelled(self)
        elif self._exception is not None or self._failed:
            waiter.add_exception(self)
        else:
            waiter.add_result(self)

    def _call(self, fn: Callback) -> None:
        given: Any = self
        if getattr(fn, "__module__", None) == ASKS_IN_STEPS:
            # asyncio asks three times, and its user may cancel it in between.
            self._load()
            given = Settled(self)
        try:
            fn(given)
        except Exception:
            logger.exception("exception calling callback for task %s", self.task)

    def _fetch(self, key: str, failed: bool) -> tuple[Any, BaseException | None]:
        """The value and the error that an object holds. A loss is an error too."""
        try:
            thing = self._wire.fetch(key)
        except Exception as error:
            lost = errors.ResultLostError(f"task {self.task}: its result is lost: {error}")
            return None, lost
        return (None, thing) if failed else (thing, None)

    def _load(self) -> None:
        """Fetch the result of a delayed future. Nobody waits for another's fetch."""
        with self._condition:
            key = self._key
            if key is None:
                return
            self._loads += 1
            self._fetched = key
        value, error = self._fetch(key, self._failed)
        with self._condition:
            self._loads -= 1
            if self._key is not None:
                self._result, self._exception, self._key = value, error, None
            last = not self._loads
        if last:
            self._delete(key)

    def _delete(self, key: str | None) -> None:
        if key is not None:
            self._wire.delete(key)

    # Waiting.

    def _may_wait(self) -> bool:
        """Not on a loop's thread, nor on that which delivers the answers."""
        # asyncio's own way to ask without an exception.
        if asyncio._get_running_loop() is not None:
            return False
        return self._waits is None or self._waits()

    def _wait_or_raise(self, timeout: float | None) -> None:
        if self._waits is not None and not self._waits() and not self.done():
            raise errors.WouldDeadlockError(f"task {self.task}: asked on the delivering thread")
        if not self._wait_settled(timeout):
            raise TimeoutError(f"task {self.task} is {self.state} after {timeout} s")

    def _wait_settled(self, timeout: float | None) -> bool:
        """Wait until it is settled; False where the time ran out first."""
        deadline = deadline_of(timeout)
        with self._condition:
            while self._state not in SETTLED:
                left = left_of(deadline)
                if left is not None and left <= 0:
                    return False
                self._condition.wait(left)
            return True

    def _ended(self) -> tuple[BaseException | None, Any]:
        """The error and the value, of one moment."""
        with self._condition:
            if self._state == CANCELLED:
                error = errors.CancelledError(f"task {self.task}: {self.cancel_outcome}")
                error.outcome = self.cancel_outcome
                raise error
            return self._exception, self._result


_WORKER_DIED = outcomes.WORKER_DIED_OUTCOME


def deadline_of(timeout: float | None) -> float | None:
    return None if timeout is None else time.monotonic() + timeout


def left_of(deadline: float | None) -> float | None:
    return None if deadline is None else max(0.0, deadline - time.monotonic())
