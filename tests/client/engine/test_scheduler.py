"""The scheduler, pure: every message and fact by hand. Any order of them: see the world beside."""

import pickle
from typing import Any

import pytest
from scheduler_desk import (
    ADDRESS,
    ANNA,
    BERT,
    CANCELED,
    FUNCTION,
    NOT_FOUND,
    REFUSED,
    Desk,
    confirm,
)

from futurefsm.client.engine import outputs as out
from futurefsm.client.engine.crew import EXTRA_IDLE_S
from futurefsm.client.engine.scheduler import CLIENT_TIMEOUT_S
from futurefsm.client.errors import ObjectStoreFullError, TaskRefusedError, WorkerStartError
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import owner_prefix, serializer_id
from futurefsm.protocol.task_flags import TaskFlags


@pytest.fixture
def desk() -> Desk:
    return Desk()


def only(said: list[out.Output]) -> out.Output:
    (one,) = said
    return one


# -- running


def test_a_task_runs_and_its_result_is_stored_before_it_is_told(desk: Desk) -> None:
    one = desk.task("1")
    assert desk.take() == [out.Run(0, one, ANNA, None, FUNCTION, ())]
    desk.done(0, one)
    kept, told = desk.take()
    assert isinstance(kept, out.StoreResult)
    assert kept.task_id == one
    assert kept.object_id.startswith(owner_prefix(ANNA))
    assert len(kept.object_id) == 32
    success = m.TaskResultType.SUCCESS
    assert told == out.SendTo(ANNA, m.TaskResult(one, success, b"p" * 16, (kept.object_id,)))
    assert desk.core.state(ANNA, one) == "unknown"
    assert desk.core.tasks == 0


def test_an_exception_is_a_failed_result(desk: Desk) -> None:
    desk.task("1")
    desk.take()
    desk.done(0, b"1", ok=False)
    told = desk.take()[-1]
    assert isinstance(told, out.SendTo)
    assert isinstance(told.message, m.TaskResult)
    assert told.message.result_type is m.TaskResultType.FAILED


def test_first_come_first_served_and_higher_priority_first(desk: Desk) -> None:
    desk.task("running")
    names = [desk.task(str(at), priority=at % 3) for at in range(6)]
    desk.ran()
    order = []
    for _ in names:
        running = order[-1] if order else b"running"
        desk.done(0, running)
        order += desk.ran()
    assert order == [b"2", b"5", b"1", b"4", b"0", b"3"]


def test_nothing_is_prefetched() -> None:
    desk = Desk(2)
    for at in range(5):
        desk.task(str(at))
    assert sorted(desk.ran()) == [b"0", b"1"]


def test_a_task_waits_for_its_objects_and_lets_others_pass(desk: Desk) -> None:
    late, later = b"a" * 32, b"b" * 32
    desk.task("waits", late, later)
    desk.task("passes")
    assert desk.ran() == [b"passes"]
    desk.store(late)
    desk.done(0, b"passes")
    assert desk.ran() == []
    desk.store(later)
    assert desk.ran() == [b"waits"]


def test_a_waiting_task_keeps_its_place(desk: Desk) -> None:
    late = b"a" * 32
    desk.task("running")
    desk.task("first", late)
    desk.task("second")
    desk.store(late)
    desk.ran()
    desk.done(0, b"running")
    assert desk.ran() == [b"first"]


def test_an_object_deleted_meanwhile_is_waited_for_again(desk: Desk) -> None:
    argument = b"a" * 32
    desk.store(argument)
    desk.task("running")
    desk.task("needs", argument)
    desk.objects.present.discard(argument)
    desk.ran()
    desk.done(0, b"running")
    assert desk.ran() == []
    desk.store(argument)
    assert desk.ran() == [b"needs"]


def test_an_announced_serializer_is_waited_for(desk: Desk) -> None:
    own = serializer_id(ANNA)
    meta = m.ObjectMetadata((own,), (m.ObjectType.SERIALIZER,), (b"serializer",))
    desk.tell(m.ObjectInstruction(m.InstructionType.CREATE, ANNA, meta))
    desk.task("1")
    assert desk.take() == []
    desk.store(own)
    assert only(desk.take()) == out.Run(0, b"1", ANNA, own, FUNCTION, ())


