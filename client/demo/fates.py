"""What became of each future, read from its own story and outcome. PURE.

A future knows that its cancel was confirmed, not whether its task had begun: the scheduler does not
tell. The demo's tasks leave a note when they begin, and only that decides between the two.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from enum import Enum
from itertools import pairwise
from statistics import median

from futurefsm.client.trace import HasStory
from futurefsm.fsm import events as ev
from futurefsm.fsm import outcomes as oc
from futurefsm.fsm import states as st


class Fate(Enum):
    """How a future ended."""

    FINISHED = "finished with a value"
    FAILED = "failed with an error"
    CANCELLED_QUEUED = "cancelled while queued"
    CANCELLED_RUNNING = "cancelled while running"
    TOO_LATE = "result discarded: ended before the cancel arrived"
    AFTER_FINISH = "result discarded: cancelled when finished"
    OTHERWISE = "cancelled in another way"
    OPEN = "not settled"


@dataclass(frozen=True, slots=True)
class Entry:
    """A future of the demo: its task's number, and in which stage it was submitted."""

    index: int
    stage: str
    future: HasStory


def fate(future: HasStory, begun: bool) -> Fate:
    """How it ended.

    Args:
        future: whose story and outcome are read.
        begun: the task left its note.
    """
    if not future.state.settled:
        return Fate.OPEN
    if future.state == st.FINISHED:
        last = future.story[-1]
        return Fate.FINISHED if last.event == ev.RESULT_SUCCESS else Fate.FAILED
    outcome = future.cancel_outcome
    if outcome == oc.TOO_LATE:
        return Fate.TOO_LATE
    if outcome == oc.AFTER_FINISH:
        return Fate.AFTER_FINISH
    if outcome == oc.NEVER_SENT:
        return Fate.CANCELLED_QUEUED
    if outcome == oc.CONFIRMED_OUTCOME:
        return Fate.CANCELLED_RUNNING if begun else Fate.CANCELLED_QUEUED
    return Fate.OTHERWISE


def tally(entries: Iterable[Entry], begun: Collection[int]) -> dict[Fate, Counter[str]]:
    """Fate → stage → how many."""
    counts: dict[Fate, Counter[str]] = {each: Counter() for each in Fate}
    for entry in entries:
        counts[fate(entry.future, entry.index in begun)][entry.stage] += 1
    return counts


def contradictions(entries: Iterable[Entry], begun: Collection[int]) -> list[int]:
    """Tasks whose future has, or had, a value although they left no note. There must be none."""
    had_value = (Fate.FINISHED, Fate.TOO_LATE, Fate.AFTER_FINISH)
    return [
        entry.index
        for entry in entries
        if entry.index not in begun and fate(entry.future, False) in had_value
    ]


def answer_times(
    entries: Iterable[Entry], begun: Collection[int], which: Fate
) -> tuple[int, float, float]:
    """How long the scheduler took to answer cancels.

    Returns:
        count, median and longest time in seconds from the request to the settling; zeros for none.
    """
    times: list[float] = []
    for entry in entries:
        story = entry.future.story
        if fate(entry.future, entry.index in begun) is not which:
            continue
        for asked, answered in pairwise(story):
            if asked.event == ev.CANCEL and asked.state == st.CANCEL_REQUESTED:
                times.append(answered.time - asked.time)
    if not times:
        return 0, 0.0, 0.0
    return len(times), median(times), max(times)
