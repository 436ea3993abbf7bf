"""What OpenGRIS Scaler is known to do, done by a scheduler that is told to misbehave that way.

Each test is named after the quirk. docs/guides/scaler-promises.md has its row, with what Scaler's
own client does; what a real cluster can be made to do is in tests/cluster/test_quirks.py.
"""

import concurrent.futures
import math
import operator
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.errors import ResultUnreadableError
from futurefsm.fsm.errors import CancelledError, ConnectionLostError, ResultLostError
from futurefsm.protocol import messages as m
from tests.client.scripted import PATIENCE_S, ScriptedScheduler

CANCELED = m.CancelConfirmType.CANCELED
NOT_FOUND = m.CancelConfirmType.CANCEL_NOT_FOUND
FAILED = m.CancelConfirmType.CANCEL_FAILED


def behind(act: Callable[[], Any]) -> "concurrent.futures.Future[Any]":
    """Run it on a thread of its own, so that a hang fails its test and not the run."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def run() -> None:
        try:
            future.set_result(act())
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def still_works(client: Client, scheduler: ScriptedScheduler) -> None:
    """The pump lives: a new task goes there and back."""
    future = client.submit(operator.add, 20, 22)
    scheduler.result(scheduler.expect(m.Task), 42)
    assert future.result(PATIENCE_S) == 42


@contextmanager
def violations(client: Client, count: int) -> Iterator[None]:
    before = client.violations
    yield
    assert client.violations - before == count


@pytest.fixture(params=["zmq", "ymq"])
def scheduler(request: pytest.FixtureRequest) -> Iterator[ScriptedScheduler]:
    with ScriptedScheduler(backend=request.param) as scripted:
        yield scripted


@pytest.fixture
def client(scheduler: ScriptedScheduler) -> Iterator[Client]:
    """Talks to `scheduler`. Closed without waiting for answers that a test did not give."""
    made = Client(scheduler.address, backend=scheduler.backend, timeout=20, cancel_timeout=10)
    try:
        yield made
    finally:
        made.disconnect(timeout=0)


# Cancels.


def test_a_cancel_that_is_never_confirmed(client: Client, scheduler: ScriptedScheduler) -> None:
    """Rows 'cancel without an answer' and 'disconnect() behind it'; a graph's cancel is one."""
    futures = [client.submit(time.sleep, 100) for _ in range(3)]
    assert behind(lambda: futures[0].cancel(timeout=0.2)).result(PATIENCE_S) is True
    assert behind(futures[0].cancelled).result(PATIENCE_S) is True
    assert futures[0].cancel_outcome == "unanswered"
    behind(lambda: client.disconnect(timeout=0.2)).result(PATIENCE_S)
    for future in futures:
        assert future.done()
        assert future.cancelled()
        assert future.cancel_outcome == "disconnected"
        with pytest.raises(CancelledError):
            future.result()


