"""The scheduler: as it is meant each mistake is noticed; Scaler's quirks are there."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest
from checker_kit import report

from futurefsm.fsm import SCHEDULER
from futurefsm.fsm import effects as fx
from futurefsm.fsm import states as st
from futurefsm.fsm.checker import Invariant, System, every, state, system, value
from futurefsm.fsm.checker.model import Condition, Empty
from futurefsm.fsm.checker.search import Graph, look
from futurefsm.fsm.checker.variants import unchecked
from futurefsm.fsm.table import Kind

NOTHING: dict[str, Any] = {"kind": Kind.IGNORES, "effects": ()}

CASES: list[tuple[str, str, str, dict[str, Any], str]] = [
    ("queued", "assign", "meant", {"effects": (fx.RUN,)}, "Stopped"),
    ("queued", "assign", "meant", {"effects": (fx.DEQUEUE,)}, "Stopped"),
    ("unknown", "task", "meant", {"effects": ()}, "Stopped"),
    ("queued", "task", "any_order", {"effects": (fx.ENQUEUE,)}, "Stopped"),
    ("assigned", "worker_done", "meant", {"effects": ()}, "One answer"),
    ("assigned", "worker_done", "meant", {"effects": (fx.SEND_WORKER_DIED,)}, "True answer"),
    ("assigned", "worker_died", "meant", {"effects": (fx.SEND_RESULT,)}, "True answer"),
    ("assigned", "cancel_forced", "meant", {"effects": ()}, "Stopped"),
    (
        "assigned",
        "cancel_forced",
        "meant",
        {"target": st.ENDED, "effects": (fx.CONFIRM_CANCELED_EFFECT, fx.KILL_WORKER)},
        "Stopped",
    ),
    ("canceling", "cancel_forced", "any_order", {"effects": (fx.KILL_WORKER,)}, "Never run twice"),
    ("queued", "cancel_forced", "meant", {"effects": (fx.DEQUEUE,)}, "One answer"),
    ("ended", "cancel_forced", "meant", NOTHING, "Cancel heard"),
    (
        "assigned",
        "cancel_gentle",
        "breaks",
        {"effects": (fx.CONFIRM_NOT_FOUND_EFFECT,)},
        "True answer",
    ),
    (
        "ended",
        "cancel_forced",
        "meant",
        {"effects": (fx.CONFIRM_FAILED_EFFECT,)},
        "True answer",
    ),
    ("assigned", "client_gone", "meant", NOTHING, "Nothing left behind"),
    ("canceling", "worker_done", "meant", NOTHING, "True answer"),
]


def noticed(what: System) -> Iterable[str]:
    # Far enough: mistakes show within the first few steps.
    graph = Graph(what, 8000)
    for each in what.properties:
        if isinstance(each, Invariant) and look(graph, each) is not None:
            yield each.name


@pytest.mark.parametrize(
    ("source", "event", "scene", "what", "by"), CASES, ids=lambda each: str(each)[:30]
)
def test_a_mistake_is_noticed(
    source: str, event: str, scene: str, what: dict[str, Any], by: str
) -> None:
    row = SCHEDULER.row(source, event)
    if what.get("kind") is Kind.IGNORES:
        what = {"target": row.source, **what}
    mutant = unchecked(SCHEDULER, "scheduler", replace(row, **what))
    assert by in noticed(system(scene, scheduler=mutant))


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


def test_our_future_survives_scaler() -> None:
    (checked,) = (each for each in report("confirmed").checked if each.system.scene == "scaler")
    assert checked.holds
    assert {each.name for each in checked.results} >= {"Settles", "Settles at the end", "No leak"}
