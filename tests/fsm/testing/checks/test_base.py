"""The facts that checks need."""

from dataclasses import replace

from futurefsm.fsm.events import CANCEL
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.states import PENDING
from futurefsm.fsm.table import ignores
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.shipped import ConfirmedFutures
from futurefsm.fsm.testing.stage import subject_of


def test_names_of_states_and_events() -> None:
    subject = subject_of(ConfirmedFutures())
    assert subject.settled == {"cancelled", "finished"}
    assert subject.cancelled == {"cancelled"}
    assert "result_worker_died" in subject.finishing
    assert "confirm_canceled" not in subject.finishing


def test_states_that_are_reached_by_several_moves() -> None:
    subject = subject_of(ConfirmedFutures())
    assert ("pending", "finished") in subject.reached
    assert ("finished", "running") not in subject.reached


def test_whether_true_is_final_is_read_from_the_table() -> None:
    assert subject_of(ConfirmedFutures()).true_is_final
    assert subject_of(StandardFutures()).true_is_final
    promise = ignores(PENDING, CANCEL, why="a promise", answer=True)
    vague = CONFIRMED.derive("vague", promise)
    assert not replace(subject_of(ConfirmedFutures()), lifecycle=vague).true_is_final
