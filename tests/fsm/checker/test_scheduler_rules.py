"""Each mistake in the scheduler's table is noticed by what it owes to its clients."""

from dataclasses import replace
from typing import Any

import pytest
from checker_kit import breaks

from futurefsm.fsm import SCHEDULER
from futurefsm.fsm import effects as fx
from futurefsm.fsm import states as st
from futurefsm.fsm.checker import system
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
    (
        "assigned",
        "worker_died",
        "meant",
        {"target": st.QUEUED, "effects": (fx.ENQUEUE,)},
        "Never run twice",
    ),
    (
        "assigned",
        "never_begun",
        "meant",
        {"target": st.ENDED, "effects": (fx.SEND_WORKER_DIED,)},
        "True answer",
    ),
    ("assigned", "never_begun", "meant", {"effects": ()}, "Stopped"),
    ("assigned", "never_begun", "meant", NOTHING, "Settles"),
    ("canceling", "never_begun", "meant", {"effects": ()}, "One answer"),
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
    assert breaks(system(scene, scheduler=mutant), by)
