"""The simulated engine looks at what the real scheduler wants."""

import pytest

from futurefsm.client.engine import outputs as out
from futurefsm.client.testing import invariants as inv
from futurefsm.client.testing.invariants import Broken
from futurefsm.client.testing.switches import HARSH, ROGUE
from futurefsm.client.testing.world import World
from tests.client.testing.play import submit, until_it_runs


def run(world: World, worker: int, task_id: bytes) -> None:
    world.engine._perform([out.Run(worker, task_id, b"", None, bytes(32), ())])


def broken_by(world: World, worker: int, task_id: bytes) -> str:
    world.engine.store.put(bytes(32), b"function")
    with pytest.raises(Broken) as caught:
        run(world, worker, task_id)
    return caught.value.invariant


def test_a_busy_worker_gets_nothing() -> None:
    world = World(workers=1)
    record = submit(world)
    until_it_runs(world, record)
    assert broken_by(world, 0, submit(world).task_id) == inv.ONE_TASK


def test_a_dead_worker_gets_nothing() -> None:
    world = World()
    assert broken_by(world, 77, submit(world).task_id) == inv.ONE_TASK


def test_no_task_starts_twice_or_after_its_cancel_was_confirmed() -> None:
    world = World(workers=2)
    record = submit(world)
    until_it_runs(world, record)
    free = next(each.number for each in world.engine.workers.values() if each.task is None)
    assert broken_by(world, free, record.task_id) == inv.NEVER_TWICE
    other = World()
    late = submit(other)
    late.confirmed = True
    assert broken_by(other, 0, late.task_id) == inv.NO_PREFETCH


def test_a_task_starts_with_its_objects() -> None:
    world = World()
    with pytest.raises(Broken) as caught:
        run(world, 0, submit(world).task_id)
    assert caught.value.invariant == inv.NO_PREFETCH


def test_where_no_worker_can_start_tasks_end_with_the_reason() -> None:
    world = World(workers=1, faults=HARSH)
    world.engine.starved = True
    world.engine.die(world.engine.workers[0], 1)
    world.settle()
    record = submit(world)
    world.settle()
    assert record.state == "finished"
    assert record.future is not None
    record.future.load()
    assert "no more processes" in str(record.future._exception)
    world.finish()


def test_a_forged_result_is_known_as_one() -> None:
    world = World(faults=ROGUE)
    world.engine.forge(bytes(32), bytes(16), exists=False)
    assert bytes(32) in world.engine.strays
    assert not world.engine.store.has(bytes(32))
