"""The hook that turns a missing Debian package into a failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = """
import pytest

@pytest.mark.system("some-package")
def test_needs_it():
    pytest.skip("some-package is missing")

@pytest.mark.system("some-package")
@pytest.mark.skip(reason="some-package is missing")
def test_is_marked():
    pass

def test_other():
    pytest.skip("for another reason")
"""


@pytest.mark.parametrize(
    ("strict", "summary"), [("0", "3 skipped"), ("1", "1 failed, 1 skipped, 1 error")]
)
def test_system_skips(tmp_path: Path, strict: str, summary: str) -> None:
    (tmp_path / "conftest.py").write_text(Path(__file__).with_name("conftest.py").read_text())
    (tmp_path / "test_example.py").write_text(EXAMPLE)
    (tmp_path / "pytest.ini").write_text("[pytest]\nmarkers = system(package): x\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        env={**os.environ, "FUTUREFSM_NO_SYSTEM_SKIPS": strict},
        capture_output=True,
        text=True,
        check=False,
    )
    assert summary in done.stdout
    assert ("install some-package" in done.stdout) == (strict == "1")
