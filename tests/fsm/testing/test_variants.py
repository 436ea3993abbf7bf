"""Variants of lifecycles: valid, different, and driven by our future without a difference."""

from functools import partial
from random import Random

import pytest
from broken_futures import Noting

from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.acts import sweep
from futurefsm.fsm.testing.subject import Subject
from futurefsm.fsm.testing.variants import variant


def drawn(base: Lifecycle, seed: int, edits: int = 4) -> Lifecycle:
    return variant(base, edits, Random(seed).randrange)


@pytest.mark.parametrize("base", [CONFIRMED, STRICT], ids=lambda each: each.name)
def test_they_are_valid_and_differ(base: Lifecycle) -> None:
    made = [drawn(base, seed) for seed in range(25)]
    assert len({each.rows for each in made}) > 22
    assert any(len(each.states) > len(base.states) for each in made)
    assert any(len(each.events) < len(base.events) for each in made)
    assert any(len(each.events) > len(base.events) for each in made)
    for each in made:
        # Making it has checked all rules of tables; what drives futures needs these.
        assert {"submit", "cancel", "result_success", "result_failed"} <= set(each.events)


def test_no_edit_is_the_table_itself() -> None:
    assert drawn(CONFIRMED, 1, edits=0) is CONFIRMED


def test_a_cancel_answers_the_truth() -> None:
    for seed in range(30):
        lifecycle = drawn(CONFIRMED, seed)
        for row in lifecycle.rows:
            if row.event == "cancel" and row.why == "a variant":
                decided = row.target.is_cancelled or row.target.cancel_decided
                assert row.answer is decided


def test_events_that_are_needed_stay_where_nothing_else_is_left() -> None:
    bare = STRICT.derive(
        "bare",
        without=[e for e in STRICT.events if e not in _NEEDED],
    )
    # 4 is the edit that leaves out an event, of which there is none.
    assert variant(bare, 1, lambda n: min(4, n - 1)) is bare


_NEEDED = ("submit", "cancel", "result_success", "result_failed")


@pytest.mark.parametrize("seed", [1])
def test_our_future_obeys_any_table(seed: int) -> None:
    lifecycle = drawn((CONFIRMED, STRICT)[seed % 2], seed)
    make = partial(Noting, lifecycle)
    subject = Subject(make, lifecycle, effects=lambda future: future.performed)
    met = sweep(subject, 20.0)
    assert set(met) == {(row.source, row.event) for row in lifecycle.rows}
