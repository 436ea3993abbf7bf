"""What each byte means."""

import pytest

from futurefsm.client.testing import ops, people
from futurefsm.client.testing.switches import ALL, HARSH, LOSSY, NONE, Faults
from futurefsm.client.testing.world import World
from tests.client.testing.play import submit, until_it_runs


@pytest.mark.parametrize("faults", [NONE, HARSH, LOSSY, ALL])
def test_every_byte_has_a_meaning_and_0_is_the_benign_one(faults: Faults) -> None:
    meanings = ops.table(faults)
    assert len(meanings) == 256
    assert meanings[0] is ops.advance
    assert {people.submit, people.cancel, ops.deliver} <= set(meanings)
    assert (ops.lose in meanings) == faults.lose
    assert (ops.die in meanings) == faults.die


@pytest.mark.parametrize(
    "op", [ops.finish, ops.report, ops.call_back, ops.resume, ops.overtake, ops.deliver]
)
def test_an_impossible_operation_says_so(op: ops.Op) -> None:
    assert not op(World(faults=ALL))


@pytest.mark.parametrize("op", [ops.reorder, ops.duplicate, ops.lose])
def test_an_empty_network_has_nothing_to_lose(op: ops.Op) -> None:
    assert not op(World(faults=ALL))


def test_a_lost_message_never_arrives() -> None:
    world = World(faults=LOSSY)
    record = submit(world)
    record.party.run_inbox()
    before = len(record.party.to_scheduler.flight)
    assert ops.lose(world)
    assert len(record.party.to_scheduler.flight) == before - 1
    assert world.log[-1][3] == "S✗"


def test_a_duplicated_message_arrives_twice() -> None:
    world = World(faults=LOSSY)
    record = submit(world)
    record.party.run_inbox()
    before = len(record.party.to_scheduler.flight)
    assert ops.duplicate(world)
    assert len(record.party.to_scheduler.flight) == before


def test_a_death_overtakes_the_last_answer() -> None:
    world = World(workers=1, faults=ALL)
    record = submit(world)
    until_it_runs(world, record)
    worker = world.engine.workers[0]
    world.engine.finish(worker, True)
    world.engine.die(worker, 1)
    assert ops.overtake(world)
    assert [kind for kind, _ in worker.pipe] == ["done"]
    world.finish()


def test_a_scheduler_stops_and_goes_on() -> None:
    world = World(faults=HARSH)
    channel = world.parties[0].to_scheduler
    assert ops.silence(world)
    assert channel.frozen
    assert ops.silence(world)
    assert not channel.frozen


def test_a_link_is_cut_once() -> None:
    world = World(faults=HARSH)
    assert ops.cut(world)
    assert not ops.cut(world)
    assert not ops.silence(world)
