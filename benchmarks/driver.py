"""Who has a turn when. Each turn is a process of its own, so that the threads, the heap and the
workers of one side disturb no other; only what is short and leaves nothing behind shares one, in
which the turns alternate quickly."""

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.jobs import JOBS, Job
from benchmarks.measuring import Samples, in_turns, versions
from benchmarks.rows import PACKAGES, STATED

ROOT = Path(__file__).resolve().parents[1]
# A turn that takes longer hangs; the largest may take minutes.
_PATIENCE_S = {False: 300.0, True: 30.0}
_QUICK_ROUNDS = 2
# For the growth of so many, one round must do.
LARGE = 1_000_000

# (how many, side, row) → figures; how many is 0 for the row itself.
Figures = dict[tuple[int, str, str], Samples]
Turn = Callable[[dict[str, Any]], dict[str, dict[str, Samples]]]


class Failed(Exception):
    """A turn came to nothing."""


def turn(job: dict[str, Any]) -> dict[str, dict[str, Samples]]:
    """Run one job of `child.py` in a process of its own; nothing of it survives."""
    patience_s = _PATIENCE_S[job["quick"]]
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.child", json.dumps(job)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, complained = process.communicate(timeout=patience_s)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise Failed(f"{job['does']} of {job['sides']}: nothing in {patience_s:g} s") from None
    if process.returncode:
        raise Failed(f"{job['does']} of {job['sides']} failed:\n{complained[-2000:]}")
    found: dict[str, dict[str, Samples]] = json.loads(said)
    return found


def missing() -> dict[str, str]:
    """Sides whose package is not installed, and which it is."""
    there = versions(PACKAGES.values())
    return {side: package for side, package in PACKAGES.items() if package not in there}


class Point(NamedTuple):
    """One thing to measure.

    Attributes:
        key: of its figures: 0 for the row itself, else how many.
        n: how many.
    """

    job: Job
    key: int
    n: int
    rounds: int


def points(jobs: Iterable[Job], *, quick: bool, growth: bool) -> Iterator[Point]:
    """All that is to be measured: the rows first, then their growth, the small before the large."""
    for job in jobs:
        if job.n and quick:
            yield Point(job, 0, job.quick_n, min(job.rounds, _QUICK_ROUNDS))
        elif job.n:
            yield Point(job, 0, job.n, job.rounds)
    for size in sorted({size for job in jobs for size in job.sizes} if growth else ()):
        for job in jobs:
            if size in job.sizes and quick:
                yield Point(job, size, size // 1000, 1)
            elif size in job.sizes and size != job.n:
                yield Point(job, size, size, 1 if size >= LARGE else job.grow_rounds)


def measured(
    only: Collection[str] = (),
    *,
    without: Collection[str] = (),
    rounds: int | None = None,
    quick: bool = False,
    growth: bool = True,
    jobs: Collection[Job] = JOBS,
    told: Callable[[str], None] = lambda _: None,
    turn: Turn = turn,
    budget_s: float = math.inf,
) -> Figures:
    """Measure rows, all by default.

    Args:
        only: names of rows.
        without: sides to leave out.
        rounds: instead of the jobs' own.
        quick: very little of everything.
        growth: with how they grow.
        told: hears what is done next, and what failed.
        turn: how a turn is run; `child.run` for one in this process.
        budget_s: what would take longer, by what a tenth of it took, is left out.
    """
    figures: Figures = {}
    began = time.monotonic()
    lasted: dict[tuple[str, int], float] = {}
    for job, key, n, times in points(jobs, quick=quick, growth=growth):
        rows = [row for row in job.rows if not only or row in only]
        sides = [side for side in job.sides if side not in without]
        if not rows or not sides:
            continue
        times = rounds or times
        before = time.monotonic()
        likely = lasted.get((job.does, key // 10), 0.0) * 10 * times
        if before - began + likely > budget_s:
            told(f"{job.does} {n:,}: left out, it would take {likely:.0f} s")
            lasted[job.does, key] = likely / times
            continue
        told(f"{job.does} {n:,}")
        ask = {"does": job.does, "n": n, "rows": rows, "quick": quick}
        _rounds(figures, key, ask, sides, times, job.together, told, turn)
        lasted[job.does, key or n] = (time.monotonic() - before) / times
        # The row's own figure is a point of its growth, too.
        if growth and not key and n in job.sizes and not quick:
            figures |= {
                (n, side, row): figures[0, side, row]
                for side in sides
                for row in rows
                if (0, side, row) in figures
            }
    for side, stated in STATED.items():
        for row, samples in stated.items():
            figures[0, side, row] = samples
    return figures


def _rounds(
    figures: Figures,
    key: int,
    ask: dict[str, Any],
    sides: list[str],
    rounds: int,
    together: bool,
    told: Callable[[str], None],
    turn: Turn,
) -> None:
    turns = [(sides, rounds)] if together else [([side], 1) for _, side in in_turns(rounds, sides)]
    broken: set[str] = set()
    for whose, times in turns:
        if broken.issuperset(whose):
            continue
        try:
            found = turn({**ask, "sides": whose, "rounds": times})
        except Failed as error:
            told(f"FAILED: {error}")
            broken.update(whose)
            continue
        for side, its in found.items():
            for row in ask["rows"]:
                if row in its:
                    figures.setdefault((key, side, row), []).extend(its[row])
