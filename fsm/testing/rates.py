"""How fast the kit is: schedules a second, and microseconds of a check against the table."""

from collections.abc import Collection
from random import Random
from time import process_time

from futurefsm.fsm.testing.checks.table import facts_at_end, operations
from futurefsm.fsm.testing.drawing import Drawer
from futurefsm.fsm.testing.exploring import prove
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.history import read
from futurefsm.fsm.testing.linear import Op
from futurefsm.fsm.testing.search.pct import plain
from futurefsm.fsm.testing.stage import Stage

# The best of so many times: what else the machine does meanwhile is left out.
_TIMES = 10


def running(harness: Harness, schedules: int, lines: Collection[str] = ()) -> tuple[float, float]:
    """Schedules a second with all checks on, as `prove` runs them; and the steps of each."""
    began = process_time()
    counts = prove(harness, limit=schedules, lines=lines).counts
    return counts.schedules / (process_time() - began), counts.steps / counts.schedules


def judging(harness: Harness, histories: int, length: int) -> list[float]:
    """Microseconds in which different histories are held against the table, sorted.

    Args:
        histories: so many, of at most three threads with two calls each.
        length: each has so many operations.
    """
    stage, chance = Stage(harness), Random(0)
    drawer, judge = Drawer(harness, threads=3, calls=2, futures=1), stage.subject.full
    known: set[tuple[Op, ...]] = set()
    with stage.open():
        while len(known) < histories:
            history = read(stage.run(drawer.draw(chance.randrange), plain(chance)).seen)
            facts = facts_at_end(history, stage.subject, 0)
            ops = (*operations(history, stage.subject, 0), *facts)
            if len(ops) == length:
                known.add(ops)
    spent = []
    for ops in known:
        best = float("inf")
        for _ in range(_TIMES):
            began = process_time()
            judge.explain(ops)
            best = min(best, process_time() - began)
        spent.append(best * 1e6)
    return sorted(spent)
