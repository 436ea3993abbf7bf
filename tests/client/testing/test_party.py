"""One client of a world: production's parts, and its user's interrupted threads."""

import pytest

from futurefsm.client.testing.invariants import ONE_CANCEL, PUMP, Broken
from futurefsm.client.testing.party import TaskFailed, Values
from futurefsm.client.testing.switches import HARSH
from futurefsm.client.testing.world import World
from futurefsm.fsm.lifecycles import STRICT
from futurefsm.protocol.messages import TaskCancel
from tests.client.testing.play import submit, until_it_runs


def test_values_are_the_tasks_own_ids() -> None:
    values = Values()
    assert values.loads(b"Vid") == b"id"
    error = values.loads(memoryview(b"Eid"))
    assert isinstance(error, TaskFailed)
    assert error.args == (b"id",)


@pytest.mark.parametrize("interrupted", [1, 2, 3])
def test_an_interrupted_submit_goes_on_and_ends(interrupted: int) -> None:
    world = World(faults=HARSH)
    record = submit(world, interrupted=interrupted)
    assert not record.visible
    assert record.party.resume()
    assert record.visible
    assert not record.party.resume()
    world.finish()
    assert record.state == "finished"


@pytest.mark.parametrize("interrupted", [1, 2, 3])
def test_the_link_may_be_lost_while_a_submit_is_interrupted(interrupted: int) -> None:
    world = World(faults=HARSH)
    record = submit(world, interrupted=interrupted)
    record.party.lose("cut")
    world.finish()
    assert record.settled


def test_one_client_that_cannot_cancel_keeps_its_tasks() -> None:
    world = World(STRICT, workers=1)
    first, second = submit(world), submit(world)
    until_it_runs(world, first)
    world.touch(second)
    assert second.state == "pending"
    assert World(STRICT, clients=2).parties[0].tracker.credits is None


def test_a_cancel_of_a_task_that_was_never_sent_is_seen() -> None:
    world = World()
    record = submit(world)
    with pytest.raises(Broken) as caught:
        record.party._look_at(TaskCancel(record.task_id))
    assert caught.value.invariant == ONE_CANCEL


def test_what_raises_out_of_the_pump_is_seen() -> None:
    world = World()

    def fall_over() -> None:
        raise KeyError("oops")

    with pytest.raises(Broken) as caught:
        world.parties[0].act(fall_over)
    assert caught.value.invariant == PUMP
    assert "fall_over() raised" in caught.value.what
