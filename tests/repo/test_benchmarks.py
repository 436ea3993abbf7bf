"""`make bench` works. Figures are not tested: those of a busy machine mean nothing."""

import subprocess
import sys

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
