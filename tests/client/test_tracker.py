"""The tracker alone: messages and time in, outputs out."""

from typing import Any

import pytest

from futurefsm.client.outgoing import DOUBT_S
from futurefsm.client.outputs import (
    Delete,
    Deliver,
    Fire,
    Forget,
    Get,
    LinkLost,
    Lose,
    Put,
    Say,
    Send,
    Shutdown,
    Violation,
)
from futurefsm.client.tracked import Call
from futurefsm.client.tracker import ENDED_MAX, Tracker
from futurefsm.client.uploads import LONE_BYTES_MAX, Blob
from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm import states as st
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import IdSource, serializer_id

ME = b"Client|me"
FUNCTION = Blob(b"fn", b"fn", "work")
NOW = 100.0


def tracker(**options: Any) -> Tracker:
    made = Tracker(ME, IdSource(b"seed"), options.pop("lifecycle", CONFIRMED), **options)
    made.opened(NOW)
    made.take()
    return made


def submitted(it: Tracker, *arguments: bytes, task_id: bytes = b"t" * 16) -> bytes:
    blobs = tuple(Blob(each, None, "argument") for each in arguments)
    it.submit(Call(task_id, FUNCTION, blobs, b"flags!"), NOW)
    return task_id


def sent(it: Tracker, *arguments: bytes, task_id: bytes = b"t" * 16) -> bytes:
    submitted(it, *arguments, task_id=task_id)
    it.perform(task_id, [fx.SEND_TASK], None, NOW)
    return task_id


def result(it: Tracker, task_id: bytes, object_id: bytes, ok: bool = True) -> list[Any]:
    kind = m.TaskResultType.SUCCESS if ok else m.TaskResultType.FAILED
    it.received(m.TaskResult(task_id, kind, b"", (object_id,)), NOW)
    return it.take()


def of(kind: type, outputs: list[Any]) -> list[Any]:
    return [output for output in outputs if isinstance(output, kind)]


OBJECT = b"o" * 32


def test_a_session_begins_with_a_heartbeat_and_the_serializer() -> None:
    it = Tracker(ME, IdSource(b"seed"), CONFIRMED, serializer=b"pickle", hostname="here")
    it.opened(NOW)
    beat, create, put = it.take()
    assert beat == Send(m.ClientHeartbeat(m.Resource(), 0, "here"))
    assert create.message.instruction_type is m.InstructionType.CREATE
    assert create.message.object_metadata.object_types == (m.ObjectType.SERIALIZER,)
    assert put == Put(serializer_id(ME), b"pickle")
    it.received(m.ClientHeartbeatEcho(m.StorageAddress("there", 7)), NOW + 0.5)
    assert it.storage_address == m.StorageAddress("there", 7)
    assert it.last_heard == NOW + 0.5
    assert it.take() == []
    deadline = it.deadline()
    assert deadline is not None
    it.tick(deadline)
    assert it.take()[0].message.latency_microseconds == 500_000


def test_silence_is_told_once() -> None:
    it = tracker(timeout_s=5)
    for second in range(1, 6):
        it.tick(NOW + second)
    assert [o.reason for o in of(LinkLost, it.take())] == ["the scheduler was silent for 5 s"]
    it.tick(NOW + 50)
    assert it.take() == []


def test_a_task_is_announced_uploaded_and_sent() -> None:
    it = tracker()
    task_id = sent(it, b"one", b"two")
    create, *puts, task = it.take()
    assert [put.payload for put in puts] == [b"fn", b"one", b"two"]
    ids = tuple(put.object_id for put in puts)
    assert create.message.object_metadata.object_ids == ids
    assert create.message.object_metadata.object_sizes == (2, 3, 3)
    assert create.message.object_metadata.object_names == (b"work", b"argument", b"argument")
    assert task.message == m.Task(
        task_id,
        ME,
        b"flags!",
        ids[0],
        tuple(m.Argument(m.ArgumentType.OBJECT_ID, each) for each in ids[1:]),
    )
    assert it.sent_at(task_id) == NOW
    assert len(it) == 1


def test_the_function_is_uploaded_once() -> None:
    it = tracker()
    sent(it)
    it.take()
    sent(it, task_id=b"u" * 16)
    assert [type(output) for output in it.take()] == [Send]


