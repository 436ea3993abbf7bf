"""Linearizability: does some order of the calls, on the table, explain the answers? PURE.

The search is that of Wing and Gong with Lowe's memory of what was tried; calls that only ask are
taken as soon as they fit, since they change nothing. The model is written from the rows, not from
the compiled table that our own futures step through, so that it can judge those, too.
"""

from collections.abc import Iterable, Sequence
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
COUNT = "count"  # effect, how often

# A cancel that leaves a settled future alone.
ASK = "ask"
# What a future holds whose value nobody looks at.
ANY = "any"

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
        # Operation → state → the state afterwards, or None where it does not fit. And the rows.
        self._after: dict[tuple[Any, ...], dict[Model, Model | None]] = {}
        self._rows: dict[tuple[tuple[Any, ...], Model], tuple[str, str]] = {}

    # The model.

    def step(self, model: Model, what: tuple[Any, ...]) -> Model | None:
        """What an operation makes of a future; None: its answer does not fit."""
        known = self._after.setdefault(what, {})
        try:
            return known[model]
        except KeyError:
            after = known[model] = self._step(model, what)
            return after

    def _step(self, model: Model, what: tuple[Any, ...]) -> Model | None:
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
        return isinstance(said, Error | Raised) and said.name in self._lost

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
            return model if told and (refused or not isinstance(answer, Raised)) else None
        if isinstance(answer, Raised):
            return None
        said = None if answer is None else answer.value
        if said is not None and row.answer is not None and said != row.answer:
            return None
        self._rows[what, model] = (str(row.source), str(row.event))
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
            tuple(
                n + effects.count(fx.Effect(e))
                for n, e in zip(model.sent, self._counted, strict=True)
            ),
        )

    def _learned(self, known: Any, fact: Any) -> Any:
        return known if fact is None or not self._outcomes else refine(known, fact)

    # The search.

    def explain(self, ops: Sequence[Op]) -> Explained | None:
        """An order of the operations that explains every answer; None: there is none."""
        for order, end in self._orders(ops):
            return Explained(order, self._path(ops, order), end)
        return None

    def ends(self, ops: Sequence[Op]) -> set[Model]:
        """Every state in which the operations can leave the future; empty: not linearizable."""
        return {end for _, end in self._orders(ops)}

    def _path(self, ops: Sequence[Op], order: Iterable[int]) -> Path:
        """The rows that an order takes."""
        rows: list[tuple[str, str]] = []
        model = self.start
        for number in order:
            what = ops[number].what
            if (what, model) in self._rows:
                rows.append(self._rows[what, model])
            model = self.step(model, what) or model
        return tuple(rows)

    def _orders(self, ops: Sequence[Op]) -> Iterable[tuple[tuple[int, ...], Model]]:
        """Orders that explain everything, one for each way to end.

        `mask` has a bit for each operation that took place.
        """
        tried: set[tuple[int, Model]] = set()
        owed = sum(1 << i for i, op in enumerate(ops) if op.end < NEVER)
        # (mask, state, the order so far as a linked list)
        stack: list[tuple[int, Model, Any]] = [(0, self.start, None)]
        numbered = [(i, 1 << i, *op) for i, op in enumerate(ops)]
        after = self._after
        while stack:
            mask, model, order = stack.pop()
            if (mask, model) in tried:
                continue
            tried.add((mask, model))
            if mask & owed == owed:
                yield _unlinked(order), model
            left = [op for op in numbered if not mask & op[1]]
            if not left:
                continue
            bound = min(op[3] for op in left)
            found: list[tuple[int, Model, Any]] = []
            for i, bit, begin, _, what, follows, _ in left:
                if begin > bound or (follows and not mask & bit >> 1):
                    continue
                known = after.get(what)
                if known is not None and model in known:
                    then = known[model]
                else:
                    then = self.step(model, what)
                if then is None:
                    continue
                if what[0] != EVENT:
                    # It changes nothing: if any order goes on from here, one that begins with it.
                    found = [(mask | bit, then, (order, i))]
                    break
                found.append((mask | bit, then, (order, i)))
            stack += found


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