def test_a_cancel_whose_wait_ran_out_is_never_taken_back(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    """Row 'cancel(timeout) that runs out'."""
    future = client.submit(operator.add, 1, 2)
    task = scheduler.expect(m.Task)
    assert future.cancel(timeout=0.05) is True
    object_id = scheduler.result(task, 3)
    assert scheduler.expect_deletion() == object_id
    assert future.cancelled()
    assert future.cancel_outcome == "too_late"
    with pytest.raises(CancelledError):
        future.result(PATIENCE_S)


def test_a_refused_cancel(client: Client, scheduler: ScriptedScheduler) -> None:
    """Row 'cancelFailed'."""
    future = client.submit(operator.add, 1, 2)
    task = scheduler.expect(m.Task)
    said = behind(future.cancel)
    scheduler.expect(m.TaskCancel)
    scheduler.confirm(task, FAILED)
    object_id = scheduler.result(task, 3)
    assert said.result(PATIENCE_S) is True
    assert future.cancelled()
    assert future.cancel_outcome == "refused"
    assert scheduler.expect_deletion() == object_id


def test_not_found_for_a_task_that_ran(client: Client, scheduler: ScriptedScheduler) -> None:
    """Row 'cancelNotFound for a task that ran': also where its result comes behind that."""
    first, second = client.submit(operator.add, 1, 2), client.submit(operator.add, 3, 4)
    tasks = [scheduler.expect(m.Task), scheduler.expect(m.Task)]
    assert first.cancel(timeout=0)
    assert second.cancel(timeout=0)
    # Only not_found; its result is lost on the way, or late.
    scheduler.confirm(tasks[0], NOT_FOUND)
    assert concurrent.futures.wait([first], PATIENCE_S).done
    assert first.cancel_outcome == "not_found"
    late = scheduler.result(tasks[0], 3)
    assert scheduler.expect_deletion() == late
    # The result, then not_found.
    early = scheduler.result(tasks[1], 7)
    scheduler.confirm(tasks[1], NOT_FOUND)
    assert scheduler.expect_deletion() == early
    assert second.cancel_outcome == "too_late"
    assert first.cancelled()
    assert second.cancelled()
    still_works(client, scheduler)
    assert scheduler.deleted.count(late) == scheduler.deleted.count(early) == 1
    assert client.violations == 0


def test_a_result_that_arrives_while_the_cancel_is_sent(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    """Row 'a result for an answer': either wins, and nothing is said that is taken back."""
    choose = random.Random(3)
    won = {True: 0, False: 0}
    for _ in range(100):
        future = client.submit(operator.add, 1, 2)
        task = scheduler.expect(m.Task)
        start = threading.Barrier(2)

        def cancel(future: Any = future, start: Any = start) -> bool:
            start.wait(PATIENCE_S)
            return bool(future.cancel(timeout=PATIENCE_S))

        said = behind(cancel)
        if choose.random() < 0.5:
            object_id = scheduler.result(task, 3)
            start.wait(PATIENCE_S)
        else:
            start.wait(PATIENCE_S)
            object_id = scheduler.result(task, 3)
        scheduler.confirm(task, NOT_FOUND)
        assert said.result(PATIENCE_S) is True
        assert future.cancelled()
        assert future.cancel_outcome in ("too_late", "after_finish", "not_found")
        won[future.cancel_outcome == "after_finish"] += 1
        assert scheduler.expect_deletion() == object_id
        with pytest.raises(CancelledError):
            future.result()
    still_works(client, scheduler)
    assert len(scheduler.deleted) == len(set(scheduler.deleted))
    assert client.violations == 0


def test_a_task_that_the_scheduler_cancels_unasked(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    """Row 'eviction': a client that was silent for too long is told nothing but this."""
    future = client.submit(time.sleep, 100)
    scheduler.confirm(scheduler.expect(m.Task), CANCELED)
    with pytest.raises(CancelledError, match="without having been asked"):
        future.result(PATIENCE_S)
    assert future.cancel_outcome == "by_scheduler"


# Results.


def test_a_late_second_result(client: Client, scheduler: ScriptedScheduler) -> None:
    """Row 'a second TaskResult': the first counts; an object that the second brings is deleted."""
    future = client.submit(operator.add, 1, 2)
    task = scheduler.expect(m.Task)
    first = scheduler.result(task, 3)
    assert future.result(PATIENCE_S) == 3
    assert scheduler.expect_deletion() == first
    scheduler.send_result(task, first)
    second = scheduler.result(task, 4)
    scheduler.send_result(task, second)
    assert scheduler.expect_deletion() == second
    still_works(client, scheduler)
    assert future.result() == 3
    assert scheduler.deleted.count(first) == scheduler.deleted.count(second) == 1


def test_a_second_result_while_the_first_is_fetched(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    """The same row, at the most delicate instant."""
    scheduler.hold_gets = True
    future = client.submit(operator.add, 1, 2)
    task = scheduler.expect(m.Task)
    first = scheduler.result(task, 3)
    second = scheduler.result(task, 4, failed=True)
    assert scheduler.expect_deletion() == second
    scheduler.release_gets()
    assert future.result(PATIENCE_S) == 3
    assert scheduler.expect_deletion() == first
    still_works(client, scheduler)


def test_a_result_with_too_few_or_too_many_objects(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    """Row 'a TaskResult that is not well-formed'."""
    other = client.submit(operator.add, 1, 2)
    none = client.submit(operator.add, 3, 4)
    two = client.submit(operator.add, 5, 6)
    tasks = [scheduler.expect(m.Task) for _ in range(3)]
    scheduler.send(m.TaskResult(tasks[1].task_id, m.TaskResultType.SUCCESS))
    objects = (scheduler.new_object_id(), scheduler.new_object_id())
    scheduler.store(objects[0], 11)
    scheduler.store(objects[1], 12)
    scheduler.send(m.TaskResult(tasks[2].task_id, m.TaskResultType.SUCCESS, b"", objects))
    assert two.result(PATIENCE_S) == 11
    scheduler.result(tasks[0], 3)
    assert other.result(PATIENCE_S) == 3
    # It moved nothing; the right one still counts.
    assert not none.done()
    scheduler.result(tasks[1], 7)
    assert none.result(PATIENCE_S) == 7


@pytest.mark.parametrize("metadata", [b"abc", b"\x7f\xc0\0\0" * 4, b"x" * 64])
def test_a_result_with_wrong_metadata(
    client: Client, scheduler: ScriptedScheduler, metadata: bytes
) -> None:
    """The same row: figures that nobody can read are no reason to lose a value."""
    future = client.submit(operator.add, 1, 2)
    task = scheduler.expect(m.Task)
    object_id = scheduler.new_object_id()
    scheduler.store(object_id, 3)
    scheduler.send(m.TaskResult(task.task_id, m.TaskResultType.SUCCESS, metadata, (object_id,)))
    assert future.result(PATIENCE_S) == 3
    still_works(client, scheduler)


def test_a_value_that_cannot_be_read(client: Client, scheduler: ScriptedScheduler) -> None:
    """Row 'an unreadable result'."""
    future = client.submit(operator.add, 1, 2)
    scheduler.result_bytes(scheduler.expect(m.Task), b"not a pickle")
    with pytest.raises(ResultUnreadableError):
        future.result(PATIENCE_S)
    still_works(client, scheduler)


def test_a_result_that_never_comes_into_existence(scheduler: ScriptedScheduler) -> None:
    """Row 'a failing node': a result is announced whose object nobody ever stores."""
    client = Client(
        scheduler.address, backend=scheduler.backend, timeout=3.0, heartbeat_interval=0.1
    )
    future = client.submit(operator.add, 1, 2)
    object_id = scheduler.new_object_id()
    scheduler.send_result(scheduler.expect(m.Task), object_id)
    with pytest.raises(ResultLostError, match="has not sent it for 3 s"):
        future.result(PATIENCE_S)
    # It comes after all: too late for anybody, and not left behind.
    scheduler.store(object_id, 3)
    while scheduler.expect_deletion() != object_id:
        pass
    still_works(client, scheduler)
    assert client.violations == 0
    client.disconnect(timeout=0)


# Messages.


@pytest.mark.parametrize(
    "raw",
    [b"", b"x", b"\xff" * 16, b"\0" * 24, bytes(range(64)), b"\xff\xff\xff\x0f" + b"\0" * 60],
    ids=["empty", "one byte", "ones", "zeros", "counting", "a billion segments"],
)
def test_a_malformed_message_does_not_end_the_pump(
    client: Client, scheduler: ScriptedScheduler, raw: bytes
) -> None:
    """Row 'malformed bytes'."""
    future = client.submit(operator.add, 1, 2)
    task = scheduler.expect(m.Task)
    with violations(client, 1):
        scheduler.send_raw(raw)
        scheduler.result(task, 3)
        assert future.result(PATIENCE_S) == 3
        still_works(client, scheduler)


_FOR_OTHERS = [
    m.Task(b"t" * 16, b"Client|x", b"", b"f" * 32),
    m.TaskCancel(b"t" * 16),
    m.GraphTask(b"t" * 16, b"Client|x"),
    m.ObjectInstruction(m.InstructionType.DELETE, b"Client|x", m.ObjectMetadata((b"o" * 32,))),
    m.ClientHeartbeat(),
    m.ClientDisconnect(),
]


@pytest.mark.parametrize("message", _FOR_OTHERS, ids=lambda each: type(each).__name__)
def test_an_unknown_message_does_not_end_the_pump(
    client: Client, scheduler: ScriptedScheduler, message: m.Message
) -> None:
    """Row 'a message that is not for a client'."""
    future = client.submit(operator.add, 1, 2)
    task = scheduler.expect(m.Task)
    with violations(client, 1):
        scheduler.send(message)
        scheduler.result(task, 3)
        assert future.result(PATIENCE_S) == 3
        still_works(client, scheduler)


def test_messages_about_tasks_that_nobody_has(client: Client, scheduler: ScriptedScheduler) -> None:
    """Row 'messages for strangers': counted; the object is deleted where it is this client's."""
    future = client.submit(operator.add, 1, 2)
    task = scheduler.expect(m.Task)
    stranger = m.Task(b"s" * 16, task.source, b"", b"f" * 32)
    with violations(client, 2):
        scheduler.confirm(stranger, CANCELED)
        object_id = scheduler.result(stranger, 0)
        assert scheduler.expect_deletion() == object_id
        scheduler.result(task, 3)
        assert future.result(PATIENCE_S) == 3


# The storage channel.


def test_the_storage_channel_ends(client: Client, scheduler: ScriptedScheduler) -> None:
    """Row 'storage channel: FIN': nothing in flight is left hanging, and it says who is gone."""
    scheduler.hold_gets = True
    fetching, running = client.submit(operator.add, 1, 2), client.submit(time.sleep, 100)
    cancelling = client.submit(time.sleep, 100)
    tasks = [scheduler.expect(m.Task) for _ in range(3)]
    scheduler.result(tasks[0], 3)
    assert concurrent.futures.wait([fetching], PATIENCE_S).done
    assert cancelling.cancel(timeout=0)
    scheduler.cut_storage()
    with pytest.raises((ResultLostError, ConnectionLostError), match="object store"):
        fetching.result(PATIENCE_S)
    with pytest.raises(ConnectionLostError, match="object store") as caught:
        running.result(PATIENCE_S)
    assert scheduler.address in str(caught.value)
    assert cancelling.cancelled()
    assert concurrent.futures.wait([cancelling], PATIENCE_S).done
    with pytest.raises(RuntimeError, match="object store"):
        client.submit(operator.add, 1, 2)
    behind(client.disconnect).result(PATIENCE_S)


# What needs no scheduler that misbehaves.


def test_callables_without_a_signature(client: Client, scheduler: ScriptedScheduler) -> None:
    """Row 'submit(time.sleep, 1)'."""
    callables: list[tuple[Any, tuple[Any, ...]]] = [
        (time.sleep, (0,)),
        (max, (1, 2)),
        (int, ("7",)),
        (str, (1,)),
        (dict, ([(1, 2)],)),
        (range, (3,)),
        (operator.itemgetter(1), ([1, 2],)),
        (math.sqrt, (16,)),
    ]
    for fn, args in callables:
        future = client.submit(fn, *args)
        task = scheduler.expect(m.Task)
        assert len(task.function_args) == len(args)
        scheduler.result(task, fn(*args))
        assert future.result(PATIENCE_S) == fn(*args)


def test_an_empty_map(client: Client, scheduler: ScriptedScheduler) -> None:
    """Row 'map(f, [])'."""
    assert list(client.map(operator.neg, [])) == []
    still_works(client, scheduler)


def test_a_failing_item_of_a_map_ends_nothing_else(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    """Row 'a failing item of map()'."""
    other = client.submit(operator.add, 1, 2)
    first = scheduler.expect(m.Task)
    got = behind(lambda: list(client.map(operator.neg, [1, "x"])))
    scheduler.result(scheduler.expect(m.Task), -1)
    scheduler.result(scheduler.expect(m.Task), TypeError("told"), failed=True)
    with pytest.raises(TypeError, match="told"):
        got.result(PATIENCE_S)
    scheduler.result(first, 3)
    assert other.result(PATIENCE_S) == 3
    still_works(client, scheduler)


def test_dropping_the_last_reference_cancels_nothing(scheduler: ScriptedScheduler) -> None:
    """Row 'the last reference to a client'."""
    made = [Client(scheduler.address, backend=scheduler.backend, timeout=PATIENCE_S)]
    future = made.pop().submit(operator.add, 1, 2)
    scheduler.result(scheduler.expect(m.Task), 3)
    assert future.result(PATIENCE_S) == 3
    assert scheduler.expect(m.ClientDisconnect)
    assert scheduler.count(m.TaskCancel) == 0
