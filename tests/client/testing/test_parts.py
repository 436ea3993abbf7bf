"""A world is made of production's code, unless a part is replaced."""

from futurefsm.client.pump import Pump
from futurefsm.client.testing.parts import PRODUCTION, Parts
from futurefsm.client.testing.world import World
from futurefsm.client.tracker import Tracker


def test_production_is_the_default() -> None:
    party = World().parties[0]
    assert type(party.tracker) is Tracker
    assert type(party.pump) is Pump


def test_a_part_can_be_replaced() -> None:
    class OwnPump(Pump):
        pass

    world = World(parts=Parts("own", pump=OwnPump))
    assert type(world.parties[0].pump) is OwnPump
    assert PRODUCTION.pump is Pump