def test_a_value_is_fetched_delivered_deleted_and_forgotten() -> None:
    it = tracker()
    task_id = sent(it, bytes(LONE_BYTES_MAX + 1))
    for put in of(Put, it.take()):
        it.stored(put.object_id)
        argument = put.object_id
    assert result(it, task_id, OBJECT) == [Fire(task_id, ev.RESULT_SUCCESS, OBJECT)]
    it.perform(task_id, [fx.OFFER_VALUE], OBJECT, NOW)
    it.settled(task_id, st.FINISHED)
    get, drop = it.take()
    assert get == Get(OBJECT)
    assert drop.message.instruction_type is m.InstructionType.DELETE
    assert drop.message.object_metadata.object_ids == (argument,)
    it.fetched(OBJECT, b"bytes")
    assert it.take() == [Delete(OBJECT), Deliver(task_id, b"bytes"), Forget(task_id)]
    assert len(it) == 0


def test_a_lost_race_deletes_the_result_once() -> None:
    it = tracker()
    task_id = sent(it)
    it.perform(task_id, [fx.SEND_CANCEL], None, NOW)
    assert of(Send, it.take())[-1] == Send(m.TaskCancel(task_id, force=True))
    result(it, task_id, OBJECT)
    it.perform(task_id, [fx.DELETE_RESULT], OBJECT, NOW)
    it.settled(task_id, st.CANCELLED)
    assert it.take() == [Delete(OBJECT), Forget(task_id)]
    # Duplicates and late answers, now that the future is forgotten.
    assert result(it, task_id, OBJECT) == []
    other = b"p" * 32
    assert result(it, task_id, other) == [Delete(other)]
    assert result(it, task_id, other) == []
    it.received(m.TaskCancelConfirm(task_id, m.CancelConfirmType.CANCELED), NOW)
    assert it.take() == []
    assert it.violations == 0


def test_a_late_duplicate_of_a_finished_task_deletes_nothing() -> None:
    it = tracker()
    task_id = sent(it)
    result(it, task_id, OBJECT)
    it.perform(task_id, [fx.OFFER_VALUE], OBJECT, NOW)
    it.settled(task_id, st.FINISHED)
    it.fetched(OBJECT, b"bytes")
    it.take()
    assert result(it, task_id, OBJECT) == []


def test_no_cancel_for_what_was_never_sent() -> None:
    it = tracker()
    task_id = submitted(it)
    it.perform(task_id, [fx.SEND_CANCEL], None, NOW)
    assert not any(isinstance(o.message, m.TaskCancel) for o in of(Send, it.take()))
    assert it.sent_at(task_id) is None
    # The step that was to send it, in another thread, comes behind that of its cancel.
    it.perform(task_id, [fx.SEND_TASK], None, NOW)
    assert of(Send, it.take()) == []
    assert it.sent_at(task_id) is None


def test_discarded_on_its_way() -> None:
    it = tracker()
    task_id = sent(it)
    result(it, task_id, OBJECT)
    it.perform(task_id, [fx.OFFER_ERROR], OBJECT, NOW)
    it.settled(task_id, st.FINISHED)
    it.perform(task_id, [fx.DISCARD_VALUE], None, NOW)
    it.settled(task_id, st.CANCELLED)
    it.take()
    it.fetched(OBJECT, b"bytes")
    assert it.take() == [Delete(OBJECT), Forget(task_id)]


def test_the_storage_channel_ends() -> None:
    it = tracker()
    task_id = sent(it)
    result(it, task_id, OBJECT)
    it.perform(task_id, [fx.OFFER_VALUE], OBJECT, NOW)
    it.settled(task_id, st.FINISHED)
    it.take()
    it.storage_lost("cut")
    assert it.take() == [Lose(task_id, OBJECT, "cut"), Forget(task_id)]
    it.fetch_failed(OBJECT, "again")
    assert it.take() == []


@pytest.mark.parametrize(
    "message",
    [
        m.ClientHeartbeat(),
        m.ClientShutdownResponse(True),
        m.TaskCancelConfirm(b"never heard of it", m.CancelConfirmType.CANCELED),
    ],
)
def test_what_a_correct_scheduler_never_sends(message: m.Message) -> None:
    it = tracker()
    it.received(message, NOW)
    (output,) = it.take()
    assert isinstance(output, Violation)
    assert it.violations == 1


