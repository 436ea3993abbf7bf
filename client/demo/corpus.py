"""Which files the demo reads, and how a wrong choice is told in one line."""

import re
import sysconfig
from dataclasses import dataclass
from pathlib import Path

# Tests are left out of the default input: many systems install Python without them, and the
# figures of two machines should be about the same files.
LEFT_OUT = frozenset({"site-packages", "dist-packages", "__pycache__"})
TEST_FOLDERS = frozenset({"test", "tests", "idle_test"})


class UsageError(Exception):
    """An option that cannot be used. Its text is one line for the user."""


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file of the input: its path relative to the root, and its size in bytes."""

    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Corpus:
    """The input: a folder and its Python files, largest first."""

    root: Path
    files: tuple[SourceFile, ...]

    @property
    def size(self) -> int:
        """Bytes in all files."""
        return sum(file.size for file in self.files)

    def path(self, file: SourceFile) -> str:
        return str(self.root / file.name)

    def batches(self, size: int) -> list[tuple[tuple[str, ...], int]]:
        """The files' names, largest first, in groups of at least `size` bytes, with their bytes."""
        groups: list[tuple[tuple[str, ...], int]] = []
        group: list[str] = []
        filled = 0
        for file in self.files:
            group.append(file.name)
            filled += file.size
            if filled >= size:
                groups.append((tuple(group), filled))
                group, filled = [], 0
        return [*groups, (tuple(group), filled)] if group else groups

    def warm(self) -> None:
        """Read every file once, so that neither of the two runs that are compared waits for a
        disk."""
        for file in self.files:
            (self.root / file.name).read_bytes()


def standard_library() -> Path:
    """The folder of the running interpreter's standard library."""
    return Path(sysconfig.get_path("stdlib"))


def collect(root: Path | None) -> Corpus:
    """Find the files.

    Args:
        root: a folder; None for the standard library, without its tests.

    Raises:
        UsageError: it does not exist, is not a folder, cannot be read or has no Python files.
    """
    leave_out = LEFT_OUT | TEST_FOLDERS if root is None else LEFT_OUT
    folder = (standard_library() if root is None else root).absolute()
    if not folder.exists():
        raise UsageError(f"--path {folder}: there is no such folder")
    if not folder.is_dir():
        raise UsageError(f"--path {folder}: is a file; give the folder that it lies in")
    try:
        next(folder.iterdir(), None)
    except OSError as error:
        raise UsageError(f"--path {folder}: cannot be read: {error.strerror}") from None
    files = sorted(_python_files(folder, leave_out), key=lambda file: (-file.size, file.name))
    if not files:
        raise UsageError(f"--path {folder}: has no Python files (*.py)")
    return Corpus(folder, tuple(files))


def _python_files(folder: Path, leave_out: frozenset[str]) -> list[SourceFile]:
    found: list[SourceFile] = []
    waiting = [folder]
    while waiting:
        try:
            entries = sorted(waiting.pop().iterdir())
        except OSError:
            continue
        for entry in entries:
            # A link to a folder may lead back up.
            if entry.is_dir() and not entry.is_symlink():
                if entry.name not in leave_out and not entry.name.startswith("."):
                    waiting.append(entry)
            elif entry.suffix == ".py" and entry.is_file() and _readable(entry):
                found.append(SourceFile(str(entry.relative_to(folder)), entry.stat().st_size))
    return found


def _readable(path: Path) -> bool:
    try:
        with path.open("rb"):
            return True
    except OSError:
        return False


def checked_pattern(pattern: str) -> str:
    """The pattern, if it is a regular expression.

    Raises:
        UsageError: it is not.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise UsageError(f"--find {pattern!r}: not a regular expression: {error}") from None
    return pattern
