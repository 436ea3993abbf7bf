"""Linearizability: does some order of the calls, on the table, explain the answers? PURE.

The search is that of Wing and Gong with Lowe's memory of what was tried; calls that only ask are
taken as soon as they fit, since they change nothing. The model is written from the rows, not from
the compiled table that our own futures step through, so that it can judge those, too.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from futurefsm.fsm import effects as fx
from futurefsm.fsm.outcomes import refine
from futurefsm.fsm.states import ANNOUNCED_VIEW, FINISHED_VIEW, RUNNING_VIEW
from futurefsm.fsm.story import CALLER
from futurefsm.fsm.table import Kind, Lifecycle
from futurefsm.fsm.testing.history import NEVER, Answer, Error, Raised, Returned

_OWN_ERRORS = (fx.WORKER_DIED_ERROR, fx.CONNECTION_LOST_ERROR, fx.CLIENT_CLOSED_ERROR)

# What an operation is.
EVENT = "event"  # of the table: name, source, what it brings, answer (None: it did not answer)
RESULT = "result"  # answer
EXCEPTION = "exception"  # answer
DONE = "done"  # bool
RUNNING = "running"  # bool
CANCELLED = "cancelled"  # bool
ANNOUNCED = "announced"  # bool: `wait` and `as_completed` see it
SETTLED = "settled"  # bool
STATE = "state"  # name
OUTCOME = "outcome"  # name or None
COUNT = "count"  # effect, how often it was performed

# A cancel that leaves a settled future alone.
ASK = "ask"
# What a future holds whose value nobody looks at.
ANY = "any"

# Built once: a union in a test of its class is made anew each time.
_ERRORS = (Error, Raised)

Path = tuple[tuple[str, str], ...]


class Model(NamedTuple):
    """A future, as the table sees it.

    Attributes:
        state: the name of its state.
        announced: `wait` and `as_completed` were told.
        held: the value (`Returned`) or the error (`Raised`) of its task; a string names an error
            of the table's own; None: nothing.
        outcome: what became of a cancel.
        sent: how often each counted effect was asked for.
    """

    state: str
    announced: bool = False
    held: Returned | Raised | str | None = None
    outcome: str | None = None
    sent: tuple[int, ...] = ()


class Op(NamedTuple):
    """One operation on one future: at some moment from `begin` to `end` it takes place.

    Attributes:
        begin, end: times; `end` is `NEVER` where it did not answer: then it took place or not.
        what: its kind and the rest, hashable.
        follows: it takes place after the operation right before it in the list (the same call, in
            two steps).
        source: whose it is, to name it: any value.
    """

    begin: int
    end: int
    what: tuple[Any, ...]
    follows: bool = False
    source: Any = None


class Explained(NamedTuple):
    """An order that explains everything: numbers of the operations, and the rows they took."""

    order: tuple[int, ...]
    rows: Path
    end: Model


class Judge:
    """Judges histories of futures by a lifecycle.

    Args:
        lifecycle: the table.
        outcomes: what became of a cancel is looked at.
        counted: effects whose number is looked at.
        lost: names of the errors that a value that cannot be had may give; empty: none is lost.
        late: a value may come later than its settling (it is fetched): a time-out may hit then.
        any_value: values are not looked at.
        refuses: names of the errors that say: not on this thread.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        *,
        outcomes: bool = False,
        counted: Sequence[fx.Effect] = (),
        lost: Iterable[str] = (),
        late: bool = False,
        any_value: bool = False,
        refuses: Iterable[str] = (),
    ) -> None:
        self.lifecycle = lifecycle
        self._states = {str(state): state for state in lifecycle.states}
        self._outcomes = outcomes
        self._counted = tuple(counted)
        self._lost = frozenset(lost)
        self._late = late
        self._any_value = any_value
        self._refuses = frozenset(refuses)
        self.start = Model(str(lifecycle.start), sent=(0,) * len(self._counted))
        self._models: list[Model] = []
        self._numbers: dict[Model, int] = {}
        # Operation → number of a state → that of the state afterwards, -1 where it does not fit.
        self._tables: dict[tuple[Any, ...], dict[int, int]] = {}
        self._rows: dict[tuple[tuple[Any, ...], int], tuple[str, str]] = {}

    # The model.

    def step(self, model: Model, what: tuple[Any, ...]) -> Model | None:
        """What an operation makes of a future; None: its answer does not fit."""
        kind = what[0]
        if kind == EVENT:
            return self._event(model, what)
        if kind in (RESULT, EXCEPTION):
            return model if self._value_fits(model, kind, what[1]) else None
        return model if self._says(model, kind, what) == what[-1] else None

    def _says(self, model: Model, kind: str, what: tuple[Any, ...]) -> object:
        """What the table says to a question."""
        state = self._states[model.state]
        if kind in (DONE, SETTLED):
            return state.settled
        if kind == RUNNING:
            return state.view == RUNNING_VIEW
        if kind == CANCELLED:
            return state.is_cancelled or state.cancel_decided
        if kind == ANNOUNCED:
            return state.view == FINISHED_VIEW or (state.view == ANNOUNCED_VIEW and model.announced)
        if kind == STATE:
            return model.state
        if kind == OUTCOME:
            return model.outcome
        return model.sent[self._counted.index(what[1])]

    def _value_fits(self, model: Model, kind: str, answer: Answer) -> bool:
        """Whether `result()` or `exception()` may answer so."""
        state, held = self._states[model.state], model.held
        name = answer.name if isinstance(answer, Raised) else ""
        if name in self._refuses or name == "TimeoutError":
            return not state.settled or (self._late and not state.is_cancelled)
        if not state.settled:
            return False
        if state.is_cancelled or name == "CancelledError":
            return state.is_cancelled and name == "CancelledError"
        if self._is_lost(answer):
            return True
        if self._any_value:
            return True
        if isinstance(held, str):
            return _is_own_error(answer, kind)
        if kind == EXCEPTION:
            wanted = Error(*held) if isinstance(held, Raised) else None
            return answer == Returned(wanted)
        return answer == held

    def _is_lost(self, answer: Answer) -> bool:
        """The value cannot be had: `result()` raises so, `exception()` returns the error."""
        said = answer.value if isinstance(answer, Returned) else answer
        return isinstance(said, _ERRORS) and said.name in self._lost

    def _event(self, model: Model, what: tuple[Any, ...]) -> Model | None:
        _, event, source, brings, answer = what
        state = self._states[model.state]
        if event == ASK:
            if state.settled:
                return model
            event, answer = "cancel", None
        row = self.lifecycle.row(model.state, event)
        refused = isinstance(answer, Raised) and answer.name == "InvalidStateError"
        if row.kind is Kind.VIOLATES or (row.violates_by_caller and source == CALLER):
            # From the wire it is counted; a caller is told. It moves nothing.
            told = answer is None or refused == (source == CALLER)
            if not told or (isinstance(answer, Raised) and not refused):
                return None
            self._rows[what, self._number(model)] = (str(row.source), str(row.event))
            return model
        if isinstance(answer, Raised):
            return None
        said = None if answer is None else answer.value
        if said is not None and row.answer is not None and said != row.answer:
            return None
        self._rows[what, self._number(model)] = (str(row.source), str(row.event))
        effects = row.effects
        held = model.held
        if fx.OFFER_VALUE in effects or fx.OFFER_ERROR in effects:
            held = ANY if self._any_value else brings
        elif fx.DISCARD_VALUE in effects:
            held = None
        else:
            held = next((str(e) for e in effects if e in _OWN_ERRORS), held)
        return Model(
            str(row.target),
            row.target.settled and (model.announced or fx.ANNOUNCE in effects),
            held,
            self._learned(model.outcome, row.outcome),
            tuple([model.sent[i] + effects.count(e) for i, e in enumerate(self._counted)]),
        )

    def _learned(self, known: Any, fact: Any) -> Any:
        return known if fact is None or not self._outcomes else refine(known, fact)

    # The search.

    def explain(self, ops: Sequence[Op]) -> Explained | None:
        """An order of the operations that explains every answer; None: there is none."""
        for order, end in self._orders(ops):
            numbers = _unlinked(order)
            return Explained(numbers, self._path(ops, numbers), self._models[end])
        return None

    def ends(self, ops: Sequence[Op]) -> set[Model]:
        """Every state in which the operations can leave the future; empty: not linearizable."""
        return {self._models[end] for _, end in self._orders(ops)}

    def _path(self, ops: Sequence[Op], order: Iterable[int]) -> Path:
        """The rows that an order takes."""
        rows: list[tuple[str, str]] = []
        now = self._number(self.start)
        for number in order:
            what = ops[number].what
            if what[0] == EVENT:
                row = self._rows.get((what, now))
                if row is not None:
                    rows.append(row)
                now = self._tables[what][now]
        return tuple(rows)

    def _number(self, model: Model) -> int:
        """Models are numbered: a number is quick to look up."""
        number = self._numbers.get(model)
        if number is None:
            number = self._numbers[model] = len(self._models)
            self._models.append(model)
        return number

    def _then(self, table: dict[int, int], number: int, what: tuple[Any, ...]) -> int:
        """The number of the state after an operation, -1 where it does not fit."""
        model = self.step(self._models[number], what)
        then = table[number] = -1 if model is None else self._number(model)
        return then

    def _orders(self, ops: Sequence[Op]) -> Iterator[tuple[Any, int]]:
        """Orders that explain everything (as linked lists), one for each way to end.

        In masks, each operation has a bit.
        """
        tables = self._tables
        befores = _befores(ops)
        asking: list[tuple[int, int, int, dict[int, int], Any]] = []
        moving: list[tuple[int, int, int, dict[int, int], Any]] = []
        owed = 0
        for i, op in enumerate(ops):
            what = op.what
            table = tables.get(what)
            if table is None:
                table = tables[what] = {}
            known = (i, 1 << i, befores[i], table, what)
            (moving if what[0] == EVENT else asking).append(known)
            if op.end < NEVER:
                owed |= 1 << i
        tried: set[tuple[int, int]] = set()
        # (what took place, state, the order so far)
        stack: list[tuple[int, int, Any]] = [(0, self._number(self.start), None)]
        while stack:
            mask, now, order = stack.pop()
            # What only asks changes nothing: if any order goes on from here, then also one in
            # which it comes at once.
            again = bool(asking)
            while again:
                again = False
                for i, bit, before, table, what in asking:
                    if mask & bit or before & ~mask:
                        continue
                    then = table.get(now)
                    if then is None:
                        then = self._then(table, now, what)
                    if then >= 0:
                        mask |= bit
                        order = (order, i)
                        again = True
            if (mask, now) in tried:
                continue
            tried.add((mask, now))
            if mask & owed == owed:
                yield order, now
            for i, bit, before, table, what in moving:
                if mask & bit or before & ~mask:
                    continue
                then = table.get(now)
                if then is None:
                    then = self._then(table, now, what)
                if then >= 0:
                    stack.append((mask | bit, then, (order, i)))


