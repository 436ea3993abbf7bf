"""Simulated worlds visit every row that the protocol can reach; the others have a reason each."""

import random

from futurefsm.client.testing import people
from futurefsm.client.testing.coverage import UNREACHABLE, unvisited, visiting, wrongly_unreachable
from futurefsm.client.testing.hunting import Setting, hunt
from futurefsm.client.testing.switches import ALL, HARSH, LOSSY, ROGUE
from futurefsm.client.testing.tape import Tape
from futurefsm.client.testing.world import World
from futurefsm.fsm.lifecycles import CONFIRMED, LIFECYCLES, STRICT
from tests.client.testing.play import submit, until_it_runs, until_quiet

_WORLDS = 250
_ROUNDS = 12


def random_setting(chance: random.Random) -> Setting:
    return Setting(
        chance.choice([CONFIRMED, STRICT]),
        chance.choice([1, 1, 2]),
        chance.choice([1, 2]),
        chance.choice([HARSH, LOSSY, ROGUE, ALL]),
    )


def no_worker_for_a_task_that_one_has(*, cancelled: bool) -> None:
    """Its worker is dead and nobody knows yet; another died before and cannot be replaced."""
    world = World(workers=2, faults=HARSH)
    record = submit(world)
    until_it_runs(world, record)
    busy = next(each for each in world.engine.workers.values() if each.task is not None)
    idle = next(each for each in world.engine.workers.values() if each.task is None)
    world.engine.starved = True
    world.engine.die(idle, 1)
    world.engine.report(idle)
    if cancelled:
        assert record.future is not None
        record.future.cancel(0)
        record.told_cancel = True
        record.party.run_inbox()
        until_quiet(world)
    else:
        world.engine.die(busy, 1)
    world.engine.start_worker()
    world.finish()
    assert record.settled


def a_task_again_while_its_worker_is_killed() -> None:
    world = World(workers=1, faults=LOSSY)
    record = submit(world)
    record.party.run_inbox()
    channel = record.party.to_scheduler
    task = next(each for each in channel.flight if type(each.what).__name__ == "Task")
    until_it_runs(world, record)
    assert record.future is not None
    record.future.cancel(0)
    record.told_cancel = True
    record.party.run_inbox()
    channel.flight.append(task)
    until_quiet(world)
    world.finish()


def bytes_that_are_lost_after_their_future_was_cancelled() -> None:
    world = World(workers=1, faults=HARSH)
    record = submit(world)
    while not record.settled:
        world.step()
    assert record.future is not None
    record.future.cancel(0)
    record.party.run_inbox()
    record.party.lose("cut")
    world.finish()


def a_client_that_ends_before_a_cancel_is_told(*, lost: bool) -> None:
    world = World(STRICT, workers=1, faults=HARSH)
    first, second = submit(world), submit(world)
    until_it_runs(world, first)
    party = second.party
    party.run_inbox()
    assert second.future is not None
    party.hold = True
    second.future.cancel()
    party.hold = False
    second.told_cancel = True
    if lost:
        party.lose("cut")
    else:
        party.end()
    world.finish()


def a_cancel_of_what_has_ended_and_is_needed_by_another(*, died: bool) -> None:
    world = World(workers=1, faults=HARSH)
    record = submit(world)
    until_it_runs(world, record)
    assert record.future is not None
    assert record.future.promise()
    if died:
        world.engine.die(next(iter(world.engine.workers.values())), 1)
    while not record.future.done():
        assert world.advance()
    until_quiet(world)
    record.future.cancel(0)
    record.party.run_inbox()
    record.party.act(record.party.tracker.ties.withdraw, record.task_id)
    until_quiet(world)
    world.finish()


def a_wait_that_runs_out_when_the_answer_is_there() -> None:
    world = World(faults=HARSH)
    record = submit(world)
    world.tape = Tape(bytes([0, 1]))
    assert people.cancel(world)
    world.settle()
    assert record.state == "cancelled"
    people.timed_out(record)
    world.finish()


def test_every_row_that_can_be_reached_is_visited() -> None:
    with visiting(*LIFECYCLES) as counts:
        no_worker_for_a_task_that_one_has(cancelled=False)
        no_worker_for_a_task_that_one_has(cancelled=True)
        a_task_again_while_its_worker_is_killed()
        bytes_that_are_lost_after_their_future_was_cancelled()
        a_cancel_of_what_has_ended_and_is_needed_by_another(died=False)
        a_cancel_of_what_has_ended_and_is_needed_by_another(died=True)
        a_client_that_ends_before_a_cancel_is_told(lost=True)
        a_client_that_ends_before_a_cancel_is_told(lost=False)
        a_wait_that_runs_out_when_the_answer_is_there()
        for seed in range(_ROUNDS):
            done = hunt(random_setting, seed=seed, worlds=_WORLDS)
            assert done.found is None, done.found
            if not any(unvisited(lifecycle, counts) for lifecycle in LIFECYCLES):
                break
    missing = [f"{each.name} {row}" for each in LIFECYCLES for row in unvisited(each, counts)]
    assert not missing, f"never visited, and no reason is known: {missing}"
    assert not wrongly_unreachable(counts)


def test_the_reasons_are_about_rows_that_exist() -> None:
    known = {
        (lifecycle.name, str(row.source), str(row.event))
        for lifecycle in LIFECYCLES
        for row in lifecycle.rows
    }
    assert set(UNREACHABLE) <= known


def test_counting_ends_with_its_block() -> None:
    with visiting(CONFIRMED) as counts:
        World(tape=bytes([160])).run()
    assert type(CONFIRMED.compiled.on) is dict
    assert counts["confirmed", "pending", "submit"] <= 1