def test_a_duplicate_is_ignored_while_alive_and_runs_again_afterwards(desk: Desk) -> None:
    desk.task("1")
    desk.task("1")
    assert desk.ran() == [b"1"]
    assert desk.core.counts["duplicate task"] == 1
    desk.done(0, b"1")
    desk.take()
    desk.task("1")
    assert desk.ran() == [b"1"]


# -- cancelling


@pytest.mark.parametrize("force", [True, False])
def test_queued_is_confirmed_at_once_and_never_runs(desk: Desk, force: bool) -> None:
    desk.task("running")
    desk.task("queued")
    desk.task("waiting", b"a" * 32)
    desk.take()
    for name in (b"queued", b"waiting"):
        desk.cancel(name, force=force)
        assert only(desk.take()) == confirm(name, CANCELED)
    desk.store(b"a" * 32)
    desk.done(0, b"running")
    assert desk.ran() == []


def test_running_is_confirmed_when_its_worker_is_dead(desk: Desk) -> None:
    desk.task("1")
    desk.task("2")
    desk.take()
    desk.cancel(b"1")
    assert only(desk.take()) == out.Kill(0)
    desk.cancel(b"1")
    assert desk.take() == []
    assert desk.core.state(ANNA, b"1") == "canceling"
    desk.died(0)
    assert desk.take() == [confirm(b"1", CANCELED), out.StartWorker()]
    desk.said += desk.core.worker_started(1, 0.0)
    assert desk.ran() == [b"2"]


def test_a_result_that_was_faster_is_the_truth(desk: Desk) -> None:
    desk.task("1")
    desk.task("2")
    desk.take()
    desk.cancel(b"1")
    desk.take()
    desk.done(0, b"1")
    _, told = desk.take()
    assert isinstance(told, out.SendTo)
    assert isinstance(told.message, m.TaskResult)
    # The worker is about to die: it gets nothing more.
    assert desk.core.idle == 0
    desk.died(0)
    assert desk.take() == [out.StartWorker()]


def test_gently_a_running_task_is_left_alone(desk: Desk) -> None:
    desk.task("1")
    desk.take()
    desk.cancel(b"1", force=False)
    assert only(desk.take()) == confirm(b"1", REFUSED)
    desk.done(0, b"1")
    assert isinstance(desk.take()[0], out.StoreResult)


def test_unknown_ended_and_foreign_tasks_are_not_found(desk: Desk) -> None:
    desk.cancel(b"never")
    assert only(desk.take()) == confirm(b"never", NOT_FOUND)
    desk.task("1")
    desk.take()
    desk.cancel(b"1", client=BERT)
    assert only(desk.take()) == confirm(b"1", NOT_FOUND, BERT)
    desk.done(0, b"1")
    desk.take()
    desk.cancel(b"1")
    assert only(desk.take()) == confirm(b"1", NOT_FOUND)


def test_many_cancelled_tasks_leave_the_queue(desk: Desk) -> None:
    desk.task("running")
    for at in range(10_000):
        desk.task(str(at))
        desk.cancel(str(at).encode())
    assert len(desk.core._backlog) < 200


# -- workers


def test_a_dead_worker_ends_its_task_with_its_exit(desk: Desk) -> None:
    desk.task("1")
    desk.take()
    desk.died(0, 3)
    died = m.TaskResultType.FAILED_WORKER_DIED
    told = out.SendTo(ANNA, m.TaskResult(b"1", died, bytes(16), worker_exit=3))
    assert desk.take() == [told, out.StartWorker()]


def test_an_idle_worker_that_dies_is_replaced(desk: Desk) -> None:
    desk.died(0)
    assert desk.take() == [out.StartWorker()]
    desk.task("1")
    assert desk.ran() == []


def test_an_answer_for_another_task_is_only_counted(desk: Desk) -> None:
    desk.task("1")
    desk.take()
    desk.done(0, b"2")
    assert isinstance(only(desk.take()), out.Complain)
    desk.done(7, b"1")
    assert isinstance(only(desk.take()), out.Complain)
    desk.done(0, b"1")
    assert len(desk.take()) == 2


