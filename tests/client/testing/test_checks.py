"""Each check sees red: the state of a world is spoilt by hand."""

from typing import Any

import pytest

from futurefsm.client.testing import invariants as inv
from futurefsm.client.testing.invariants import Broken
from futurefsm.client.testing.party import IDLE_MAX
from futurefsm.client.testing.record import Record, Waiter
from futurefsm.client.testing.world import World
from futurefsm.client.uploads import Blob
from futurefsm.fsm.lifecycles import STRICT
from futurefsm.fsm.outcomes import CONFIRMED_OUTCOME, NEVER_SENT, TOO_LATE
from tests.client.testing.play import submit, until_it_runs


def ended() -> tuple[World, Record, Any]:
    world = World()
    record = submit(world)
    world.settle()
    assert record.state == "finished"
    return world, record, record.future


def seen(world: World, act: Any) -> str:
    with pytest.raises(Broken) as caught:
        act()
    return caught.value.invariant


def test_a_state_that_no_row_made() -> None:
    world, _, future = ended()
    future._node = future.lifecycle.compiled
    assert seen(world, world.check) == inv.ONE_VERDICT


def test_a_row_that_starts_elsewhere() -> None:
    world, _, future = ended()
    step = future.lifecycle.compiled.on["submit"]
    future._story = (*future._raw(), step, 0.0, "wire")
    assert seen(world, world.check) == inv.ONE_VERDICT


def test_a_settled_future_that_is_moved_by_somebody_else() -> None:
    world, record, future = ended()
    record.state = future.lifecycle.row("running", "result_success").source
    record.told_cancel = True
    record.story = None
    del record.moves[1:]
    assert seen(world, world.check) == inv.AGREEMENT


def test_a_no_that_is_taken_back() -> None:
    world = World()
    record = submit(world)
    record.told_no = True
    assert record.future is not None
    record.future.cancel(0)
    assert seen(world, world.settle) == inv.AGREEMENT


def test_a_waiter_that_heard_twice() -> None:
    world, record, _ = ended()
    waiter = Waiter()
    waiter.told = ["result", "result"]
    record.waiters.append(waiter)
    assert seen(world, world.check) == inv.ONCE


@pytest.mark.parametrize("said", [NEVER_SENT, CONFIRMED_OUTCOME, TOO_LATE])
def test_an_outcome_that_is_a_lie(said: Any) -> None:
    world, record, future = ended()
    record.ended = None
    future._made_rare().outcome = said
    assert seen(world, world.check) == inv.TRUE_OUTCOME


def test_a_value_of_another_task() -> None:
    world, _, future = ended()
    future.load()
    future._result = b"another's"
    assert seen(world, world.checks.settled_fairly) == inv.RIGHT_VALUE


def test_a_callback_that_was_not_called() -> None:
    world, record, _ = ended()
    record.added = 1
    assert seen(world, world.checks.settled_fairly) == inv.ONCE


def test_a_future_that_does_not_settle() -> None:
    world = World()
    record = submit(world)
    until_it_runs(world, record)
    assert seen(world, world.checks.settled_fairly) == inv.SETTLES


def test_a_result_that_stays() -> None:
    world, record, _ = ended()
    object_id = next(iter(world.engine.results))
    world.engine.store.put(object_id, record.payload())
    assert seen(world, world.checks.settled_fairly) == inv.NO_LEAK


def test_a_result_that_nobody_deleted() -> None:
    world, record, _ = ended()
    record.party.deleted.clear()
    assert seen(world, world.checks.settled_fairly) == inv.DELETED_ONCE


def test_an_upload_that_nobody_knows() -> None:
    world, record, _ = ended()
    world.engine.store.put(record.party.prefix + bytes(16), b"forgotten")
    assert seen(world, world.checks.settled_fairly) == inv.NO_LEAK
    assert seen(world, world.checks.store_empty) == inv.NO_LEAK


def test_more_idle_uploads_than_may_stay() -> None:
    world, record, _ = ended()
    party = record.party
    uploads = party.tracker._uploads  # type: ignore[attr-defined]
    uploads._idle_count_max = IDLE_MAX + 1
    for n in range(IDLE_MAX + 1):
        upload, _ = uploads.need(Blob(b"%d" % n, None, "x"))
        world.engine.store.put(upload.object_id, b"it")
        uploads.release(upload)
    assert seen(world, world.checks.settled_fairly) == inv.NO_LEAK


def test_a_future_that_its_client_keeps() -> None:
    world, record, future = ended()
    record.party.pump.futures[record.task_id] = future
    assert seen(world, world.checks.settled_fairly) == inv.NO_LEAK


def test_a_dropped_future_that_lives_on() -> None:
    world, record, future = ended()
    record.dropped = True
    for party in world.parties:
        party.end()
    world.settle()
    assert future is not None
    assert seen(world, world.checks.store_empty) == inv.NO_LEAK


def test_a_credit_that_is_lost() -> None:
    world = World(STRICT, workers=2)
    record = submit(world)
    world.settle()
    assert record.party.tracker.credits == 2
    record.party.tracker.credits = 1
    assert seen(world, record.party.check_credits) == inv.CREDITS
