"""Futures that wait too long, in the wrong place, or for the wrong thing. Each differs from the
correct one in what its docstring says, and in nothing else."""

import threading
from typing import Any

from futurefsm.fsm import outcomes
from futurefsm.fsm.outcomes import Outcome
from futurefsm.fsm.testing.gallery.reference import (
    CANCELLED,
    RUNNING,
    SETTLED,
    TASK_CANCEL,
    ClientFuture,
    Told,
    deadline_of,
)


class _HasEvent(ClientFuture):
    """Has an event of its own that is set when it settles."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._answered = threading.Event()

    def _settle(self, state: str, fact: Outcome | None = None) -> Told:
        told = super()._settle(state, fact)
        self._answered.set()
        return told


class WaitsTwice(_HasEvent):
    """2. The time-out is spent on an event; then follows a wait without one."""

    def _wait_settled(self, timeout: float | None) -> bool:
        if not self.done():
            self._answered.wait(timeout)
        return super()._wait_settled(None)


class SkipsFetch(ClientFuture):
    """3. Waking up and fetching are two steps, and who was not woken does not fetch: where the
    timer fires just before the result, `result()` is None."""

    def result(self, timeout: float | None = None) -> Any:
        with self._condition:
            woken = self._state in SETTLED or self._condition.wait(timeout)
        if woken:
            self._load()
        elif not self.done():
            raise TimeoutError
        error, value = self._ended()
        if error is not None:
            raise error
        return value


class SleepsBesideTheValue(_HasEvent):
    """3, the other way: who was not woken waits for the value, which only who was woken fetches."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._loaded = threading.Event()

    def result(self, timeout: float | None = None) -> Any:
        if self.done() or self._answered.wait(timeout):
            self._load()
            self._loaded.set()
        elif not self.done():
            raise TimeoutError
        else:
            self._loaded.wait()
        return super().result(timeout)


class WaitsUnderItsLock(_HasEvent):
    """8. A second `cancel()` waits for the answer inside the lock that the answer needs."""

    def cancel(self, timeout: float | None = 30.0) -> bool:
        with self._condition:
            if self._asked and self._state not in SETTLED:
                self._answered.wait()
                return True
        return super().cancel(timeout)


class AsksTwice(ClientFuture):
    """8, the other way: whether a cancel was sent is looked up before the lock is taken."""

    def cancel(self, timeout: float | None = 30.0) -> bool:
        asked, running = self._asked, self._state == RUNNING
        if not running or asked or not self._sent:
            return super().cancel(timeout)
        with self._condition:
            self._asked, self._deadline = True, deadline_of(timeout)
            self._learn(outcomes.UNANSWERED)
        self._wire.send(TASK_CANCEL, self.task)
        self._wait_settled(timeout)
        return True


class AsksWhileItDelivers(ClientFuture):
    """9. The delivering thread asks `cancelled()`, which waits for what only this thread brings."""

    def _may_wait(self) -> bool:
        return True

    def on_worker_died(self) -> None:
        if not self.cancelled():
            super().on_worker_died()


class ChecksThenActs(ClientFuture):
    """10. The test for a cancel and the request are two steps: a result slips in between, and
    `cancel()` says True of a future that stays finished."""

    def cancel(self, timeout: float | None = 30.0) -> bool:
        if self.state != "running":
            return super().cancel(timeout)
        with self._condition:
            send = self._sent and not self._asked
            self._asked, self._deadline = True, deadline_of(timeout)
            self._learn(outcomes.UNANSWERED)
        if send:
            self._wire.send(TASK_CANCEL, self.task)
        self._wait_settled(timeout)
        return True


class SaysTrueTooSoon(ClientFuture):
    """14. `cancel()` says True before anybody confirmed, and a result is taken all the same."""

    def on_result(self, key: str, *, failed: bool = False) -> None:
        with self._condition:
            if self._state == RUNNING:
                self._asked = False
        super().on_result(key, failed=failed)


class TrustsTheWait(ClientFuture):
    """18. What the wait returned is believed, and the state is not read again: a `TimeoutError`
    though it settled in time."""

    def _wait_settled(self, timeout: float | None) -> bool:
        with self._condition:
            return self._state in SETTLED or self._condition.wait(timeout)


class TrustsTheEvent(_HasEvent):
    """18, the other way: it waits on an event, under no lock, and believes it."""

    def _wait_settled(self, timeout: float | None) -> bool:
        return self._answered.is_set() or self._answered.wait(timeout)


class QueryWaits(_HasEvent):
    """19. `cancelled()`, a query, waits for the answer without a bound."""

    def cancelled(self) -> bool:
        if self._asked and self._may_wait():
            self._answered.wait()
            return self._state == CANCELLED
        return super().cancelled()


class BlocksTheLoop(ClientFuture):
    """20. `cancel()` waits on a loop's thread, where `asyncio.wrap_future` calls it."""

    def _may_wait(self) -> bool:
        return self._waits is None or self._waits()


class ForgetsRefusal(ClientFuture):
    """21. After a refusal a new `cancel()` sends nothing, rightly, but forgets the refusal."""

    def _ask(self, timeout: float | None, *, also_finished: bool = True) -> None:
        with self._condition:
            if self.cancel_outcome == outcomes.REFUSED:
                self.cancel_outcome = outcomes.UNANSWERED
        super()._ask(timeout, also_finished=also_finished)
