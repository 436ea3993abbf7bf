"""`make bench-cluster` works. Figures are not tested: those of a busy machine mean nothing."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.conftest import Cluster

ROOT = Path(__file__).parents[2]

# Ours, theirs, the ratio; its spread, the target, what it is; the probe, and its ratio.
SAYS = re.compile(r" ([\d,]+) +([\d,]+) +([\d.]+) +\S+ +\S+ \D+([\d,]+) +([\d.]+)$")


def _number(said: str) -> float:
    return float(said.replace(",", ""))


@pytest.mark.slow
@pytest.mark.cluster_long
def test_it_prints_and_writes_a_table_of_ratios(cluster: Cluster, tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    where = ["--address", cluster.address, "--backend", cluster.backend]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.cluster", "--quick", *where, "--write", str(page)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 1 + 9
    for line in lines[1:]:
        found = SAYS.search(line)
        assert found, line
        ours, theirs, ratio, probe, bound = (
            float(each.replace(",", "")) for each in found.groups()
        )
        assert ratio == pytest.approx(ours / theirs, rel=0.2, abs=0.1)
        assert bound == pytest.approx(probe / theirs, rel=0.2, abs=0.1)
    rows = [line for line in page.read_text().splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + 9
