"""races(): a test of Hypothesis."""

import ast
import re
from collections.abc import Callable
from typing import Any
from unittest import SkipTest

import pytest
from hypothesis import Phase, reproduce_failure, settings
from hypothesis.database import InMemoryExampleDatabase

from futurefsm.fsm.testing.failure import Failure
from futurefsm.fsm.testing.gallery.exhibits import EXHIBITS
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.property import races
from futurefsm.fsm.testing.shipped import ConfirmedFutures

BROKEN = next(each for each in EXHIBITS if each.number == "4")

test_races = races(StandardFutures(), schedules=300)
test_our_own = races(ConfirmedFutures(), schedules=300, futures=1)


def failed(decorate: Callable[[Any], Any] | None = None, **more: Any) -> Failure:
    found = races(
        BROKEN.broken,
        checks=BROKEN.checks,
        threads=2,
        futures=1,
        settings=settings(**{"database": None, "max_examples": 100, "print_blob": True, **more}),
    )
    with pytest.raises(Failure) as raised:
        (found if decorate is None else decorate(found))()
    return raised.value


def test_a_failure_shrinks_to_a_small_program() -> None:
    failure = failed()
    assert failure.check in BROKEN.checks
    assert failure.program.calls <= 2
    assert failure.run.preemptions <= 1
    assert type(failure).__name__ == "Failure"


def test_a_failure_is_kept_in_the_database() -> None:
    database = InMemoryExampleDatabase()
    failed(database=database)
    assert database.data
    # What the database has is enough: nothing is generated.
    again = failed(database=database, phases=(Phase.reuse,))
    assert again.check in BROKEN.checks


def test_two_tests_do_not_share_what_the_database_keeps() -> None:
    database = InMemoryExampleDatabase()
    failed(database=database)
    # Another test that may only reuse examples finds none.
    other = settings(database=database, phases=(Phase.reuse,))
    with pytest.raises(SkipTest):
        races(StandardFutures(), threads=2, futures=1, settings=other)()


def test_a_failure_can_be_reproduced_by_its_blob() -> None:
    failure = failed()
    blob = re.search(r"@reproduce_failure\('(.*)', (b'.*')\)", "".join(failure.__notes__))
    assert blob is not None
    again = failed(reproduce_failure(blob[1], ast.literal_eval(blob[2])))
    assert again.token == failure.token


def test_settings_of_its_own() -> None:
    test = races(BROKEN.broken, settings=settings(max_examples=1, phases=(Phase.generate,)))
    used = test._hypothesis_internal_use_settings  # type: ignore[attr-defined]
    assert used.max_examples == 1
    assert used.deadline is None
    assert used.phases == (Phase.generate,)


def test_what_a_test_looks_at_is_counted() -> None:
    test = races(StandardFutures(), schedules=100, threads=1, calls=1, futures=1)
    test()
    counts = test.race_property.counts  # type: ignore[attr-defined]
    assert counts.schedules >= 2
    assert counts.programs >= 1
    assert test.race_harness.name == "StandardFutures"  # type: ignore[attr-defined]


def test_drawn_schedules_are_run_too() -> None:
    """A race of two preemptions is beyond what comes in order."""
    exhibit = next(each for each in EXHIBITS if each.number == "18")
    test = races(exhibit.broken, checks=exhibit.checks)
    made = test.race_property  # type: ignore[attr-defined]
    program = Program(
        ((Call("exception", 1.0),),), (Move("submit"), Move("result_success")), (), 1, 1
    )
    with made.open():
        made.example(program, [()])
        with pytest.raises(Failure) as raised:
            made.example(program, [(), (0, 0, 1, 1)])
    assert raised.value.run.preemptions == 2
