"""Line level: a switch point in front of each statement of named modules that touches what threads
may share. In `a, b = self.a, self.b`, which reads twice, there is one between the two as well.

The source is compiled again with a call before such statements, and the code of the functions that
exist is exchanged, wherever they are bound; at the end it is put back. No trace hook: that is slow,
loses lines with greenlets, and is wanted by coverage and debuggers.
"""

import ast
import builtins
import gc
import inspect
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import CodeType, FunctionType, ModuleType

from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident

# Not mangled in classes: it ends with two underscores.
HOOK = "__futurefsm_line__"
# Lines that a task may run after its end, to clean up, before it is stopped again.
_LAST_LINES = 500


def line(where: str) -> None:
    """The switch point in front of a statement; `where` is "file.py:12"."""
    arena = ACTIVE.arena
    if arena is None:
        return
    me = arena.me
    if me is None or arena.ident != get_ident():
        return
    if arena.over and me.cleanup < _LAST_LINES:
        # It unwinds: what it does in `finally` is to be done.
        me.cleanup += 1
        return
    me.op = "line"
    me.what = where
    arena.step(me)


_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_SCOPES = (*_FUNCTIONS, ast.Lambda)
# What can be seen or changed by another thread. A comparison of local names cannot.
_TOUCHES = (ast.Attribute, ast.Subscript, ast.Call, ast.Await, ast.Yield, ast.YieldFrom)


