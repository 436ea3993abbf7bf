"""SPIN, which nobody here has written, comes to the same states and the same verdicts."""

from dataclasses import replace
from pathlib import Path

import pytest
from checker_kit import LIGHTS, Spin, lamp

from futurefsm.fsm import CONFIRMED, SCHEDULER
from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm import states as st
from futurefsm.fsm.checker import Invariant, NoDeadlock, System, state, system, to_promela, value
from futurefsm.fsm.checker.model import NEVER, AlwaysPossible, Clear, LeadsTo
from futurefsm.fsm.checker.promela import claim
from futurefsm.fsm.checker.search import Graph, look
from futurefsm.fsm.checker.variants import unchecked
from futurefsm.fsm.table import Lifecycle, Row, goes, ignores


def compare(what: System, folder: Path, broken: set[str], asked: set[str]) -> None:
    """Both tools find the same number of states, and what each of them says is broken is."""
    properties = tuple(
        each
        for each in what.properties
        if each.name in broken | asked and not isinstance(each, AlwaysPossible)
    )
    what = replace(what, properties=properties)
    assert {each.name for each in properties} == broken | asked
    graph, spin = Graph(what), Spin(what, folder)
    assert spin.states() == len(graph.states)
    found = {each.name for each in properties if look(graph, each) is not None}
    assert found == broken
    assert {each.name for each in properties if not spin.holds(each)} == broken


GOOD = [
    (system("meant"), {"Settles", "No dead-lock", "One TaskCancel", "Cancel answered", "Loads"}),
]


@pytest.mark.system("spin", "gcc", "libc6-dev")
@pytest.mark.parametrize(("what", "asked"), GOOD, ids=lambda each: getattr(each, "name", ""))
def test_spin_agrees_on_what_ships(what: System, asked: set[str], tmp_path: Path) -> None:
    compare(what, tmp_path, set(), asked)


def changed(base: Lifecycle, source: str, event: str, **what: object) -> Lifecycle:
    row: Row = replace(base.row(source, event), **what)  # type: ignore[arg-type]
    return unchecked(base, base.name, row)


def confirmed(source: str, event: str, **what: object) -> System:
    return system("meant", changed(CONFIRMED, source, event, **what))


BROKEN = [
    # Nobody wakes those who wait.
    (
        system(
            "alone",
            changed(CONFIRMED, "running", "result_success", effects=(fx.OFFER_VALUE, fx.ANNOUNCE)),
        ),
        {"Once"},
        {"Settles"},
    ),
    # A way out of cancelled, by a message.
    (
        system(
            "rogue",
            unchecked(
                CONFIRMED,
                "confirmed",
                goes(st.CANCELLED, ev.RESULT_SUCCESS, st.FINISHED, fx.OFFER_VALUE),
            ),
        ),
        {"One verdict", "Agreement", "Right value"},
        {"Settles at the end"},
    ),
    # A second TaskCancel.
    (
        system(
            "rogue",
            changed(CONFIRMED, "cancel_requested", "cancel", effects=(fx.SEND_CANCEL,)),
        ),
        {"One TaskCancel"},
        {"Settles at the end"},
    ),
    # The losing result is forgotten in the store.
    (
        confirmed("cancel_requested", "result_success", effects=(fx.NOTIFY, fx.ANNOUNCE)),
        {"No leak"},
        {"Settles"},
    ),
    # A confirmation that is missing: the worker is dead, and nobody is told.
    (
        system("meant", scheduler=changed(SCHEDULER, "canceling", "worker_died", effects=())),
        {"Settles", "No dead-lock", "Cancel answered"},
        {"Never run twice"},
    ),
    # A task that was cancelled in the queue stays in it, and runs.
    (
        system(
            "meant",
            scheduler=changed(
                SCHEDULER, "queued", "cancel_forced", effects=(fx.CONFIRM_CANCELED_EFFECT,)
            ),
        ),
        {"Stopped", "No violation"},
        {"One verdict"},
    ),
]
NAMES = [
    "dropped_notify",
    "out_of_cancelled",
    "second_cancel",
    "forgotten_delete",
    "missing_confirm",
    "not_dequeued",
]


@pytest.mark.system("spin", "gcc", "libc6-dev")
@pytest.mark.parametrize(("what", "broken", "sound"), BROKEN, ids=NAMES)
def test_spin_agrees_on_what_is_broken(
    what: System, broken: set[str], sound: set[str], tmp_path: Path
) -> None:
    compare(what, tmp_path, broken, sound)


ON = state("light", "on")


@pytest.mark.system("spin", "gcc", "libc6-dev")
def test_spin_agrees_where_messages_are_lost_and_repeated_in_order(tmp_path: Path) -> None:
    """The kinds of channel that no system above has, a capacity of nothing, and what is cleared."""
    bright = Invariant("Bright", value("beeped", 0), "no beep")
    dark = NoDeadlock("Dark", ON, "light at the end")
    again = LeadsTo("Again", ON, state("light", "off"), "it goes out")
    what = lamp(LIGHTS, bright, dark, again, duplicates=True, loses=True)
    wipe = replace(what.actions[1], name="wipe", does=(Clear("wire"),), guard=ON)
    what = replace(what, actions=(*what.actions, wipe))
    compare(what, tmp_path, {"Lights", "Bright", "Dark", "Again"}, set())


@pytest.mark.system("spin", "gcc", "libc6-dev")
def test_spin_agrees_where_messages_overtake_each_other(tmp_path: Path) -> None:
    bright = Invariant("Bright", value("blame", 0), "in order")
    compare(lamp(LIGHTS, bright, reorders=True, duplicates=True), tmp_path, {"Bright"}, {"Lights"})


def test_names_of_claims() -> None:
    assert claim("One TaskCancel") == "one_taskcancel"
    assert claim("No dead-lock") == "no_dead_lock"


def test_what_linear_time_cannot_say_is_left_out() -> None:
    possible = AlwaysPossible("Can", ON, "it can be on")
    assert "ltl can " not in to_promela(lamp(possible))


def test_what_has_no_room_is_lost() -> None:
    text = to_promela(lamp(Invariant("No", NEVER, "never"), capacity=0))
    assert "chan " not in text
    assert "ltl no { [] (false) }" in text


def test_a_part_without_blame_and_an_event_that_does_nothing() -> None:
    what = lamp()
    light = replace(what.parts[0], blame=None)
    text = to_promela(replace(what, parts=(light,)))
    assert ":: (light == light_is_off) -> skip" in text
    assert ignores(st.PENDING, ev.SUBMIT).effects == ()


def test_channels_in_promela() -> None:
    """In any order and any number of times: a process for each message, kept once."""
    text = to_promela(system("any_order"))
    assert "active proctype delivers_answers_TaskResult_success()" in text
    assert "d_step { answers??<answers_TaskResult_success>" in text
    assert "if :: answers??[answers_TaskResult_success] -> skip :: else" in text
    text = to_promela(system("scaler_breaks"))
    assert "d_step { requests?requests_Task -> skip }" in text
    assert "if :: orders?orders_Run" in text


def test_the_names_of_the_checker() -> None:
    import futurefsm.fsm.checker as checker

    assert set(dir(checker)) == set(checker.__all__)
    for name in checker.__all__:
        assert getattr(checker, name) is not None
