"""What users do, drawn from the tape."""

from collections.abc import Callable

import pytest

from futurefsm.client.testing import people
from futurefsm.client.testing.switches import HARSH
from futurefsm.client.testing.tape import Tape
from futurefsm.client.testing.world import World
from tests.client.testing.play import submit

CALLS = [
    people.cancel,
    people.ask,
    people.call_me,
    people.wait,
    people.drop,
]


@pytest.mark.parametrize("call", CALLS)
def test_without_a_future_nothing_is_called(call: Callable[[World], bool]) -> None:
    assert not call(World())


@pytest.mark.parametrize("call", [people.submit, *CALLS, people.clear, people.leave])
@pytest.mark.parametrize("detail", range(8))
def test_every_call_leaves_a_world_that_ends_well(
    call: Callable[[World], bool], detail: int
) -> None:
    world = World(faults=HARSH)
    submit(world)
    world.tape = Tape(bytes([0, detail, detail]))
    assert call(world)
    world.finish()


def test_a_disconnect_cancels_and_ends_when_all_is_settled() -> None:
    world = World()
    record = submit(world)
    people.leave(world)
    assert record.told_cancel
    world.settle()
    assert record.party.gone
    assert not people.leave(world)
    assert not people.clear(world)
    assert not people.submit(world)


def test_a_wait_that_runs_out_leaves_the_request_standing() -> None:
    world = World(faults=HARSH)
    record = submit(world)
    world.tape = Tape(bytes([1]))
    people.cancel(world)
    assert record.waits_until == 30.0
    people.timed_out(record)
    assert record.future is not None
    assert record.future.story.stays["cancel_timed_out"] == 1
    world.finish()
    assert record.state == "cancelled"
