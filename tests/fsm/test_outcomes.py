"""Outcomes: what is known of a cancel, and how later facts refine it."""

import pickle

import pytest

from futurefsm.fsm import outcomes as oc
from futurefsm.fsm.outcomes import Outcome, refine

NAMES = {
    "never_sent", "confirmed", "too_late", "not_found", "refused", "after_finish", "disconnected",
    "connection_lost", "unanswered", "worker_died", "by_scheduler", "input_cancelled",
}  # fmt: skip


def test_the_names() -> None:
    assert set(oc.OUTCOMES) == NAMES
    for outcome in oc.OUTCOMES:
        assert outcome.means
        assert repr(outcome) == f"<Outcome {outcome}>"


def test_copies_keep_the_facts() -> None:
    other = pickle.loads(pickle.dumps(oc.REFUSED))
    assert type(other) is Outcome
    assert other.means == oc.REFUSED.means


@pytest.mark.parametrize("fact", oc.OUTCOMES)
def test_the_first_fact_and_the_first_answer_count(fact: Outcome) -> None:
    assert refine(None, fact) is fact
    assert refine(oc.UNANSWERED, fact) is fact


def test_a_refusal_stands_when_the_promised_result_comes() -> None:
    assert refine(oc.REFUSED, oc.TOO_LATE) is oc.REFUSED
    assert refine(oc.REFUSED, oc.UNANSWERED) is oc.REFUSED
    assert refine(oc.REFUSED, oc.CONFIRMED_OUTCOME) is oc.CONFIRMED_OUTCOME
    assert refine(oc.REFUSED, oc.WORKER_DIED_OUTCOME) is oc.WORKER_DIED_OUTCOME


def test_a_late_result_tells_that_the_task_did_end() -> None:
    for known in (oc.NOT_FOUND, oc.CONFIRMED_OUTCOME, oc.DISCONNECTED, oc.CONNECTION_LOST_OUTCOME):
        assert refine(known, oc.TOO_LATE) is oc.TOO_LATE
        assert refine(known, oc.REFUSED) is known


def test_what_is_final() -> None:
    for known in (oc.NEVER_SENT, oc.AFTER_FINISH, oc.TOO_LATE, oc.BY_SCHEDULER):
        for fact in oc.OUTCOMES:
            assert refine(known, fact) is known
