"""The shape of the repository: packages, sizes, mirrors, slots, names."""

import ast
import importlib
import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import tidy

LINES_MAX = 400
TEST_LINES_MAX = 600
FUNCTION_LINES_MAX = 60

# File → why it may be longer.
LONG_FILES: dict[str, str] = {}
# "file:function" → why it may be longer.
LONG_FUNCTIONS: dict[str, str] = {}
# Source file → why it has no test file of its own.
WITHOUT_TEST = {
    "client/demo/stages.py": "tested as a whole, by tests/client/demo/test_run.py",
    "client/demo/report.py": "tested as a whole, by tests/client/demo/test_run.py",
    "client/engine/answers.py": "the part of scheduler.py that speaks, tested with it",
    "client/engine/outputs.py": "values without behaviour; compared by tests of the scheduler",
}
# Frozen dataclass → why it has no slots.
WITHOUT_SLOTS: dict[str, str] = {}


def pyproject() -> dict[str, Any]:
    return tomllib.loads((tidy.ROOT / "pyproject.toml").read_text())


def ids(path: Path) -> str:
    return str(path)


def package_folders() -> set[str]:
    """Dotted names of all folders that hold Python files of the rooms."""
    return {".".join(["futurefsm", *path.parent.parts]) for path in tidy.room_sources()} | {
        "futurefsm"
    }


def test_pyproject_names_exactly_the_packages_that_exist() -> None:
    """An unlisted package works in an editable install, and is missing from the wheel."""
    listed = set(pyproject()["tool"]["setuptools"]["packages"])
    assert listed == package_folders()


def test_every_package_has_its_init() -> None:
    for folder in {path.parent for path in tidy.room_sources()}:
        assert (tidy.ROOT / folder / "__init__.py").is_file(), folder


def test_the_three_links() -> None:
    for room in tidy.ROOMS:
        link = tidy.ROOT / "futurefsm" / room
        assert link.is_symlink(), f"{link} must be a link: ln -s ../{room} futurefsm/"
        assert link.readlink() == Path("..", room)


@pytest.mark.parametrize("path", tidy.everything(), ids=ids)
def test_files_are_short(path: Path) -> None:
    limit = TEST_LINES_MAX if path.parts[0] == "tests" else LINES_MAX
    lines = len((tidy.ROOT / path).read_text().splitlines())
    if str(path) in LONG_FILES:
        assert lines > limit, f"{path} is short again: take it off the list"
        return
    assert lines <= limit, f"{path} has {lines} lines; at most {limit}"


@pytest.mark.parametrize("path", tidy.everything(), ids=ids)
def test_functions_are_short(path: Path) -> None:
    for node in ast.walk(tidy.tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if f"{path}:{node.name}" in LONG_FUNCTIONS:
                continue
            assert lines <= FUNCTION_LINES_MAX, f"{path}:{node.lineno} {node.name}: {lines} lines"


@pytest.mark.parametrize(
    "path",
    [p for p in tidy.room_sources() if p.name != "__init__.py"],
    ids=ids,
)
def test_every_source_file_has_its_test_file(path: Path) -> None:
    name = path.name.lstrip("_")
    mirror = tidy.ROOT / "tests" / path.parent / f"test_{name}"
    if str(path) in WITHOUT_TEST:
        assert not mirror.exists(), f"{path} has a test file: take it off the list"
        return
    assert mirror.is_file(), f"{path} has no test file {mirror.relative_to(tidy.ROOT)}"


def test_the_lists_of_exceptions_name_files_that_exist() -> None:
    for name in LONG_FILES:
        assert (tidy.ROOT / name).is_file(), name


@pytest.mark.parametrize("path", tidy.room_sources(), ids=ids)
def test_frozen_dataclasses_have_slots(path: Path) -> None:
    for node in ast.walk(tidy.tree(path)):
        if not isinstance(node, ast.ClassDef):
            continue
        for decorator in node.decorator_list:
            text = ast.unparse(decorator)
            if "dataclass" in text and "frozen=True" in text:
                known = f"{path}:{node.name}" in WITHOUT_SLOTS
                assert "slots=True" in text or known, f"{path}: {node.name} has no slots"


@pytest.mark.parametrize("path", tidy.room_sources(), ids=ids)
def test_every_file_says_what_it_is(path: Path) -> None:
    assert ast.get_docstring(tidy.tree(path)), f"{path} has no opening comment"


def test_all_of_futurefsm_is_the_union_of_the_rooms() -> None:
    top = importlib.import_module("futurefsm")
    union = {
        name for room in tidy.ROOMS for name in importlib.import_module(f"futurefsm.{room}").__all__
    }
    # Two rooms may have a class of one name: the client's Future is the one that users meet.
    assert set(top.__all__) - {"__version__"} == union
    assert {"Client", "Future", "CONFIRMED", "STRICT"} <= union


@pytest.mark.parametrize("room", tidy.ROOMS)
def test_public_names_can_be_had(room: str) -> None:
    module = importlib.import_module(f"futurefsm.{room}")
    for name in module.__all__:
        assert getattr(module, name) is not None
    assert not hasattr(module, "no_such_name")


# What belongs to a machine on which somebody works, not to this repository.
_PRIVATE = re.compile(r"/work/|\.\./shared|\bshared/(design|wire|races)\b|/tmp/w/|DESIGN\.md")


def test_no_file_mentions_places_outside_the_repository() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=tidy.ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    own = Path(__file__).resolve()
    for name in listed.stdout.decode().split("\0"):
        path = tidy.ROOT / name
        if not name or not path.is_file() or path.resolve() == own:
            continue
        found = _PRIVATE.search(path.read_bytes().decode(errors="replace"))
        assert not found, f"{name} mentions {found and found.group()}"


def test_readme_uses_words_that_the_makefile_has() -> None:
    makefile = (tidy.ROOT / "Makefile").read_text()
    words = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    assert {"demo", "test", "lint", "docs", "bench"} <= words
    for page in ("README.md", "CONTRIBUTING.md"):
        used = set(re.findall(r"\bmake ([a-z]+)\b", (tidy.ROOT / page).read_text()))
        prose = {"sure", "it", "the", "a", "an", "them", "one", "of"}
        assert used - prose <= words, f"{page}: make {used - prose - words}"


def test_news_fragments_exist_and_are_of_a_known_kind() -> None:
    kinds = {each["directory"] for each in pyproject()["tool"]["towncrier"]["type"]}
    fragments = list((tidy.ROOT / "docs" / "news").glob("*.md"))
    assert fragments
    for fragment in fragments:
        parts = fragment.name.split(".")
        assert parts[1] in kinds, f"{fragment.name}: kinds are {sorted(kinds)}"


def test_changelog_has_the_marker_that_towncrier_looks_for() -> None:
    marker = pyproject()["tool"]["towncrier"]["start_string"]
    assert marker in (tidy.ROOT / "CHANGELOG.md").read_text()