def error_of(said: list[out.Output]) -> BaseException:
    """The one error that was stored, told as a failed result."""
    kept = only([one for one in said if isinstance(one, out.StoreError)])
    told = only([one for one in said if isinstance(one, out.SendTo)])
    assert isinstance(kept, out.StoreError)
    assert isinstance(told, out.SendTo)
    assert isinstance(told.message, m.TaskResult)
    assert told.message.result_type is m.TaskResultType.FAILED
    assert told.message.results == (kept.object_id,)
    assert kept.object_id.startswith(owner_prefix(told.client))
    error = pickle.loads(kept.payload)
    assert isinstance(error, BaseException)
    return error


def test_without_any_worker_tasks_fail_clearly() -> None:
    desk = Desk(0)
    desk.task("1")
    assert desk.take() == []
    desk.said += desk.core.workers_unavailable("exit code 1", 0.0)
    error = error_of(desk.take())
    assert type(error) is WorkerStartError
    assert "exit code 1" in str(error)
    desk.task("2")
    assert type(error_of(desk.take())) is WorkerStartError
    desk.said += desk.core.worker_started(0, 0.0)
    desk.task("3")
    assert desk.ran() == [b"3"]


def test_an_object_that_does_not_fit_fails_its_tasks(desk: Desk) -> None:
    argument = b"a" * 32
    desk.task("waits", argument)
    desk.objects.too_large[argument] = 5000
    desk.said += desk.core.object_refused(argument, 0.0)
    error = error_of(desk.take())
    assert type(error) is ObjectStoreFullError
    assert "5,000" in str(error)
    desk.task("later", argument)
    assert type(error_of(desk.take())) is ObjectStoreFullError


# -- clients


def test_heartbeats_are_answered(desk: Desk) -> None:
    desk.tell(m.ClientHeartbeat())
    assert only(desk.take()) == out.SendTo(ANNA, m.ClientHeartbeatEcho(ADDRESS))


def test_a_client_that_leaves_takes_all_with_it(desk: Desk) -> None:
    desk.task("running")
    desk.task("queued")
    foreign = b"x" * 32
    desk.tell(m.ObjectInstruction(m.InstructionType.CREATE, ANNA, m.ObjectMetadata((foreign,))))
    desk.task("of bert", client=BERT)
    desk.take()
    desk.tell(m.ClientDisconnect())
    assert desk.take() == [
        out.Kill(0),
        confirm(b"queued", CANCELED),
        out.DeleteOwned(owner_prefix(ANNA)),
        out.Delete((foreign,)),
        out.Bar(owner_prefix(ANNA)),
    ]
    desk.died(0)
    assert desk.take() == [confirm(b"running", CANCELED), out.StartWorker()]
    assert not desk.core.knows(ANNA)
    assert desk.core.tasks == 1


def test_a_result_for_a_client_that_left_is_not_stored(desk: Desk) -> None:
    desk.task("1")
    desk.said += desk.core.client_gone(ANNA, 0.0)
    desk.take()
    desk.tell(m.ClientHeartbeat())
    desk.take()
    desk.done(0, b"1")
    assert only(desk.take()) == confirm(b"1", CANCELED)


def test_silence_is_the_end(desk: Desk) -> None:
    desk.tell(m.ClientHeartbeat(), now=0.0)
    desk.tell(m.ClientHeartbeat(), BERT, now=10.0)
    assert desk.core.deadline() == CLIENT_TIMEOUT_S
    desk.tell(m.TaskCancel(b"any"), now=20.0)
    desk.take()
    assert desk.core.deadline() == 10.0 + CLIENT_TIMEOUT_S
    assert desk.core.tick(10.0 + CLIENT_TIMEOUT_S) == [out.DeleteOwned(owner_prefix(BERT))]
    assert desk.core.knows(ANNA)
    assert desk.core.tick(1000.0) == [out.DeleteOwned(owner_prefix(ANNA))]
    assert desk.core.deadline() is None


def test_shutdown_is_declined(desk: Desk) -> None:
    desk.tell(m.ClientDisconnect(m.DisconnectType.SHUTDOWN))
    assert only(desk.take()) == out.SendTo(ANNA, m.ClientShutdownResponse(False))


def test_shutdown_where_it_is_allowed() -> None:
    desk = Desk(protected=False)
    desk.tell(m.ClientDisconnect(m.DisconnectType.SHUTDOWN))
    assert desk.take() == [out.SendTo(ANNA, m.ClientShutdownResponse(True)), out.EndEngine()]


