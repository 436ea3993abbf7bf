"""Tables with one mistake in each, to see whether the checker notices. PURE."""

import copy
from collections.abc import Iterator
from dataclasses import replace

from futurefsm.fsm.outcomes import Outcome
from futurefsm.fsm.table import Kind, Lifecycle, Row


def unchecked(base: Lifecycle, name: str, *rows: Row) -> Lifecycle:
    """A variant as `derive` makes it, but with no questions asked: it may break every rule.

    For tests of what looks for such mistakes; a `Future` that obeys it may do anything.
    """
    new = {(str(row.source), str(row.event)): row for row in rows}
    pairs = {(str(row.source), str(row.event)): row for row in base.rows} | new
    lifecycle = copy.copy(base)
    # Frozen: what is shared with the base must not be what it was.
    space = {
        "name": name,
        "start": base.start,
        "rows": tuple(pairs.values()),
        "effects": base.effects,
        "about": base.about,
        "standard_repr": base.standard_repr,
        "_by_pair": {(row.source, row.event): row for row in pairs.values()},
    }
    lifecycle.__dict__.clear()
    lifecycle.__dict__.update(space)
    return lifecycle


def mutants(lifecycle: Lifecycle) -> Iterator[tuple[str, Row]]:
    """Every row with one mistake: (what was done to it, the row), in the order of the table.

    A wrong target; a move or a violation that is ignored, and the reverse; an effect that is
    forgotten, done twice, or done in addition; another answer; another outcome.
    """
    for row in lifecycle.rows:
        yield from _kinds(row)
        yield from _targets(lifecycle, row)
        if row.kind is not Kind.VIOLATES:
            yield from _effects(lifecycle, row)
            yield from _words(lifecycle, row)


def _kinds(row: Row) -> Iterator[tuple[str, Row]]:
    stays = replace(row, target=row.source)
    if row.kind is not Kind.VIOLATES:
        bare = replace(stays, kind=Kind.VIOLATES, effects=(), answer=None, outcome=None)
        yield f"{row}: violates", bare
    if row.kind is Kind.GOES:
        yield f"{row}: stays, with its effects", replace(stays, kind=Kind.IGNORES)
    if row.kind is not Kind.IGNORES or row.effects:
        yield f"{row}: does nothing", replace(stays, kind=Kind.IGNORES, effects=())


def _targets(lifecycle: Lifecycle, row: Row) -> Iterator[tuple[str, Row]]:
    for state in lifecycle.states:
        if state not in (row.target, row.source):
            yield f"{row}: → {state}", replace(row, kind=Kind.GOES, target=state)


def _effects(lifecycle: Lifecycle, row: Row) -> Iterator[tuple[str, Row]]:
    for at, effect in enumerate(row.effects):
        rest = row.effects[:at] + row.effects[at + 1 :]
        yield f"{row}: without {effect}", replace(row, effects=rest)
        yield f"{row}: {effect} twice", replace(row, effects=(*row.effects, effect))
    for effect in lifecycle.effects:
        if effect not in row.effects:
            yield f"{row}: {effect} too", replace(row, effects=(*row.effects, effect))


def _words(lifecycle: Lifecycle, row: Row) -> Iterator[tuple[str, Row]]:
    if row.answer is not None:
        yield f"{row}: answers {not row.answer}", replace(row, answer=not row.answer)
        yield f"{row}: answers nothing", replace(row, answer=None)
    if row.violates_by_caller:
        yield f"{row}: also by a caller", replace(row, violates_by_caller=False)
    if row.outcome is not None:
        yield f"{row}: without outcome", replace(row, outcome=None)
        for outcome in _outcomes(lifecycle):
            if outcome != row.outcome:
                yield f"{row}: outcome {outcome}", replace(row, outcome=outcome)


def _outcomes(lifecycle: Lifecycle) -> tuple[Outcome, ...]:
    return tuple(dict.fromkeys(row.outcome for row in lifecycle.rows if row.outcome is not None))
