"""What a client does and is told: each mistake in a table is noticed by the property it is about."""

from dataclasses import replace
from typing import Any

import pytest
from checker_kit import breaks

from futurefsm.fsm import CONFIRMED, STRICT, VALUE
from futurefsm.fsm import effects as fx
from futurefsm.fsm import outcomes as oc
from futurefsm.fsm import states as st
from futurefsm.fsm.checker import System, system
from futurefsm.fsm.checker.client_side import Facts, future_part, value_part
from futurefsm.fsm.checker.variants import unchecked
from futurefsm.fsm.effects import Effect
from futurefsm.fsm.outcomes import Outcome
from futurefsm.fsm.table import Kind, Lifecycle

STAYS: dict[str, Any] = {"kind": Kind.IGNORES}
TELL = (fx.NOTIFY, fx.ANNOUNCE)


def mutant(base: Lifecycle, source: str, event: str, scene: str, what: dict[str, Any]) -> System:
    row = base.row(source, event)
    if what.get("kind") is Kind.IGNORES:
        what = {"target": row.source, **what}
    made = unchecked(base, base.name, replace(row, **what))
    if base.about == "value":
        return system(scene, value_lifecycle=made)
    return system(scene, made)


CASES: list[tuple[Lifecycle, str, str, str, dict[str, Any], str]] = [
    # cancel() says nothing, or says False and then True's opposite.
    (CONFIRMED, "pending", "cancel", "meant", {"answer": None}, "Agreement"),
    (CONFIRMED, "cancel_requested", "cancel", "meant", {"answer": False}, "Agreement"),
    (CONFIRMED, "pending", "cancel", "meant", {"answer": False}, "Agreement"),
    (CONFIRMED, "running", "cancel", "meant", {"kind": Kind.IGNORES, "effects": ()}, "Agreement"),
    # The value.
    (
        CONFIRMED,
        "running",
        "result_success",
        "meant",
        {"effects": (fx.OFFER_ERROR, *TELL)},
        "Right value",
    ),
    (CONFIRMED, "running", "result_success", "meant", {"effects": TELL}, "Right value"),
    (
        CONFIRMED,
        "finished",
        "result_success",
        "rogue",
        {"effects": (fx.OFFER_VALUE,)},
        "Right value",
    ),
    (CONFIRMED, "finished", "cancel", "meant", {"effects": ()}, "Right value"),
    (
        CONFIRMED,
        "cancelled",
        "disconnect",
        "meant",
        {"effects": (fx.DISCARD_VALUE,)},
        "Right value",
    ),
    # submit
    (CONFIRMED, "pending", "submit", "meant", {"answer": False}, "Right value"),
    (CONFIRMED, "pending", "submit", "meant", {"effects": ()}, "One TaskCancel"),
    (
        CONFIRMED,
        "running",
        "disconnect",
        "meant",
        {"effects": (*TELL, fx.SEND_TASK)},
        "Right value",
    ),
    (CONFIRMED, "cancel_requested", "confirm_not_found", "rogue", STAYS, "Not found settles"),
    # The wire.
    (CONFIRMED, "running", "cancel", "meant", {"effects": ()}, "One TaskCancel"),
    (
        CONFIRMED,
        "pending",
        "cancel",
        "meant",
        {"effects": (*TELL, fx.SEND_CANCEL)},
        "One TaskCancel",
    ),
    (
        CONFIRMED,
        "finished",
        "cancel",
        "meant",
        {"effects": (fx.DISCARD_VALUE, fx.SEND_CANCEL)},
        "One TaskCancel",
    ),
    (CONFIRMED, "cancel_requested", "reconnected", "breaks", {"effects": ()}, "One TaskCancel"),
    (
        CONFIRMED,
        "cancel_requested",
        "disconnect",
        "meant",
        {"effects": (*TELL, fx.SEND_TASK)},
        "One TaskCancel",
    ),
    # The object.
    (CONFIRMED, "cancel_requested", "result_failed", "meant", {"effects": TELL}, "No leak"),
    (
        CONFIRMED,
        "cancel_requested",
        "confirm_canceled",
        "meant",
        {"effects": (*TELL, fx.DELETE_RESULT)},
        "Deleted once",
    ),
    # Outcomes.
    (
        CONFIRMED,
        "cancel_requested",
        "confirm_canceled",
        "meant",
        {"outcome": oc.NOT_FOUND},
        "True outcome",
    ),
    (CONFIRMED, "cancel_requested", "confirm_canceled", "meant", {"outcome": None}, "True outcome"),
    (CONFIRMED, "running", "cancel", "meant", {"outcome": None}, "True outcome"),
    (CONFIRMED, "cancel_requested", "result_success", "meant", {"outcome": None}, "True outcome"),
    (CONFIRMED, "running", "disconnect", "meant", {"outcome": oc.NEVER_SENT}, "True outcome"),
    # Settling.
    (
        CONFIRMED,
        "running",
        "disconnect",
        "meant",
        {"kind": Kind.IGNORES, "effects": ()},
        "Settles at the end",
    ),
    (CONFIRMED, "cancelled", "submit", "meant", {"effects": (fx.NOTIFY,)}, "Once"),
    (CONFIRMED, "running", "reconnected", "rogue", {"effects": (fx.ANNOUNCE,)}, "Once"),
    (STRICT, "cancelled", "submit", "alone", {"effects": ()}, "Told"),
    (
        STRICT,
        "cancelled",
        "submit",
        "meant",
        {"kind": Kind.VIOLATES, "effects": ()},
        "No violation",
    ),
    # concurrent.futures
    (STRICT, "running", "cancel", "alone", {"answer": True}, "Right value"),
    (STRICT, "pending", "cancel", "alone", {"kind": Kind.IGNORES, "answer": False}, "Right value"),
    (STRICT, "finished", "result_success", "alone", {"violates_by_caller": False}, "Right value"),
    (
        STRICT,
        "pending",
        "result_success",
        "alone",
        {"kind": Kind.IGNORES, "effects": ()},
        "Right value",
    ),
    (
        STRICT,
        "running",
        "result_success",
        "alone",
        {"kind": Kind.IGNORES, "effects": ()},
        "Right value",
    ),
    # The value's own machine.
    (VALUE, "offered", "want", "meant", {"effects": ()}, "Right value"),
    (VALUE, "offered", "want", "meant", {"effects": (fx.GET_OBJECT, fx.GET_OBJECT)}, "Right value"),
    (VALUE, "fetching", "bytes", "meant", {"effects": ()}, "No leak"),
    (VALUE, "fetching", "discard", "meant", {"effects": (fx.DELETE_OBJECT,)}, "Deleted once"),
    (VALUE, "loaded", "discard", "meant", {"kind": Kind.IGNORES}, "Right value"),
    (VALUE, "lost", "bytes", "store", {"kind": Kind.GOES, "target": st.LOADED}, "Right value"),
    (VALUE, "none", "want", "meant", {"effects": (fx.DELETE_OBJECT,)}, "Right value"),
]


