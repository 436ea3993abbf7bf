"""Which files the demo reads, and what it says of a wrong choice."""

import re
from pathlib import Path

import pytest

from futurefsm.client.demo import corpus
from futurefsm.client.demo.corpus import UsageError


def folder(tmp_path: Path) -> Path:
    for name, text in {
        "big.py": "x = 1\n" * 50,
        "small.py": "",
        "sub/inner.py": "y = 2\n",
        "sub/readme.txt": "no",
        "test/test_it.py": "z = 3\n",
        "site-packages/other.py": "no",
        ".hidden/secret.py": "no",
        "__pycache__/old.py": "no",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "broken.py").symlink_to(tmp_path / "nowhere")
    return tmp_path


def test_python_files_largest_first(tmp_path: Path) -> None:
    found = corpus.collect(folder(tmp_path))
    assert [file.name for file in found.files] == [
        "big.py",
        "sub/inner.py",
        "test/test_it.py",
        "small.py",
    ]
    assert found.size == 300 + 6 + 6
    assert found.path(found.files[0]) == str(tmp_path / "big.py")
    found.warm()


def test_groups_hold_every_file_once(tmp_path: Path) -> None:
    found = corpus.collect(folder(tmp_path))
    last = ("sub/inner.py", "test/test_it.py", "small.py")
    assert found.batches(100) == [(("big.py",), 300), (last, 12)]
    assert found.batches(10**9) == [(("big.py", *last), 312)]
    assert found.batches(0) == [((file.name,), file.size) for file in found.files]


def test_the_standard_library_without_its_tests() -> None:
    found = corpus.collect(None)
    names = {file.name for file in found.files}
    assert {"threading.py", "concurrent/futures/_base.py"} <= names
    assert not any("site-packages" in name or name.startswith("test/") for name in names)


def test_what_cannot_be_used_is_said_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "file.txt"
    file.write_text("")
    for path, said in (
        (tmp_path / "nowhere", "there is no such folder"),
        (file, "is a file"),
        (tmp_path, "has no Python files"),
    ):
        with pytest.raises(UsageError, match=said) as caught:
            corpus.collect(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_pattern_is_checked() -> None:
    assert re.compile(corpus.checked_pattern("^a.b$"))
    with pytest.raises(UsageError, match="not a regular expression"):
        corpus.checked_pattern("(")
