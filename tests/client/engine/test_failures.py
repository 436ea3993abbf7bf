"""Exceptions of tasks: each comes back as itself, or as what says why not. Real processes."""

import concurrent.futures
import pickle
import traceback
from typing import Any

import engine_tasks as tasks
import pytest
from pool_world import PoolWorld, raised, shown

from futurefsm.client.errors import (
    RemoteError,
)


@pytest.mark.parametrize(
    ("make", "args", "kwargs"),
    [
        (ValueError, ("text",), {}),
        (tasks.Plain, (1, "two"), {}),
        (tasks.WithArguments, (4,), {"detail": "why"}),
        (OSError, (2, "No such file", "name"), {}),
        (UnicodeDecodeError, ("utf-8", b"\xff", 0, 1, "bad"), {}),
        (KeyError, ("missing",), {}),
        (SystemExit, (3,), {}),
        (KeyboardInterrupt, (), {}),
        (tasks.ExitsWith, ("why",), {}),
        (tasks.BadText, ("why",), {}),
        (ImportError, ("text",), {"name": "n", "path": "p"}),
        (SyntaxError, ("text", ("file", 1, 2, "x = ")), {}),
        (GeneratorExit, (), {}),
        (StopIteration, (5,), {}),
        (MemoryError, (), {}),
        (concurrent.futures.CancelledError, (), {}),
    ],
)
def test_exceptions_come_back_as_themselves(
    world: PoolWorld, make: type[BaseException], args: Any, kwargs: Any
) -> None:
    error = raised(world.error(0, lambda: tasks.raises(make, *args, **kwargs)))
    same = make(*args, **kwargs)
    assert type(error) is type(same)
    assert (error.args, str(error), vars(error)) == (same.args, str(same), vars(same))
    for name in ("code", "value", "filename", "errno", "start", "object", "name", "path"):
        assert getattr(error, name, None) == getattr(same, name, None)
    names = [frame.name for frame in traceback.extract_tb(error.__traceback__)]
    assert names[-3:] == ["<lambda>", "raises", "_deeper"]
    assert "_answer" not in names
    assert "raise make(*args, **kwargs)" in shown(error)
    assert world.value(0, lambda: 1) == 1


@pytest.mark.parametrize("make", [tasks.Frozen, tasks.FrozenSlots])
def test_frozen_exceptions_come_back_as_themselves(world: PoolWorld, make: Any) -> None:
    error = raised(world.error(0, lambda: tasks.raises(make, 5)))
    assert (type(error), error.number, error.args) == (make, 5, (5,))
    assert "raise make(*args, **kwargs)" in shown(error)


def test_an_exception_that_hides_its_traceback(world: PoolWorld) -> None:
    class Hides(Exception):
        @property
        def __traceback__(self) -> Any:
            raise RuntimeError("hidden")

    def fails() -> None:
        raise Hides("why")

    error = raised(world.error(0, fails))
    assert isinstance(error, RemoteError)
    assert "Hides: why" in str(error)
    assert world.value(0, lambda: 1) == 1


def test_an_exception_class_that_nobody_can_import(world: PoolWorld) -> None:
    class Mine(Exception):
        def __init__(self, number: int) -> None:
            super().__init__("mine")
            self.number = number

    def fails() -> None:
        raise Mine(7)

    error = raised(world.error(0, fails))
    assert isinstance(error, Mine)
    assert error.number == 7
    assert "in fails" in shown(error)


def test_cause_context_and_notes(world: PoolWorld) -> None:
    error = raised(world.error(0, tasks.raises_from))
    assert isinstance(error.__cause__, KeyError)
    assert error.__suppress_context__
    assert error.__notes__ == ["a note"]
    assert "raise KeyError" in shown(error)
    other = raised(world.error(0, tasks.raises_in_context))
    assert isinstance(other.__context__, KeyError)
    assert "During handling of the above exception" in shown(other)


@pytest.mark.parametrize("base", [False, True])
def test_groups(world: PoolWorld, base: bool) -> None:
    error = raised(world.error(0, tasks.raises_group, base))
    assert isinstance(error, BaseExceptionGroup)
    assert isinstance(error, ExceptionGroup) is not base
    assert [type(one) for one in error.exceptions] == [
        ValueError,
        KeyboardInterrupt if base else KeyError,
    ]
    assert shown(error).count("in _deeper") == 2


def test_recursion(world: PoolWorld) -> None:
    error = raised(world.error(0, tasks.recurses))
    assert type(error) is RecursionError
    assert len(traceback.extract_tb(error.__traceback__)) < 200
    assert "recurses" in shown(error)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (tasks.HoldsLock, "cannot pickle '_thread.lock'"),
        (tasks.NewWantsMore, "missing 1 required positional argument"),
        (tasks.BrokenReduce, "no pickle for you"),
        (tasks.ReduceExits, "SystemExit: 5"),
        (tasks.LoadFails, "KeyError: 'x'"),
        (tasks.LoadsAsText, "'str' object has no attribute"),
    ],
)
def test_what_cannot_travel_is_replaced(world: PoolWorld, make: Any, reason: str) -> None:
    error = raised(world.error(0, lambda: tasks.raises(make, 5)))
    assert type(error) is RemoteError
    assert error.type_name == f"engine_tasks.{make.__name__}"
    assert reason in error.reason
    assert "raise make(*args, **kwargs)" in error.remote_traceback
    assert "in _deeper" in shown(error)
    assert type(pickle.loads(pickle.dumps(error))) is RemoteError


def test_an_exception_whose_text_raises(world: PoolWorld) -> None:
    error = raised(world.error(0, lambda: tasks.raises(tasks.BrokenStr)))
    assert type(error) is tasks.BrokenStr


def test_a_chain_too_long_to_pickle(world: PoolWorld) -> None:
    error = raised(world.error(0, tasks.long_chain, 5000))
    assert type(error) is RemoteError
    assert error.type_name == "ValueError"
    assert error.message == "4999"


def test_an_exception_over_the_limit() -> None:
    with PoolWorld(max_result_bytes=100_000) as world:
        world.start()
        error = raised(world.error(0, lambda: tasks.raises(ValueError, "x" * 200_000)))
        assert type(error) is RemoteError
        assert "200," in error.reason
        assert "100,000" in error.reason


def test_a_call_that_does_not_fit_the_function(world: PoolWorld) -> None:
    error = raised(world.error(0, len))
    assert type(error) is TypeError
