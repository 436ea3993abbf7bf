"""Proofs that are run to their end, however long that takes: `make races RACES=proofs`."""

import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from time import process_time

from futurefsm.fsm.testing.exploring import prove
from futurefsm.fsm.testing.failure import Counts, Failure
from futurefsm.fsm.testing.harness import Harness

HEADER = (
    "future",
    "commit",
    "schedules",
    "distinct",
    "programs",
    "rows of its table",
    "alarms",
    "seconds",
)
BOUND = "Every program of 2 threads and 1 call, every path of the protocol, at most 2 preemptions."


def proved(
    harnesses: Sequence[Harness],
    *,
    limit: int | None = None,
    say: Callable[[str], None] = print,
) -> tuple[list[list[str]], tuple[str, ...]]:
    """Every schedule within `BOUND`, of each harness, in one process.

    Args:
        limit: stop after so many schedules, which is a target missed.

    Returns:
        rows under `HEADER`; what was found, or left out, in words.
    """
    rows, missed = [], []
    where = commit()
    for harness in harnesses:
        began = process_time()
        try:
            proof = prove(harness, threads=2, calls=1, preemptions=2, limit=limit)
        except Failure as failure:
            missed.append(f"{harness.name}: {failure.check}: {failure.words}")
            continue
        if not proof.complete:
            missed.append(f"the proof of {harness.name}: cut off")
        rows.append(row(harness.name, where, proof.counts, process_time() - began))
        say(" | ".join(rows[-1]))
    return rows, tuple(missed)


def row(name: str, where: str, counts: Counts, seconds: float) -> list[str]:
    """A line under `HEADER` of a proof that found nothing."""
    return [
        name,
        where,
        f"{counts.schedules:,}",
        f"{counts.seen:,}",
        f"{counts.programs:,}",
        f"{len(counts.rows)} of {counts.all_rows}",
        "0",
        f"{seconds:,.0f}",
    ]


def told(
    rows: Sequence[Sequence[str]],
    missed: tuple[str, ...],
    table: Callable[[Sequence[str], Sequence[Sequence[str]]], str],
) -> tuple[str, tuple[str, ...]]:
    """What `proved` gave, for the page."""
    return f"{BOUND}\n\n{table(HEADER, rows)}", missed


def commit(folder: Path = Path(__file__).parent) -> str:
    """Which code this is: a proof is one of that code only. Empty where nobody knows."""
    try:
        said = subprocess.run(
            ["git", "-C", str(folder), "describe", "--always", "--dirty", "--exclude=*"],
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return ""
    return said.stdout.strip()