def _befores(ops: Sequence[Op]) -> list[int]:
    """For each operation the mask of those that had ended before it began."""
    ended = sorted([(op.end, 1 << i) for i, op in enumerate(ops) if op.end < NEVER])
    masks: list[int] = []
    mask = place = begin = 0
    for i, op in enumerate(ops):
        if op.begin < begin:  # not sorted by their beginnings
            mask = place = 0
        begin = op.begin
        while place < len(ended) and ended[place][0] < begin:
            mask |= ended[place][1]
            place += 1
        masks.append(mask | 1 << i - 1 if op.follows else mask)
    return masks


def _is_own_error(answer: Answer, kind: str) -> bool:
    """Whether an answer can be an error of the table's own: its class is the future's choice."""
    if kind == EXCEPTION:
        return isinstance(answer, Returned) and isinstance(answer.value, Error)
    return isinstance(answer, Raised) and answer.name not in ("InvalidStateError", "TaskError")


def _unlinked(order: Any) -> tuple[int, ...]:
    numbers: list[int] = []
    while order is not None:
        order, number = order
        numbers.append(number)
    return tuple(reversed(numbers))


def shortest(judge: Judge, ops: Sequence[Op]) -> tuple[list[int], int, set[Model]] | None:
    """The shortest beginning of a history that no order explains.

    Returns:
        the operations that had begun by then, the one whose answer does not fit any more, and the
        states that the future can have been in before that answer; None: all can be explained.
    """
    before: set[Model] = {judge.start}
    for last in sorted(range(len(ops)), key=lambda i: (ops[i].end, i)):
        end = ops[last].end
        if end >= NEVER:
            return None
        part, numbers = _until(ops, last)
        ends = judge.ends(part)
        if not ends:
            return numbers, last, before
        before = ends
    return None


def _until(ops: Sequence[Op], last: int) -> tuple[list[Op], list[int]]:
    """The history until the answer of `last`: what had not answered by then took place or not."""
    end = ops[last].end
    part: list[Op] = []
    numbers: list[int] = []
    for i, op in enumerate(ops):
        if op.begin > end:
            continue
        answered = (op.end, i) <= (end, last)
        if not answered:
            if op.what[0] != EVENT:
                continue
            op = op._replace(end=NEVER, what=(*op.what[:-1], None))
        part.append(op)
        numbers.append(i)
    return part, numbers
