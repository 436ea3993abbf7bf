"""What the tidy tests share: rooms, files, and imports read from the syntax tree."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("fsm", "protocol", "client")


def sources(*folders: str) -> list[Path]:
    """Python files below folders of the repository, relative to its root, in order."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return sorted(path.relative_to(ROOT) for path in found if "__pycache__" not in path.parts)


def room_sources() -> list[Path]:
    return sources(*ROOMS)


def everything() -> list[Path]:
    """Every Python file of ours, tests and tools too."""
    own = [path.relative_to(ROOT) for path in (ROOT / "futurefsm").glob("*.py")]
    return sorted([*own, *sources(*ROOMS, "tests", "docs", "benchmarks")])


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_bytes(), str(path))


def imports(path: Path, *, at_import: bool = False) -> set[str]:
    """Dotted names that a file imports; `from a.b import c` counts as "a.b" and "a.b.c".

    Args:
        path: relative to the root.
        at_import: only those that run when the file is imported (not in functions, not for types).
    """
    found: set[str] = set()
    waiting: list[ast.AST] = [tree(path)]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found.add(base)
            found.update(f"{base}.{alias.name}" for alias in node.names)
        if at_import and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            # Types cost nothing and pull in nothing.
            waiting.extend(node.orelse)
            continue
        waiting.extend(ast.iter_child_nodes(node))
    return found


def tops(path: Path, *, at_import: bool = False) -> set[str]:
    """The first part of each imported name."""
    return {name.partition(".")[0] for name in imports(path, at_import=at_import)}
