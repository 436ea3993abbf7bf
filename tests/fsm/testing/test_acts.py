"""All that can be done with a future, by name, and the sweep."""

import concurrent.futures

from broken_futures import Noting, Silent, swept

from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.testing.acts import Acts, sweep
from futurefsm.fsm.testing.stateful import FutureMachine
from futurefsm.fsm.testing.subject import Subject


def test_a_standard_future() -> None:
    acts = Acts(Subject(concurrent.futures.Future))
    assert acts.states == ("pending", "running", "cancelled", "finished")
    assert list(acts.happenings) == [
        "set_running_or_notify_cancel",
        "set_result",
        "set_exception",
        "cancel",
    ]
    assert "waiter" in acts.listeners
    assert {"result", "repr", "wait for all"} <= set(acts.questions)


def test_one_of_ours() -> None:
    acts = Acts(Subject(Noting, CONFIRMED))
    assert set(acts.states) == set(CONFIRMED.states)
    for name in (
        "cancel, wait a moment",
        "confirm_failed from the wire",
        "set_canceled",
        "submit from a caller",
    ):
        assert name in acts.happenings


def test_a_lifecycle_without_cancel_has_no_cancel() -> None:
    lifecycle = STRICT.derive(
        "endless", without=["cancel", "cancelled", "disconnect", "cancel_timed_out"]
    )
    subject = Subject(lambda: Noting(lifecycle), lifecycle)
    assert "cancel" not in Acts(subject).happenings
    assert set(sweep(subject, 20)) == {(row.source, row.event) for row in lifecycle.rows}


def test_the_sweep_tells_the_shortest_way_first() -> None:
    found = swept(FutureMachine.of(Silent))
    happened = [line for line in found.story if "from the wire" in line or "set_" in line]
    assert len(happened) == 1
