"""Functions whose pickle is known, because nothing that goes into it has changed.

Pickling a function by value costs more than all the rest of a submit. What goes in: its code, its
defaults, and the globals and variables of outer functions that it names. Where all of these are
values that cannot change in themselves, it is enough to see that they are the same ones as before.
"""

import sys
from collections.abc import Callable, Iterator
from types import BuiltinFunctionType, CodeType, FunctionType, ModuleType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from futurefsm.client.uploads import Blob

ATOMS = frozenset({int, float, complex, bool, str, bytes, type(None)})
"""Types whose values never change, and are pickled by their own bytes."""

_MISSING = object()
_NO_CELL = object()


class Mark(NamedTuple):
    """What goes into a function's pickle."""

    code: CodeType
    name: str
    defaults: tuple[Any, ...] | None
    variables: tuple[tuple[str, Any], ...]
    cells: tuple[Any, ...]


class Steady:
    """The bytes of functions. For many threads.

    Args:
        by_reference: whether an object travels by its name, which no later change can alter.
    """

    def __init__(self, by_reference: Callable[[Any], bool]) -> None:
        self._by_reference = by_reference
        self._known: WeakKeyDictionary[Any, tuple[Mark, Blob]] = WeakKeyDictionary()

    def find(self, fn: Any) -> Blob | None:
        """The bytes of a function that is as it was when they were made."""
        if type(fn) is not FunctionType:
            return None
        known = self._known.get(fn)
        if known is None:
            return None
        mark, blob = known
        # Every submit comes here: loops, since a generator costs more than what it looks at.
        if (
            fn.__code__ is not mark.code
            or fn.__name__ is not mark.name
            or fn.__defaults__ is not mark.defaults
            or fn.__kwdefaults__
            or fn.__dict__
        ):
            return None
        if mark.variables:
            variables = fn.__globals__
            for name, value in mark.variables:
                if variables.get(name, _MISSING) is not value:
                    return None
        if fn.__closure__ is not None:
            for now, then in zip(_cells(fn), mark.cells, strict=True):
                if now is not then:
                    return None
        return blob

    def mark(self, fn: Any) -> Mark | None:
        """To be taken before a function is pickled; None where its pickle may change by itself."""
        if type(fn) is not FunctionType or fn.__dict__ or fn.__kwdefaults__:
            return None
        defaults, cells = fn.__defaults__, _cells(fn)
        if not all(type(value) in ATOMS for value in (*(defaults or ()), *cells)):
            return None
        code, variables = fn.__code__, fn.__globals__
        named = tuple([(name, variables.get(name, _MISSING)) for name in sorted({*_names(code)})])
        if not all(self._is_steady(value) for _, value in named):
            return None
        return Mark(code, fn.__name__, defaults, named, cells)

    def keep(self, fn: Any, mark: Mark | None, blob: Blob) -> None:
        """Remember the bytes that were made behind `mark`."""
        if mark is not None:
            self._known[fn] = mark, blob

    def _is_steady(self, value: Any) -> bool:
        if value is _MISSING or type(value) in ATOMS:
            return True
        if isinstance(value, ModuleType):
            # Of a package, those modules are pickled with it that are imported by then.
            alone = not hasattr(value, "__path__")
            return alone and sys.modules.get(value.__name__) is value
        return isinstance(value, BuiltinFunctionType) or self._by_reference(value)


def _cells(fn: FunctionType) -> tuple[Any, ...]:
    """The values of the variables of outer functions."""
    if fn.__closure__ is None:
        return ()
    try:
        return tuple([cell.cell_contents for cell in fn.__closure__])
    except ValueError:
        return tuple([_NO_CELL for _ in fn.__closure__])  # one has no value yet


def _names(code: CodeType) -> Iterator[str]:
    """All names in it that may be those of globals."""
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
