"""Which schedules of a program are run: few preemptions first, then by lot."""

from collections.abc import Iterator
from random import Random
from typing import NamedTuple

from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.programs import Program
from futurefsm.fsm.testing.search.icb import Bounded, following
from futurefsm.fsm.testing.search.pct import pct, plain, pos
from futurefsm.fsm.testing.search.smallest import Found
from futurefsm.fsm.testing.stage import Stage
from futurefsm.fsm.testing.threads.steps import Choose

SEARCHES = ("hybrid", "icb", "random", "pct", "pos")
# Of one program: so many schedules in order, with at most one preemption; then so many by lot. Few
# at first: other programs find more than other schedules of one (on the gallery, 40 and 40 need
# five times as many in all). Deeper after so many schedules in all (first of each).
DEPTHS = ((20_000, 40, 40), (4_000, 16, 16), (0, 6, 8))
FIRST_PREEMPTIONS = 1
# What one example of Hypothesis gets: drawing it costs as much as many schedules.
FIRST = 40
# "icb" runs so many of one program before it takes the next.
IN_ORDER = 400


class Bad(NamedTuple):
    """A schedule that went wrong."""

    found: Found
    troubles: tuple[Trouble, ...]


def hybrid(
    stage: Stage, program: Program, chance: Random, search: str, preemptions: int, left: int
) -> Iterator[Bad]:
    """Run schedules of one program; gives those that went wrong.

    Args:
        search: one of `SEARCHES`.
        preemptions: the bound of "icb".
        left: at most so many schedules.

    Raises:
        ValueError: there is no such search.
    """
    if search not in SEARCHES:
        raise ValueError(f"search must be one of {', '.join(SEARCHES)}, not {search!r}")
    first, by_lot = next(
        (first, by_lot)
        for ran, first, by_lot in DEPTHS
        if search != "hybrid" or stage.counts.schedules >= ran
    )
    if search in ("hybrid", "icb"):
        bound = FIRST_PREEMPTIONS if search == "hybrid" else preemptions
        size = min(left, first if search == "hybrid" else IN_ORDER)
        ran = 0
        for bad in in_order(stage, program, bound, size):
            ran += 1
            if bad is not None:
                yield bad
        # A program that has few schedules needs few by lot.
        left = 0 if search == "icb" else min(left - ran, 2 * ran)
    for _ in range(min(left, by_lot)):
        shown = stage.run(program, _chooser(search, program, chance))
        if shown.troubles:
            yield Bad(Found.of(program, shown.run), shown.troubles)


def in_order(stage: Stage, program: Program, bound: int, limit: int) -> Iterator[Bad | None]:
    """Schedules by their number of preemptions; for each, what went wrong, or None."""
    search = Bounded(bound)
    for _ in range(limit):
        schedule = search.next()
        if schedule is None:
            return
        shown = stage.run(program, following(schedule))
        search.learn(shown.run)
        yield Bad(Found.of(program, shown.run), shown.troubles) if shown.troubles else None


def _chooser(search: str, program: Program, chance: Random) -> Choose:
    if search == "pct" or (search == "hybrid" and len(program.threads) > 2):
        # Three threads and more: plain lots spread too thin.
        return pct(chance)
    return pos(chance) if search == "pos" else plain(chance)