def test_a_result_for_a_stranger_is_deleted_only_if_it_is_ours() -> None:
    it = tracker()
    ours = IdSource(b"other").object_id(ME)
    assert of(Delete, result(it, b"stranger", ours)) == [Delete(ours)]
    assert of(Delete, result(it, b"stranger", OBJECT)) == []


def test_a_result_without_its_object_moves_nothing() -> None:
    it = tracker()
    task_id = sent(it)
    it.take()
    it.received(m.TaskResult(task_id, m.TaskResultType.SUCCESS), NOW)
    (output,) = it.take()
    assert isinstance(output, Violation)
    it.fetched(OBJECT, b"bytes")
    assert isinstance(it.take()[0], Violation)


def test_with_credits_a_task_waits_for_a_free_worker() -> None:
    it = tracker(lifecycle=STRICT, credits=1)
    first, second, third = (submitted(it, task_id=bytes([n]) * 16) for n in range(3))
    assert it.grant() == first
    it.perform(first, [fx.SEND_TASK], None, NOW)
    assert it.grant() is None
    it.take()
    it.received(m.TaskCancelConfirm(first, m.CancelConfirmType.CANCELED), NOW)
    it.settled(first, st.FINISHED)
    # Its user cancelled the second while it waited: the credit is not used up.
    assert it.grant() == second
    it.settled(second, st.CANCELLED)
    assert it.grant() == third
    it.perform(third, [fx.SEND_TASK], None, NOW)
    assert it.credits == 0
    it.settled(third, st.FINISHED)
    it.settled(third, st.FINISHED)
    assert it.credits == 1


def test_disconnect_and_clear() -> None:
    it = tracker()
    task_id = sent(it)
    (put,) = of(Put, it.take())
    it.stored(put.object_id)
    it.settled(task_id, st.CANCELLED)
    it.take()
    it.clear()
    (drop,) = it.take()
    assert drop.message.object_metadata.object_ids == (put.object_id,)
    it.disconnect()
    assert it.take() == [Send(m.ClientDisconnect())]


def test_what_is_remembered_is_bounded() -> None:
    it = tracker()
    for n in range(ENDED_MAX + 10):
        task_id = sent(it, task_id=n.to_bytes(16, "big"))
        it.settled(task_id, st.CANCELLED)
    it.take()
    assert len(it._ended) == ENDED_MAX
    assert len(it) == 0


def test_an_effect_of_somebody_else_is_a_bug() -> None:
    it = tracker()
    with pytest.raises(AssertionError, match="not the wire's"):
        it.perform(sent(it), [fx.NOTIFY], None, NOW)


def test_what_tasks_print_is_said() -> None:
    it = tracker()
    it.received(m.TaskLog(b"t", m.LogType.STDOUT, "x"), NOW)
    it.received(m.TaskLog(b"t", m.LogType.STDERR, "y"), NOW)
    assert it.take() == [Say("x", False), Say("y", True)]
    assert it.violations == 0


def test_a_shutdown_is_asked_for_and_answered() -> None:
    it = tracker()
    it.shutdown()
    assert it.take() == [Send(m.ClientDisconnect(m.DisconnectType.SHUTDOWN))]
    it.received(m.ClientShutdownResponse(False), NOW)
    assert it.take() == [Shutdown(False)]
    assert it.violations == 0


def renewed(outputs: list[Any]) -> bool:
    """Whether the client registers again, and uploads what is needed."""
    puts = [put.object_id for put in of(Put, outputs)]
    return serializer_id(ME) in puts


def test_who_was_stopped_may_be_forgotten() -> None:
    """A heartbeat first, then the serializer, then what live tasks need under the same ids."""
    it = tracker(serializer=b"pickle")
    sent(it, b"one")
    function, argument = (put.object_id for put in of(Put, it.take()))
    it.received(m.ClientHeartbeatEcho(m.StorageAddress("there", 7)), NOW)
    it.tick(NOW + 2)
    assert not renewed(it.take())
    it.tick(NOW + 4 + 10)
    beat, create, put, create_more, *puts = it.take()
    assert isinstance(beat.message, m.ClientHeartbeat)
    assert create.message.object_metadata.object_types == (m.ObjectType.SERIALIZER,)
    assert put == Put(serializer_id(ME), b"pickle")
    assert create_more.message.object_metadata.object_ids == (function, argument)
    assert puts == [Put(function, b"fn"), Put(argument, b"one")]


