"""What a check says: of a system, of a lifecycle, of its rows; and what it does not claim."""

from dataclasses import replace

import pytest
from checker_kit import LAMP, LIGHTS, lamp, report

from futurefsm.fsm import CONFIRMED, STRICT, VALUE, goes
from futurefsm.fsm import effects as fx
from futurefsm.fsm import states as st
from futurefsm.fsm.checker import Invariant, Not, check, state, system, value
from futurefsm.fsm.checker.model import Send
from futurefsm.fsm.checker.report import HEADLINE, Report, check_system, rows_of
from futurefsm.fsm.checker.variants import unchecked
from futurefsm.fsm.events import CANCEL, Event
from futurefsm.fsm.table import ignores

BEEPS = Invariant("Quiet", value("beeped", 0), "no beep")


def test_a_system_that_holds() -> None:
    found = check(lamp(LIGHTS))
    assert found.holds
    assert (found.states, found.transitions, found.rows, found.stories) == (6, 6, (), ())
    (line,) = str(found).splitlines()[1:]
    assert line.split() == ["lamp", "6", "6", "holds"]
    assert str(found).startswith(HEADLINE)


def test_a_system_that_does_not() -> None:
    found = check(lamp(LIGHTS, BEEPS))
    assert not found.holds
    assert [each.property for each in found.stories] == ["Quiet"]
    assert "broken: Quiet" in str(found)
    assert "Quiet does not hold in lamp: no beep" in str(found)
    (checked,) = found.checked
    assert [(each.name, each.holds) for each in checked.results] == [
        ("Lights", True),
        ("Quiet", False),
    ]


def test_what_was_not_explored_is_not_proven() -> None:
    found = check(lamp(LIGHTS), states_max=3)
    assert not found.holds
    # Whether there is light some time nobody can say.
    assert found.checked[0].results == ()
    assert "not proven: more than 3 states" in str(found)


def test_what_did_not_fit_is_not_proven() -> None:
    what = lamp(capacity=1)
    push = replace(what.actions[0], does=(*what.actions[0].does, Send("wire", "press")))
    found = check(replace(what, actions=(push,)))
    assert not found.holds
    assert "not proven: wire too small" in str(found)


def test_the_rows_of_a_lifecycle() -> None:
    (rows,) = report().rows
    assert rows.lifecycle is STRICT
    assert str(rows) == (
        "strict: 12 of 12 rows that move are taken, 20 of 31 that ignore, 0 of 5 that forbid"
    )
    assert rows.dead == ()
    said = str(report())
    assert "taken only if a peer breaks the protocol: (cancelled, confirm_canceled)" in said
    assert all(len(line) <= 100 for line in said.splitlines())


def test_a_row_that_nobody_takes() -> None:
    """A state to which only an event of the scheduler leads that no scheduler sends."""
    poke = Event("poke", by_user=True)
    own = CONFIRMED.derive(
        "own",
        *(ignores(each, poke) for each in CONFIRMED.states if each != st.FINISHED),
        goes(st.FINISHED, poke, st.CANCELLED, fx.DISCARD_VALUE, why="no more"),
    )
    # Only looked at where no future ever finishes.
    checked = [check_system(lamp())]
    rows = rows_of(own, checked)
    assert len(rows.never) == len(own.rows)
    assert len(rows.dead) == 21
    alone = check_system(system("alone", own))
    assert not [row for row in rows_of(own, [alone]).dead if row.event == poke]


def test_dead_rows_are_a_failure() -> None:
    found = report()
    dead = replace(found, rows=(rows_of(STRICT, found.checked[-1:]),))
    assert not dead.holds
    assert "  never taken: (pending, submit)" in str(dead)


def test_a_lifecycle_that_is_broken() -> None:
    row = goes(st.PENDING, CANCEL, st.CANCELLED, fx.NOTIFY, fx.ANNOUNCE, answer=False)
    found = check(unchecked(STRICT, "liar", row), states_max=1500)
    assert {each.system for each in found.stories} >= {"liar_meant", "liar_alone", "liar_rogue"}
    assert {each.property for each in found.stories} >= {"Agreement"}


def test_not_a_word_too_much() -> None:
    lit = Invariant("Dark", Not(state("light", "on")), "no light")
    assert [each.property for each in check(lamp(lit)).stories] == ["Dark"]


def test_rows_that_were_not_met_so_far() -> None:
    found = check(VALUE, states_max=50)
    assert "that forbid (so far)" in str(found)
    assert "never taken" not in str(found)


def test_a_table_without_guards() -> None:
    checked = (check_system(lamp(duplicates=True)),)
    found = Report(checked, (rows_of(LAMP, checked),))
    assert found.holds
    assert list(found.about_rows()) == [
        "lamp: 2 of 2 rows that move are taken, 1 of 1 that ignore, 1 of 1 that forbid"
    ]


def test_only_a_system_or_a_lifecycle_can_be_checked() -> None:
    with pytest.raises(TypeError, match="check takes a System or a Lifecycle, not 3"):
        check(3)  # type: ignore[arg-type]
