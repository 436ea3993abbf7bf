"""The tables of the others: whole, and as the protocol's tables of facts have them."""

import pytest

from futurefsm.fsm.checker import peers
from futurefsm.fsm.table import Kind, Lifecycle

TABLES = [peers.WORKER, peers.SCALER, peers.SCALER_WORKER]


@pytest.mark.parametrize("table", TABLES, ids=lambda each: each.name)
def test_every_pair_has_an_entry_and_a_reason(table: Lifecycle) -> None:
    for state in table.states:
        for event in table.events:
            assert table.row(state, event).why, f"({state}, {event})"


@pytest.mark.parametrize("table", TABLES, ids=lambda each: each.name)
def test_they_are_lifecycles_like_all_others(table: Lifecycle) -> None:
    machine = table.machine()
    assert machine.reachable() == frozenset(table.states)
    assert "stateDiagram" in table.to_mermaid()


# (state, event) → (state afterwards, what is sent), by the table of facts about Scaler 2.9.
FACTS = {
    ("unknown", "cancel_forced"): ("unknown", ["confirm_not_found"]),
    ("queued", "cancel_forced"): ("unknown", ["dequeue", "confirm_canceled"]),
    ("assigned", "cancel_forced"): ("canceling", ["ask_forced"]),
    ("canceling", "cancel_forced"): ("canceling", []),
    ("balancing", "cancel_forced"): ("canceling", []),
    ("canceling", "says_canceled"): ("unknown", ["confirm_canceled"]),
    ("canceling", "says_failed"): ("assigned", []),
    ("canceling", "says_not_found"): ("unknown", ["confirm_not_found"]),
    ("canceling", "worker_done"): ("canceling", []),
    ("canceling", "worker_lost"): ("unknown", ["confirm_canceled"]),
    ("assigned", "worker_done"): ("unknown", ["send_result"]),
    ("assigned", "worker_lost"): ("queued", ["enqueue"]),
    ("balancing", "says_canceled"): ("queued", ["enqueue"]),
    ("balancing", "says_failed"): ("assigned", []),
    ("unknown", "worker_done"): ("unknown", []),
}


@pytest.mark.parametrize("pair", FACTS, ids=lambda each: "-".join(each))
def test_scaler_is_as_it_was_seen(pair: tuple[str, str]) -> None:
    row = peers.SCALER.row(*pair)
    assert (row.target, [str(effect) for effect in row.effects]) == FACTS[pair]


def test_scaler_never_tells_a_client_of_a_refusal() -> None:
    assert not [row for row in peers.SCALER.rows if "confirm_failed" in row.effects]


def test_a_suspended_task_that_was_cancelled_begins_again() -> None:
    row = peers.SCALER_WORKER.row("suspended", "cancel_forced")
    assert (row.target, row.effects) == ("held", ("say_canceled",))


def test_a_worker_of_ours_has_one_task() -> None:
    assert peers.WORKER.row("busy", "started").kind is Kind.VIOLATES
