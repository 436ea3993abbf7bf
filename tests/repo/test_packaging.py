"""The wheel and the sdist: everything is in them, and what is installed from them works."""

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import tidy

pytestmark = pytest.mark.slow


def run(*command: str, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sources as a checkout without links has them (Windows, some archives)."""
    target = tmp_path_factory.mktemp("copy")
    rubbish = shutil.ignore_patterns("__pycache__", "*.pyc")
    for room in tidy.ROOMS:
        shutil.copytree(tidy.ROOT / room, target / room, ignore=rubbish)
    (target / "futurefsm").mkdir()
    for path in (tidy.ROOT / "futurefsm").iterdir():
        if not path.is_symlink() and path.is_file():
            shutil.copy(path, target / "futurefsm")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(tidy.ROOT / name, target)
    return target


@pytest.fixture(scope="module")
def wheel(copy: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "wheel", "--quiet")
    run(*pip, "--no-deps", "--no-build-isolation", "--wheel-dir", str(out), ".", cwd=copy)
    (found,) = out.glob("*.whl")
    return found


def expected() -> set[str]:
    """What an installation must have, by path."""
    files = {f"futurefsm/{path}" for path in tidy.room_sources()}
    files |= {f"futurefsm/{path.name}" for path in (tidy.ROOT / "futurefsm").glob("*.py")}
    schemas = (tidy.ROOT / "protocol" / "schema").glob("*.capnp")
    files |= {f"futurefsm/protocol/schema/{path.name}" for path in schemas}
    return files | {"futurefsm/py.typed"}


def test_the_wheel_has_every_package_the_schema_and_py_typed(wheel: Path) -> None:
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == expected()
    assert any(name.endswith(".capnp") for name in names)


def test_the_wheel_works_from_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    target, empty = tmp_path / "site", tmp_path / "empty"
    empty.mkdir()
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    run(*pip, "--no-deps", "--target", str(target), str(wheel), cwd=empty)
    code = """
import sys, futurefsm
from futurefsm.protocol.codec import decode, encode
from futurefsm.protocol.messages import TaskCancel
assert futurefsm.__file__.startswith(sys.argv[1]), futurefsm.__file__
assert decode(encode(TaskCancel(b"0" * 16))) == TaskCancel(b"0" * 16)
with futurefsm.Client(workers=1) as client:
    future = client.submit(pow, 2, 10)
    print(future.result(30), future.state)
assert not {name for name in sys.modules if name.partition(".")[0] in ("fsm", "client", "protocol")}
"""
    out = run(sys.executable, "-c", code, str(target), cwd=empty, PYTHONPATH=str(target))
    assert out.split() == ["1024", "finished"]
    out = run(sys.executable, "-m", "futurefsm", "--version", cwd=empty, PYTHONPATH=str(target))
    assert out.startswith("futurefsm ")


def test_the_sdist_has_every_source(copy: Path, tmp_path: Path) -> None:
    code = f"import setuptools.build_meta as build; build.build_sdist({str(tmp_path)!r})"
    run(sys.executable, "-c", code, cwd=copy)
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    rooms = {str(path) for path in tidy.room_sources()}
    assert rooms <= names, rooms - names
    assert {"LICENSE", "README.md", "pyproject.toml", "futurefsm/py.typed"} <= names
    schemas = {str(p.relative_to(tidy.ROOT)) for p in (tidy.ROOT / "protocol").rglob("*.capnp")}
    assert schemas <= names, schemas - names
