"""The sequential model: written from the rows, and agreeing with the compiled table."""

import pytest
from lifecycle_kit import CountingWaiter, brought

from futurefsm.fsm import events as ev
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.model import ERROR, NOTHING, OWN_ERROR, VALUE, Model, ways


def after(lifecycle: Lifecycle, *events: str) -> Model:
    model = Model(lifecycle)
    for event in events:
        model.take(event, event)
    return model


def test_a_fresh_one() -> None:
    model = Model(CONFIRMED)
    assert (model.state, model.settled, model.running, model.cancelled) == (
        "pending",
        False,
        False,
        False,
    )
    assert (model.view, model.holds, model.outcome) == ("PENDING", NOTHING, None)


@pytest.mark.parametrize(
    ("event", "holds"),
    [("result_success", VALUE), ("result_failed", ERROR), ("connection_lost", OWN_ERROR)],
)
def test_what_it_holds(event: str, holds: str) -> None:
    model = after(CONFIRMED, "submit", event)
    assert model.holds == holds
    assert model.view == "FINISHED"
    model.take("cancel")
    assert model.holds == NOTHING
    assert model.cancelled
    assert model.outcome == "after_finish"


def test_a_request_that_stands_counts_as_cancelled() -> None:
    model = after(CONFIRMED, "submit", "cancel")
    assert (model.running, model.cancelled, model.settled) == (True, True, False)
    assert model.effects == ["send_task", "send_cancel"]
    assert model.moves == [("submit", "running"), ("cancel", "cancel_requested")]


def test_who_is_told() -> None:
    """Under STRICT a cancel is told to callbacks at once, to waiters when it is announced."""
    model = Model(STRICT)
    assert model.add_callback("callback") is False
    model.add_waiter("waiter")
    taken = model.take("cancel", source="caller")
    assert (taken.callbacks, taken.waiters) == (("callback",), ())
    assert model.view == "CANCELLED"
    assert model.add_callback("late") is True
    assert model.take("submit").waiters == ("waiter",)
    assert model.view == "CANCELLED_AND_NOTIFIED"
    model.add_waiter("too late")
    assert model.take("submit").waiters == ()


def test_refusals() -> None:
    model = after(STRICT, "result_success")
    assert model.refuses("result_success", "caller")
    assert not model.refuses("result_success", "wire")
    taken = model.take("submit", source="wire")
    assert taken.refused
    assert model.used == {("pending", "result_success"), ("finished", "submit")}


def test_ways() -> None:
    found = ways(CONFIRMED)
    assert found["cancel_requested"] == ["submit", "cancel"]  # type: ignore[index]
    assert set(found) == set(CONFIRMED.states)
    assert set(ways(CONFIRMED, [ev.SUBMIT])) == {"pending", "running"}


@pytest.mark.parametrize("lifecycle", [CONFIRMED, STRICT], ids=lambda each: each.name)
def test_it_agrees_with_our_future_on_every_row(lifecycle: Lifecycle) -> None:
    for row in lifecycle.rows:
        future = brought(Future(lifecycle), row.source)
        model = after(lifecycle, *ways(lifecycle)[row.source])
        waiter = CountingWaiter()
        future._waiters.append(waiter)
        model.add_waiter(waiter)
        future.fire(row.event, None)
        told = model.take(row.event).waiters
        assert (model.state, model.view) == (future.state, future._state)
        assert (model.settled, model.running) == (future.done(), future.running())
        assert model.outcome == future.cancel_outcome
        assert len(told) == len(waiter.told)
