"""Stories: what moved a future, bounded, readable."""

import copy
import pickle
from time import monotonic
from typing import Any

import pytest
from lifecycle_kit import ping_pong

from futurefsm.fsm import states as st
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.story import MOVES_MAX, UNMOVED, Move, Story, extended


def lived() -> Future[str]:
    future: Future[str] = Future()
    future.set_running_or_notify_cancel()
    future.fire("reconnected")
    future.fire("reconnected")
    future.fire("result_success", "v", "wire")
    return future


def test_moves() -> None:
    story = lived().story
    assert [(m.state, m.event, m.source) for m in story] == [
        ("running", "submit", "caller"),
        ("finished", "result_success", "wire"),
    ]
    assert isinstance(story[0], Move)
    assert story[-1].time >= story[0].time > 0
    assert list(story[:1]) == [story[0]]
    assert len(story) == 2
    assert story.start == "pending"
    assert story.stays == {"reconnected": 2}
    assert story.forgotten == 0


def test_text() -> None:
    story = lived().story
    lines = str(story).splitlines()
    assert lines[0] == "Story: pending → running → finished"
    assert lines[1].strip() == "+0.000000 s  submit → running  (from caller)"
    assert lines[2].endswith("result_success → finished  (from wire)")
    assert lines[3] == "  without moving it: reconnected x2"
    assert repr(story) == "<Story pending → running → finished>"


@pytest.mark.parametrize(
    "travelled", [copy.copy, copy.deepcopy, lambda story: pickle.loads(pickle.dumps(story))]
)
def test_a_story_travels_without_its_table(travelled: Any) -> None:
    story = lived().story
    other = travelled(story)
    assert [*other] == [*story]
    assert (str(other), other.stays, len(other)) == (str(story), story.stays, len(story))
    assert len(pickle.dumps(story)) < 2000


def test_the_empty_story() -> None:
    story = Future().story
    assert len(story) == 0
    assert str(story) == "Story: pending"


def test_a_story_is_a_snapshot() -> None:
    future: Future[str] = Future()
    before = future.story
    future.fire("submit")
    assert before.path() == "pending"
    assert future.story.path() == "pending → running"


@pytest.mark.parametrize("moves", [MOVES_MAX, MOVES_MAX + 1, 1000])
def test_a_story_is_bounded(moves: int) -> None:
    future: Future[str] = Future(ping_pong())
    for _ in range(moves):
        future.fire("hit")
    story = future.story
    assert len(story) == MOVES_MAX
    assert story.forgotten == moves - MOVES_MAX
    assert [move.state for move in story][-2:] == [future.story[-2].state, future.state]
    assert story[-2].state != story[-1].state
    assert ("earlier moves forgotten" in str(story)) == (moves > MOVES_MAX)
    assert story.path().startswith("… → " if moves > MOVES_MAX else "pending → ")
    future.fire("result_success", "v")
    assert future.result() == "v"


def test_cancel_calls_do_not_flush_it() -> None:
    future: Future[str] = Future()
    future.fire("submit")
    for _ in range(10_000):
        future.cancel(timeout=0)
    story = future.story
    assert story.path() == "pending → running → cancel_requested"
    assert story.stays["cancel"] == 9_999


def test_two_times_are_one_number() -> None:
    """What most futures keep of their story."""
    future: Future[str] = Future()
    before = monotonic()
    assert (future._story, future._raw()) == (UNMOVED, ())
    future.fire("submit", None, "caller")
    assert isinstance(future._story, float)
    first = future.story
    future.fire("result_success", "v", "client")
    assert isinstance(future._story, complex)
    assert future.story[:1] == first[:1], "to the last digit"
    assert [(move.event, move.source) for move in future.story] == [
        ("submit", "caller"),
        ("result_success", "client"),
    ]
    times = [move.time for move in future.story]
    assert before <= times[0] <= times[1] <= monotonic()
    future.cancel()
    assert [move.time for move in future.story][:2] == times
    assert future.story.path() == "pending → running → finished → cancelled"


def test_a_source_that_is_no_common_one() -> None:
    future: Future[str] = Future()
    future.fire("submit", None, "somebody else")
    future.fire("result_success", "v")
    assert [move.source for move in future.story] == ["somebody else", "wire"]
    assert future.result() == "v"


def test_extended_drops_the_oldest() -> None:
    step = CONFIRMED.compiled.on["submit"]
    raw: tuple[object, ...] = ()
    for time in range(MOVES_MAX + 2):
        raw = extended(raw, step, float(time), "wire")
    story = Story(st.PENDING, raw, forgotten=2)
    assert [move.time for move in story] == [float(t) for t in range(2, MOVES_MAX + 2)]
