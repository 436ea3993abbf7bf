"""What ships holds, in every scene; and a lifecycle of somebody's own gets its systems."""

import pytest
from checker_kit import LAMP, report

from futurefsm.fsm import CONFIRMED, SCHEDULER, STRICT, VALUE
from futurefsm.fsm.checker import SCENES, ModelError, check, shipped, system, systems_for
from futurefsm.fsm.checker.report import rows_of
from futurefsm.fsm.table import Kind


def test_everything_holds_in_every_scene() -> None:
    found = report()
    assert [each.system.scene for each in found.checked] == list(SCENES)
    assert found.stories == ()
    assert found.holds, str(found)
    assert found.states > 50_000


def test_every_row_that_moves_is_taken() -> None:
    for lifecycle in (STRICT, VALUE):
        rows = rows_of(lifecycle, report().checked)
        assert rows.dead == ()
        # What a table forbids, no correct peer does.
        assert not [row for row in rows.taken if row.kind is Kind.VIOLATES]


def test_rows_that_guard_against_broken_peers_are_known() -> None:
    """Rows that ignore what cannot happen are told; a new one is a question to its author."""
    (rows,) = report().rows
    guards = {(row.source, row.event) for row in rows.guards}
    # What was never sent is not answered, and no cancel() waits.
    never_sent = {("cancelled", str(event)) for event in STRICT.events if _is_an_answer(event)}
    no_timer = {(str(state), "cancel_timed_out") for state in STRICT.states}
    assert guards == {*never_sent, *no_timer, ("finished", "confirm_canceled")}
    assert rows.never == ()


def _is_an_answer(event: str) -> bool:
    return event.startswith(("confirm_", "result_"))


def test_all_that_ships() -> None:
    names = [each.name for each in shipped()]
    assert len(names) == len(set(names)) == 2 * len(SCENES)


def test_systems_by_what_a_lifecycle_is_about() -> None:
    scenes = {
        lifecycle.about: [each.scene for each in systems_for(lifecycle)]
        for lifecycle in (CONFIRMED, VALUE, SCHEDULER)
    }
    assert scenes == {
        "future": list(SCENES),
        "value": ["meant", "store", "breaks", "any_order", "rogue"],
        "task": ["meant", "breaks", "any_order"],
    }
    for each in systems_for(SCHEDULER):
        assert each.part("task").lifecycle is SCHEDULER


def test_what_no_system_has_a_place_for() -> None:
    with pytest.raises(ModelError, match="lifecycle 'lamp' is about a lamp"):
        systems_for(LAMP)


def test_an_unknown_scene() -> None:
    with pytest.raises(KeyError):
        system("paradise")


def test_only_a_rogue_is_not_correct() -> None:
    assert [each.scene for each in systems_for(STRICT) if not each.correct] == ["rogue"]


def test_a_lifecycle_without_some_events() -> None:
    """An author's client need not know of reconnecting, or of time-outs."""
    plain = CONFIRMED.derive("plain", without=["reconnected", "cancel_timed_out"])
    for scene in ("meant", "alone", "rogue"):
        assert check(system(scene, plain)).holds
