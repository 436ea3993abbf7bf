"""The checker bites: of the mistakes that a table can have, it notices nearly all."""

import pytest
from checker_kit import LAMP

from futurefsm.fsm import CONFIRMED, SCHEDULER, STRICT, VALUE, Lifecycle
from futurefsm.fsm.checker import ModelError
from futurefsm.fsm.checker.bite import ROWS, bite
from futurefsm.fsm.checker.report import check
from futurefsm.fsm.checker.systems import system

# A part of all, so that it is quick; `make races` tries all of them.
EACH = {CONFIRMED: 100, STRICT: 60, VALUE: 25, SCHEDULER: 50}


@pytest.mark.parametrize("lifecycle", EACH, ids=lambda each: each.name)
def test_mistakes_are_noticed(lifecycle: Lifecycle) -> None:
    found = bite(lifecycle, nth=EACH[lifecycle], first=3, states_max=2000)
    assert found.total >= 10
    missed = set(found.survived) - set(found.unmet)
    assert not missed
    assert found.killed.total() + len(found.survived) == found.total


def test_what_was_forbidden_and_is_ignored_shows_in_the_rows() -> None:
    """No system notices it; the list of rows that no correct peer leads to is longer by one."""
    found = bite(STRICT, nth=10_000, first=_number("(running, submit) violation: does nothing"))
    assert found.killed == {ROWS: 1}


def test_what_only_a_rogue_leads_to_is_told_apart() -> None:
    number = _number("(running, cancel_timed_out) -: violates")
    found = bite(STRICT, nth=10_000, first=number, states_max=500)
    assert found.survived == found.unmet == ["(running, cancel_timed_out) -: violates"]


def test_what_is_compiled_to_the_same_is_no_mistake() -> None:
    twice = "(running, result_success) → finished: announce twice"
    again = "(finished, cancel) -: announce too"
    for what in (twice, again):
        found = bite(STRICT, nth=10_000, first=_number(what), states_max=200)
        assert (found.same, found.total) == ([what], 0)
    # Where a future may be cancelled and not announced yet, it is one.
    early = "(cancelled, disconnect) -: announce too"
    assert not bite(STRICT, nth=10_000, first=_number(early), states_max=200).same


def test_a_dead_lock_is_noticed_where_all_was_explored() -> None:
    number = _number("(running, result_success) → finished: does nothing")
    found = bite(STRICT, nth=10_000, first=number)
    assert found.total == found.killed.total() == 1


def test_a_lifecycle_without_systems() -> None:
    with pytest.raises(ModelError):
        bite(LAMP)


def test_the_report_agrees() -> None:
    assert check(system("alone", STRICT)).holds


def _number(what: str) -> int:
    from futurefsm.fsm.checker import mutants

    return [said for said, _ in mutants(STRICT)].index(what)
