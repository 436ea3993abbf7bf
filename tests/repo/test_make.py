"""The Makefile and what CI runs: what they say when something is missing."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import tidy

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # MAKEFLAGS: these tests may themselves run below make.
    inherited = {key: value for key, value in os.environ.items() if "MAKE" not in key}
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=tidy.ROOT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )


def fake_python(folder: Path, version: str) -> str:
    """Something that answers as a Python of another version would."""
    path = folder / f"python{version}"
    path.write_text(f'#!/bin/sh\ncase "$2" in *print*) echo {version};; *) exit 1;; esac\n')
    path.chmod(0o755)
    return str(path)


def test_the_words_are_explained() -> None:
    done = make()
    assert done.returncode == 0
    for word in ("demo", "test", "lint", "docs", "bench"):
        assert f"make {word} " in done.stdout


def test_an_old_python_is_a_clear_error(tmp_path: Path) -> None:
    old = fake_python(tmp_path, "3.9")
    done = make(f"VENV={tmp_path}/venv", f"PYTHON={old}", "demo")
    assert done.returncode != 0
    assert "futurefsm needs Python 3.11 or newer" in done.stderr
    assert f"{old} is 3.9" in done.stderr
    assert not (tmp_path / "venv").exists()


def test_no_python_is_a_clear_error(tmp_path: Path) -> None:
    done = make(f"VENV={tmp_path}/venv", f"PYTHON={tmp_path}/nothing", "lint")
    assert done.returncode != 0
    assert "no python3 was found" in done.stderr


def test_it_installs_again_when_the_dependencies_change(tmp_path: Path) -> None:
    """What make would do, after a look at the ages of the stamps."""
    venv = tmp_path / "venv"
    (venv / "bin").mkdir(parents=True)
    (venv / "bin" / "python").touch()
    stamps = [venv / ".stamp", venv / ".stamp-demo"]
    for age, installs in ((3600, False), (-3600, True)):
        then = (tidy.ROOT / "pyproject.toml").stat().st_mtime + age
        for stamp in stamps:
            stamp.touch()
            os.utime(stamp, (then, then))
        for word, extra in (("demo", "[cli]"), ("lint", "[dev]")):
            done = make(f"VENV={venv}", "--dry-run", word)
            assert (extra in done.stdout) is installs


def test_what_ci_runs_is_the_command_of_the_readme() -> None:
    script = tidy.ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=20)
    text = script.read_text()
    assert "set -euo pipefail" in text
    assert "FUTUREFSM_NO_SYSTEM_SKIPS=1" in text
    assert "\nmake test " in text
    assert "`make test`" in (tidy.ROOT / "README.md").read_text()
