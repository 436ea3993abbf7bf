"""The benchmarks work. Figures are not tested: those of a busy machine mean nothing."""

import json
import re
import runpy
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import tidy

from benchmarks import driver, jobs, measuring, page, report, rows
from benchmarks.cluster_page import Line, document

ABSENT = "pebble,loky,Dask,python-statemachine,Automat"


@pytest.mark.slow
def test_every_row_that_needs_no_other_package_is_measured() -> None:
    """The quick form, with the peers that are always there."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--quick", "--here", "--rounds=1", "--no-growth"]
        + ["--without", ABSENT],
        cwd=tidy.ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].split()[:4] == ["peer", "ours", "theirs", "ratio"]
    others = {"pebble", "loky", "Dask", "python-statemachine", "Automat"}
    wanted = [
        (row, peer) for row in rows.ROWS for peer in row.against if not others.issuperset({peer})
    ]
    assert len(lines) == 1 + len(wanted)
    for line in lines[1:]:
        assert re.search(r" [\d,.e-]+ +[\d,.e-]+ ", line), line


@pytest.mark.slow
def test_a_turn_is_a_process_of_its_own() -> None:
    """Figures come back from it; what goes wrong in it is told, and the others have theirs."""
    told: list[str] = []
    job = jobs.Job("tables:event", 10, ("event",), ("ours", "nobody"), rounds=2)
    found = driver.measured(jobs=[job], growth=False, told=told.append)
    assert [len(found[0, "ours", "event"])] == [2]
    assert (0, "nobody", "event") not in found
    assert [each for each in told if "FAILED" in each and "KeyError: 'nobody'" in each]
    assert found[0, "Scaler", "cancel-gone"] == [3000.0]


def test_what_would_take_too_long_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what a tenth of it took; what is small and what stands for itself is not."""
    told: list[str] = []
    asked: list[tuple[int, int]] = []
    now = [0.0]
    monkeypatch.setattr(driver, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def turn(ask: dict[str, Any]) -> dict[str, dict[str, list[float]]]:
        asked.append((ask["n"], ask["rounds"]))
        if ask["n"] == 10_000:
            now[0] += 0.02
        return {side: {row: [1.0] for row in ask["rows"]} for side in ask["sides"]}

    sizes = (1_000, 10_000, 100_000, 1_000_000)
    job = jobs.Job("x:y", 10_000, ("wait",), ("ours",), rounds=2, sizes=sizes)
    found = driver.measured(jobs=[job], told=told.append, turn=turn, budget_s=0.3)
    # The row itself in two rounds; a thousand in three; a hundred thousand would take 0.6 s, and
    # a million even longer.
    assert asked == [(10_000, 1)] * 2 + [(1_000, 1)] * 3
    assert [each.partition(":")[0] for each in told if "left out" in each] == ["x", "x"]
    assert {key[0] for key in found} - {0} == {1_000, 10_000}


def test_both_orders_take_turns() -> None:
    turns = [side for _, side in measuring.in_turns(3, ["a", "b"])]
    assert turns == ["a", "b", "b", "a", "a", "b"]


def lines_of(
    ours: list[float], theirs: list[float], target: rows.Target, **more: bool
) -> list[report.Line]:
    row = rows.Row("tasks", "a thing", "µs", {"them": target}, **more)
    figures = {(0, "ours", "tasks"): ours, (0, "them", "tasks"): theirs}
    return list(report.lines(figures, [row]))


def test_a_line_says_whether_its_target_is_met_and_when_it_is_behind() -> None:
    (good,) = lines_of([1.0, 2.0, 3.0], [4.0, 4.0, 4.0], rows.Target(0.8))
    assert (good.met, good.behind, good.verdict) == (True, False, "met")
    assert good.ratio == {"median": 0.5, "least": 0.25, "most": 0.75}
    (near,) = lines_of([2.0, 2.0, 3.0], [4.0, 4.0, 4.0], rows.Target(0.6))
    assert (near.met, near.verdict) == (True, "met, but close")
    (late,) = lines_of([6.0], [4.0], rows.Target(2.0))
    assert (late.met, late.behind, late.verdict) == (True, True, "met, behind")
    (missed,) = lines_of([3.0], [4.0], rows.Target(0.6))
    assert (missed.met, missed.behind, missed.verdict) == (False, False, "**missed**")
    (rate,) = lines_of([3.0], [4.0], rows.Target(0.5), more_is_better=True)
    assert (rate.met, rate.behind) == (True, True)
    (slow,) = lines_of([1.0], [4.0], rows.Target(0.5), more_is_better=True)
    assert (slow.met, slow.behind) == (False, True)
    (tells,) = lines_of([1.0], [4.0], rows.TELLS)
    assert (tells.met, tells.verdict) == (None, "")
    (more,) = lines_of([35.0], [4.0], rows.Target(more_by=30.0))
    assert more.met is False
    (nothing,) = lines_of([1.0], [0.0], rows.Target(more_by=30.0))
    assert (nothing.ratio, nothing.met) == ({}, True)
    assert not lines_of([], [1.0], rows.TELLS)


def test_growth_is_told_as_an_exponent() -> None:
    sizes = (1_000, 10_000, 100_000, 1_000_000)
    figures = {(n, "ours", "wait"): [2.0] for n in sizes}
    figures |= {(n, "them", "wait"): [n / 1000] for n in sizes}
    figures |= {(n, "ours", "tasks"): [1e9 / n] for n in sizes}
    figures |= {(1_000, "them", "tasks"): [1.0]}
    grown = {(each.row, each.side): each.exponent for each in report.growths(figures)}
    assert grown.pop(("tasks", "them")) is None
    assert grown == pytest.approx(
        {("wait", "ours"): 1.0, ("wait", "them"): 2.0, ("tasks", "ours"): 2.0}
    )


def test_the_page_has_every_line_and_says_what_is_behind() -> None:
    lines = lines_of([3.0], [4.0], rows.Target(0.6)) + lines_of([6.0], [4.0], rows.Target(2.0))
    grown = list(report.growths({(1_000, "ours", "wait"): [2.0], (10_000, "ours", "wait"): [3.0]}))
    about = {**measuring.machine(), "versions": {"pebble": "1"}, "missing": "loky"}
    about |= {"minutes": 1.0, "rounds": 1, "failed": ["FAILED: it"]}
    text = page.document(lines, grown, about, {"a.svg": "one", "b.svg": "two"})
    assert "1 of 2 targets are met." in text
    assert "| a thing | them | µs | 3 | 4 | 0.75 | 0.75-0.75 | at most 0.6 x | **missed** |" in text
    assert "- a thing / them: 0.75 x (at most 0.6 x): missed" in text
    assert "- a thing / them: 1.5 x (at most 2 x): met, but behind" in text
    assert "| `wait` | ours | µs each | 2 | 3 |  |  | 1.18 |" in text
    assert "Not installed, so left out: loky." in text
    assert "![one](a.svg)" in text
    assert "![two](b.svg)" in text
    assert "Made in a hurry: rounds of each row: 1;" in text
    assert "- FAILED: it" in text
    assert "garbage collector" in text
    data = report.as_data(lines, grown, {}, about)
    assert json.loads(json.dumps(data))["lines"][0]["met"] is False


def test_every_row_is_measured_for_all_its_sides() -> None:
    measured_by = {
        (side, row) for job in jobs.JOBS if job.n for side in job.sides for row in job.rows
    }
    stated = {(side, row) for side, its in rows.STATED.items() for row in its}
    for row in rows.ROWS:
        for side in (row.side, *row.against):
            assert (side, row.name) in measured_by | stated, f"{row.name} of {side}"


def test_the_page_about_the_cluster_says_where_it_is_behind() -> None:
    fast = Line("zmq", "a", [30.0, 31.0], [10.0, 10.0], 1.3)
    slow = Line("ymq", "b", [5.0], [10.0], 10.0)
    near = Line("ymq", "c", [12.0, 14.0, 11.0], [10.0, 10.0, 10.0], 1.3, [12.5])
    page = document([fast, slow, near], load=0.5, minutes=3.0)
    assert "| zmq | a | 30 | 10 | 3.05 | 3.00-3.10 | 1.3 | met |  |  |" in page
    assert "| ymq | c | 12 | 10 | 1.20 | 1.10-1.40 | 1.3 | **missed**, but close |" in page
    assert "close | 12 | 1.25 |" in page
    assert "- ymq, b: 0.50 times (0.50 to 0.50), slower than Scaler's client\n" in page
    assert "- ymq, c: 1.20 times (1.10 to 1.40), wanted 1.3; the bare probe: 1.25\n" in page
    assert "zmq, a:" not in page
    assert "the median of 1 to 3 rounds" in page
    assert "Every target is met." in document([fast], load=0.5, minutes=3.0)


def test_each_side_of_the_cluster_is_first_in_turn_and_few_turns_are_the_probes_in_a_map() -> None:
    from benchmarks.cluster import FULL, QUICK, ROUNDS, SIDES, WORK, mapped, order, turns

    assert {order(number)[0] for number in range(3)} == set(SIDES)
    assert all(set(order(number)) == set(SIDES) for number in range(3))
    counts = Counter((work, side) for work, side in turns(FULL, WORK))
    assert counts[mapped, "probe"] == 1
    assert min(ROUNDS.values()) >= 3
    for work in WORK:
        assert counts[work, "ours"] == counts[work, "theirs"] == ROUNDS[work]
        assert counts[work, "probe"] == (1 if work is mapped else ROUNDS[work])
    assert len(list(turns(QUICK, WORK))) == len(WORK) * len(SIDES)


def test_the_page_about_other_race_tools_says_what_each_found(tmp_path: Path) -> None:
    room = runpy.run_path(str(tidy.ROOT / "benchmarks" / "races.py"), run_name="races")
    (own,) = room["ours"](["9"])
    assert own["found"]
    assert own["check"] == "pump waits"
    lines = {
        "kit": [own],
        "one": [{"number": "9", "found": False, "schedules": 1234, "why": "", "alarm": False}],
        "two": [{"number": "9", "found": True, "schedules": 2, "alarm": True, "seconds": 1.0}],
    }
    for name, results in lines.items():
        (tmp_path / name).write_text(json.dumps(results))
    page = room["page"]([str(tmp_path / name) for name in lines], 5.0)
    assert "| missed in 1,234 | not told apart |\n" in page
    assert "| **1 of 1** | **0 of 1** | **0 of 1** |" in page
    assert "Each has 5\nseconds" in page
