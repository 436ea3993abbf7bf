"""`make bench` works. Figures are not tested: those of a busy machine mean nothing."""

import json
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import tidy


@pytest.mark.slow
def test_it_prints_a_table_of_ratios() -> None:
    script = tidy.ROOT / "benchmarks" / "run.py"
    done = subprocess.run(
        [sys.executable, str(script), "--quick"], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[1].split() == ["ours", "theirs", "ratio"]
    assert len(lines) == 2 + 5
    for line in lines[2:]:
        ours, theirs, ratio = (float(cell.replace(",", "")) for cell in line[60:].split()[:3])
        assert ratio == pytest.approx(ours / theirs, abs=0.2)


def test_the_page_about_the_cluster_says_where_it_is_behind() -> None:
    pytest.importorskip("scaler")
    room = runpy.run_path(str(tidy.ROOT / "benchmarks" / "cluster.py"), run_name="cluster")
    line, document = room["Line"], room["document"]
    fast, slow = line("zmq", "a", 30.0, 10.0, 1.3), line("ymq", "b", 5.0, 10.0, 10.0)
    near = line("ymq", "c", 12.0, 10.0, 1.3)
    page = document([fast, slow, near], load=0.5, rounds=3)
    assert "| zmq | a | 30 | 10 | 3.00 | 1.3 |" in page
    assert "- ymq, b: 0.50 times, slower than Scaler's client" in page
    assert "- ymq, c: 1.20 times, wanted 1.3" in page
    assert "zmq, a:" not in page
    assert "Every target is met." in document([fast], load=0.5, rounds=3)


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
