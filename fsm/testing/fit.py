"""Whether a harness and its programs can be used at all. PURE.

A mistake in a harness would come out as an error of the race kit, or, worse, as "nothing found".
"""

from collections.abc import Collection
from typing import Any

from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.programs import AWAIT, Call, Move, Program


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
        # A call is a tuple itself: a pair of brackets is soon forgotten.
        if isinstance(calls, Call) or not all(isinstance(call, Call) for call in calls):
            raise TypeError(f"threads of a program are tuples of calls, not {calls!r}")
        for call in calls:
            if call.name not in harness.calls:
                raise ValueError(
                    f"{harness.name} has no call {call.name!r}: {', '.join(harness.calls)}"
                )
    for move in program.path:
        if not isinstance(move, Move):
            raise TypeError(f"the path of a program is made of moves, not {move!r}")
        if move.event != AWAIT:
            _known(harness, move.event)
    called = [call.future for calls in program.threads for call in calls]
    if not all(0 <= n < program.futures for n in (*called, *(m.future for m in program.path))):
        raise ValueError(f"futures={program.futures}: a call or move is of one that is not there")
    return program


def _known(harness: Harness, event: str) -> None:
    if event not in harness.lifecycle.events:
        raise ValueError(
            f"{event!r}, which {harness.name} is to deliver, is no event of the lifecycle "
            f"{harness.lifecycle.name}: {', '.join(harness.lifecycle.events)}"
        )


def at_least_one(**numbers: int) -> None:
    """Bounds below which nothing is looked at, and so nothing found.

    Raises:
        ValueError: one is less than 1.
    """
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} must be at least 1, not {number!r}: nothing would be tried")


def _names(harness: Harness, what: str) -> None:
    names = getattr(harness, what, None)
    if names is None:
        return
    if isinstance(names, str) or not isinstance(names, Collection):
        raise TypeError(f"{what} of {harness.name} must be a tuple of names, not {names!r}")


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
