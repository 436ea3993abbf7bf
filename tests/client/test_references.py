"""Objects that a client keeps in the store: who may use them, and when they go."""

import gc
import operator
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.errors import InvalidReferenceError, ObjectStoreFullError, UnsendableError
from futurefsm.fsm.errors import ClientClosedError
from futurefsm.protocol import messages as m
from tests.client.scripted import PATIENCE_S, ScriptedScheduler

DELETE = m.InstructionType.DELETE


def dropped(scheduler: ScriptedScheduler) -> tuple[bytes, ...]:
    while True:
        message = scheduler.expect(m.ObjectInstruction)
        if message.instruction_type is DELETE:
            return message.object_metadata.object_ids


def test_a_name_is_a_string(client: Client, scheduler: ScriptedScheduler) -> None:
    with pytest.raises(TypeError, match="name of an object must be a string, not 3"):
        client.send_object(1, name=3)  # type: ignore[arg-type]
    # It ended the pump, and every future with it.
    assert client._agent.call(lambda: True)


def test_sent_once_and_named(client: Client, scheduler: ScriptedScheduler) -> None:
    reference = client.send_object({"a": 1}, name="settings")
    created = scheduler.expect(m.ObjectInstruction).object_metadata
    while reference.object_id not in created.object_ids:
        created = scheduler.expect(m.ObjectInstruction).object_metadata
    assert created.object_names == (b"settings",)
    assert created.object_sizes == (reference.size,)
    future = client.submit(operator.eq, reference, reference)
    task = scheduler.expect(m.Task)
    assert [each.data for each in task.function_args] == [reference.object_id] * 2
    scheduler.result(task, True)
    assert future.result(PATIENCE_S) is True


def test_equality_and_words(client: Client) -> None:
    reference, other = client.send_object(1), client.send_object(1)
    assert reference == reference
    assert reference != other
    assert reference != 1
    assert len({reference, other, reference}) == 2
    assert repr(reference) == f"<ObjectReference 'the object', {reference.size} bytes>"
    reference.delete()
    assert repr(reference).endswith("bytes, deleted>")


def test_deleted_when_the_last_task_has_ended(client: Client, scheduler: ScriptedScheduler) -> None:
    reference = client.send_object("x")
    future = client.submit(len, reference)
    task = scheduler.expect(m.Task)
    object_id = reference.object_id
    reference.delete()
    del reference
    gc.collect()
    assert client._agent.call(lambda: None) is None
    assert not any(
        isinstance(each, m.ObjectInstruction) and each.instruction_type is DELETE
        for each in scheduler.seen
    )
    scheduler.result(task, 1)
    assert future.result(PATIENCE_S) == 1
    assert dropped(scheduler) == (object_id,)


def test_a_submit_that_fails_gives_it_back(client: Client, scheduler: ScriptedScheduler) -> None:
    reference, gone = client.send_object("x"), client.send_object("y")
    gone.delete()
    assert dropped(scheduler) == (gone.object_id,)
    with pytest.raises(InvalidReferenceError):
        client.submit(operator.eq, reference, gone)
    reference.delete()
    assert dropped(scheduler) == (reference.object_id,)


def test_a_closed_client_takes_none(client: Client, scheduler: ScriptedScheduler) -> None:
    reference = client.send_object("x")
    client.disconnect(timeout=0)
    with pytest.raises(ClientClosedError):
        client.send_object("y")
    with pytest.raises(ClientClosedError):
        client.submit(len, reference)
    reference.delete()


def test_a_client_that_closes_meanwhile_takes_none(
    client: Client, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the first look and the place in the queue."""
    inbox = client._agent.inbox
    put = inbox.put_task

    def closed_meanwhile(*args: Any, **kwargs: Any) -> None:
        inbox.close("closed")
        put(*args, **kwargs)

    monkeypatch.setattr(inbox, "put_task", closed_meanwhile)
    before = inbox._tasks, inbox._bytes
    with pytest.raises(ClientClosedError):
        client.send_object("x")
    assert (inbox._tasks, inbox._bytes) == before


def test_what_cannot_be_sent() -> None:
    with Client(workers=1, store_bytes=10_000) as client:
        with pytest.raises(ObjectStoreFullError, match="send_object has 20"):
            client.send_object(bytes(20_000))
        with pytest.raises(UnsendableError, match="big thing"):
            client.send_object((each for each in "x"), name="big thing")
