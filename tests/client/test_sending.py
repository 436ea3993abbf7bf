"""One task on its way out: its inputs are claimed, and given back where it does not leave."""

import operator

import pytest

from futurefsm.client.client import Client
from futurefsm.client.errors import InvalidReferenceError, QueueFullError
from futurefsm.client.sending import Sending
from futurefsm.client.submitting import Options
from futurefsm.fsm.errors import ClientClosedError
from futurefsm.protocol import messages as m
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


def prepared(client: Client, *args: object) -> Sending:
    return client._submitter.sending(operator.neg, None, args, {}, Options().terms())


def test_an_input_is_kept_until_the_task_has_come(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    source = client.submit(operator.neg, 1)
    sending = prepared(client, source)
    sending.claim()
    object_id = scheduler.result(scheduler.expect(m.Task), -1)
    assert source.result(PATIENCE_S) == -1
    sending.put(PATIENCE_S)
    task = scheduler.expect(m.Task)
    assert [each.data for each in task.function_args] == [object_id]
    assert scheduler.deleted == []
    scheduler.result(task, 1)
    assert sending.future.result(PATIENCE_S) == 1
    assert {scheduler.expect_deletion(), scheduler.expect_deletion()} >= {object_id}


def test_withdrawn(client: Client, scheduler: ScriptedScheduler) -> None:
    source = client.submit(operator.neg, 1)
    sending = prepared(client, source)
    sending.claim()
    object_id = scheduler.result(scheduler.expect(m.Task), -1)
    assert source.result(PATIENCE_S) == -1
    assert scheduler.deleted == []
    sending.withdraw()
    sending.withdraw()
    assert scheduler.expect_deletion() == object_id


def test_a_full_queue_gives_everything_back(client: Client, scheduler: ScriptedScheduler) -> None:
    source = client.submit(operator.neg, 1)
    task = scheduler.expect(m.Task)
    client._agent.inbox._tasks_max = 0
    client._agent.inbox._tasks = 1
    sending = prepared(client, source)
    sending.claim()
    with pytest.raises(QueueFullError):
        sending.put(0.0)
    object_id = scheduler.result(task, -1)
    assert source.result(PATIENCE_S) == -1
    assert scheduler.expect_deletion() == object_id


def test_broken_off_before_and_behind_the_queue(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    source = client.submit(operator.neg, 1)
    task = scheduler.expect(m.Task)
    never, came = prepared(client, source), prepared(client, source)
    never.claim()
    came.claim()
    came.put(PATIENCE_S)
    never.abandon()
    came.abandon()
    client._agent.call(lambda: None)
    assert came.future.cancelled()
    object_id = scheduler.result(task, -1)
    assert source.result(PATIENCE_S) == -1
    assert scheduler.expect_deletion() == object_id


@pytest.mark.parametrize("behind", [False, True])
def test_ctrl_c_gives_everything_back(
    client: Client, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch, behind: bool
) -> None:
    """Also behind the queue: its task is there, and nobody will hold its future."""
    source = client.submit(operator.neg, 1)
    task = scheduler.expect(m.Task)
    sending = prepared(client, source)
    sending.claim()

    def interrupted(*args: object, **more: object) -> None:
        raise KeyboardInterrupt

    agent = client._agent
    where: tuple[object, str] = (agent.pump, "accepted") if behind else (agent.inbox, "put_task")
    monkeypatch.setattr(*where, interrupted)
    with pytest.raises(KeyboardInterrupt):
        sending.put(PATIENCE_S)
    agent.call(lambda: None)
    assert sending.future.cancelled() is behind
    object_id = scheduler.result(task, -1)
    assert source.result(PATIENCE_S) == -1
    assert scheduler.expect_deletion() == object_id


def test_the_client_was_closed_meanwhile(client: Client, scheduler: ScriptedScheduler) -> None:
    sending = prepared(client, 1)
    sending.claim()
    client.disconnect(timeout=0)
    with pytest.raises(ClientClosedError):
        sending.put(PATIENCE_S)
    assert sending.future.cancelled()


def test_an_input_that_has_ended(client: Client, scheduler: ScriptedScheduler) -> None:
    value, error, gone = (client.submit(operator.neg, 1) for _ in range(3))
    scheduler.result(scheduler.expect(m.Task), -1)
    scheduler.result(scheduler.expect(m.Task), ZeroDivisionError("x"), failed=True)
    scheduler.confirm(scheduler.expect(m.Task), m.CancelConfirmType.CANCELED)
    assert value.result(PATIENCE_S) == -1
    assert isinstance(error.exception(PATIENCE_S), ZeroDivisionError)
    assert gone.exception is not None
    while not gone.done():
        client._agent.call(lambda: None)
    client.submit(operator.add, value, value)
    assert len(scheduler.expect(m.Task).function_args) == 2
    failed = client.submit(operator.add, error, value)
    assert failed.exception() is error.exception()
    cancelled = client.submit(operator.add, gone, error)
    assert cancelled.cancel_outcome == "input_cancelled"
    with Client(scheduler.address, timeout=PATIENCE_S) as other:
        with pytest.raises(InvalidReferenceError, match="argument 1 is a future of another"):
            other.submit(operator.neg, value)
        other.disconnect(timeout=0)
