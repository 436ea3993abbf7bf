"""Tables with mistakes: each has one row that differs, and nobody asked whether it may be."""

import pytest

from futurefsm.fsm import CONFIRMED, STRICT, Lifecycle, LifecycleError, goes
from futurefsm.fsm import states as st
from futurefsm.fsm.checker import mutants, unchecked
from futurefsm.fsm.events import CANCEL
from futurefsm.fsm.lifecycles import LIFECYCLES

UNDEAD = goes(st.CANCELLED, CANCEL, st.RUNNING, why="it comes back")


def test_it_may_break_every_rule() -> None:
    with pytest.raises(LifecycleError):
        CONFIRMED.derive("undead", UNDEAD)
    undead = unchecked(CONFIRMED, "undead", UNDEAD)
    assert undead.row("cancelled", "cancel") is UNDEAD
    assert undead.name == "undead"
    assert len(undead.rows) == len(CONFIRMED.rows)


def test_its_base_is_what_it_was() -> None:
    assert CONFIRMED.states
    unchecked(CONFIRMED, "undead", UNDEAD)
    assert CONFIRMED.row("cancelled", "cancel").target == "cancelled"
    assert CONFIRMED.name == "confirmed"


def test_it_is_frozen_like_all_others() -> None:
    with pytest.raises(AttributeError, match="frozen"):
        unchecked(STRICT, "other").name = "another"  # type: ignore[misc]


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
def test_each_mutant_is_one_other_row(lifecycle: Lifecycle) -> None:
    found = list(mutants(lifecycle))
    assert len(found) > 5 * len(lifecycle.rows)
    names = [what for what, _ in found]
    assert len(set(names)) == len(names)
    for what, row in found:
        assert row != lifecycle.row(row.source, row.event), what


def test_every_kind_of_mistake_is_there() -> None:
    said = " ".join(what for lifecycle in (CONFIRMED, STRICT) for what, _ in mutants(lifecycle))
    for kind in (
        ": violates",
        ": stays, with its effects",
        ": does nothing",
        ": → finished",
        ": without notify",
        ": notify twice",
        ": send_cancel too",
        ": answers False",
        ": answers nothing",
        ": also by a caller",
        ": without outcome",
        ": outcome confirmed",
    ):
        assert kind in said, kind
