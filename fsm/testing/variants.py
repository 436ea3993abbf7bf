"""Variants of a lifecycle: tables that a future can obey and that nobody wrote. PURE.

Everything is drawn through one function, `lot(n)`, a number from 0 to n - 1; 0 is always the
choice that changes least. An edit that would break a rule of tables is left out.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm.effects import Effect
from futurefsm.fsm.errors import LifecycleError
from futurefsm.fsm.events import Event
from futurefsm.fsm.states import State
from futurefsm.fsm.table import Kind, Lifecycle, Row, goes, ignores, violates

Lot = Callable[[int], int]
Item = TypeVar("Item")

_TELL = (fx.NOTIFY, fx.ANNOUNCE)
_GIVES = {ev.RESULT_SUCCESS: fx.OFFER_VALUE, ev.RESULT_FAILED: fx.OFFER_ERROR}
# Without these there is no future that could be driven.
_NEEDED = (ev.SUBMIT, ev.CANCEL, ev.RESULT_SUCCESS, ev.RESULT_FAILED)
_WHY = "a variant"


def variant(base: Lifecycle, edits: int, lot: Lot) -> Lifecycle:
    """A valid lifecycle that differs from another by at most so many edits."""
    made = base
    for number in range(edits):
        edit = (_other_row, _other_row, _other_row, _more_states, _fewer_events)[lot(5)]
        name = f"{base.name}_variant"
        try:
            made = edit(made, name, number, lot)
        except LifecycleError:
            continue
    return made


def _pick(items: Sequence[Item], lot: Lot) -> Item:
    return items[lot(len(items))]


def _other_row(made: Lifecycle, name: str, number: int, lot: Lot) -> Lifecycle:
    """One entry is another one."""
    row = _pick(made.rows, lot)
    return made.derive(name, _pick(_others(made, row), lot))


def _others(made: Lifecycle, row: Row) -> list[Row]:
    """What may stand in the place of a row; the rules of tables are not asked yet."""
    source, event = row.source, row.event
    found = [ignores(source, event, why=_WHY, answer=_answer(event, source))]
    if not event.by_user:
        found.append(violates(source, event, why=_WHY))
    for target in made.states:
        if target != source:
            effects = _effects(source, event, target)
            found.append(
                goes(source, event, target, *effects, why=_WHY, answer=_answer(event, target))
            )
    return found


def _answer(event: Event, target: State) -> bool | None:
    """What the call says that fired it: the truth."""
    if event == ev.CANCEL:
        return target.is_cancelled or target.cancel_decided
    if event == ev.SUBMIT:
        return not target.is_cancelled
    return None


def _effects(source: State, event: Event, target: State) -> tuple[Effect, ...]:
    """What a move has to do, by the rules of tables."""
    if source.settled:
        return (fx.DISCARD_VALUE,)
    if not target.settled:
        return (fx.SEND_CANCEL,) if event == ev.CANCEL else ()
    if target.is_cancelled:
        return _TELL
    return (_GIVES.get(event, fx.WORKER_DIED_ERROR), *_TELL)


def _more_states(made: Lifecycle, name: str, number: int, lot: Lot) -> Lifecycle:
    """A state is divided: a new event leads from its first half to its second."""
    open_states = [state for state in made.states if not state.settled]
    first = _pick(open_states, lot)
    second = State(
        f"{first}_{number}",
        f"{first}, and its peer has said so",
        view=first.view,
        cancel_decided=first.cancel_decided,
    )
    said = Event(f"said_{number}", "the peer says that it has it")
    rows = [goes(first, said, second, why=_WHY)]
    rows += [ignores(state, said, why=_WHY) for state in (*made.states, second) if state != first]
    rows += [_moved(row, second) for row in made.rows if row.source == first]
    return made.derive(name, *rows)


def _moved(row: Row, source: State) -> Row:
    """The same entry for another state."""
    target = row.target if row.kind is Kind.GOES else source
    return Row(
        source,
        row.event,
        row.kind,
        target,
        row.effects,
        row.why,
        row.answer,
        row.outcome,
        row.violates_by_caller,
    )


def _fewer_events(made: Lifecycle, name: str, number: int, lot: Lot) -> Lifecycle:
    """An event that does not exist."""
    free = [event for event in made.events if event not in _NEEDED and not event.by_user]
    if not free:
        return made
    return made.derive(name, without=(_pick(free, lot),))