class _Instrumenter:
    """Puts calls of the hook into the functions of a module."""

    def __init__(self, file: str) -> None:
        self.file = file

    def module(self, tree: ast.AST) -> None:
        """All functions of a tree, however deep."""
        for node in list(ast.walk(tree)):
            if isinstance(node, _FUNCTIONS):
                node.body = self._block(node.body, _private(node), node.body[:1])

    def _block(
        self, body: list[ast.stmt], private: set[str], first: Iterable[ast.stmt] = ()
    ) -> list[ast.stmt]:
        done: list[ast.stmt] = []
        for statement in body:
            if not (statement in first and _is_docstring(statement)):
                self._inner(statement, private)
                self._within(statement, private)
                if not isinstance(statement, ast.While) and _is_shared(statement, private):
                    call = ast.Expr(self._call(statement))
                    done.append(ast.copy_location(call, statement))
            done.append(statement)
        return done

    def _inner(self, node: ast.AST, private: set[str]) -> None:
        """The blocks of a compound statement. Nested functions are visited by themselves."""
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            return
        if isinstance(node, ast.While) and _is_shared(node, private):
            # The test is run again each time round.
            both = ast.BoolOp(ast.Or(), [self._call(node), node.test])
            node.test = ast.copy_location(both, node.test)
        for field in ("body", "orelse", "finalbody"):
            block = getattr(node, field, None)
            if isinstance(block, list) and block:
                setattr(node, field, self._block(block, private))
        for part in (*getattr(node, "handlers", ()), *getattr(node, "cases", ())):
            self._inner(part, private)

    def _within(self, statement: ast.stmt, private: set[str]) -> None:
        """Between the parts of a tuple that is assigned or returned."""
        value = getattr(statement, "value", None)
        if not isinstance(statement, ast.Assign | ast.Return) or not isinstance(value, ast.Tuple):
            return
        seen = False
        for place, part in enumerate(value.elts):
            touches = _touches(part, private)
            if seen and touches and not isinstance(part, ast.Starred):
                both = ast.BoolOp(ast.Or(), [self._call(statement), part])
                value.elts[place] = ast.copy_location(both, part)
            seen = seen or touches

    def _call(self, node: ast.stmt) -> ast.expr:
        where = ast.Constant(f"{self.file}:{node.lineno}")
        return ast.Call(ast.Name(HOOK, ast.Load()), [where], [])


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _private(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Names that only this call of the function can see: local, and in no nested function."""
    a = function.args
    names = {
        each.arg for each in (*a.posonlyargs, *a.args, *a.kwonlyargs, a.vararg, a.kwarg) if each
    }
    waiting: list[ast.AST] = list(function.body)
    elsewhere: set[str] = set()
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*_SCOPES, ast.ClassDef)):
            elsewhere |= {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
            continue
        if isinstance(node, ast.Global | ast.Nonlocal):
            elsewhere.update(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        elif isinstance(node, ast.ExceptHandler) and node.name:
            names.add(node.name)
        waiting.extend(ast.iter_child_nodes(node))
    return names - elsewhere


def _head(statement: ast.stmt) -> list[ast.AST]:
    """What runs at the statement itself, without its blocks."""
    if isinstance(statement, ast.If | ast.While):
        return [statement.test]
    if isinstance(statement, ast.For | ast.AsyncFor):
        return [statement.iter, statement.target]
    if isinstance(statement, ast.With | ast.AsyncWith):
        # `with self._lock`: the lock has a switch point of its own.
        heads = [item.context_expr for item in statement.items]
        return [head for head in heads if any(isinstance(n, ast.Call) for n in ast.walk(head))]
    if isinstance(statement, ast.Match):
        return [statement.subject]
    if isinstance(statement, (ast.Try, *_FUNCTIONS, ast.ClassDef, ast.Import, ast.ImportFrom)):
        return []
    return [statement]


def _is_shared(statement: ast.stmt, private: set[str]) -> bool:
    """Whether a statement touches anything that another thread may see."""
    return any(_touches(head, private) for head in _head(statement))


def _touches(part: ast.AST, private: set[str]) -> bool:
    for node in ast.walk(part):
        if isinstance(node, _TOUCHES):
            return True
        if isinstance(node, ast.Name) and node.id not in private and not _is_builtin(node):
            return True
    return False


def _is_builtin(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Load) and name.id in _BUILTINS


_BUILTINS = frozenset(dir(builtins))


def _pairs(plain: CodeType, marked: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Each function's code as it was, and as it becomes; both were compiled from one tree."""
    inner = [[c for c in code.co_consts if isinstance(c, CodeType)] for code in (plain, marked)]
    for old, new in zip(*inner, strict=True):
        yield old, new
        yield from _pairs(old, new)


def _exchange(module: ModuleType) -> dict[CodeType, CodeType]:
    """Code of the module's functions → code with switch points."""
    try:
        source = inspect.getsource(module)
    except (OSError, TypeError) as error:
        raise ValueError(f"{module.__name__} has no source: {error}") from None
    path = str(module.__file__)
    plain = compile(source, path, "exec", dont_inherit=True)
    return dict(_pairs(plain, with_points(source, path)))


def with_points(source: str, path: str) -> CodeType:
    """The code of a module with switch points; where it runs, `HOOK` must be `line`."""
    tree = ast.parse(source, path)
    _Instrumenter(path.rpartition("/")[2]).module(tree)
    return compile(ast.fix_missing_locations(tree), path, "exec", dont_inherit=True)


@contextmanager
def lines_of(modules: Iterable[ModuleType]) -> Iterator[None]:
    """Make the lines of modules switch points, for a while.

    Raises:
        ValueError: a module has no source.
    """
    changed: list[tuple[FunctionType, CodeType]] = []
    try:
        for module in dict.fromkeys(modules):
            codes = _exchange(module)
            # Where the compiler was told otherwise (pytest rewrites asserts), the place decides.
            places = {_place(old): new for old, new in codes.items()}
            # It stays there: a function that is made in a run may be called after it.
            vars(module)[HOOK] = line
            for function in _functions(module):
                old = function.__code__
                new = codes.get(old) or places.get(_place(old))
                if new is not None and new.co_freevars == old.co_freevars:
                    changed.append((function, old))
                    function.__code__ = new
        yield
    finally:
        for function, old in changed:
            function.__code__ = old


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _functions(module: ModuleType) -> list[FunctionType]:
    """All functions that a module has made, bound wherever."""
    space = vars(module)
    return [
        each
        for each in gc.get_objects()
        if type(each) is FunctionType and each.__globals__ is space
    ]
