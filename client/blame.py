"""Which part of a value cannot be pickled, and how to speak of values that may be hostile.

Used on both sides of the wire, also by workers: imports nothing heavy. No value's own code may make
these functions raise.
"""

import io
import signal
import sys
from types import CellType, CodeType
from typing import Any

import cloudpickle

PROTOCOL = 5

# How deep to look, and at how many parts: a value may be large.
_DEPTH = 6
_PARTS = 500

_EMPTY = CellType()


def of_a_signal(error: BaseException) -> bool:
    """Whether a signal's handler has raised it, in the middle of something else."""
    handlers = set()
    for number in signal.valid_signals():
        handler: Any = signal.getsignal(number)
        for one in (handler, getattr(handler, "func", None), getattr(handler, "__call__", None)):  # noqa: B004
            code = getattr(one, "__code__", None)
            if isinstance(code, CodeType):
                handlers.add(code)
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code in handlers:
            return True
        trace = trace.tb_next
    return False


def blame(value: Any, root: str) -> str:
    """The innermost item, attribute or closure variable to blame.

    Args:
        value: what could not be pickled.
        root: how the expression calls it ("result").

    Returns:
        an expression and the part's type ("result['k'][1], a _thread.lock"); empty where it is no
        part, or where nobody can say.
    """
    try:
        return _blame(value, root)
    except BaseException:
        return ""


def _blame(value: Any, root: str) -> str:
    where, budget = root, _PARTS
    for _ in range(_DEPTH):
        guilty = None
        try:
            parts = _parts(value)
        except Exception:
            parts = []  # it answers questions in a way of its own
        for step, part in parts:
            budget -= 1
            if budget < 0:
                return ""
            if not _pickles(part):
                guilty = step, part
                break
        if guilty is None:
            break
        where += guilty[0]
        value = guilty[1]
    return "" if where == root else f"{where}, a {type_name(value)}"


def _parts(value: Any) -> list[tuple[str, Any]]:
    kind = type(value)
    if kind is dict:
        return [(f"[{shown(key)}]", part) for key, part in value.items()]
    if kind in (list, tuple):
        return [(f"[{at}]", part) for at, part in enumerate(value)]
    cells = getattr(value, "__closure__", None)
    if type(cells) is tuple:
        names = value.__code__.co_freevars
        # A cell may be empty still: its variable is assigned later.
        return [
            (f".<closure {name}>", cell.cell_contents)
            for name, cell in zip(names, cells, strict=False)
            if cell != _EMPTY
        ]
    own = getattr(value, "__dict__", None)
    if type(own) is dict and kind.__module__ not in sys.stdlib_module_names:
        return [(f".{name}", part) for name, part in own.items()]
    return []


def _pickles(value: Any) -> bool:
    try:
        cloudpickle.Pickler(io.BytesIO(), PROTOCOL).dump(value)
    except BaseException:
        return False
    return True


def shown(value: Any) -> str:
    """Its repr, short."""
    try:
        text = repr(value)
    except Exception:
        return f"<{type(value).__name__}>"
    return text if len(text) <= 40 else text[:37] + "..."


def type_name(value: Any) -> str:
    """Its type, with the module where that is not obvious."""
    kind = type(value)
    try:
        module, name = kind.__module__, kind.__qualname__
        return str(name) if module == "builtins" else f"{module}.{name}"
    except BaseException:
        return "object of a broken class"


def text_of(error: BaseException, limit: int = 64 * 1024) -> str:
    """`str(error)`, if its class allows that."""
    try:
        return str(error)[:limit]
    except BaseException as why:
        return f"<its __str__ raised {type_name(why)}>"


def said(error: BaseException) -> str:
    """Its type and its text."""
    return f"{type_name(error)}: {text_of(error)}"
