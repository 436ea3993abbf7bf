"""Functions whose pickle is known. Wrong here is a task that runs yesterday's function."""

import gc
import math
import os
import xml
from collections.abc import Callable
from typing import Any

import pytest

from futurefsm.client.serializer import Serializer, _travels_by_reference
from futurefsm.client.steady import Steady
from futurefsm.client.uploads import Blob

BLOB = Blob(b"bytes", b"digest", "it")


def made(source: str, name: str = "f", **names: Any) -> Any:
    """A function of nobody's module, with globals of its own."""
    space: dict[str, Any] = {"__name__": "__main__", **names}
    exec(source, space)
    return space[name]


def kept(fn: Any) -> Steady:
    steady = Steady(_travels_by_reference)
    steady.keep(fn, steady.mark(fn), BLOB)
    return steady


STEADY = {
    "nothing named": made("def f(): return 1"),
    "builtins": made("def f(x): return len(x)"),
    "atoms": made("def f(x): return x + one", one=1),
    "modules": made("def f(x): return math.sqrt(x) + os.getpid()", math=math, os=os),
    "by reference": made("def f(x): return sqrt(x), Blob", sqrt=math.sqrt, Blob=Blob),
    "defaults": made("def f(x=1, y='a'): return x"),
    "inner": made("def f(x): return [(lambda y: y + one)(x)]", one=1),
    "a variable of an outer one": made("def g(one):\n def f(x): return x + one\n return f", "g")(1),
}
UNSTEADY = {
    "a list": made("def f(x): return many", many=[]),
    "a list of an inner one": made("def f(x): return lambda: many", many=[]),
    "another one by value": made("def f(x): return g(x)", g=made("def g(x): return x", "g")),
    "a package": made("def f(x): return xml.dom", xml=xml),
    "a list as default": made("def f(x=[]): return x"),
    "keyword defaults": made("def f(*, x=1): return x"),
    "a list of an outer one": made("def g(m):\n def f(x): return m\n return f", "g")([]),
    "no value yet": made("def g():\n def f(): return late\n return f\n late = 1", "g")(),
    "a bound method": [].append,
    "an instance": Blob(b"", None, ""),
}


@pytest.mark.parametrize("fn", STEADY.values(), ids=STEADY)
def test_what_is_the_same_is_found(fn: Any) -> None:
    steady = kept(fn)
    assert steady.find(fn) is BLOB
    assert steady.find(made("def f(): return 1")) is None
    assert steady.find(len) is None


@pytest.mark.parametrize("fn", UNSTEADY.values(), ids=UNSTEADY)
def test_what_may_change_by_itself_is_not_kept(fn: Any) -> None:
    assert kept(fn).find(fn) is None


def change_default(fn: Any) -> None:
    fn.__defaults__ = (2,)


def change_keyword(fn: Any) -> None:
    fn.__kwdefaults__ = {"y": 1}


def change_code(fn: Any) -> None:
    fn.__code__ = made("def f(x=1): return one + x + 1").__code__


def change_global(fn: Any) -> None:
    fn.__globals__["one"] = 2


def change_builtin(fn: Any) -> None:
    fn.__globals__["len"] = str


def add_attribute(fn: Any) -> None:
    fn.note = 1


def rename(fn: Any) -> None:
    fn.__name__ = "other"


CHANGES: list[Callable[[Any], None]] = [
    change_default,
    change_keyword,
    change_code,
    change_global,
    change_builtin,
    add_attribute,
    rename,
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda each: each.__name__)
def test_what_has_changed_is_not_found(change: Callable[[Any], None]) -> None:
    fn = made("def f(x=1): return one + x + len('')", one=1)
    steady, serializer = kept(fn), Serializer()
    before = serializer.function(fn, {})
    assert serializer.function(fn, {}) is before
    change(fn)
    assert steady.find(fn) is None
    assert serializer.function(fn, {}).payload != before.payload


def test_a_variable_of_an_outer_function_that_has_changed() -> None:
    source = (
        "def g():\n n = 1\n def f(): return n\n def up():\n  nonlocal n\n  n += 1\n return f, up"
    )
    f, up = made(source, "g")()
    steady = kept(f)
    assert steady.find(f) is BLOB
    up()
    assert steady.find(f) is None


def test_it_keeps_no_function_alive() -> None:
    fn = made("def f(): return 1")
    steady = kept(fn)
    assert len(steady._known) == 1
    del fn
    gc.collect()
    assert len(steady._known) == 0
