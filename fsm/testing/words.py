"""What futures are given and what they answer, in words that can be compared. PURE.

Values and errors are told apart by their numbers: a future that is given `value 3` and answers
`value 3` was faithful, also where it went through a pickle.
"""

import concurrent.futures
from collections.abc import Iterable
from typing import Any, NamedTuple

from futurefsm.fsm.testing.model import ERROR, OWN_ERROR, VALUE, Model

INVALID = "raises InvalidStateError"
CANCELLED = "raises CancelledError"
TIMED_OUT = "raises TimeoutError"
NOTHING_RAISED = "no exception"

_TEXT = 60


class Value(NamedTuple):
    """What a task returned."""

    number: int

    def __repr__(self) -> str:
        return f"value {self.number}"


class Said(str):
    """Words that are an answer; they are shown without quotes."""

    __slots__ = ()
    __repr__ = str.__str__


class TaskError(Exception):
    """What a task raised. `args[0]` is its number."""

    def __repr__(self) -> str:
        return f"error {self.args[0]}"


class CallbackError(Exception):
    """What a callback raises on purpose. It must be logged and go nowhere."""


def said(got: Any) -> str:
    """An answer, or an exception."""
    error = got.error
    if error is None:
        return short(got.value)
    if isinstance(error, TaskError):
        return f"raises {error!r}"
    for name, kind in STANDARD.items():
        if isinstance(error, kind):
            return f"raises {name}"
    return short(f"raises {type(error).__name__}: {error}", quoted=False)


def is_standard(error: BaseException) -> bool:
    """Whether it is one of those that `concurrent.futures` names, or the task's own."""
    return isinstance(error, (TaskError, *STANDARD.values()))


STANDARD: dict[str, type[BaseException]] = {
    "InvalidStateError": concurrent.futures.InvalidStateError,
    "CancelledError": concurrent.futures.CancelledError,
    "TimeoutError": TimeoutError,
}


def short(value: Any, *, quoted: bool = True) -> str:
    """A value as one short line."""
    text = " ".join((repr(value) if quoted else str(value)).split())
    return text if len(text) <= _TEXT else text[: _TEXT - 1] + "…"


def shown(event: str, value: Any) -> str:
    """An event and what comes with it."""
    return str(event) if value is None else f"{event} {value!r}"


def answer(model: Model, call: str) -> str:
    """What `result()` or `exception()` answers to one who does not wait."""
    if not model.settled:
        return TIMED_OUT
    if model.state.is_cancelled:
        return CANCELLED
    if model.holds == VALUE:
        return repr(model.value) if call == "result" else "None"
    if model.holds == ERROR:
        return f"raises {model.value!r}" if call == "result" else repr(model.value)
    assert model.holds == OWN_ERROR
    return f"raises {model.own_error}" if call == "result" else str(model.own_error)


def told(model: Model) -> str:
    """By which of its methods a waiter hears of a settled future."""
    if model.state.is_cancelled:
        return "cancelled"
    return "result" if model.holds == VALUE else "exception"


def listed(items: Iterable[Any]) -> str:
    """Several things in a row."""
    return ", ".join(str(each) for each in items) or "nothing"


def sides(done: Iterable[int], rest: Iterable[int]) -> Said:
    """What `wait()` says: the numbers of the futures."""
    return Said(f"done: {listed(sorted(done))}; not done: {listed(sorted(rest))}")
