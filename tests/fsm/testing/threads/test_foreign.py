"""Loops of other libraries are refused by name, in a run and nowhere else."""

import sys
import types
from concurrent.futures import Future
from contextlib import suppress
from typing import Any

import pytest
from schedules import alone

from futurefsm.fsm.testing import Harness, explore
from futurefsm.fsm.testing.threads import installed
from futurefsm.fsm.testing.threads.steps import Uncontrolled


def loop_of_its_own(function: Any) -> Any:
    """As `trio.run`."""
    return function()


@pytest.fixture(autouse=True)
def trio(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    module = types.ModuleType("trio")
    module.run = loop_of_its_own  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trio", module)
    return module


class Foreign(Future[Any]):
    def result(self, timeout: float | None = None) -> Any:
        return loop_of_its_own(lambda: 1)


class Foreigners(Harness):
    def make(self, env: Any) -> Any:
        return Foreign()


class Early(Harness):
    def make(self, env: Any) -> Any:
        return loop_of_its_own(Future)


@pytest.mark.parametrize("harness", [Foreigners(), Early()])
@pytest.mark.parametrize("backend", ["greenlets", "pooled"])
def test_a_foreign_loop_is_refused(harness: Harness, backend: str) -> None:
    with pytest.raises(Uncontrolled, match=r"^trio\.run\(\) is called in a run"):
        explore(harness, backend=backend)


def test_who_catches_everything_is_ended_all_the_same() -> None:
    def task() -> None:
        with suppress(BaseException):
            loop_of_its_own(int)

    with installed(), pytest.raises(Uncontrolled, match="trio"):
        alone(task)


def test_outside_a_run_it_is_the_real_one(trio: Any) -> None:
    real = trio.run
    with installed():
        assert trio.run is not real
        with installed():
            assert trio.run(lambda: 2) == 2
    assert trio.run is real
