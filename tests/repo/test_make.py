"""The Makefile and what CI runs: what they say when something is missing."""

import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import tidy

pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


def _inherited() -> dict[str, str]:
    # MAKEFLAGS: these tests may themselves run below make.
    return {key: value for key, value in os.environ.items() if "MAKE" not in key}


def make(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["make", "--no-print-directory", *arguments],
        cwd=tidy.ROOT,
        env={**_inherited(), **environment},
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


@pytest.fixture
def halves(tmp_path: Path) -> Path:
    """A folder with the Makefile, where all is installed and the halves of the suite are `half`."""
    shutil.copy(tidy.ROOT / "Makefile", tmp_path)
    (tmp_path / ".venv" / "bin").mkdir(parents=True)
    for path in ("pyproject.toml", ".venv/bin/python", ".venv/.stamp"):
        (tmp_path / path).write_text("#!/bin/sh\n")
        (tmp_path / path).chmod(0o755)
    return tmp_path


def half(folder: Path, script: str, interpreter: str = "/bin/sh") -> list[str]:
    (folder / "half").write_text(f"#!{interpreter}\n{script}\n")
    (folder / "half").chmod(0o755)
    return ["make", "-C", str(folder), "pytest", "PYTEST=./half"]


@pytest.mark.parametrize("codes", [(0, 0), (1, 0), (0, 1)])
def test_both_halves_of_the_suite_must_pass(halves: Path, codes: tuple[int, int]) -> None:
    first, second = codes
    script = f'case "$*" in *--ignore*) echo hidden; exit {second};; *) exit {first};; esac'
    done = subprocess.run(
        half(halves, script), env=_inherited(), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode != 0) is any(codes)
    assert "hidden" in done.stdout


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    ends = os.pipe()
    yield ends
    os.close(ends[0])


def test_ctrl_c_ends_both_halves(halves: Path, pipe: tuple[int, int]) -> None:
    read, write = pipe
    begins = f"import os, time\nos.write({write}, b'.')\ntime.sleep(600)"
    command = half(halves, begins, sys.executable)
    # As at a terminal: a shell can not be told to hear what its parent ignores, as CI's may do.
    hears = "import os, signal, sys\nsignal.signal(2, signal.SIG_DFL)\n"
    hears += "os.execvp('make', sys.argv[1:])"
    with subprocess.Popen(
        [sys.executable, "-c", hears, *command],
        env={**_inherited(), "TMPDIR": str(halves)},
        pass_fds=(write,),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as suite:
        os.close(write)
        begun = b""
        while begun != b"..":
            assert select.select([read], [], [], 20)[0]
            begun += os.read(read, 1)
        os.killpg(suite.pid, signal.SIGINT)
        # All that had the other end are gone.
        ended = bool(select.select([read], [], [], 20)[0])
        with suppress(ProcessLookupError):
            os.killpg(suite.pid, signal.SIGKILL if not ended else 0)
        assert ended
    assert suite.returncode != 0
    assert not list(halves.glob("tmp*"))


def test_what_ci_runs_is_the_command_of_the_readme() -> None:
    script = tidy.ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    subprocess.run(["bash", "-n", str(script)], check=True, timeout=20)
    text = script.read_text()
    assert "set -euo pipefail" in text
    assert "FUTUREFSM_NO_SYSTEM_SKIPS=1" in text
    assert "\nmake test " in text
    assert "`make test`" in (tidy.ROOT / "README.md").read_text()
