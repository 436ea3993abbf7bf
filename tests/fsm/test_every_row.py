"""Every row of every lifecycle is fired, and does what it says: the gate counts them.

The rows are read from the tables, so a new row is fired from the day it is written; the last test
compares what was fired with what there is.
"""

from typing import Any

import pytest
from lifecycle_kit import CountingWaiter, Noting, brought, way

from futurefsm.fsm import effects as fx
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.errors import InvalidStateError
from futurefsm.fsm.lifecycles import LIFECYCLES
from futurefsm.fsm.outcomes import refine
from futurefsm.fsm.table import Kind, Lifecycle, Row

FUTURES = [each for each in LIFECYCLES if each.about == "future"]
OTHERS = [each for each in LIFECYCLES if each.about != "future"]
fired: set[tuple[str, str, str]] = set()


def note(lifecycle: Lifecycle, step: Step) -> None:
    fired.add((lifecycle.name, step.row.source, step.row.event))


def rows(lifecycles: list[Lifecycle]) -> Any:
    return pytest.mark.parametrize(
        ("lifecycle", "row"),
        [
            pytest.param(each, row, id=f"{each.name}-{row}")
            for each in lifecycles
            for row in each.rows
        ],
    )


@rows(FUTURES)
@pytest.mark.parametrize("watched", [False, True])
def test_a_row_of_a_future(lifecycle: Lifecycle, row: Row, watched: bool) -> None:
    future = brought(Noting(lifecycle), row.source)
    waiter, called = CountingWaiter(), []
    if watched:
        # Who comes before the settling is told of it; here all come before or none.
        future = Noting(lifecycle)
        future._waiters.append(waiter)
        future.add_done_callback(called.append)
        brought(future, row.source)
    before, stays = future.story, dict(future.story.stays)
    outcome = future.cancel_outcome
    future.performed.clear()
    step = future.fire(row.event, "value")
    note(lifecycle, step)

    assert step.row is row
    assert future.state == row.target
    wire = [effect for effect in row.effects if effect.performer == fx.WIRE]
    assert future.performed == wire
    assert future.violations == ([(row.event, "wire")] if row.kind is Kind.VIOLATES else [])
    if row.kind is Kind.GOES:
        assert [*future.story][:-1] == [*before]
        assert (future.story[-1].state, future.story[-1].event) == (row.target, row.event)
        assert future.story.stays == stays
    else:
        assert [*future.story] == [*before]
        assert future.story.stays == stays | {row.event: stays.get(row.event, 0) + 1}
    assert future.done() == row.target.settled
    known = refine(outcome, row.outcome) if row.outcome else outcome
    assert future.cancel_outcome == known
    if watched:
        assert called == ([future] if row.target.settled else [])
        assert len(waiter.told) == len(set(waiter.told))
        hears = row.target.settled and future._state != "CANCELLED"
        assert len(waiter.told) == (1 if hears else 0), waiter.told


@rows(FUTURES)
def test_a_row_fired_by_a_caller(lifecycle: Lifecycle, row: Row) -> None:
    future = brought(Noting(lifecycle), row.source)
    if row.kind is Kind.VIOLATES or row.violates_by_caller:
        with pytest.raises(InvalidStateError, match=f"{row.event} is not allowed in state"):
            future.fire(row.event, None, "caller")
        assert future.state == row.source
        assert future.violations == [], "its caller knows by the exception"
        assert future.story.stays[row.event] == 1
    else:
        assert future.fire(row.event, None, "caller").answer == row.answer
        assert future.state == row.target


@rows(OTHERS)
def test_a_row_of_another_machine(lifecycle: Lifecycle, row: Row) -> None:
    node = lifecycle.compiled
    for event in way(lifecycle, row.source):
        node = node.on[event].node
    step = node.on[row.event]
    note(lifecycle, step)
    assert step.row is row
    assert step.node.state == row.target
    assert step.effects == row.effects, "all of them are for who owns the machine"
    assert step.violates == (row.kind is Kind.VIOLATES)


def test_no_row_was_left_out() -> None:
    """The gate. It runs last; with `-k` it has nothing to say."""
    if len(fired) < 10:
        pytest.skip("the rows were not selected")
    there = {(each.name, row.source, row.event) for each in LIFECYCLES for row in each.rows}
    assert there - fired == set()
