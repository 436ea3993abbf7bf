"""Results that cannot be sent: the error says which, and why. Real processes."""

import threading
from typing import Any

import engine_tasks as tasks
import pytest
from pool_world import PoolWorld, raised

from futurefsm.client.engine.workers import Died
from futurefsm.client.errors import (
    ResultTooLargeError,
    SerializationError,
)


def test_a_result_that_cannot_be_pickled_is_named(world: PoolWorld) -> None:
    def locks() -> dict[str, Any]:
        return {"a": [1, threading.Lock()]}

    error = raised(world.error(0, locks))
    assert type(error) is SerializationError
    assert error.type_name == "dict"
    assert error.function.endswith("locks")
    assert error.where == "result['a'][1], a _thread.lock"
    assert "cannot be pickled" in str(error)


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (tasks.Unpicklable, "ValueError: I stay here"),
        (tasks.Exits, "SystemExit: 7"),
    ],
)
def test_a_result_whose_pickling_raises(world: PoolWorld, make: Any, reason: str) -> None:
    error = raised(world.error(0, make))
    assert type(error) is SerializationError
    assert error.reason == reason


def test_a_result_whose_pickling_recurses(world: PoolWorld) -> None:
    error = raised(world.error(0, tasks.nested, 100_000))
    assert type(error) is SerializationError
    assert "RecursionError" in error.reason
    assert world.value(0, lambda: 1) == 1


def test_a_result_whose_pickling_kills(world: PoolWorld) -> None:
    assert world.run(0, tasks.Dies) == Died(0, 9, True)


def test_a_result_over_the_limit_says_both_sizes() -> None:
    with PoolWorld(max_result_bytes=1_000_000) as world:
        world.start()
        assert len(world.value(0, lambda: b"x" * 900_000)) == 900_000
        error = raised(world.error(0, lambda: [b"x" * 1_000_000, b"y" * 2_000_000]))
        assert type(error) is ResultTooLargeError
        assert 3_000_000 < error.size < 3_000_100
        assert error.limit == 1_000_000
        assert "1,000,000" in str(error)
        assert "3,000,0" in str(error)
