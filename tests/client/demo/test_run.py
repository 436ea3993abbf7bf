"""The whole demo, on a small folder and real worker processes."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest

from futurefsm.client.demo import run, stages
from futurefsm.client.demo.corpus import UsageError
from futurefsm.client.demo.screen import WIDTH, Screen

SOURCES = {
    f"part{n}.py": f"import os\n\ndef f{n}():\n    return {n}\n" * (n % 7 + 1) for n in range(60)
} | {"hay.py": "class Needle:\n    def point(self):\n        pass\n", "bad.py": "def f(:\n"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("input")
    for name, text in SOURCES.items():
        (target / name).write_text(text)
    return target


def output(**options: object) -> str:
    out = io.StringIO()
    run.run(run.Options(**options), Screen(out))  # type: ignore[arg-type]
    return out.getvalue()


def row(text: str, label: str) -> list[str]:
    (found,) = [line for line in text.splitlines() if line.startswith(f"  {label}  ")]
    return found.removeprefix(f"  {label}").split()


@pytest.fixture(scope="module", autouse=True)
def _long_tasks() -> Iterator[None]:
    """However busy the machine: when some of the photo finish are read, others wait."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "PHOTO_TASK_S", 0.15)
        patch.setattr(stages, "PHOTO_READ", 8)
        patch.setattr(stages, "PHOTO_UNWANTED", 4)
        patch.setattr(stages, "PHOTO_ROUNDS", 1)
        patch.setattr(stages, "ANSWERS_S", 60.0)
        yield


@pytest.fixture(scope="module")
def told(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    diagram = tmp_path_factory.mktemp("out") / "diagram.md"
    text = output(path=folder, find=r"^Needle\.point$", workers=2, diagram=diagram)
    return text, diagram.read_text()


def test_the_questions_are_answered(told: tuple[str, str]) -> None:
    text, _ = told
    lines = sum(source.count("\n") for source in SOURCES.values()) - 1
    assert f"61 files, {lines:,} lines, 1 classes" in text
    assert "bad.py: SyntaxError" in text
    assert "both ways gave the same answers" in text
    assert "found: Needle.point in hay.py:2" in text


def test_each_fate_happens_and_is_counted(told: tuple[str, str]) -> None:
    text, _ = told
    for label in (
        "finished with a value",
        "failed with an error",
        "cancelled while queued",
        "cancelled while running",
        "result discarded: cancelled when finished",
    ):
        assert int(row(text, label)[-1].replace(",", "")) > 0, label
    columns = [cell.replace(",", "") for cell in row(text, "all")]
    assert sum(map(int, columns[:-1])) == int(columns[-1])
    # One second reading in front of 62 scans.
    assert columns[1] == "63"
    assert "CONTRADICTION" not in text
    assert "not settled" not in text
    assert "(SIGKILL)" in text


def test_the_lifecycle_is_drawn_with_the_counts_of_the_table(told: tuple[str, str]) -> None:
    text, diagram = told
    total = row(text, "all")[-1]
    (submit,) = [line for line in text.splitlines() if line.startswith("    submit ─")]
    assert f" {total} ──▶ running" in submit
    assert "stateDiagram-v2" in diagram
    assert diagram.count("sequenceDiagram") >= 5
    assert total.replace(",", "") in diagram.replace(",", "")


def test_it_is_readable_in_a_hundred_columns(told: tuple[str, str]) -> None:
    text, _ = told
    long = [line for line in text.splitlines() if len(line) > WIDTH and "/" not in line]
    assert not long


def test_a_search_that_finds_nothing_says_so(folder: Path) -> None:
    text = output(path=folder, find="no such name", workers=1)
    assert "not found in any of 62 files" in text
    assert "sequenceDiagram" not in text


def test_a_diagram_that_cannot_be_written_is_said(folder: Path, tmp_path: Path) -> None:
    text = output(path=folder, find="Needle", workers=1, diagram=tmp_path / "no" / "such.md")
    assert "could not be written" in text


def test_nothing_is_started_for_a_wrong_option(folder: Path) -> None:
    out = io.StringIO()
    with pytest.raises(UsageError):
        run.run(run.Options(path=folder, find="("), Screen(out))
    assert out.getvalue() == ""
