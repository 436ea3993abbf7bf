"""`make scale` works, and no step of a core grows with the number of workers or of tasks."""

import json
import subprocess
import sys
from typing import Any

import pytest
import tidy

from benchmarks.scale import page

CORES = ("tracker", "pump", "scheduler")


@pytest.fixture(scope="module")
def quick() -> dict[str, Any]:
    """The quick form: every world runs to its end, and nothing is left of it."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.scale", "--quick"],
        cwd=tidy.ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def test_every_world_ends(quick: dict[str, Any]) -> None:
    assert len(quick["worlds"]) == 3
    for name, world in quick["worlds"].items():
        tasks = int(name.split("x")[1])
        assert world["cancels"] == tasks // 100
        assert world["killed"] > 0
        assert world["events"] > 5 * tasks


def test_a_message_takes_as_many_steps_whatever_the_number_of_workers_and_tasks(
    quick: dict[str, Any],
) -> None:
    """Lines of Python are counted, those of loops each time: the same at every run."""
    base, more_tasks, more_workers = quick["steps"].values()
    assert more_tasks["tasks"] == 4 * base["tasks"]
    assert more_workers["workers"] == 20 * base["workers"]
    for core in CORES:
        assert base[core] > 10
        assert more_tasks[core] < 1.05 * base[core]
        assert more_workers[core] < 1.05 * base[core]


def test_the_page_and_its_pictures_are_those_of_the_last_results() -> None:
    """`make scale` writes them; the prose between may be edited."""
    data, text = page.load(), page.PAGE.read_text()
    assert page.filled(text, data) == text
    for name, svg in page.pictures(data).items():
        assert (page.PAGE.parent / name).read_text() == svg
