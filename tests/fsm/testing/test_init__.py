"""The public face of the race kit."""

import subprocess
import sys

import futurefsm.fsm.testing as testing
from futurefsm.fsm import checker

# What a page, an example or a user's habit may ask for.
PROMISED = "check explore FutureMachine Harness prove races replay strategies Failure OnLoop"


def test_every_public_name_is_there() -> None:
    assert set(testing.__all__) >= set(PROMISED.split())
    for name in testing.__all__:
        assert getattr(testing, name).__name__.rpartition(".")[2] == name
    assert dir(testing) == testing.__all__


def test_the_checker_is_one_and_the_same() -> None:
    assert testing.check is checker.check


def test_threads_need_neither_hypothesis_nor_pytest_nor_greenlet() -> None:
    code = """
import sys
for name in ("hypothesis", "pytest", "greenlet"):
    sys.modules[name] = None
from futurefsm.fsm.testing import StandardFutures, explore
assert explore(StandardFutures(), schedules=20, backend="pooled").failure is None
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
