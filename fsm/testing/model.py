"""The sequential model of a future: what a lifecycle's rows say of it, and nothing else. PURE.

It is written from the rows, not from the compiled table that our own futures step through, so that
it can judge those, too.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

from futurefsm.fsm import effects as fx
from futurefsm.fsm.effects import Effect
from futurefsm.fsm.outcomes import Outcome, refine
from futurefsm.fsm.states import ANNOUNCED_VIEW, CANCELLED_VIEW, RUNNING_VIEW, State
from futurefsm.fsm.story import CALLER, WIRE
from futurefsm.fsm.table import Kind, Lifecycle, Row

_OWN_ERRORS = (fx.WORKER_DIED_ERROR, fx.CONNECTION_LOST_ERROR, fx.CLIENT_CLOSED_ERROR)

# What a future holds: nothing yet, a value, the exception of its task, an error that the table
# names, or nothing any more.
NOTHING = "nothing"
VALUE = "value"
ERROR = "error"
OWN_ERROR = "own error"


class Taken(NamedTuple):
    """What one event did.

    Attributes:
        row: the entry of the table.
        refused: it is a violation, and moved nothing; a caller in this process gets
            `InvalidStateError`.
        callbacks: those to be called now, in order.
        waiters: those to be told now.
    """

    row: Row
    refused: bool
    callbacks: tuple[Any, ...] = ()
    waiters: tuple[Any, ...] = ()


class Model:
    """One future as its lifecycle means it, for one caller at a time.

    Args:
        lifecycle: the table.

    Attributes:
        state: the state now.
        announced: `wait()` and `as_completed()` were told.
        holds: `NOTHING`, `VALUE`, `ERROR` or `OWN_ERROR`.
        value: what came with the event that settled it, where it holds that.
        own_error: the effect that names its error, where it holds an `OWN_ERROR`; it stays known
            when that is discarded.
        outcome: what is known of a cancel.
        moves: (event, state afterwards) of every move.
        effects: every effect that concerns the wire, in order.
        used: the pairs of state and event that were met.
    """

    def __init__(self, lifecycle: Lifecycle) -> None:
        self.lifecycle = lifecycle
        self.state = lifecycle.start
        self.announced = False
        self.holds = NOTHING
        self.value: Any = None
        self.own_error: Effect | None = None
        self.outcome: Outcome | None = None
        self.moves: list[tuple[str, State]] = []
        self.effects: list[str] = []
        self.used: set[tuple[str, str]] = set()
        self._callbacks: list[Any] = []
        self._waiters: list[Any] = []

    # What it says.

    @property
    def settled(self) -> bool:
        """`done()`."""
        return self.state.settled

    @property
    def running(self) -> bool:
        """`running()`."""
        return self.state.view == RUNNING_VIEW

    @property
    def cancelled(self) -> bool:
        """`cancelled()`, asked by one who does not wait."""
        return self.state.is_cancelled or (not self.settled and self.state.cancel_decided)

    @property
    def view(self) -> str | None:
        """The state as `concurrent.futures` names it."""
        if self.state.view == ANNOUNCED_VIEW and not self.announced:
            return CANCELLED_VIEW
        return self.state.view

    # What happens to it.

    def row(self, event: str) -> Row:
        """The entry for an event, now."""
        return self.lifecycle.row(self.state, event)

    def refuses(self, event: str, source: str = WIRE) -> bool:
        """Whether the table forbids it, now, to whom it comes from."""
        row = self.row(event)
        return row.kind is Kind.VIOLATES or (row.violates_by_caller and source == CALLER)

    def take(self, event: str, value: Any = None, source: str = WIRE) -> Taken:
        """Let an event happen.

        Args:
            event: an event of the lifecycle, or its name.
            value: what comes with it.
            source: "wire", "client" or "caller".
        """
        row = self.row(event)
        self.used.add((str(row.source), str(row.event)))
        if self.refuses(event, source):
            return Taken(row, True)
        settles = row.target.settled and not self.state.settled
        announces = fx.ANNOUNCE in row.effects and not self.announced and row.target.settled
        self.state = row.target
        if row.target != row.source:
            self.moves.append((str(row.event), row.target))
        self.announced = self.announced or announces
        if row.outcome is not None:
            self.outcome = refine(self.outcome, row.outcome)
        self._hold(row, value)
        self.effects += [str(each) for each in row.effects if each.performer == fx.WIRE]
        callbacks, waiters = [], []
        if settles:
            callbacks, self._callbacks = self._callbacks, []
        if announces:
            waiters, self._waiters = self._waiters, []
        return Taken(row, False, tuple(callbacks), tuple(waiters))

    def _hold(self, row: Row, value: Any) -> None:
        if fx.OFFER_VALUE in row.effects:
            self.holds, self.value = VALUE, value
        elif fx.OFFER_ERROR in row.effects:
            self.holds, self.value = ERROR, value
        elif fx.DISCARD_VALUE in row.effects:
            self.holds, self.value = NOTHING, None
        else:
            for effect in _OWN_ERRORS:
                if effect in row.effects:
                    self.holds, self.own_error = OWN_ERROR, effect

    def add_callback(self, callback: Any) -> bool:
        """Whether it is to be called at once; else it is when the future settles."""
        if not self.settled:
            self._callbacks.append(callback)
        return self.settled

    def add_waiter(self, waiter: Any) -> None:
        """One that is to be told once; never, where everybody was told already."""
        if not self.announced:
            self._waiters.append(waiter)


def ways(lifecycle: Lifecycle, events: Iterable[str] | None = None) -> dict[State, list[str]]:
    """To each state that can be reached, the shortest list of events that leads there.

    Args:
        events: those that may be used; by default all.
    """
    here = lifecycle.start
    usable = lifecycle.events if events is None else tuple(events)
    found: dict[State, list[str]] = {here: []}
    left = [here]
    for state in left:
        for event in usable:
            there = lifecycle.row(state, event).target
            if there not in found:
                found[there] = [*found[state], str(event)]
                left.append(there)
    return found