def test_a_cancel_that_nobody_asked_for_is_a_sign_of_it() -> None:
    it = tracker(serializer=b"pickle")
    canceled = m.CancelConfirmType.CANCELED
    tasks = [sent(it, task_id=bytes([n]) * 16) for n in range(3)]
    it.perform(tasks[0], [fx.SEND_CANCEL], None, NOW)
    it.take()
    it.received(m.TaskCancelConfirm(tasks[0], canceled), NOW)
    assert not renewed(it.take())
    it.received(m.TaskCancelConfirm(tasks[1], m.CancelConfirmType.CANCEL_NOT_FOUND), NOW)
    assert not renewed(it.take())
    it.received(m.TaskCancelConfirm(tasks[1], canceled), NOW)
    assert renewed(it.take())
    # All tasks end so: once is enough.
    it.received(m.TaskCancelConfirm(tasks[2], canceled), NOW + 0.1)
    assert not renewed(it.take())


def test_a_link_that_was_away_for_long() -> None:
    it = tracker(serializer=b"pickle")
    it.received(m.ClientHeartbeatEcho(m.StorageAddress("there", 7)), NOW)
    it.tick(NOW + 2)
    it.take()
    it.reopened(NOW + 2.5)
    outputs = it.take()
    assert isinstance(outputs[0].message, m.ClientHeartbeat)
    assert not renewed(outputs)
    for second in range(3, 9):
        it.tick(NOW + second)
    assert not renewed(it.take())
    it.reopened(NOW + 9)
    assert renewed(it.take())


def test_where_nobody_looks_for_a_serializer_nobody_forgets() -> None:
    it = tracker()
    it.tick(NOW + 1000)
    assert not of(Put, it.take())


def test_what_a_broken_link_may_have_lost() -> None:
    """An unforced cancel tells what has ended, and stops nothing that runs."""
    it = tracker(serializer=b"pickle")
    ended, waits, runs, asked, done = (sent(it, task_id=bytes([n]) * 16) for n in range(5))
    it.perform(asked, [fx.SEND_CANCEL], None, NOW)
    result(it, done, OBJECT)
    it.settled(done, st.FINISHED)
    submitted(it, task_id=b"x" * 16)  # not sent yet
    it.take()
    it.doubt(NOW, [b"resent"])

    def cancels() -> list[m.Message]:
        return [o.message for o in of(Send, it.take()) if isinstance(o.message, m.TaskCancel)]

    it.tick(NOW + DOUBT_S - 1)
    assert cancels() == []
    it.tick(NOW + DOUBT_S)
    assert cancels() == [m.TaskCancel(task_id, False) for task_id in (ended, waits, runs)]
    it.received(m.TaskCancelConfirm(ended, m.CancelConfirmType.CANCEL_NOT_FOUND), NOW)
    (fire,) = it.take()
    assert (fire.task_id, fire.event) == (ended, ev.CONNECTION_LOST)
    assert "its result was lost" in fire.value
    it.received(m.TaskCancelConfirm(waits, m.CancelConfirmType.CANCELED), NOW)
    (again,) = it.take()
    assert isinstance(again.message, m.Task)
    assert again.message.task_id == waits
    # Once: the next one that nobody asked for is what it says.
    it.received(m.TaskCancelConfirm(waits, m.CancelConfirmType.CANCELED), NOW)
    assert of(Fire, it.take())[0].event == ev.CONFIRM_CANCELED
    # Its user cancels it meanwhile: then the answer is the cancel's.
    it.perform(runs, [fx.SEND_CANCEL], None, NOW)
    it.take()
    it.received(m.TaskCancelConfirm(runs, m.CancelConfirmType.CANCELED), NOW)
    assert of(Fire, it.take())[0].event == ev.CONFIRM_CANCELED
