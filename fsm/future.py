"""Future: a `concurrent.futures.Future` whose every move is a row of its lifecycle.

`core.py` moves it; here is what users and executors ask of it.
"""

import concurrent.futures
from collections.abc import Callable, Generator
from queue import SimpleQueue
from time import monotonic
from typing import Any, ClassVar, TypeVar

from futurefsm.fsm import errors, leftover, threads
from futurefsm.fsm.compiled import Node
from futurefsm.fsm.core import Core
from futurefsm.fsm.events import (
    CANCEL,
    CANCEL_TIMED_OUT,
    CONFIRM_CANCELED,
    RESULT_FAILED,
    RESULT_SUCCESS,
    SUBMIT,
)
from futurefsm.fsm.states import CANCELLED_VIEW, RUNNING_VIEW
from futurefsm.fsm.story import CALLER, CLIENT, FIELDS, WIRE

T = TypeVar("T")

leftover.takes_locks(__file__)

_UNSET: Any = object()
_INTERRUPTED = "is inside a step of this future (it asks from a signal handler or a finalizer)"


class Future(Core[T]):
    """A thread-safe, awaitable future that obeys a lifecycle.

    Args:
        lifecycle: the table to obey; by default the class's `default_lifecycle`.

    An author embeds it by firing events (`fire`, or the methods of `concurrent.futures`) and by
    overriding `perform`, which is told the effects that concern the wire.
    """

    __slots__ = ()

    # Seconds that cancel() waits when it is not told; None: without bound.
    cancel_timeout: ClassVar[float | None] = 30.0

    def running(self) -> bool:
        """True while its answer is owed, also while a cancel is."""
        return self._node.view == RUNNING_VIEW

    def __repr__(self) -> str:
        node, raw = self._node, self._raw()
        value = self._repr_value() if node.settled and not node.state.is_cancelled else ""
        if node.lifecycle.standard_repr:
            what = f"state={_shown(node)}{value}"
        elif raw:
            what = f"state={node.state}{value} after {raw[-FIELDS].event}"
        else:
            what = f"state={node.state}"
        return f"<{type(self).__name__} at {id(self):#x} {what}>"

    def _repr_value(self) -> str:
        """What a finished future ended with, for `repr`."""
        error = self._exception
        if error is not None:
            return f" raised {type(error).__name__}"
        return f" returned {type(self._result).__name__}"

    def cancel(self, timeout: float | None = _UNSET) -> bool:
        """Ask for its end, and wait for the answer.

        On a thread that delivers messages, runs callbacks or runs an event loop it asks and
        returns at once.

        Args:
            timeout: seconds to wait for the scheduler's answer; 0 asks only; None waits without
                bound; by default the class's `cancel_timeout`.

        Returns:
            True where the future is, or will be, cancelled; that is never taken back.
            `cancel_outcome` says what is known of the task. False only where the lifecycle says
            so (STRICT).
        """
        seconds = self.cancel_timeout if timeout is _UNSET else timeout
        if not self._node.settled:
            # Before it asks, so that a cancelled() that sees the request sees its deadline too.
            self._made_rare().allow_until(monotonic(), seconds)
        step = self.fire(CANCEL, None, CALLER)
        if step.answer is False:
            return False
        if seconds != 0 and not self._node.settled and self._node.cancel_decided:
            if self._must_not_wait() or self._wait_settled(seconds):
                return True
            if CANCEL_TIMED_OUT in self._node.on:
                self.fire(CANCEL_TIMED_OUT, None, CLIENT)
        return True

    def cancelled(self) -> bool:
        """True once its end is decided so.

        While a cancel is unanswered it waits for the answer, at most until the deadline of the
        latest ``cancel()``, and then says True: nothing else can come of it.
        """
        node = self._node
        if node.settled or not node.cancel_decided:
            return node.state.is_cancelled
        if not self._must_not_wait():
            self._wait_settled(self._made_rare().allowed(monotonic()))
        return True

    def result(self, timeout: float | None = None) -> T:
        """The task's value.

        Args:
            timeout: seconds to wait; None waits without bound.

        Raises:
            CancelledError: it was cancelled; `.outcome` says what is known of the task.
            TimeoutError: the wait ran out.
            WouldDeadlockError: called on the thread whose work would end the wait.
            Exception: what the task raised.
        """
        # Most often it is there: read as `_ended` does.
        node = self._node
        if node.ended:
            value = self._result
            if self._exception is None and self._node is node:
                return value  # type: ignore[no-any-return]
        try:
            return self._awaited_result(timeout)
        finally:
            # This frame is in the traceback of the exception that the future holds: a cycle.
            self = None  # type: ignore[assignment]

    def _awaited_result(self, timeout: float | None) -> T:
        try:
            self._wait_or_raise(timeout)
            return self._outcome_of_task()
        finally:
            self = None  # type: ignore[assignment]

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the task raised, or None. Waits and raises as `result`."""
        self._wait_or_raise(timeout)
        return self._ended()[0]

    def _outcome_of_task(self) -> T:
        error, value = self._ended()
        if error is None:
            return value  # type: ignore[no-any-return]
        try:
            raise error
        finally:
            # Break the cycle of the exception, its traceback and this frame.
            self = error = None  # type: ignore[assignment]

    def _ended(self) -> tuple[BaseException | None, Any]:
        """The error and the value of one moment: its user may cancel a finished future.

        Read without the lock. A step keeps before it moves the node and lets go behind it, so what
        is read between two looks at the same node is that node's own; and no table leads back to a
        settled one.
        """
        while True:
            node, error, value = self._node, self._exception, self._result
            if self._node is node:
                break
        if node.state.is_cancelled:
            raise self._cancelled_error()
        return error, value

    def _cancelled_error(self) -> errors.CancelledError:
        outcome = self.cancel_outcome
        said = f"{outcome}: {outcome.means}" if outcome is not None else "no reason is known"
        error = errors.CancelledError(f"{self.describe()} was cancelled ({said})", self.story)
        error.outcome = outcome
        return error

    def _lock_is_mine(self) -> bool:
        """This thread is inside a step of this very future: a signal handler, or a finalizer.

        A wait would let go of the lock, and the step would go on as if nothing had happened since.
        What Ctrl-C has left with this thread is given back.
        """
        mine = self._lock
        return bool(mine._is_owned()) and not leftover.let_go((mine,))

    def _must_not_wait(self) -> bool:
        return threads.must_not_wait() is not None or self._lock_is_mine()

    def _why_not_wait(self) -> str | None:
        """What this thread does that the answer could never arrive if it waited; else None."""
        return threads.delivery_role() or (_INTERRUPTED if self._lock_is_mine() else None)

    def _wait_or_raise(self, timeout: float | None) -> None:
        if self._node.settled:
            return
        if (role := self._why_not_wait()) is not None:
            raise errors.WouldDeadlockError(
                f"{self.describe()} is {self.state}, and the thread that asks {role}: its answer "
                "could never arrive. Ask from another thread, or add a callback.",
                self.story,
            )
        if not self._wait_for_value(timeout):
            raise errors.FutureTimeoutError(
                f"{self.describe()} is still {self.state} after {timeout} s", self.story
            )

    def _wait_for_value(self, timeout: float | None) -> bool:
        """Wait until it is settled, or longer: until there is a value too. False: not settled."""
        return self._wait_settled(timeout)

    def _wait_settled(self, timeout: float | None) -> bool:
        """Wait until it is settled; False when the time ran out first."""
        return self._wait_until(lambda: self._node.settled, timeout)

    def _wait_until(self, met: Callable[[], bool], timeout: float | None) -> bool:
        if timeout is not None and timeout != timeout:
            raise ValueError("a timeout must be seconds, or None for no bound, not nan")
        deadline = None if timeout is None else monotonic() + timeout
        if met():
            return True
        # Before the lock is taken: nothing is made under it.
        bed: SimpleQueue[None] = SimpleQueue()
        lock = self._lock
        while True:
            with lock:
                if met():
                    return True
                left = None if deadline is None else deadline - monotonic()
                if left is not None and left <= 0:
                    return False
                lock.enlist(bed, met)
            # Nothing is concluded from what it returns: the state is read again, and without the
            # lock, which who wakes may still hold.
            lock.sleep(bed, left)
            if met():
                return True

    def add_done_callback(self, fn: Callable[["concurrent.futures.Future[T]"], object]) -> None:
        """Call `fn(self)` once it is settled; at once where it is.

        Callbacks run in the order added, under no lock, in the thread that settles the future.
        Exceptions are logged.
        """
        if not self._node.settled:
            fresh = self._fresh_rare()
            with self._lock:
                if not self._node.settled:
                    self._put_rare(fresh).callbacks.append(fn)
                    return
        self._call_back([fn])

    # What executors call.

    def set_running_or_notify_cancel(self) -> bool:
        """The executor starts the task now: True; False where it was cancelled.

        Raises:
            InvalidStateError: it runs, or ran, already.
        """
        return self.fire(SUBMIT, None, CALLER).answer is not False

    def set_result(self, result: T) -> None:
        """The task returned.

        Raises:
            InvalidStateError: the table forbids it to a caller in this state.
        """
        self.fire(RESULT_SUCCESS, result, CALLER)

    def set_exception(self, exception: BaseException | None) -> None:
        """The task raised. Raises as `set_result`."""
        self.fire(RESULT_FAILED, exception, CALLER)

    def set_cancel_confirmed(self) -> None:
        """The scheduler confirmed the cancel."""
        self.fire(CONFIRM_CANCELED, None, WIRE)

    set_canceled = set_cancel_confirmed

    def __await__(self) -> Generator[Any, None, T]:
        import asyncio  # loaded already: a loop is running

        return asyncio.wrap_future(self).__await__()


def _shown(node: Node) -> str:
    """A state as `concurrent.futures` prints it: whether a cancel was announced is not said."""
    view = CANCELLED_VIEW if node.state.is_cancelled else node.view
    return str(view).lower()
