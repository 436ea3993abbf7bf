"""What makes a table a lifecycle: every rule that is checked when one is made. PURE."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from futurefsm.fsm import effects as fx
from futurefsm.fsm.effects import Effect
from futurefsm.fsm.events import Event
from futurefsm.fsm.states import ANNOUNCED_VIEW, CANCELLED_VIEW, FINISHED_VIEW, State

if TYPE_CHECKING:
    from futurefsm.fsm.table import Lifecycle, Row


def problems(lifecycle: "Lifecycle") -> tuple[str, ...]:
    """Everything that is wrong with a table, one line each, the row named. Empty if it holds."""
    mistyped = tuple(_mistyped(lifecycle))
    if mistyped:
        # Nothing can be asked of a row that has no states.
        return mistyped
    found = [
        *_malformed(lifecycle),
        *_not_total(lifecycle),
        *_bad_rows(lifecycle),
        *_bad_reach(lifecycle),
    ]
    if lifecycle.about == "future":
        found += _bad_future(lifecycle)
    return tuple(found)


def _mistyped(lifecycle: "Lifecycle") -> Iterator[str]:
    start: Any = lifecycle.start
    if not isinstance(start, State):
        yield f"start must be a State, not {start!r}"
    for row in lifecycle.rows:
        parts: tuple[tuple[Any, type], ...] = (
            (row.source, State),
            (row.event, Event),
            (row.target, State),
            *((effect, Effect) for effect in row.effects),
        )
        for part, wanted in parts:
            if not isinstance(part, wanted):
                yield f"row {row}: {part!r} must be a {wanted.__name__}"


def _malformed(lifecycle: "Lifecycle") -> Iterator[str]:
    if not lifecycle.name.isidentifier():
        yield f"its name must be a Python identifier, not {lifecycle.name!r}"
    if not lifecycle.rows:
        yield "it has no rows"
    rows = lifecycle.rows
    states = [lifecycle.start, *(s for row in rows for s in (row.source, row.target))]
    yield from _twins("states", states)
    yield from _twins("events", (row.event for row in rows))
    yield from _twins("effects", (*lifecycle.effects, *(e for row in rows for e in row.effects)))


def _twins(what: str, names: Iterable[State | Event | Effect]) -> Iterator[str]:
    """Names that stand for two things: whichever a future met would be chance."""
    facts: dict[str, State | Event | Effect] = {}
    told = set()
    for name in names:
        first = facts.setdefault(name, name)
        if first.__getnewargs_ex__() != name.__getnewargs_ex__() and name not in told:
            told.add(name)
            yield f"two different {what} are called {name!s}"


def _not_total(lifecycle: "Lifecycle") -> Iterator[str]:
    seen: set[tuple[str, str]] = set()
    for row in lifecycle.rows:
        if (row.source, row.event) in seen:
            yield f"row {row}: the pair ({row.source}, {row.event}) has more than one row"
        seen.add((row.source, row.event))
    for state in lifecycle.states:
        for event in lifecycle.events:
            if (state, event) not in seen:
                yield (
                    f"no row for the pair ({state}, {event}): say what happens with "
                    "goes(...), ignores(...) or violates(...)"
                )


def _bad_rows(lifecycle: "Lifecycle") -> Iterator[str]:
    for row in lifecycle.rows:
        for effect in row.effects:
            if effect not in lifecycle.effects:
                known = ", ".join(lifecycle.effects)
                yield f"row {row}: unknown effect {effect!s}; this lifecycle knows {known}"
        leaves = row.source != row.target
        if row.source.absorbing and leaves:
            yield f"row {row}: leads out of {row.source}, which is for ever"
        if (row.kind.value == "goes") != leaves:
            yield f"row {row}: goes(...) must change the state, and nothing else may"


def _bad_reach(lifecycle: "Lifecycle") -> Iterator[str]:
    reached = _closure(lifecycle, {lifecycle.start}, forward=True)
    for state in lifecycle.states:
        if state not in reached:
            row = next(row for row in lifecycle.rows if state in (row.source, row.target))
            yield f"row {row}: state {state} cannot be reached from {lifecycle.start}"


def _closure(lifecycle: "Lifecycle", seeds: set[State], *, forward: bool) -> set[State]:
    reached = set(seeds)
    grew = True
    while grew:
        grew = False
        for row in lifecycle.rows:
            near, far = (row.source, row.target) if forward else (row.target, row.source)
            if near in reached and far not in reached:
                reached.add(far)
                grew = True
    return reached


def _bad_future(lifecycle: "Lifecycle") -> Iterator[str]:
    """The rules of a table that a Future can obey."""
    settled = {state for state in lifecycle.states if state.settled}
    if not settled:
        yield "no state is settled, so no wait could ever end"
    can_settle = _closure(lifecycle, settled, forward=False)
    for state in lifecycle.states:
        yield from _bad_view(state)
        if settled and state not in can_settle:
            yield f"from state {state} no settled state can be reached: a wait would never end"
    if lifecycle.start.settled:
        yield f"it starts in {lifecycle.start}, which is settled: nobody would be told"
    for row in lifecycle.rows:
        if row.target.settled and not row.source.settled:
            yield from _bad_settling(lifecycle, row)
        else:
            yield from _bad_other(row)


def _bad_view(state: State) -> Iterator[str]:
    """`concurrent.futures` judges by the view alone whether a future is done."""
    if state.view is None:
        yield f"state {state} has no view for concurrent.futures"
    elif state.view == CANCELLED_VIEW:
        yield (
            f"state {state}: its view must be {ANNOUNCED_VIEW}; it is shown as {CANCELLED_VIEW} "
            "until it was announced"
        )
    elif state.settled != (state.view in (ANNOUNCED_VIEW, FINISHED_VIEW)):
        yield f"state {state}: its view {state.view} contradicts settled={state.settled}"


def _bad_settling(lifecycle: "Lifecycle", row: "Row") -> Iterator[str]:
    if fx.NOTIFY not in row.effects:
        yield f"row {row}: settles without the effect {fx.NOTIFY!s}: waiters would sleep for ever"
    if fx.ANNOUNCE not in row.effects:
        if not row.target.is_cancelled:
            yield f"row {row}: finishes without {fx.ANNOUNCE!s}: wait() would sleep for ever"
        elif not _announced_later(lifecycle, row.target):
            yield f"row {row}: settles without {fx.ANNOUNCE!s}, and no row of its target has it"
    if row.source.cancel_decided and not row.target.is_cancelled:
        yield f"row {row}: leaves {row.source}, where cancel() has said True, uncancelled"
    given = [effect for effect in row.effects if effect in _GIVES]
    if row.target.is_cancelled:
        if given:
            yield f"row {row}: {given[0]} for a future that is cancelled"
    elif len(given) != 1:
        yield f"row {row}: finishes without a value or an error, or with more than one"


def _bad_other(row: "Row") -> Iterator[str]:
    """The rules of a row that does not settle."""
    if fx.NOTIFY in row.effects:
        yield f"row {row}: names {fx.NOTIFY!s} but does not settle: callbacks would run twice"
    if fx.ANNOUNCE in row.effects and not row.target.settled:
        yield f"row {row}: names {fx.ANNOUNCE!s} but is not settled"
    given = [effect for effect in row.effects if effect in _GIVES]
    if given:
        yield f"row {row}: {given[0]} where nothing settles"
    if row.source == row.target:
        return
    if row.source.is_cancelled:
        yield f"row {row}: leads out of {row.source}; cancelled never changes"
    elif row.source.settled:
        yield from _bad_change_of_mind(row)
    elif row.source.cancel_decided and not row.target.cancel_decided:
        yield f"row {row}: leaves {row.source}, where cancel() has said True, uncancelled"


def _bad_change_of_mind(row: "Row") -> Iterator[str]:
    """Out of a finished state."""
    if not row.target.settled:
        yield f"row {row}: a settled future would become unsettled"
    elif not row.target.is_cancelled:
        yield f"row {row}: a finished future may only become cancelled"
    elif fx.DISCARD_VALUE not in row.effects:
        yield f"row {row}: cancels without {fx.DISCARD_VALUE!s}: the value would never be let go"
    if not row.event.by_user:
        yield f"row {row}: only the user's own event may change a settled future"


def _announced_later(lifecycle: "Lifecycle", state: State) -> bool:
    return any(row.source == state and fx.ANNOUNCE in row.effects for row in lifecycle.rows)


_GIVES = (
    fx.OFFER_VALUE,
    fx.OFFER_ERROR,
    fx.WORKER_DIED_ERROR,
    fx.CONNECTION_LOST_ERROR,
    fx.CLIENT_CLOSED_ERROR,
)
