"""What a future waits for, in a sentence, in every state that a user can meet."""

import operator
import time
from concurrent.futures import Future

import pytest

from futurefsm.client.client import Client
from futurefsm.fsm.lifecycles import STRICT
from futurefsm.protocol import messages as m
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


def test_from_submit_to_the_end(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(time.sleep, 1)
    task = scheduler.expect(m.Task)
    assert "is running for" in client.explain(future)
    assert f"waits for a TaskResult from the scheduler at {scheduler.address}" in client.explain(
        future
    )
    future.cancel(timeout=0)
    scheduler.expect(m.TaskCancel)
    assert "is cancel_requested" in client.explain(future)
    assert "a TaskCancelConfirm or a TaskResult" in client.explain(future)
    scheduler.confirm(task, m.CancelConfirmType.CANCEL_FAILED)
    second = client.submit(operator.add, 1, 2)
    scheduler.result(scheduler.expect(m.Task), 3)
    assert second.result(PATIENCE_S) == 3
    assert "the worker refused to stop" in client.explain(future)
    assert "it returned int" in client.explain(second)
    client.disconnect(timeout=0)
    assert "is cancelled since" in client.explain(future)
    assert "the client was closed first" in client.explain(future)


def test_failed_and_cancelled_by_nobody(client: Client, scheduler: ScriptedScheduler) -> None:
    failed, ended = client.submit(operator.add, 1, 2), client.submit(operator.add, 1, 2)
    scheduler.result(scheduler.expect(m.Task), KeyError("x"), failed=True)
    scheduler.confirm(scheduler.expect(m.Task), m.CancelConfirmType.CANCELED)
    assert isinstance(failed.exception(PATIENCE_S), KeyError)
    assert "it raised KeyError" in client.explain(failed)
    time_is_up = time.monotonic() + PATIENCE_S
    while not ended.done() and time.monotonic() < time_is_up:
        time.sleep(0.001)
    assert "without having been asked" in client.explain(ended)


def test_pending(scheduler: ScriptedScheduler) -> None:
    client = Client(scheduler.address, lifecycle=STRICT)
    client._agent.pump.tracker.credits = 0
    future = client.submit(time.sleep, 1)
    assert "waits in this process for a free worker" in client.explain(future)
    client.disconnect(timeout=0)


def test_what_cannot_be_explained_or_cancelled(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    other = Client(scheduler.address)
    foreign = other.submit(operator.add, 1, 2)
    for no_future in (3, Future(), foreign):
        with pytest.raises(TypeError, match=f"only a future of client {client._agent.name} can be"):
            client.explain(no_future)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="only a future can be cancelled, not 3"):
        client.cancel([3])  # type: ignore[list-item]
    other.disconnect(timeout=0)