@pytest.mark.parametrize(
    ("base", "source", "event", "scene", "what", "noticed"),
    CASES,
    ids=lambda each: each.name if isinstance(each, Lifecycle) else str(each)[:40],
)
def test_a_mistake_is_noticed(
    base: Lifecycle, source: str, event: str, scene: str, what: dict[str, Any], noticed: str
) -> None:
    assert breaks(mutant(base, source, event, scene, what), noticed)


def test_facts_are_read_from_the_states() -> None:
    assert Facts.of(CONFIRMED) == Facts(
        settled=("cancelled", "finished"),
        cancelled=("cancelled",),
        decided=("cancel_requested",),
        running=("running", "cancel_requested"),
    )
    assert Facts.of(STRICT).decided == ()


def test_what_is_somebody_elses_own_is_not_judged() -> None:
    """An effect, an outcome, a stage of the value that no table of ours has."""
    note, mood, far = Effect("note"), Outcome("mood"), st.State("far")
    row = replace(CONFIRMED.row("pending", "disconnect"), outcome=mood, effects=(*TELL, note))
    part = future_part(unchecked(CONFIRMED, "own", row), wired=True, dedups=False)
    assert part.effects["pending", "disconnect"]
    away = replace(VALUE.row("lost", "bytes"), kind=Kind.GOES, target=far, effects=())
    noted = replace(VALUE.row("lost", "bytes"), effects=(note,))
    assert value_part(unchecked(VALUE, "own", noted), dedups=True).effects["lost", "bytes"] == ()
    assert value_part(unchecked(VALUE, "own", away), dedups=True).effects["lost", "bytes"] == ()
