"""Who has a turn when. Each turn is a process of its own, so that the threads, the heap and the
workers of one side disturb no other; only what is short and leaves nothing behind shares one, in
which the turns alternate quickly."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from benchmarks.measuring import Samples, in_turns, versions
from benchmarks.rows import JOBS, PACKAGES, STATED, Job

ROOT = Path(__file__).resolve().parents[1]
_PATIENCE_S = 300.0
_QUICK_ROUNDS = 2

# (how many, side, row) → figures; how many is 0 for the row itself.
Figures = dict[tuple[int, str, str], Samples]
Turn = Callable[[dict[str, Any]], dict[str, dict[str, Samples]]]


class Failed(Exception):
    """A turn came to nothing."""


def turn(job: dict[str, Any]) -> dict[str, dict[str, Samples]]:
    """Run one job of `child.py` in a process of its own; nothing of it survives."""
    with subprocess.Popen(
        [sys.executable, "-m", "benchmarks.child", json.dumps(job)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            said, complained = process.communicate(timeout=_PATIENCE_S)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise Failed(f"{job['does']} of {job['sides']}: nothing in {_PATIENCE_S:g} s") from None
    if process.returncode:
        raise Failed(f"{job['does']} of {job['sides']} failed:\n{complained[-2000:]}")
    found: dict[str, dict[str, Samples]] = json.loads(said)
    return found


def missing() -> dict[str, str]:
    """Sides whose package is not installed, and which it is."""
    there = versions(PACKAGES.values())
    return {side: package for side, package in PACKAGES.items() if package not in there}


def points(job: Job, *, quick: bool, growth: bool) -> Iterator[tuple[int, int, int]]:
    """(the key of its figures, how many, how many rounds) of all that a job has to measure."""
    if job.n:
        yield (
            0,
            job.quick_n if quick else job.n,
            min(job.rounds, _QUICK_ROUNDS) if quick else job.rounds,
        )
    for size in job.sizes if growth else ():
        if quick:
            yield size, size // 1000, 1
        elif size != job.n:
            yield size, size, job.grow_rounds


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
    """
    figures: Figures = {}
    for job in jobs:
        rows = [row for row in job.rows if not only or row in only]
        sides = [side for side in job.sides if side not in without]
        if not rows or not sides:
            continue
        for key, n, times in points(job, quick=quick, growth=growth):
            told(f"{job.does} {n:,}")
            ask = {"does": job.does, "n": n, "rows": rows, "quick": quick}
            _rounds(figures, key, ask, sides, rounds or times, job.together, told, turn)
        for row in rows:
            # The row's own figure is a point of its growth, too.
            if growth and job.n in job.sizes and not quick:
                for side in sides:
                    figures[job.n, side, row] = figures.get((0, side, row), [])
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
