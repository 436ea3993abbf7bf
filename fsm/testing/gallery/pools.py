"""Small pools and queues that settle plain `concurrent.futures` futures, right and wrong: the parts
of the public reports in `reports.py`. Our own code; each is what the report describes, no more."""

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from typing import Any

from futurefsm.fsm.errors import WorkerDiedError
from futurefsm.fsm.testing.gallery.manager import Manager
from futurefsm.fsm.testing.gallery.reference import ClientFuture

CANCELLED = ("CANCELLED", "CANCELLED_AND_NOTIFIED")


class PoolFuture(Future[Any]):
    """A pool's future that can be cancelled while it runs: the pool kills the worker."""

    def cancel(self) -> bool:
        """False only where it is finished."""
        with self._condition:
            if self._state == "FINISHED":
                return False
            if self._state in CANCELLED:
                return True
            self._state = "CANCELLED_AND_NOTIFIED"
            for waiter in self._waiters:
                waiter.add_cancelled(self)
            self._condition.notify_all()
        self._invoke_callbacks()  # type: ignore[attr-defined]
        return True

    def set_running_or_notify_cancel(self) -> bool:
        """False where it is not pending any more."""
        with self._condition:
            return self._state == "PENDING" and super().set_running_or_notify_cancel()


class RetriedFuture(PoolFuture):
    """A pool's future whose failed attempts are tried again, but not once it was cancelled."""

    def try_again(self) -> None:
        """An attempt has failed: the next one is pending."""
        with self._condition:
            if self._state == "RUNNING":
                self._state = "PENDING"


class RetriedAfterCancel(RetriedFuture):
    """Whether to stop is looked up first: a `cancel()` behind the look does not stop it."""

    def try_again(self) -> None:
        if self.running():
            with self._condition:
                self._state = "PENDING"


def settle(future: Future[Any], event: str, value: Any) -> None:
    """Settle it as the event says.

    Raises:
        InvalidStateError: it is settled.
    """
    if event == "result_success":
        future.set_result(value)
    elif event == "result_worker_died":
        future.set_exception(WorkerDiedError("the worker died"))
    else:
        future.set_exception(value)


def settle_if_it_can_be(future: Future[Any], event: str, value: Any) -> None:
    """As `settle`; what is settled stays as it is. Only the attempt itself tells."""
    with suppress(InvalidStateError):
        settle(future, event, value)


def settle_unless_cancelled(future: Future[Any], event: str, value: Any) -> None:
    """Looks first: a `cancel()` that comes behind the look is an error in the pool's thread."""
    if not future.cancelled():
        settle(future, event, value)


def settle_unless_done(future: Future[Any], event: str, value: Any) -> None:
    """Looks first, for all that can be: a `cancel()` that comes behind the look is an error."""
    if not future.done():
        settle(future, event, value)


def settle_results_twice(future: Future[Any], event: str, value: Any) -> None:
    """Takes care of late results; the loss of a worker is told to every future that it had."""
    if event == "result_worker_died":
        settle(future, event, value)
    else:
        settle_if_it_can_be(future, event, value)


class Mailbox:
    """Getters are futures; an item goes to the first who still waits for one."""

    def __init__(self) -> None:
        self.items: deque[Any] = deque()
        self._getters: deque[Future[Any]] = deque()

    def get(self) -> Future[Any]:
        """The next item, when there is one."""
        future: Future[Any] = Future()
        self._getters.append(future)
        return future

    def put(self, event: str, item: Any) -> None:
        """Give an item to who waits; else keep it."""
        while self._getters:
            future = self._getters.popleft()
            try:
                settle(future, event, item)
            except InvalidStateError:
                continue
            return
        self.items.append(item)


class HastyMailbox(Mailbox):
    """Looks whether a getter was cancelled, and then gives: in between it can be."""

    def put(self, event: str, item: Any) -> None:
        while self._getters:
            future = self._getters.popleft()
            if not future.cancelled():
                settle(future, event, item)
                return
        self.items.append(item)


class Keyed:
    """Finds the future of a result by its task's key and generation."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._futures: dict[Any, Future[Any]] = {}
        self._generations = 0

    def submit(self, key: str) -> tuple[int, Future[Any]]:
        """A new future; one of the same key is forgotten. Returns its generation, too."""
        future: Future[Any] = Future()
        with self._lock:
            self._generations += 1
            self._futures[self._name(key, self._generations)] = future
            return self._generations, future

    def on_result(self, key: str, generation: int, event: str, value: Any) -> None:
        """A worker has ended a task."""
        with self._lock:
            future = self._futures.get(self._name(key, generation))
        if future is not None:
            settle_if_it_can_be(future, event, value)

    def _name(self, key: str, generation: int) -> Any:
        return key, generation


class KeyedByKeyOnly(Keyed):
    """A late result of an old task is taken for that of the new one of the same key."""

    def _name(self, key: str, generation: int) -> Any:
        return key


class Executor:
    """Knows what is pending, so that its shutdown can wait for it."""

    def __init__(self) -> None:
        self._condition = threading.Condition()
        self._pending: set[Future[Any]] = set()

    def submit(self) -> Future[Any]:
        """A pending future."""
        future: Future[Any] = Future()
        with self._condition:
            self._pending.add(future)
        self._watch(future)
        return future

    def end(self, future: Future[Any], event: str, value: Any) -> None:
        """The worker is done with it."""
        settle(future, event, value)

    def shutdown(self) -> None:
        """Wait until nothing is pending."""
        with self._condition:
            while self._pending:
                self._condition.wait()

    def _watch(self, future: Future[Any]) -> None:
        """Whatever ends it, it is pending no longer."""
        future.add_done_callback(self._done)

    def _done(self, future: Future[Any]) -> None:
        with self._condition:
            self._pending.discard(future)
            self._condition.notify_all()


class ExecutorThatCountsResults(Executor):
    """What was cancelled before it ran stays pending: nobody wakes the shutdown."""

    def _watch(self, future: Future[Any]) -> None:
        return

    def end(self, future: Future[Any], event: str, value: Any) -> None:
        super().end(future, event, value)
        self._done(future)


class ExecutorThatWaitsUnderItsLock(Executor):
    """Its shutdown waits for its worker while it holds the lock that the worker wants."""

    def __init__(self) -> None:
        super().__init__()
        self._shutdown = threading.Lock()

    def end(self, future: Future[Any], event: str, value: Any) -> None:
        with self._shutdown:
            super().end(future, event, value)

    def shutdown(self) -> None:
        with self._shutdown:
            super().shutdown()


class Dispatcher:
    """Counts, under a lock of its own, the futures that it watches and those that are done."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.watched = 0
        self.done = 0

    def watch(self, future: Future[Any], fn: Callable[[Future[Any]], object]) -> None:
        """Call `fn` when it is done."""
        with self._lock:
            self.watched += 1
        self._add(future, fn)

    def _add(self, future: Future[Any], fn: Callable[[Future[Any]], object]) -> None:
        def done(each: Future[Any]) -> None:
            with self._lock:
                self.done += 1
            fn(each)

        future.add_done_callback(done)


class DispatcherThatHoldsItsLock(Dispatcher):
    """Adds the callback while it holds its lock, which that of a done future wants at once."""

    def watch(self, future: Future[Any], fn: Callable[[Future[Any]], object]) -> None:
        with self._lock:
            self.watched += 1
            self._add(future, fn)


class SendsUnderTheManagersLock(Manager):
    """Writes the task into the pipe while it holds the lock that its other threads need."""

    def submit(self) -> ClientFuture:
        future = self.create()
        with self._lock:
            future.on_submit()
        return future
