"""Futures and managers that mistreat messages and objects. Each differs from the correct one in
what its docstring says, and in nothing else."""

from futurefsm.fsm import outcomes
from futurefsm.fsm.testing.gallery.manager import Manager
from futurefsm.fsm.testing.gallery.reference import (
    CANCELLED,
    RUNNING,
    SETTLED,
    TASK_CANCEL,
    Callback,
    ClientFuture,
    deadline_of,
    logger,
)


class DropsRefusal(Manager):
    """11. A refusal is dropped before it reaches the future: who cancelled never hears of it."""

    def _hand_over(self, future: ClientFuture, message: str, key: str) -> None:
        if message != "confirm_failed":
            super()._hand_over(future, message, key)


class LeaksAfterRefusal(ClientFuture):
    """12. A result that lost against a refused cancel is dropped, its object is not deleted."""

    def on_result(self, key: str, *, failed: bool = False) -> None:
        if self.cancel_outcome != outcomes.REFUSED:
            super().on_result(key, failed=failed)
            return
        with self._condition:
            told = None if self._state in SETTLED else self._settle(CANCELLED, outcomes.TOO_LATE)
        self._tell(told)


class WaitsUnderTheManagersLock(Manager):
    """13. `disconnect()` cancels, and waits for each, under the lock that confirmations need."""

    def disconnect(self, timeout: float | None = 30.0) -> None:
        with self._lock:
            self._closed = True
            for future in self._futures.values():
                if not future.done():
                    future.cancel(timeout)
        super().disconnect(0)


class SettlesNothingOnLoss(ClientFuture):
    """15. The fetch of the result fails, and the error is logged instead of settling the future."""

    def _fetch(self, key: str, failed: bool) -> tuple[object, BaseException | None]:
        thing = self._wire.fetch(key)
        return (None, thing) if failed else (thing, None)

    def on_result(self, key: str, *, failed: bool = False) -> None:
        try:
            super().on_result(key, failed=failed)
        except Exception:
            logger.exception("task %s: its result cannot be had", self.task)


class ReturnsNoneOnLoss(ClientFuture):
    """15, the other way: where the fetch of a delayed result fails, the result is None."""

    def _fetch(self, key: str, failed: bool) -> tuple[object, BaseException | None]:
        try:
            thing = self._wire.fetch(key)
        except Exception:
            logger.exception("task %s: its result cannot be had", self.task)
            return None, None
        return (None, thing) if failed else (thing, None)


class CallsUnderTheManagersLock(Manager):
    """22. The manager runs the callbacks of its futures under the lock that its submit needs."""

    def create(self) -> ClientFuture:
        future = super().create()
        call = future._call

        def call_locked(fn: Callback) -> None:
            with self._lock:
                call(fn)

        future._call = call_locked  # type: ignore[method-assign]
        return future


class SendsUnderItsLock(ClientFuture):
    """23. TaskCancel is sent while the condition is held: a full pipe and a result dead-lock."""

    def _ask(self, timeout: float | None, *, also_finished: bool = True) -> None:
        with self._condition:
            if self._state == RUNNING and not self._asked and self._sent:
                self._asked, self._deadline = True, deadline_of(timeout)
                self._learn(outcomes.UNANSWERED)
                self._wire.send(TASK_CANCEL, self.task)
                return
        super()._ask(timeout, also_finished=also_finished)


class ForgetsAtAnyConfirm(Manager):
    """24. Any confirmation ends a task for the manager, a refusal too: the result that follows
    finds nobody, and the future never settles."""

    def deliver(self, message: str, task: str, key: str = "") -> None:
        with self._lock:
            known = task in self._futures
        if known:
            super().deliver(message, task, key)
        elif key:
            self._wire.delete(key)

    def _find(self, task: str, message: str) -> ClientFuture | None:
        future = super()._find(task, message)
        if message.startswith("confirm"):
            with self._lock:
                self._futures.pop(task, None)
        return future
