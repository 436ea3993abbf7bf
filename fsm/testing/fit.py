"""Whether a harness and its programs can be used at all. PURE.

A mistake in a harness would come out as an error of the race kit, or, worse, as "nothing found".
"""

from collections.abc import Collection, Iterable
from operator import index
from pathlib import Path
from traceback import walk_tb
from typing import Any

from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.programs import AWAIT, Call, Move, Program

# What the race kit asks of a harness, for errors that come out of it. Those of `call` and
# `deliver` are answers of the future.
_METHODS = {
    "make": "which makes a fresh future",
    "state": "which says, without a wait, in which state of the table a future is",
    "outcome": "which says what became of a cancel",
    "error_name": "which names an error as the table does",
    "pump": "which is what the pump's thread does",
}


def usable(harness: Any) -> None:
    """Look at what a harness says.

    Raises:
        TypeError: it is none, or says something of another type.
        ValueError: it has no calls, or delivers what its table does not know.
    """
    if isinstance(harness, type):
        raise TypeError(f"give an object, not its class: {harness.__name__}()")
    if not isinstance(harness, Harness):
        raise TypeError(f"{harness!r} is no Harness: derive one, with `def make(self, env)`")
    if not isinstance(harness.lifecycle, Lifecycle):
        raise TypeError(f"lifecycle of {harness.name} is {harness.lifecycle!r}, and no Lifecycle")
    for what in ("calls", "timed", "untimed", "faults", "deliverable", "modules"):
        _names(harness, what)
    if not harness.calls:
        raise ValueError(f"calls of {harness.name} is empty: there is nothing to try")
    if harness.deliverable is not Harness.deliverable:
        for event in harness.deliverable or ():
            _known(harness, event)


def runnable(harness: Harness, program: Any) -> Program:
    """A program that somebody has written.

    Raises:
        TypeError: it is none, or its parts are of other types.
        ValueError: it has calls, futures or events that are not there.
    """
    if not isinstance(program, Program):
        raise TypeError(f"{program!r} is no Program")
    for calls in program.threads:
        several_of(harness, calls)
    path_of(harness, program.path)
    called = [call.future for calls in program.threads for call in calls]
    if not all(0 <= n < program.futures for n in (*called, *(m.future for m in program.path))):
        raise ValueError(f"futures={program.futures}: a call or move is of one that is not there")
    return program


def several_of(harness: Harness, calls: Any) -> tuple[Call, ...]:
    """Calls that somebody has written.

    Raises:
        TypeError: they are of another type.
        ValueError: the harness has no such call.
    """
    # A call is a tuple itself: a pair of brackets is soon forgotten.
    several = None if isinstance(calls, Call) else _listed(calls)
    if several is None or not all(isinstance(call, Call) for call in several):
        raise TypeError(f"threads of a program are tuples of calls, not {calls!r}")
    for call in several:
        if call.name not in harness.calls:
            raise ValueError(
                f"{harness.name} has no call {call.name!r}: {', '.join(harness.calls)}"
            )
    return several


def path_of(harness: Harness, path: Any) -> tuple[Move, ...]:
    """A path that somebody has written.

    Raises:
        TypeError: it is made of something else than moves.
        ValueError: the lifecycle does not know an event.
    """
    moves = None if isinstance(path, Move) else _listed(path)
    if moves is None or not all(isinstance(move, Move) for move in moves):
        raise TypeError(f"the path of a program is made of moves, not {path!r}")
    for move in moves:
        if move.event != AWAIT:
            _known(harness, move.event)
    return moves


def several(name: str, given: Any, of: str) -> Iterable[Any]:
    """What is gone through one by one; it may be endless.

    Args:
        name: of the argument.
        of: what is in it, in words.

    Raises:
        TypeError: it cannot be gone through.
    """
    if not isinstance(given, Iterable):
        raise TypeError(f"{name} must be a list of {of}, not {given!r}")
    return given


def _listed(given: Any) -> tuple[Any, ...] | None:
    return tuple(given) if isinstance(given, Iterable) else None


def _known(harness: Harness, event: str) -> None:
    if event not in harness.lifecycle.events:
        raise ValueError(
            f"{event!r}, which {harness.name} is to deliver, is no event of the lifecycle "
            f"{harness.lifecycle.name}: {', '.join(harness.lifecycle.events)}"
        )


def at_least_one(**numbers: int) -> None:
    """Bounds below which nothing is looked at, and so nothing found.

    Raises:
        TypeError: one is no whole number.
        ValueError: one is less than 1.
    """
    for name, number in numbers.items():
        if _whole(name, number) < 1:
            raise ValueError(f"{name} must be at least 1, not {number!r}: nothing would be tried")


def not_negative(**numbers: int | None) -> None:
    """Look at numbers, by name. None is no bound.

    Raises:
        TypeError: one is no whole number.
        ValueError: one is below 0.
    """
    for what, number in numbers.items():
        if number is not None and _whole(what, number) < 0:
            raise ValueError(f"{what} must be at least 0, not {number}")


def _whole(name: str, number: Any) -> int:
    try:
        return index(number)
    except TypeError:
        raise TypeError(f"{name} must be a whole number, not {number!r}") from None


def _names(harness: Harness, what: str) -> None:
    names = getattr(harness, what, None)
    if names is None:
        return
    if isinstance(names, str) or not isinstance(names, Collection):
        raise TypeError(f"{what} of {harness.name} must be a tuple of names, not {names!r}")


def blame(harness: Harness, error: BaseException) -> None:
    """Say of an error that came out of a method of a harness which one it was."""
    methods = {}
    for each in (harness, getattr(harness, "inner", harness)):
        for name in _METHODS:
            code = getattr(getattr(type(each), name), "__code__", None)
            methods[code] = name, type(each).__name__
    said = ""
    # The innermost: a harness may ask another one.
    for frame, line in walk_tb(error.__traceback__):
        if frame.f_code in methods:
            (name, whose), file = methods[frame.f_code], Path(frame.f_code.co_filename).name
            said = f"This came out of {whose}.{name}() ({file}:{line}), {_METHODS[name]}."
    if said:
        error.add_note(said)


def known_states(harness: Harness, states: Collection[str | None]) -> None:
    """Look at what a harness says that its futures are, before anything has happened to them.

    Raises:
        ValueError: that is no state of its lifecycle.
    """
    known = {str(state) for state in harness.lifecycle.states}
    for state in states:
        if state is not None and state not in known:
            raise ValueError(
                f"{type(harness).__name__}.state() says {state!r}, which is no state of the "
                f"lifecycle {harness.lifecycle.name}: {', '.join(sorted(known))} (or None: unknown)"
            )


def fresh(harness: Harness, future: Any, others: Collection[Any]) -> None:
    """Look at a future that a harness has just made.

    Raises:
        TypeError: it made none.
        ValueError: it is one that there is already.
    """
    if future is None:
        raise TypeError(f"{harness.name}.make() returned None: it must return the future")
    if any(future is each for each in others):
        raise ValueError(f"{harness.name}.make() returned the same future twice: make a new one")
