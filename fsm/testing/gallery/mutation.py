"""Mutants that a program makes: the mistakes that people make with locks, one at a time.

`source_mutants` edits the text of a class, `table_mutants` the rows of a lifecycle. Nothing is
written to a disk.
"""

import ast
import copy
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from futurefsm.fsm.errors import LifecycleError
from futurefsm.fsm.table import Kind, Lifecycle, Row

Edit = Callable[[list[ast.stmt], int], list[ast.stmt] | None]

# Calls that tell somebody: done twice, somebody hears twice. Doing another twice changes nothing.
TELLING = frozenset(
    {
        "_call",
        "_call_back",
        "_call_one",
        "_delete",
        "_follow",
        "_tell",
        "_tell_waiter",
        "_wire.send",
        "add_cancelled",
        "add_exception",
        "add_result",
        "append",
        "fn",
        "perform",
        "send",
    }
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One edit.

    Attributes:
        name: what was done, and where: "core.py drop call in _follow: self._tell(waiters)".
        operator: what kind of mistake it is.
        where: the function.
        source: the whole module, edited.
    """

    name: str
    operator: str
    where: str
    source: str


def source_mutants(source: str, file: str, functions: Sequence[str]) -> Iterator[Mutant]:
    """Every mutant of some functions.

    Args:
        source: the text of the module.
        file: its name, for the names of the mutants.
        functions: names of those to be edited.
    """
    tree, lines = ast.parse(source), source.splitlines()
    seen: set[str] = set()
    names: Counter[str] = Counter()
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef) or function.name not in functions:
            continue
        for block, index in [*_places(function)]:
            original = block.copy()
            for operator, edit in OPERATORS.items():
                block[index] = copy.deepcopy(original[index])
                edited = edit(block, index)
                if edited is not None:
                    block[:] = edited or [ast.Pass()]
                    text = _with_function(lines, function)
                    said = ast.unparse(original[index]).splitlines()[0]
                    name = f"{file} {operator} in {function.name}: {said}"
                    if text not in seen:
                        seen.add(text)
                        names[name] += 1
                        if names[name] > 1:
                            name = f"{name} ({names[name]})"
                        yield Mutant(name, operator, function.name, text)
                block[:] = original


def _places(node: ast.AST) -> Iterator[tuple[list[ast.stmt], int]]:
    """(block, place in it) of every statement of a function."""
    for _, block in ast.iter_fields(node):
        if not isinstance(block, list):
            continue
        for index, each in enumerate(block):
            if isinstance(each, ast.stmt):
                yield block, index
            if isinstance(each, ast.stmt | ast.excepthandler):
                yield from _places(each)


def _with_function(lines: list[str], function: ast.FunctionDef) -> str:
    """The module with one function written anew."""
    first = min([function.lineno, *(each.lineno for each in function.decorator_list)]) - 1
    ast.fix_missing_locations(function)
    text = textwrap.indent(ast.unparse(function), " " * function.col_offset)
    return "\n".join([*lines[:first], text, *lines[function.end_lineno :], ""])


# Each operator gets a block and a place in it, and returns the block edited; None: not its kind.


def _replaced(block: list[ast.stmt], index: int, *new: ast.stmt) -> list[ast.stmt]:
    return [*block[:index], *new, *block[index + 1 :]]


def _call(statement: ast.stmt) -> ast.Call | None:
    """The call, where a statement is nothing but one that is worth an edit."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        text = ast.unparse(statement.value.func)
        return None if text.startswith(("logger.", "super")) else statement.value
    return None


def _drop_call(block: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    return None if _call(block[index]) is None else _replaced(block, index)


def _double_call(block: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    call = _call(block[index])
    if call is None or ast.unparse(call.func).removeprefix("self.").split(".")[-1] not in TELLING:
        return None
    return _replaced(block, index, block[index], copy.deepcopy(block[index]))


def _locked(statement: ast.stmt) -> ast.With | None:
    """A `with` of a lock or a condition."""
    if not isinstance(statement, ast.With) or len(statement.items) != 1:
        return None
    text = ast.unparse(statement.items[0].context_expr)
    return statement if text.endswith(("lock", "condition")) else None


def _test_first(block: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    """The test and the lock change places."""
    locked = _locked(block[index])
    if locked is None or not isinstance(locked.body[0], ast.If):
        return None
    before: list[ast.stmt] = []
    branch: ast.stmt = locked.body[0]
    while isinstance(branch, ast.If):
        name = f"_tested_{len(before)}"
        before.append(ast.Assign([ast.Name(name, ast.Store())], branch.test))
        branch.test = ast.Name(name, ast.Load())
        branch = branch.orelse[0] if len(branch.orelse) == 1 else ast.Pass()
    return _replaced(block, index, *before, locked)


def _split(block: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    """The lock is let go and taken again behind the first statement."""
    locked = _locked(block[index])
    if locked is None or len(locked.body) < 2:
        return None
    second = copy.deepcopy(locked)
    locked.body, second.body = locked.body[:1], second.body[1:]
    return _replaced(block, index, locked, second)


def _act_inside(block: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    """What comes after the lock is done under it."""
    locked = _locked(block[index])
    if locked is None or index + 1 >= len(block) or _ends(locked):
        return None
    locked.body.append(block[index + 1])
    return [*block[: index + 1], *block[index + 2 :]]


def _ends(locked: ast.With) -> bool:
    return isinstance(locked.body[-1], ast.Return | ast.Raise | ast.While)


def _once(block: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    """A wait in a loop becomes a wait."""
    loop = block[index]
    if not isinstance(loop, ast.While) or "wait(" not in ast.unparse(loop):
        return None
    return _replaced(block, index, ast.If(loop.test, loop.body, []))


class _Unbounded(ast.NodeTransformer):
    found = False

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        name = ast.unparse(node.func).split(".")[-1]
        if name in ("wait", "_wait_settled", "_wait_until") and node.args:
            self.found = True
            node.args[-1] = ast.Constant(None)
        return node


def _no_bound(block: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    """A timed wait becomes one without a bound."""
    if isinstance(block[index], ast.If | ast.While | ast.With | ast.Try):
        # Their parts are visited by themselves; of an `if`, only the test is its own.
        owner = block[index]
        if not isinstance(owner, ast.If):
            return None
        edit = _Unbounded()
        owner.test = edit.visit(owner.test)
        return block if edit.found else None
    edit = _Unbounded()
    changed = edit.visit(block[index])
    return _replaced(block, index, changed) if edit.found else None


def _always(block: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    """A guard is left out."""
    return _with_test(block, index, True)


def _never(block: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    """A case is left out."""
    return _with_test(block, index, False)


def _with_test(block: list[ast.stmt], index: int, value: bool) -> list[ast.stmt] | None:
    branch = block[index]
    if not isinstance(branch, ast.If):
        return None
    branch.test = ast.Constant(value)
    return block


def _drop_assignment(block: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    """A field keeps its old value."""
    statement = block[index]
    if not isinstance(statement, ast.Assign | ast.AugAssign):
        return None
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    fields = [t for t in targets if isinstance(t, ast.Attribute)]
    return _replaced(block, index) if fields else None


def _uncaught(block: list[ast.stmt], index: int) -> list[ast.stmt] | None:
    """What was caught is not."""
    attempt = block[index]
    if not isinstance(attempt, ast.Try) or not attempt.handlers:
        return None
    return _replaced(block, index, *attempt.body, *attempt.orelse, *attempt.finalbody)


OPERATORS: dict[str, Edit] = {
    "drop call": _drop_call,
    "double call": _double_call,
    "test before lock": _test_first,
    "split lock": _split,
    "act under lock": _act_inside,
    "wait once": _once,
    "wait without bound": _no_bound,
    "guard left out": _always,
    "case left out": _never,
    "drop assignment": _drop_assignment,
    "not caught": _uncaught,
}


# Tables.


@dataclass(frozen=True, slots=True)
class TableMutant:
    """A lifecycle with one entry changed, to `row`. `refused`: the table does not hold together, so
    that nobody could have made it."""

    name: str
    row: Row
    lifecycle: Lifecycle | None

    @property
    def refused(self) -> bool:
        """It was found when it was made."""
        return self.lifecycle is None


def table_mutants(lifecycle: Lifecycle) -> Iterator[TableMutant]:
    """Every mutant of one entry: an effect dropped, the entry dropped, another target, another
    answer, the outcome forgotten, a violation believed."""
    for row in lifecycle.rows:
        for what, changed in _rows(row, lifecycle):
            name = f"{lifecycle.name} ({row.source}, {row.event}) {what}"
            try:
                made = lifecycle.derive(f"{lifecycle.name}_mutant", changed)
            except LifecycleError:
                yield TableMutant(name, changed, None)
            else:
                yield TableMutant(name, changed, made)


def _rows(row: Row, lifecycle: Lifecycle) -> Iterator[tuple[str, Row]]:
    for effect in row.effects:
        left = tuple(each for each in row.effects if each != effect)
        yield f"without {effect}", _changed(row, effects=left)
    if row.kind is Kind.GOES:
        yield "stays", _changed(row, kind=Kind.IGNORES, target=row.source, effects=())
    for state in lifecycle.states:
        if state != row.target and row.kind is Kind.GOES and state != row.source:
            yield f"goes to {state}", _changed(row, target=state)
    if row.answer is not None:
        yield "answers the other", _changed(row, answer=not row.answer)
    if row.outcome is not None:
        yield "forgets its outcome", _changed(row, outcome=None)
    if row.kind is Kind.VIOLATES:
        yield "is ignored", _changed(row, kind=Kind.IGNORES)


def _changed(row: Row, **changes: Any) -> Row:
    fields = {name: getattr(row, name) for name in cast(Any, Row).__dataclass_fields__}
    return Row(**{**fields, **changes})
