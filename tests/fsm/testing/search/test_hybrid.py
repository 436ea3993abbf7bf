"""Which schedules of a program are run."""

from random import Random

import pytest

from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.search import hybrid as module
from futurefsm.fsm.testing.search.hybrid import SEARCHES, hybrid, in_order
from futurefsm.fsm.testing.stage import Stage

PROGRAM = Program(((Call("cancel"),), (Call("result"),)), (Move("submit"), Move("result_success")))
THREE = PROGRAM._replace(threads=(*PROGRAM.threads, (Call("done"),)))


def spent(search: str, program: Program = PROGRAM, left: int = 1000, bound: int = 2) -> list[int]:
    """How many schedules ran, by their number of preemptions."""
    stage = Stage(StandardFutures())
    with stage.open():
        assert not list(hybrid(stage, program, Random(1), search, bound, left))
    by = stage.counts.by_preemptions
    return [by.get(cost, 0) for cost in range(max(by) + 1)]


def test_a_search_that_does_not_exist() -> None:
    with pytest.raises(ValueError, match="hybrid, icb, random, pct, pos"):
        spent("luck")


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("program", [PROGRAM, THREE])
def test_every_search_stays_within_what_is_left(search: str, program: Program) -> None:
    assert sum(spent(search, program, left=5)) == 5


def test_in_order_has_every_schedule_of_its_bound() -> None:
    assert len(spent("icb", bound=1)) == 2
    assert sum(spent("icb", bound=0)) < sum(spent("icb", bound=1)) < sum(spent("icb"))


def test_a_long_search_goes_deeper(monkeypatch: pytest.MonkeyPatch) -> None:
    few = sum(spent("hybrid"))
    monkeypatch.setattr(module, "DEPTHS", ((0, 40, 40),))
    assert sum(spent("hybrid")) > few


def test_a_program_of_few_schedules_needs_few_by_lot() -> None:
    one = Program(((Call("done"),),))
    assert sum(spent("hybrid", one)) == 1 + 2


def test_in_order_tells_what_went_wrong() -> None:
    class Odd(StandardFutures):
        def state(self, future: object) -> str:
            return "running"  # and it was never started

    stage = Stage(Odd())
    with stage.open():
        first = next(in_order(stage, PROGRAM, 1, 10))
    assert first is not None
    assert first.troubles[0].check == "linearizable"


def test_every_search_finds_what_is_always_wrong() -> None:
    class Odd(StandardFutures):
        def state(self, future: object) -> str:
            return "running"  # and it was never started

    for search in SEARCHES:
        stage = Stage(Odd())
        with stage.open():
            assert list(hybrid(stage, PROGRAM, Random(1), search, 1, 30))
