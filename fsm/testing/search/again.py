"""The guard of determinism: a failing schedule runs again and again before anybody is told."""

from collections.abc import Sequence
from itertools import zip_longest

from futurefsm.fsm.testing.failure import NotDeterministic
from futurefsm.fsm.testing.programs import Program
from futurefsm.fsm.testing.search.icb import following
from futurefsm.fsm.testing.stage import Shown, Stage
from futurefsm.fsm.testing.threads.steps import Run

TIMES = 10


def confirmed(
    stage: Stage, program: Program, schedule: Sequence[int], *, times: int = TIMES
) -> Shown:
    """Run a schedule so often; returns the last run.

    Raises:
        NotDeterministic: two of the runs were not the same.
    """
    first = stage.run(program, following(schedule))
    for number in range(2, times + 1):
        other = stage.run(program, following(schedule))
        if difference := _difference(first, other):
            raise NotDeterministic(
                f"the same schedule {list(schedule)} did not run twice in the same way; in run "
                f"{number} {difference}. Something that the race kit does not control decides: "
                "an order by id() or by hash, a clock, a random number, a thread of its own.\n"
                f"{program}"
            )
    return first


def _difference(one: Shown, other: Shown) -> str:
    step = first_difference(one.run, other.run)
    if step:
        return step
    for place, (a, b) in enumerate(zip_longest(one.seen.log, other.seen.log)):
        if a != b:
            return f"what was seen differs at {place}: {a} and then {b}"
    if one.troubles != other.troubles:
        return f"{one.troubles} was wrong, and then {other.troubles}"
    return ""


def first_difference(one: Run, other: Run) -> str:
    """The first step in which two runs differ, in words; empty: they are the same."""
    for place, (a, b) in enumerate(zip_longest(one.steps, other.steps), 1):
        said = [
            "the end" if step is None else f"{_task(run, step.task)}: {step.op} {step.what}".strip()
            for run, step in ((one, a), (other, b))
        ]
        if said[0] != said[1] or (a and b and a.fires != b.fires):
            timer = " (the timer fires in one of them)" if said[0] == said[1] else ""
            return f"step {place} differs: {said[0]!r}, and then {said[1]!r}{timer}"
    return ""


def _task(run: Run, number: int) -> str:
    return run.ended[number].name if number < len(run.ended) else f"task {number}"
