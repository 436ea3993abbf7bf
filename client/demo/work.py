"""What runs in the worker processes, and, for the comparison, in this one. Standard library only.

Each task leaves one line in a file of the demo's own folder when it starts: that is how the demo
knows afterwards, from a fact outside all futures, which cancelled tasks had begun.
"""

import ast
import gc
import os
import re
import signal
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

# A definition that was found: its qualified name ("Lock.acquire") and its line.
Hit = tuple[str, int]

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.ClassDef)
_BLOCKS = (
    *_SCOPES,
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)
# How a file fails to parse: wrong syntax, null bytes, nested too deeply for the parser.
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
# What can hold a statement; nothing that is counted is inside an expression.
_STATEMENTS = (ast.stmt, ast.ExceptHandler, ast.match_case)


@dataclass(slots=True)
class Facts:
    """What is in some files. Adds up."""

    files: int = 0
    lines: int = 0
    functions: int = 0
    async_functions: int = 0
    classes: int = 0
    imports: Counter[str] = field(default_factory=Counter)
    # (measure, where): the greatest so far.
    longest_function: tuple[int, str] = (0, "")
    deepest: tuple[int, str] = (0, "")
    largest_file: tuple[int, str] = (0, "")
    # (file, why) of those that do not parse.
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    # Seconds of a core that the counting took.
    cpu_seconds: float = field(default=0.0, compare=False)

    def add(self, other: "Facts") -> None:
        self.files += other.files
        self.lines += other.lines
        self.functions += other.functions
        self.async_functions += other.async_functions
        self.classes += other.classes
        self.imports.update(other.imports)
        self.longest_function = max(self.longest_function, other.longest_function)
        self.deepest = max(self.deepest, other.deepest)
        self.largest_file = max(self.largest_file, other.largest_file)
        self.unreadable = sorted(self.unreadable + other.unreadable)
        self.cpu_seconds += other.cpu_seconds


def note_start(notes: str, index: int) -> None:
    """Leave a line that says: task `index` has begun. One write, so lines never mix."""
    handle = os.open(notes, os.O_WRONLY | os.O_APPEND)
    try:
        os.write(handle, b"%d\n" % index)
    finally:
        os.close(handle)


def _tree(path: str) -> tuple[bytes, ast.Module]:
    """The file's bytes and its syntax tree.

    Raises:
        SyntaxError: it is not Python of this interpreter's version.
        ValueError: it holds null bytes or is not text.
    """
    with open(path, "rb") as stream:
        source = stream.read()
    # A tree is thousands of objects and no rubbish: the collector would only search through it.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return source, ast.parse(source)
    finally:
        if collecting:
            gc.enable()


def examine(root: str, names: Sequence[str], notes: str = "", index: int = 0) -> Facts:
    """Parse some files and count what is in them.

    Args:
        root: the folder that they lie in.
        names: their paths in it.
        notes, index: where to note the start; nowhere where `notes` is empty.
    """
    if notes:
        note_start(notes, index)
    facts = Facts()
    began = time.process_time()
    for name in names:
        try:
            facts.add(_examine_one(os.path.join(root, name), name))
        except UNREADABLE as error:
            why = str(error).partition("\n")[0]
            facts.unreadable.append((name, f"{type(error).__name__}: {why}"))
    facts.cpu_seconds = time.process_time() - began
    return facts


def _examine_one(path: str, name: str) -> Facts:
    source, tree = _tree(path)
    lines = source.count(b"\n") + (not source.endswith(b"\n") and bool(source))
    facts = Facts(files=1, lines=lines, largest_file=(lines, name))
    waiting: list[tuple[ast.AST, int]] = [(tree, 0)]
    while waiting:
        node, depth = waiting.pop()
        if isinstance(node, _BLOCKS):
            depth += 1
            facts.deepest = max(facts.deepest, (depth, f"{name}:{node.lineno}"))
            if isinstance(node, _SCOPES):
                _count_scope(facts, node, name)
        elif isinstance(node, ast.Import):
            facts.imports.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            facts.imports[node.module.partition(".")[0]] += 1
        # An `elif` is an `if` in the other's `else`, but nobody reads it as nested.
        flat = node.orelse[0] if isinstance(node, ast.If) and len(node.orelse) == 1 else None
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _STATEMENTS):
                is_elif = child is flat and isinstance(child, ast.If)
                waiting.append((child, depth - is_elif))
    return facts


def _count_scope(
    facts: Facts, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, name: str
) -> None:
    if isinstance(node, ast.ClassDef):
        facts.classes += 1
        return
    facts.functions += 1
    facts.async_functions += isinstance(node, ast.AsyncFunctionDef)
    length = (node.end_lineno or node.lineno) - node.lineno + 1
    facts.longest_function = max(
        facts.longest_function, (length, f"{node.name}() in {name}:{node.lineno}")
    )


def find_definition(path: str, pattern: str, notes: str, index: int) -> list[Hit]:
    """Definitions in one file whose qualified name matches.

    Args:
        path: the file.
        pattern: a regular expression, searched for in names such as "Lock.acquire".
        notes, index: where to note the start.

    Returns:
        (qualified name, line) of each match; none for a file that does not parse.
    """
    note_start(notes, index)
    try:
        definitions = _definitions(_tree(path)[1])
    except UNREADABLE:
        return []
    wanted = re.compile(pattern)
    return [hit for hit in definitions if wanted.search(hit[0])]


def find_slowly(path: str, pattern: str, seconds: float, notes: str, index: int) -> int:
    """The same scan again and again for so many seconds; returns how often."""
    until = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < until:
        find_definition(path, pattern, os.devnull if rounds else notes, index)
        rounds += 1
    return rounds


def _definitions(tree: ast.Module) -> list[Hit]:
    found: list[Hit] = []
    waiting: list[tuple[ast.AST, str]] = [(tree, "")]
    while waiting:
        node, prefix = waiting.pop()
        for child in ast.iter_child_nodes(node):
            if isinstance(child, _SCOPES):
                found.append((prefix + child.name, child.lineno))
                waiting.append((child, f"{prefix}{child.name}."))
            elif isinstance(child, _STATEMENTS):
                waiting.append((child, prefix))
    return sorted(found, key=lambda hit: hit[1])


def busy(seconds: float, notes: str, index: int) -> int:
    """Compute for about so long; returns how many rounds it made."""
    note_start(notes, index)
    until = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < until:
        rounds += 1
    return rounds


def kill_own_process(notes: str, index: int) -> None:
    """The accident: a worker that is killed from outside in the middle of its task."""
    note_start(notes, index)
    os.kill(os.getpid(), signal.SIGKILL)


def ready() -> None:
    """A worker that returns from here has loaded what the other tasks need."""
