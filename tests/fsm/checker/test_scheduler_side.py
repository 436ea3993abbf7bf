"""Scaler behaves as it was seen to; a scheduler as it is meant does not; futures survive both."""

from dataclasses import replace
from typing import Any

import pytest
from checker_kit import report

from futurefsm.fsm.checker import System, every, state, system, value
from futurefsm.fsm.checker.model import Condition, Empty
from futurefsm.fsm.checker.search import Graph


def reachable(what: System, where: Condition) -> bool:
    graph = Graph(replace(what, properties=()), until=where)
    return graph.stepper.predicate(where)(graph.states[-1])


SCALER = system("scaler")
ASKED = state("future", "cancel_requested")
SILENCE = (Empty("requests"), Empty("answers"), Empty("orders"), Empty("reports"))
QUIRKS: dict[str, Condition] = {
    # The scheduler has forgotten the task, and the request to cancel stands without an answer.
    "a cancel that is never confirmed": every(
        ASKED, state("task", "unknown"), state("worker", "free"), *SILENCE
    ),
    # The worker made a value, nothing is under way, and the client was told "not found".
    "a result that is dropped": every(
        value("made", 1), state("task", "unknown"), value("outcome", 4), *SILENCE
    ),
    # Confirmed, and it begins again.
    "a confirmed task that runs again": every(
        state("future", "cancelled"), value("outcome", 2), state("worker", "runs")
    ),
    # Cancelled by its client, who was told nothing of the refusal.
    "a refusal that nobody hears of": every(ASKED, state("task", "assigned"), *SILENCE),
    "a task that is given back": state("task", "balancing"),
    "an end that the scheduler says unasked": every(
        state("future", "cancelled"), value("outcome", 11), value("closed", 0)
    ),
}


@pytest.mark.parametrize("quirk", QUIRKS)
def test_scaler_does_what_it_was_seen_to_do(quirk: str) -> None:
    assert reachable(SCALER, QUIRKS[quirk])


@pytest.mark.parametrize("quirk", list(QUIRKS)[:4])
def test_a_scheduler_as_it_is_meant_does_not(quirk: str) -> None:
    names = {"free": "idle", "runs": "busy"}

    def meant(condition: Any) -> Any:
        if hasattr(condition, "states"):
            return replace(condition, states=tuple(names.get(s, s) for s in condition.states))
        if hasattr(condition, "of"):
            return replace(condition, of=tuple(map(meant, condition.of)))
        return condition

    assert not reachable(system("meant"), meant(QUIRKS[quirk]))


def test_a_future_survives_scaler() -> None:
    (checked,) = (each for each in report().checked if each.system.scene == "scaler")
    assert checked.holds
    assert {each.name for each in checked.results} >= {"Settles", "Settles at the end", "No leak"}