def test_one_that_left_comes_back_by_what_a_client_begins_with(desk: Desk) -> None:
    desk.tell(m.ClientDisconnect())
    desk.take()
    desk.tell(m.ObjectInstruction(m.InstructionType.DELETE, ANNA, m.ObjectMetadata((b"a" * 32,))))
    assert only(desk.take()) == out.Delete((b"a" * 32,))
    desk.tell(m.ClientDisconnect())
    assert not desk.core.knows(ANNA)
    desk.take()
    desk.tell(m.ClientHeartbeat())
    assert desk.take() == [
        out.Admit(owner_prefix(ANNA)),
        out.SendTo(ANNA, m.ClientHeartbeatEcho(ADDRESS)),
    ]
    assert desk.core.knows(ANNA)


# -- tasks that wait for tasks


def test_an_extra_worker_for_what_is_more_urgent_than_what_runs() -> None:
    desk = Desk(2, size=2)
    desk.task("a")
    desk.task("b", priority=1)
    desk.task("of b", priority=2)
    desk.task("of b too", priority=2)
    assert [type(one) for one in desk.take()] == [
        out.Run,
        out.Run,
        out.StartWorker,
        out.StartWorker,
    ]
    for number in (2, 3):
        desk.said += desk.core.worker_started(number, 1.0)
    assert desk.ran() == [b"of b", b"of b too"]
    # As urgent as what runs on as many workers as there should be: it waits.
    desk.task("third of b", priority=2)
    assert desk.take() == []
    desk.done(2, b"of b")
    assert desk.ran() == [b"third of b"]
    desk.task("equal", priority=0)
    assert desk.take() == []


def test_what_is_extra_ends_when_it_has_been_idle() -> None:
    desk = Desk(1, size=1)
    desk.task("a")
    desk.task("of a", priority=1)
    desk.said += desk.core.worker_started(1, 1.0)
    desk.take()
    desk.said += desk.core.worker_done(1, b"of a", True, b"p" * 16, 5.0)
    desk.take()
    assert desk.core.deadline() == 5.0 + EXTRA_IDLE_S
    assert desk.core.tick(5.0) == []
    assert desk.core.tick(5.0 + EXTRA_IDLE_S) == [out.Kill(1)]
    assert desk.core.idle == 0
    assert desk.core.tick(6.0 + EXTRA_IDLE_S) == []
    desk.died(1)
    assert desk.take() == []
    desk.died(0)
    assert out.StartWorker() in desk.take()


def test_a_task_says_how_it_wants_to_run(desk: Desk) -> None:
    desk.task("1", metadata=TaskFlags(priority=7, stream_output=True).pack())
    run = only(desk.take())
    assert isinstance(run, out.Run)
    assert (run.priority, run.stream_output) == (7, True)


def test_instructions(desk: Desk) -> None:
    meta = m.ObjectMetadata((b"a" * 32, b"b" * 32))
    desk.tell(m.ObjectInstruction(m.InstructionType.DELETE, ANNA, meta))
    assert only(desk.take()) == out.Delete(meta.object_ids)
    desk.tell(m.ObjectInstruction(m.InstructionType.CLEAR, ANNA, m.ObjectMetadata()))
    assert only(desk.take()) == out.DeleteOwned(owner_prefix(ANNA), (serializer_id(ANNA),))


# -- what a correct peer never sends


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"metadata": b"xyz"}, "task flags"),
        ({"metadata": b"\0\xff\xff\xff\xff\0"}, "negative task priority"),
        ({"source": BERT}, "another client"),
        ({"func_object_id": b"short"}, "32 bytes"),
        ({"function_args": (m.Argument(m.ArgumentType.TASK, b"a" * 32),)}, "outside of a graph"),
        ({"function_args": (m.Argument(m.ArgumentType.OBJECT_ID, b"a"),)}, "32 bytes"),
    ],
)
def test_a_task_that_cannot_be_right_is_refused_with_a_reason(
    desk: Desk, wrong: dict[str, Any], reason: str
) -> None:
    desk.task("1", **wrong)
    error = error_of(desk.take())
    assert type(error) is TaskRefusedError
    assert reason in str(error)
    assert desk.core.tasks == 0


def test_messages_that_are_not_for_a_scheduler_are_counted(desk: Desk) -> None:
    desk.tell(m.TaskResult(b"1", m.TaskResultType.SUCCESS))
    assert isinstance(only(desk.take()), out.Complain)
    assert sum(desk.core.counts.values()) == 1
