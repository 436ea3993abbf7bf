"""Strategies for Hypothesis."""

from hypothesis import given, settings

from futurefsm.client.testing.faults import HARSH, NONE, Faults
from futurefsm.client.testing.strategies import faults, tapes, worlds
from futurefsm.client.testing.world import World
from futurefsm.fsm.lifecycles import STRICT


@given(tapes(5))
def test_tapes_are_bytes(tape: bytes) -> None:
    assert len(tape) <= 5


@given(faults(NONE, HARSH))
def test_faults_are_drawn_from_those_named(each: Faults) -> None:
    assert each in (NONE, HARSH)


@given(worlds(STRICT, clients=2, workers=3, among=(HARSH,), max_size=20))
@settings(max_examples=30, deadline=None)
def test_worlds_are_ready_to_run(world: World) -> None:
    assert world.lifecycle is STRICT
    assert 1 <= len(world.parties) <= 2
    assert 1 <= world.workers <= 3
    assert world.faults == HARSH
    world.run()
