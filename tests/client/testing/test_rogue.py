"""A misbehaving scheduler: whatever it says, the pump survives and nothing told is taken back."""

import pytest

from futurefsm.client.testing import rogue
from futurefsm.client.testing.switches import ROGUE
from futurefsm.client.testing.tape import Tape
from futurefsm.client.testing.world import World
from tests.client.testing.play import submit, until_it_runs, until_quiet


@pytest.mark.parametrize("lie", range(16))
@pytest.mark.parametrize("when", ["sent", "running", "settled"])
@pytest.mark.parametrize("cancelled", [False, True])
def test_every_lie_in_every_state(lie: int, when: str, cancelled: bool) -> None:
    world = World(faults=ROGUE)
    record = submit(world)
    if when == "running":
        until_it_runs(world, record)
    elif when == "settled":
        world.settle()
    if cancelled:
        assert record.future is not None
        assert record.future.cancel(0)
        record.told_cancel = True
    for _ in range(2):
        world.tape = Tape(bytes([lie]))
        assert rogue.say(world)
    until_quiet(world)
    world.check()
    world.finish()


def test_a_closed_client_hears_nothing() -> None:
    world = World(faults=ROGUE)
    world.parties[0].end()
    assert not rogue.say(world)
