"""What became of a future: one story for each fate."""

import pytest

from futurefsm.client.demo.fates import (
    Entry,
    Fate,
    answer_times,
    contradictions,
    fate,
    tally,
)
from futurefsm.fsm import events as ev
from futurefsm.fsm.future import Future

SENT = (ev.SUBMIT,)
ASKED = (ev.SUBMIT, ev.CANCEL)

STORIES = [
    ((), True, Fate.OPEN),
    (SENT, True, Fate.OPEN),
    (ASKED, True, Fate.OPEN),
    ((*SENT, ev.RESULT_SUCCESS), True, Fate.FINISHED),
    ((*SENT, ev.RESULT_FAILED), True, Fate.FAILED),
    ((*SENT, ev.RESULT_WORKER_DIED), True, Fate.FAILED),
    ((*SENT, ev.CONNECTION_LOST), True, Fate.FAILED),
    ((ev.CANCEL,), False, Fate.CANCELLED_QUEUED),
    ((*ASKED, ev.CONFIRM_CANCELED), False, Fate.CANCELLED_QUEUED),
    ((*ASKED, ev.CONFIRM_CANCELED), True, Fate.CANCELLED_RUNNING),
    ((*ASKED, ev.RESULT_SUCCESS), True, Fate.TOO_LATE),
    ((*ASKED, ev.RESULT_FAILED), True, Fate.TOO_LATE),
    ((*ASKED, ev.CONFIRM_CANCELED, ev.RESULT_SUCCESS), True, Fate.TOO_LATE),
    ((*SENT, ev.RESULT_SUCCESS, ev.CANCEL), True, Fate.AFTER_FINISH),
    ((*ASKED, ev.CONFIRM_NOT_FOUND), True, Fate.OTHERWISE),
    ((*ASKED, ev.RESULT_WORKER_DIED), True, Fate.OTHERWISE),
    ((*SENT, ev.DISCONNECT), True, Fate.OTHERWISE),
]


def made(events: tuple[str, ...]) -> Future[int]:
    future: Future[int] = Future()
    for event in events:
        future.fire(event, ValueError() if event == ev.RESULT_FAILED else None)
    return future


def entries() -> list[Entry]:
    stage = {True: "even", False: "odd"}
    return [
        Entry(index, stage[index % 2 == 0], made(events))
        for index, (events, _, _) in enumerate(STORIES)
    ]


BEGUN = {index for index, (_, begun, _) in enumerate(STORIES) if begun}


@pytest.mark.parametrize(("events", "begun", "expected"), STORIES)
def test_fate(events: tuple[str, ...], begun: bool, expected: Fate) -> None:
    assert fate(made(events), begun) is expected


def test_every_fate_has_its_story() -> None:
    assert {expected for _, _, expected in STORIES} == set(Fate)


def test_they_are_counted_by_stage() -> None:
    counts = tally(entries(), BEGUN)
    assert sum(each.total() for each in counts.values()) == len(STORIES)
    assert counts[Fate.TOO_LATE] == {"even": 2, "odd": 1}


def test_a_result_without_a_start_is_a_contradiction() -> None:
    assert contradictions(entries(), BEGUN) == []
    finished = next(i for i, (_, _, f) in enumerate(STORIES) if f is Fate.FINISHED)
    assert contradictions(entries(), BEGUN - {finished}) == [finished]


def test_answers_are_timed_from_the_story() -> None:
    n, middle, longest = answer_times(entries(), BEGUN, Fate.CANCELLED_RUNNING)
    assert n == 1
    assert 0 <= middle == longest < 60
    assert answer_times([], set(), Fate.CANCELLED_QUEUED) == (0, 0.0, 0.0)
    # Cancelled before it was sent: nothing was asked, so nothing is timed.
    assert answer_times(entries(), BEGUN, Fate.CANCELLED_QUEUED)[0] == 1
