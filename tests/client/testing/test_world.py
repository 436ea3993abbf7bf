"""A world: deterministic, stepwise, and at rest in the end."""

import pytest

from futurefsm.client.testing.invariants import SETTLES, Broken
from futurefsm.client.testing.switches import ALL, HARSH, NONE, ROGUE
from futurefsm.client.testing.world import World
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from tests.client.testing.play import submit, until_quiet

TAPE = bytes(range(255, 95, -3)) * 4


@pytest.mark.parametrize("lifecycle", [CONFIRMED, STRICT])
@pytest.mark.parametrize("clients", [1, 3])
def test_the_same_tape_makes_the_same_world(lifecycle: object, clients: int) -> None:
    def run() -> list[object]:
        world = World(lifecycle, clients, 2, ALL, TAPE).run()  # type: ignore[arg-type]
        return [world.steps, world.deliveries, world.now, world.log]

    assert run() == run()


def test_an_empty_tape_is_a_world_in_which_nothing_happens() -> None:
    world = World().run()
    assert world.log[-1][4].__class__.__name__ == "ClientDisconnect"
    assert not any(party.order for party in world.parties)


def test_one_byte_is_one_task_from_submit_to_value() -> None:
    world = World()
    record = submit(world)
    while not record.settled:
        world.step()
    world.finish()
    assert [str(state) for *_, state in record.moves] == ["running", "finished"]
    assert record.future is not None
    assert record.future.result(0) == record.task_id


def test_real_bytes_make_no_difference() -> None:
    plain = World(CONFIRMED, 2, 2, ROGUE, TAPE).run()
    encoded = World(CONFIRMED, 2, 2, ROGUE, TAPE, encode=True).run()
    assert plain.deliveries == encoded.deliveries
    assert [r.state for p in plain.parties for r in p.order] == [
        r.state for p in encoded.parties for r in p.order
    ]


def test_a_silent_scheduler_is_lost_after_its_time() -> None:
    world = World(faults=HARSH)
    record = submit(world)
    party = record.party
    party.to_scheduler.frozen = party.from_scheduler.frozen = True
    world.finish()
    assert party.pump.lost is not None
    assert world.now >= 60
    assert record.state == "finished"


def test_time_does_not_overtake_a_fair_network() -> None:
    world = World(faults=NONE)
    assert world.pass_time()
    assert world.now == 2.0
    assert not world.pass_time()
    until_quiet(world)
    assert world.pass_time()


def test_a_world_that_never_rests_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr("futurefsm.client.testing.world._STEPS_MAX", 10)
    monkeypatch.setattr(world, "advance", lambda: True)
    with pytest.raises(Broken) as caught:
        world.settle()
    assert caught.value.invariant == SETTLES


def test_what_a_callback_swallowed_is_raised_by_the_step() -> None:
    world = World()
    world.keep(SETTLES, "found in a callback")
    with pytest.raises(Broken, match="found in a callback"):
        world.step()
    with pytest.raises(Broken):
        world.check()


def test_names_are_for_people() -> None:
    world = World()
    record = submit(world)
    assert world.task_name(record.task_id) == "a"
    assert world.task_name(bytes(16)) == "00000000"
    world.engine.results[bytes(32)] = record.task_id
    assert world.object_name(bytes(32)) == "result of a"
