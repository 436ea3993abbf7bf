"""The work that the demo's workers do, called here."""

import time
from pathlib import Path

import pytest

from futurefsm.client.demo import work

SOURCE = '''\
import os, sys as system
import os.path
from collections.abc import Iterable
from . import sibling

class Outer:
    """A class."""
    def method(self):
        def inner():
            pass
        if self:
            pass
        elif inner:
            pass
        elif system:
            for _ in ():
                pass
        return inner

async def waits():
    async with x:
        return [y for y in z]
'''


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "good.py").write_text(SOURCE)
    (tmp_path / "other.py").write_text("import os\nclass A:\n    class B:\n        pass")
    (tmp_path / "bad.py").write_text("def f(:\n")
    (tmp_path / "zero.py").write_bytes(b"x = 1\0\n")
    (tmp_path / "empty.py").write_text("")
    return tmp_path


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    path = tmp_path / "started"
    path.touch()
    return path


def test_one_file_is_counted(folder: Path) -> None:
    facts = work.examine(str(folder), ["good.py"])
    assert (facts.files, facts.lines, facts.classes) == (1, 22, 1)
    assert (facts.functions, facts.async_functions) == (3, 1)
    assert facts.imports == {"os": 2, "sys": 1, "collections": 1}
    assert facts.longest_function == (11, "method() in good.py:8")
    # class, def, if, for: an elif is not nested in its if.
    assert facts.deepest == (4, "good.py:16")
    assert facts.largest_file == (22, "good.py")


def test_files_that_do_not_parse_are_told(folder: Path) -> None:
    facts = work.examine(str(folder), ["good.py", "bad.py", "zero.py", "empty.py"])
    assert facts.files == 2
    assert [name for name, _ in facts.unreadable] == ["bad.py", "zero.py"]
    assert facts.unreadable[0][1].startswith("SyntaxError: ")


def test_facts_add_up_in_any_order(folder: Path) -> None:
    names = sorted(path.name for path in folder.glob("*.py"))
    together = work.examine(str(folder), names)
    total = work.Facts()
    for name in reversed(names):
        total.add(work.examine(str(folder), [name]))
    assert total == together
    assert together.lines == 22 + 4


def test_a_task_notes_its_start(folder: Path, notes: Path) -> None:
    work.examine(str(folder), ["good.py"], str(notes), 3)
    work.find_definition(str(folder / "good.py"), "x", str(notes), 12)
    work.busy(0.0, str(notes), 5)
    assert notes.read_bytes().split() == [b"3", b"12", b"5"]


def test_definitions_are_found_by_qualified_name(folder: Path, notes: Path) -> None:
    def find(pattern: str, name: str = "good.py") -> list[work.Hit]:
        return work.find_definition(str(folder / name), pattern, str(notes), 0)

    assert find(r"^Outer\.method$") == [("Outer.method", 8)]
    assert find("inner|waits") == [("Outer.method.inner", 9), ("waits", 20)]
    assert find("B", "other.py") == [("A.B", 3)]
    assert find("nothing") == find(".", "bad.py") == []


def test_a_slow_search_takes_its_time_and_notes_one_start(folder: Path, notes: Path) -> None:
    began = time.monotonic()
    assert work.find_slowly(str(folder / "good.py"), "x", 0.05, str(notes), 1) >= 1
    assert time.monotonic() - began >= 0.05
    assert notes.read_bytes() == b"1\n"


def test_being_busy_takes_its_time(notes: Path) -> None:
    assert work.busy(0.01, str(notes), 1) > 0


def test_ready_does_nothing() -> None:
    work.ready()
