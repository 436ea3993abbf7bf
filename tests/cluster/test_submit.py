"""Every kind of callable and of argument: on the engine, and on real clusters of both backends."""

import functools
import math
import operator
import time
import types
from collections.abc import Callable
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.errors import UnsendableError
from tests.cluster.conftest import PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def everything(a: int, /, b: int = 2, *rest: int, c: int, d: int = 4, **more: int) -> Any:
    return a, b, rest, c, d, more


class Account:
    rate = 3

    def __init__(self, balance: int) -> None:
        self.balance = balance

    def plus(self, amount: int, *, times: int = 1) -> int:
        return self.balance + amount * times

    def __call__(self, amount: int = 0) -> int:
        return self.balance - amount

    @classmethod
    def rated(cls, amount: int) -> int:
        return cls.rate * amount

    @staticmethod
    def doubled(amount: int) -> int:
        return 2 * amount


def of_main(source: str, name: str) -> Callable[..., Any]:
    """A function as it is in a script or a notebook: nobody can import it."""
    main = types.ModuleType("__main__")
    exec(source, vars(main))
    made: Callable[..., Any] = vars(main)[name]
    return made


def closure(base: int) -> Callable[[int], int]:
    def add(value: int) -> int:
        return base + value

    return add


MAIN = """
SCALE = 10

class Point:
    def __init__(self, x):
        self.x = x

def scaled(point, *, by=2):
    return Point(point.x * SCALE * by)

def make(x):
    return Point(x)
"""

CALLS: dict[str, tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = {
    "keywords": (everything, (1,), {"c": 3}),
    "keyword-only and defaults": (everything, (1, 5, 6, 7), {"c": 8, "d": 9}),
    "more keywords": (everything, (1,), {"b": 0, "c": 3, "fn": 5, "self": 6, "timeout": 7}),
    "a builtin": (len, ([1, 2],), {}),
    "a builtin without a signature": (max, (3, 9, 4), {}),
    "and with a keyword": (max, ([-3, 2],), {"key": abs}),
    "sleep": (time.sleep, (0,), {}),
    "a type": (int, ("ff",), {"base": 16}),
    "dict": (dict, (), {"a": 1, "b": 2}),
    "range": (range, (2, 5), {}),
    "math": (math.sqrt, (16,), {}),
    "itemgetter": (operator.itemgetter(1), ("abc",), {}),
    "partial": (functools.partial(everything, 1, c=3), (5,), {"d": 0}),
    "a partial of a builtin": (functools.partial(max, 3), (5,), {}),
    "a method of a builtin": ([3, 1, 3].count, (3,), {}),
    "an unbound method": (str.upper, ("abc",), {}),
    "a bound method": (Account(10).plus, (5,), {"times": 2}),
    "an instance": (Account(10), (), {"amount": 3}),
    "a class": (functools.partial, (max, 1), {}),
    "a class method": (Account.rated, (4,), {}),
    "a static method": (Account.doubled, (4,), {}),
    "a lambda": (lambda a, *, b: a - b, (7,), {"b": 2}),
    "a closure": (closure(40), (2,), {}),
    "no argument": (dict, (), {}),
    "None and friends": (lambda *args: args, (None, True, 1.5, "ü", b"\0"), {}),
}


@pytest.mark.parametrize("name", CALLS)
def test_what_is_called_as_here(client: Client, name: str) -> None:
    fn, args, kwargs = CALLS[name]
    got = client.submit(fn, *args, **kwargs).result(PATIENCE_S)
    expected = fn(*args, **kwargs)
    if isinstance(expected, functools.partial):
        assert (got.func, got.args) == (expected.func, expected.args)
    else:
        assert got == expected


def test_callables_of_main(client: Client) -> None:
    make, scaled = of_main(MAIN, "make"), of_main(MAIN, "scaled")
    point = client.submit(make, 4).result(PATIENCE_S)
    assert (type(point).__module__, point.x) == ("__main__", 4)
    assert client.submit(scaled, point, by=3).result(PATIENCE_S).x == 120


def test_a_wrong_call_fails_as_here(client: Client) -> None:
    with pytest.raises(TypeError, match="missing 1 required keyword-only argument: 'c'"):
        client.submit(everything, 1).result(PATIENCE_S)
    with pytest.raises(TypeError, match="callable"):
        client.submit("abs", 1)  # type: ignore[arg-type]


def test_what_cannot_be_sent_harms_nothing(client: Client) -> None:
    with pytest.raises(UnsendableError, match="argument 1"):
        client.submit(len, (n for n in range(3)))
    assert client.submit(len, [1]).result(PATIENCE_S) == 1


def test_submit_verbose(client: Client) -> None:
    future = client.submit_verbose(everything, (1,), {"c": 3}, capabilities={}, priority=1)
    assert future.result(PATIENCE_S) == (1, 2, (), 3, 4, {})


@pytest.mark.parametrize("chunksize", [1, 7])
def test_map_and_starmap(client: Client, chunksize: int) -> None:
    pairs = [(n, n + 1) for n in range(40)]
    results = [a * b for a, b in pairs]
    mapped = client.map(operator.mul, range(40), range(1, 41), chunksize=chunksize)
    assert list(mapped) == results
    assert list(client.starmap(operator.mul, iter(pairs), chunksize=chunksize)) == results
    assert list(client.starmap(lambda a, b: a * b, pairs, chunksize=chunksize)) == results
    assert list(client.map(operator.mul, [], chunksize=chunksize)) == []
    assert list(client.starmap(operator.mul, [], chunksize=chunksize)) == []
    assert list(client.map(abs, [-1], [])) == [] if chunksize == 1 else True


@pytest.mark.parametrize("chunksize", [1, 3])
def test_an_item_that_fails_ends_only_its_map(client: Client, chunksize: int) -> None:
    results = client.map(operator.truediv, [1, 1, 1], [1, 0, 2], chunksize=chunksize)
    with pytest.raises(ZeroDivisionError):
        list(results)
    assert list(client.map(abs, [-1, -2])) == [1, 2]


def test_options_of_a_view(client: Client) -> None:
    urgent = client.options(priority=3)
    assert urgent.submit(abs, -4).result(PATIENCE_S) == 4
    assert list(urgent.map(abs, [-1, -2])) == [1, 2]
    assert list(urgent.starmap(pow, [(2, 3)])) == [8]
    with pytest.raises(ValueError, match="priority"):
        client.options(priority=-1)
    assert client.options(delayed=True).submit(abs, -5).result(PATIENCE_S) == 5
