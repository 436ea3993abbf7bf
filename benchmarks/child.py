"""One turn, or many, in a process of its own: `python -m benchmarks.child JOB` (see driver.py)."""

import importlib
import inspect
import json
import os
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.measuring import Samples, in_turns

MODULES = ("futures", "tables", "engine", "starts")


def work(does: str) -> Callable[..., dict[str, float]]:
    """The function that a job names."""
    module, _, name = does.partition(":")
    if module not in MODULES:
        raise ValueError(f"no such part: {does}")
    found: Callable[..., dict[str, float]] = getattr(
        importlib.import_module(f"benchmarks.{module}"), name
    )
    return found


def run(job: dict[str, Any]) -> dict[str, dict[str, Samples]]:
    """Do what a job says; side → row → its figures."""
    act = work(job["does"])
    takes = inspect.signature(act).parameters
    more = {key: job[key] for key in ("rows", "quick") if key in takes}
    found: dict[str, dict[str, Samples]] = {side: {} for side in job["sides"]}
    for _, side in in_turns(job["rounds"], job["sides"]):
        for row, figure in act(side, job["n"], **more).items():
            found[side].setdefault(row, []).append(figure)
    return found


if __name__ == "__main__":
    # What libraries print goes to the errors; the output has the figures alone.
    output = os.dup(1)
    os.dup2(2, 1)
    with os.fdopen(output, "w") as file:
        json.dump(run(json.loads(sys.argv[1])), file)
