"""Callbacks and waiters of a test: what they do, what they hear, and what they ought to hear."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from futurefsm.fsm import events as ev
from futurefsm.fsm.story import CALLER
from futurefsm.fsm.testing import words
from futurefsm.fsm.testing.aside import Got, Stuck

if TYPE_CHECKING:
    from futurefsm.fsm.testing.compared import Compared

# What a callback does beside being called: nothing; it raises; it asks the future; it cancels it;
# it adds another callback.
KINDS = ("note", "raise", "ask", "cancel", "add")

# Of the patience with a call: so much for what another thread asks during a callback.
_PART = 0.25


class Callback(NamedTuple):
    """One callback: its number and what it does."""

    number: str
    kind: str

    def __repr__(self) -> str:
        does = "" if self.kind == "note" else f", which does {self.kind!r}"
        return f"callback {self.number}{does}"


class Waiter:
    """In the place of those of `concurrent.futures.wait`.

    Attributes:
        told: what it heard.
        expected: what it ought to hear.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.told: list[str] = []
        self.expected: list[str] = []

    def add_result(self, _future: Any) -> None:
        """The future has a value."""
        self.told.append("result")

    def add_exception(self, _future: Any) -> None:
        """The future has an exception."""
        self.told.append("exception")

    def add_cancelled(self, _future: Any) -> None:
        """The future was cancelled."""
        self.told.append("cancelled")


class Heard:
    """What the callbacks of one future heard, and what they ought to hear."""

    def __init__(self, owner: "Compared") -> None:
        self._owner = owner
        self._heard: list[str] = []
        self._expected: list[str] = []
        self._count = 0
        self._hung = False

    def fresh(self, kind: str) -> Callback:
        """One more callback of a kind."""
        self._count += 1
        return Callback(str(self._count), kind)

    def both(self) -> tuple[str, str]:
        """As the table says, and as it was."""
        return words.listed(self._expected), words.listed(self._heard)

    # As the table says.

    def expect(self, callbacks: Iterable[Callback]) -> None:
        """These are to be called now, in this order."""
        for callback in callbacks:
            self._expected.append(callback.number + self._expected_answers(callback))
            if callback.kind == "add":
                self._expected.append(_second(callback).number)

    def _expected_answers(self, callback: Callback) -> str:
        model = self._owner.model
        if callback.kind == "ask":
            return _answers(model.cancelled, words.answer(model, "result"))
        if callback.kind == "cancel" and ev.CANCEL in model.lifecycle.events:
            taken = model.take(ev.CANCEL, None, CALLER)
            self._owner.hear(taken)
            said = words.INVALID if taken.refused else str(taken.row.answer is not False)
            return f" (cancel() {said})"
        return ""

    # As it is.

    def function(self, callback: Callback) -> Callable[[Any], None]:
        """The callback itself."""

        def called(future: Any) -> None:
            heard, at = self._heard, len(self._heard)
            heard.append(callback.number)
            heard[at] += self._wrong(future) + self._answers(callback)
            if callback.kind == "add":
                future.add_done_callback(self.function(_second(callback)))
            if callback.kind == "raise":
                raise words.CallbackError("on purpose")

        return called

    def _wrong(self, future: Any) -> str:
        """What is wrong at the moment of the call, in words."""
        owner = self._owner
        if future is not owner.future:
            return " (with another future)"
        beside, patience_s = owner.bench.beside, owner.bench.patience() * _PART
        if owner.subject.tells_waiters(future):
            condition = future._condition
            taken = beside.call(lambda: _free(condition), patience_s)
            if taken.value is False:
                return " (under the future's lock)"
        if self._hung:
            return ""
        try:
            done = beside.call(future.done, patience_s)
        except Stuck:
            self._hung = True
            return " (while another thread's done() hangs)"
        return "" if done.value is True else " (before done() says True)"

    def _answers(self, callback: Callback) -> str:
        owner = self._owner
        if callback.kind == "ask":
            cancelled = _got(owner.future.cancelled)
            result = _got(lambda: owner.subject.result(owner.future, 0))
            return _answers(words.said(cancelled), owner.said(result))
        if callback.kind == "cancel" and ev.CANCEL in owner.subject.lifecycle.events:
            return f" (cancel() {words.said(_got(lambda: owner.subject.cancel(owner.future)))})"
        return ""


def _second(callback: Callback) -> Callback:
    return Callback(f"{callback.number}b", "note")


def _answers(cancelled: Any, result: str) -> str:
    return f" (cancelled() {cancelled}, result() {result})"


def _got(act: Callable[[], Any]) -> Got:
    try:
        return Got(act())
    except Exception as error:
        return Got(error=error)


def _free(condition: Any) -> bool:
    """Whether a lock can be had at once."""
    if not condition.acquire(blocking=False):
        return False
    condition.release()
    return True
