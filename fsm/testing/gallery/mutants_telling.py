"""Futures that tell too little, too often, or under a lock. Each differs from the correct one in
what its docstring says, and in nothing else."""

from collections.abc import Iterable
from typing import Any

from futurefsm.fsm import outcomes
from futurefsm.fsm.outcomes import Outcome
from futurefsm.fsm.testing.gallery.reference import (
    CANCELLED,
    FINISHED,
    PENDING,
    RUNNING,
    Callback,
    ClientFuture,
    Told,
)


class ForgetsWaiters(ClientFuture):
    """1. A cancel assigns the state and wakes the condition, but tells `wait()` nothing."""

    def _settle(self, state: str, fact: Outcome | None = None) -> Told:
        told = super()._settle(state, fact)
        return told._replace(waiters=[]) if state == CANCELLED else told


class CallsUnderItsLock(ClientFuture):
    """4. Callbacks run while the future's lock is held."""

    def _call(self, fn: Callback) -> None:
        with self._condition:
            super()._call(fn)


class _KeepsCallbacks(ClientFuture):
    """Keeps the callbacks that it has told, as the standard library does."""

    def _settle(self, state: str, fact: Outcome | None = None) -> Told:
        told = super()._settle(state, fact)
        self._done_callbacks.extend(told.callbacks)
        return told

    def _call_all(self) -> None:
        for fn in self._done_callbacks.copy():
            self._call(fn)


class CallsFromTwoPaths(_KeepsCallbacks):
    """5. Two paths of one result, the fetched and the ready one, both run the callbacks."""

    def on_result(self, key: str, *, failed: bool = False) -> None:
        ends = self.state in ("running", "cancel_requested")
        super().on_result(key, failed=failed)
        if ends:
            self._call_all()


class CallsAgainWhenCancelled(_KeepsCallbacks):
    """6. Cancelling a finished future runs its callbacks a second time."""

    def cancel(self, timeout: float | None = 30.0) -> bool:
        finished = self.state == "finished"
        answer = super().cancel(timeout)
        if finished:
            self._call_all()
        return answer


class OverturnedByConfirm(ClientFuture):
    """7. A confirmation is believed without a look at the state: a finished future is cancelled."""

    def on_confirm(self, kind: str) -> None:
        if kind == "failed" or self.state != "finished":
            super().on_confirm(kind)
            return
        with self._condition:
            told = self._settle(CANCELLED, outcomes.CONFIRMED_OUTCOME)
        self._tell(told)


class _TellingWaiters(list[Any]):
    """Waiters of a delayed future: to be waited for is to be asked, so it answers."""

    def __init__(self, future: ClientFuture) -> None:
        super().__init__()
        self._future = future

    def append(self, waiter: Any) -> None:
        super().append(waiter)
        if self._future._state == FINISHED:
            self._future._tell_waiter(waiter)


class TellsAtOnce(ClientFuture):
    """16. A waiter that is added to a settled delayed future is told at once: `wait()`, which has
    not counted that future, then counts one too few."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._waiters = _TellingWaiters(self)


class TellsWhenLoaded(TellsAtOnce):
    """17. A delayed future tells a waiter at once, and again when its value is here:
    `as_completed()` is given it twice."""

    def _load(self) -> None:
        missing = self._key is not None
        super()._load()
        if missing:
            self._tell_all(self._waiters.copy())

    def _tell_all(self, waiters: Iterable[Any]) -> None:
        for waiter in waiters:
            self._tell_waiter(waiter)


class LetsCallbacksRaise(ClientFuture):
    """25. The short way for a settled future neither catches nor logs what a callback raises."""

    def add_done_callback(self, fn: Callback) -> None:
        if self.done():
            fn(self)
            return
        super().add_done_callback(fn)


class TellsAgainAtTheEnd(ClientFuture):
    """26. Disconnecting settles a cancelled future once more: its waiters hear twice."""

    def on_disconnect(self) -> None:
        told = None
        with self._condition:
            if self._state != FINISHED:
                facts = {PENDING: outcomes.NEVER_SENT, RUNNING: outcomes.DISCONNECTED}
                told = self._settle(CANCELLED, facts.get(self._state))
        self._tell(told)
