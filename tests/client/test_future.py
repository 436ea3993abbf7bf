"""The client's future, on a scheduler that answers as the test says."""

import asyncio
import concurrent.futures
import logging
import operator
import pickle
import threading
import time
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.errors import ResultUnreadableError
from futurefsm.client.future import Future
from futurefsm.fsm.errors import (
    CancelledError,
    ConnectionLostError,
    InvalidStateError,
    ResultLostError,
    WorkerDiedError,
)
from futurefsm.fsm.lifecycles import STRICT
from futurefsm.protocol import messages as m
from futurefsm.protocol.task_flags import Profile
from tests.client.scripted import PATIENCE_S, ScriptedScheduler

CANCELED = m.CancelConfirmType.CANCELED
NOT_FOUND = m.CancelConfirmType.CANCEL_NOT_FOUND
FAILED = m.CancelConfirmType.CANCEL_FAILED


def in_thread(act: Any, *args: Any) -> "concurrent.futures.Future[Any]":
    """Run it on a thread of its own."""
    future: concurrent.futures.Future[Any] = concurrent.futures.Future()

    def run() -> None:
        try:
            future.set_result(act(*args))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return future


def test_running_as_soon_as_submitted(client: Client) -> None:
    future = client.submit(operator.add, 1, 2)
    assert future.running()
    assert not future.done()
    assert future.state == "running"


def test_value(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(operator.add, 1, 2)
    object_id = scheduler.result(scheduler.expect(m.Task), {"answer": 3})
    assert future.result(PATIENCE_S) == {"answer": 3}
    assert future.result(0) is future.result(0)
    assert future.exception() is None
    assert scheduler.expect_deletion() == object_id
    assert [move.state for move in future.story] == ["running", "finished"]
    assert [move.source for move in future.story] == ["caller", "wire"]


def test_exception(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(operator.truediv, 1, 0)
    object_id = scheduler.result(scheduler.expect(m.Task), ZeroDivisionError("x"), failed=True)
    with pytest.raises(ZeroDivisionError, match="x"):
        future.result(PATIENCE_S)
    assert isinstance(future.exception(), ZeroDivisionError)
    assert scheduler.expect_deletion() == object_id


@pytest.mark.parametrize(("kind", "outcome"), [(CANCELED, "confirmed"), (NOT_FOUND, "not_found")])
def test_cancel_waits_for_the_answer(
    client: Client, scheduler: ScriptedScheduler, kind: m.CancelConfirmType, outcome: str
) -> None:
    future = client.submit(time.sleep, 100)
    task = scheduler.expect(m.Task)
    said = in_thread(future.cancel)
    asked = scheduler.expect(m.TaskCancel)
    assert asked == m.TaskCancel(task.task_id, force=True)
    assert not said.done()
    assert future.cancel_outcome == "unanswered"
    scheduler.confirm(task, kind)
    assert said.result(PATIENCE_S) is True
    assert future.cancelled()
    assert future.cancel_outcome == outcome
    with pytest.raises(CancelledError, match=outcome) as caught:
        future.result()
    assert caught.value.outcome == outcome
    assert "cancel_requested" in str(caught.value)


def test_cancel_that_a_result_overtakes(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(time.sleep, 100)
    task = scheduler.expect(m.Task)
    said = in_thread(future.cancel)
    scheduler.expect(m.TaskCancel)
    object_id = scheduler.result(task, "too late")
    assert said.result(PATIENCE_S) is True
    assert future.cancelled()
    assert future.cancel_outcome == "too_late"
    assert scheduler.expect_deletion() == object_id
    # The late not_found and a duplicate of the result change nothing and delete nothing more.
    scheduler.confirm(task, NOT_FOUND)
    scheduler.send_result(task, object_id)
    second = client.submit(operator.add, 1, 2)
    scheduler.result(scheduler.expect(m.Task), 3)
    assert second.result(PATIENCE_S) == 3
    assert future.cancel_outcome == "too_late"
    assert scheduler.deleted.count(object_id) == 1


def test_a_late_result_after_the_confirmation_is_deleted(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    future = client.submit(time.sleep, 100)
    task = scheduler.expect(m.Task)
    said = in_thread(future.cancel)
    scheduler.expect(m.TaskCancel)
    scheduler.confirm(task, CANCELED)
    assert said.result(PATIENCE_S)
    object_id = scheduler.result(task, "late")
    assert scheduler.expect_deletion() == object_id
    assert future.cancelled()
    assert client.violations == 0


def test_cancel_refused(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(time.sleep, 100)
    task = scheduler.expect(m.Task)
    said = in_thread(future.cancel)
    scheduler.expect(m.TaskCancel)
    scheduler.confirm(task, FAILED)
    object_id = scheduler.result(task, "it would not stop")
    assert said.result(PATIENCE_S) is True
    assert future.cancel_outcome == "refused"
    assert future.cancelled()
    assert scheduler.expect_deletion() == object_id


def test_cancel_never_answered(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(time.sleep, 100)
    task = scheduler.expect(m.Task)
    assert future.cancel(timeout=0.05) is True
    assert future.state == "cancel_requested"
    assert not future.done()
    assert future.running()
    assert future.cancelled() is True  # the deadline has passed; the end is decided
    assert future.cancel_outcome == "unanswered"
    assert future.cancel(timeout=0) is True
    assert "TaskCancelConfirm or a TaskResult" in client.explain(future)
    scheduler.confirm(task, CANCELED)
    assert concurrent.futures.wait([future], PATIENCE_S).done == {future}
    assert future.cancel_outcome == "confirmed"
    assert scheduler.count(m.TaskCancel) == 1


def test_cancel_answered_twice_and_out_of_order(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    first, second = client.submit(time.sleep, 1), client.submit(time.sleep, 2)
    tasks = [scheduler.expect(m.Task), scheduler.expect(m.Task)]
    said = [in_thread(first.cancel), in_thread(second.cancel)]
    scheduler.expect(m.TaskCancel)
    scheduler.expect(m.TaskCancel)
    for task in reversed(tasks):
        scheduler.confirm(task, CANCELED)
        scheduler.confirm(task, NOT_FOUND)
    assert [each.result(PATIENCE_S) for each in said] == [True, True]
    assert first.cancel_outcome == second.cancel_outcome == "confirmed"


def test_ten_threads_cancel_once(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(time.sleep, 100)
    task = scheduler.expect(m.Task)
    barrier = threading.Barrier(10)

    def cancel() -> bool:
        barrier.wait(PATIENCE_S)
        return future.cancel()

    said = [in_thread(cancel) for _ in range(10)]
    scheduler.expect(m.TaskCancel)
    scheduler.confirm(task, CANCELED)
    assert [each.result(PATIENCE_S) for each in said] == [True] * 10
    assert scheduler.count(m.TaskCancel) == 1


def test_cancel_of_a_finished_future(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(operator.add, 1, 2)
    calls: list[str] = []
    called = threading.Event()
    future.add_done_callback(lambda f: (calls.append(f.state), called.set()))
    scheduler.result(scheduler.expect(m.Task), 3)
    assert future.result(PATIENCE_S) == 3
    assert called.wait(PATIENCE_S)
    assert future.cancel() is True
    assert future.cancelled()
    assert future.cancel_outcome == "after_finish"
    with pytest.raises(CancelledError, match="after_finish"):
        future.result()
    with pytest.raises(CancelledError):
        future.exception()
    assert calls == ["finished"]
    assert scheduler.count(m.TaskCancel) == 0


def test_cancel_of_a_finished_future_whose_bytes_are_on_their_way(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    scheduler.hold_gets = True
    future = client.submit(operator.add, 1, 2)
    called = threading.Event()
    future.add_done_callback(lambda f: called.set())
    object_id = scheduler.result(scheduler.expect(m.Task), 3)
    concurrent.futures.wait([future], PATIENCE_S)
    assert future.done()
    assert not called.is_set()
    assert "on its way" in client.explain(future)
    assert future.cancel()
    assert called.wait(PATIENCE_S)
    scheduler.release_gets()
    assert scheduler.expect_deletion() == object_id


def test_cancel_on_a_loop_does_not_block_it(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(time.sleep, 100)
    task = scheduler.expect(m.Task)

    async def main() -> None:
        awaiting = asyncio.ensure_future(asyncio.wrap_future(future))
        await asyncio.sleep(0)
        awaiting.cancel()
        # If the loop were blocked for the answer, nothing could give it.
        with pytest.raises(asyncio.CancelledError):
            await awaiting
        await asyncio.to_thread(scheduler.expect, m.TaskCancel)
        assert future.state == "cancel_requested"
        assert future.cancelled() is True
        scheduler.confirm(task, CANCELED)
        await asyncio.to_thread(concurrent.futures.wait, [future], PATIENCE_S)

    asyncio.run(main())
    assert future.done()


def test_cancelling_many_on_a_loop_does_not_block_it(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    futures = [client.submit(time.sleep, 100) for _ in range(3)]
    tasks = [scheduler.expect(m.Task) for _ in futures]

    async def main() -> None:
        # Nobody answers before it has returned.
        assert client.cancel(futures) is False
        for task in tasks:
            scheduler.confirm(task, CANCELED)
        await asyncio.gather(*futures, return_exceptions=True)

    asyncio.run(main())
    assert all(future.cancelled() for future in futures)


def test_cancel_from_a_callback_asks_and_returns(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    first, second = client.submit(operator.add, 1, 2), client.submit(time.sleep, 100)
    tasks = [scheduler.expect(m.Task), scheduler.expect(m.Task)]
    said: list[bool] = []
    called = threading.Event()

    def cancel_the_other(_: Any) -> None:
        said.append(second.cancel())
        said.append(second.cancelled())
        called.set()

    first.add_done_callback(cancel_the_other)
    scheduler.result(tasks[0], 3)
    assert called.wait(PATIENCE_S)
    assert said == [True, True]
    assert second.state == "cancel_requested"
    scheduler.confirm(tasks[1], CANCELED)
    concurrent.futures.wait([second], PATIENCE_S)


def test_await(client: Client, scheduler: ScriptedScheduler) -> None:
    async def main() -> list[int]:
        futures = [client.submit(operator.add, 1, n) for n in range(3)]
        for n in range(3):
            scheduler.result(await asyncio.to_thread(scheduler.expect, m.Task), n)
        return await asyncio.gather(*futures)

    assert asyncio.run(main()) == [0, 1, 2]


def test_worker_died(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(time.sleep, 1)
    task = scheduler.expect(m.Task)
    kind = m.TaskResultType.FAILED_WORKER_DIED
    scheduler.send(m.TaskResult(task.task_id, kind, worker_exit=-9))
    with pytest.raises(WorkerDiedError, match="SIGKILL") as caught:
        future.result(PATIENCE_S)
    assert caught.value.exit_code == -9
    assert "sleep" in str(caught.value)


def test_worker_died_while_cancelling(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(time.sleep, 1)
    task = scheduler.expect(m.Task)
    future.cancel(timeout=0)
    scheduler.send(m.TaskResult(task.task_id, m.TaskResultType.FAILED_WORKER_DIED))
    concurrent.futures.wait([future], PATIENCE_S)
    assert future.cancelled()
    assert future.cancel_outcome == "worker_died"


def test_cancelled_by_the_scheduler(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(time.sleep, 1)
    scheduler.confirm(scheduler.expect(m.Task), CANCELED)
    with pytest.raises(CancelledError, match="by_scheduler"):
        future.result(PATIENCE_S)


def test_disconnect_bounded_by_one_deadline(client: Client, scheduler: ScriptedScheduler) -> None:
    futures = [client.submit(time.sleep, 100) for _ in range(100)]
    began = time.monotonic()
    client.disconnect(timeout=0.5)
    assert time.monotonic() - began < 40, "not one after the other"
    assert all(future.cancelled() for future in futures)
    assert {future.cancel_outcome for future in futures} == {"disconnected"}
    assert scheduler.expect(m.ClientDisconnect)


def test_scheduler_silent(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit(time.sleep, 1)
    scheduler.expect(m.Task)
    scheduler.echo = False
    session = client._agent.pump.tracker.session
    client._agent.call(lambda: setattr(session, "_timeout", 0.1))
    with pytest.raises(ConnectionLostError, match=r"silent.*\n.*running"):
        future.result(PATIENCE_S)


def test_nobody_there() -> None:
    with pytest.raises(ConnectionLostError, match=r"no answer from .*127.0.0.1:9 .*is it running"):
        Client("tcp://127.0.0.1:9", timeout=0.3)


def test_storage_channel_ends(client: Client, scheduler: ScriptedScheduler) -> None:
    scheduler.hold_gets = True
    finished = client.submit(operator.add, 1, 2)
    running = client.submit(time.sleep, 100)
    scheduler.result(scheduler.expect(m.Task), 3)
    concurrent.futures.wait([finished], PATIENCE_S)
    scheduler.cut_storage()
    with pytest.raises(ResultLostError, match="object store"):
        finished.result(PATIENCE_S)
    with pytest.raises(ConnectionLostError, match="object store"):
        running.result(PATIENCE_S)
    with pytest.raises(RuntimeError, match="object store"):
        client.submit(operator.add, 1, 2)


def test_bad_bytes_harm_nobody(
    client: Client, scheduler: ScriptedScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    future = client.submit(operator.add, 1, 2)
    task = scheduler.expect(m.Task)
    with caplog.at_level(logging.WARNING):
        scheduler.send_raw(b"")
        scheduler.send_raw(b"\xff" * 64)
        scheduler.send(m.ClientHeartbeat())
        scheduler.send(m.TaskCancelConfirm(bytes(16), CANCELED))
        scheduler.send(m.TaskResult(task.task_id, m.TaskResultType.SUCCESS))
        scheduler.result(task, 3)
        assert future.result(PATIENCE_S) == 3
    assert client.violations == 5
    assert task.task_id.hex()[:8] in caplog.text


class _Bomb:
    """Its unpickling does what it is told."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> Any:
        return eval, (self.text,)


@pytest.mark.parametrize(
    "text", ["1/0", "__import__('sys').exit(3)", "(_ for _ in ()).throw(MemoryError())"]
)
def test_a_poisoned_value_harms_its_own_future_only(
    client: Client, scheduler: ScriptedScheduler, text: str
) -> None:
    poisoned, healthy = client.submit(operator.add, 1, 2), client.submit(operator.add, 3, 4)
    tasks = [scheduler.expect(m.Task), scheduler.expect(m.Task)]
    called = threading.Event()
    poisoned.add_done_callback(lambda f: called.set())
    scheduler.result_bytes(tasks[0], pickle.dumps(_Bomb(text)))
    scheduler.result(tasks[1], 7)
    with pytest.raises(ResultUnreadableError, match="did not become an object"):
        poisoned.result(PATIENCE_S)
    assert called.wait(PATIENCE_S)
    assert healthy.result(PATIENCE_S) == 7


class _Unprintable(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def _throw(error: BaseException) -> None:
    raise error


@pytest.mark.parametrize("error", [KeyboardInterrupt(), _Unprintable()])
def test_a_poisoned_value_ends_no_callback_thread(
    client: Client, scheduler: ScriptedScheduler, error: BaseException
) -> None:
    class Bomb:
        def __reduce__(self) -> Any:
            return _throw, (error,)

    poisoned, healthy = client.submit(operator.add, 1, 2), client.submit(operator.add, 3, 4)
    tasks = [scheduler.expect(m.Task), scheduler.expect(m.Task)]
    called, later = threading.Event(), threading.Event()
    poisoned.add_done_callback(lambda f: called.set())
    scheduler.result_bytes(tasks[0], pickle.dumps(Bomb()))
    assert called.wait(PATIENCE_S)
    with pytest.raises(ResultUnreadableError, match=type(error).__name__):
        poisoned.result(PATIENCE_S)
    healthy.add_done_callback(lambda f: later.set())
    scheduler.result(tasks[1], 7)
    assert later.wait(PATIENCE_S)


def test_callbacks_that_waited_for_the_bytes_go_first(
    client: Client, scheduler: ScriptedScheduler, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, added = threading.Event(), threading.Event()
    release = Future._release_held

    def late(self: Any) -> None:
        here.set()
        added.wait(PATIENCE_S)
        release(self)

    monkeypatch.setattr(Future, "_release_held", late)
    heard: list[int] = []
    all_heard = threading.Event()
    future = client.submit(operator.add, 1, 2)
    future.add_done_callback(lambda _: heard.append(1))
    scheduler.result(scheduler.expect(m.Task), 3)
    assert here.wait(PATIENCE_S)
    future.add_done_callback(lambda _: heard.append(2))
    future.add_done_callback(lambda _: all_heard.set())
    added.set()
    assert all_heard.wait(PATIENCE_S)
    assert heard == [1, 2]


class _Gate:
    """Its unpickling says that it has begun, and waits to be let through."""

    entered, release = threading.Event(), threading.Event()

    @staticmethod
    def passed() -> int:
        _Gate.entered.set()
        assert _Gate.release.wait(PATIENCE_S)
        return 5

    def __reduce__(self) -> Any:
        return _Gate.passed, ()


def test_a_slow_unpickling_delays_nobody_else(client: Client, scheduler: ScriptedScheduler) -> None:
    slow, quick = client.submit(operator.add, 1, 2), client.submit(operator.add, 3, 4)
    tasks = [scheduler.expect(m.Task), scheduler.expect(m.Task)]
    scheduler.result_bytes(tasks[0], pickle.dumps(_Gate()))
    asked = in_thread(slow.result)
    try:
        assert _Gate.entered.wait(PATIENCE_S)
        scheduler.result(tasks[1], 7)
        assert quick.result(PATIENCE_S) == 7
        with pytest.raises(TimeoutError, match="value is not here"):
            slow.result(0.05)
        assert not asked.done()
    finally:
        _Gate.release.set()
    assert asked.result(PATIENCE_S) == 5


def test_wait_first_exception_with_bytes_on_their_way(
    client: Client, scheduler: ScriptedScheduler
) -> None:
    scheduler.hold_gets = True
    failed, running = client.submit(operator.add, 1, 2), client.submit(operator.add, 3, 4)
    scheduler.result(scheduler.expect(m.Task), ValueError("no"), failed=True)
    concurrent.futures.wait([failed], PATIENCE_S)
    done, _ = concurrent.futures.wait(
        [failed, running], PATIENCE_S, return_when=concurrent.futures.FIRST_EXCEPTION
    )
    assert done == {failed}
    scheduler.release_gets()
    assert isinstance(failed.exception(PATIENCE_S), ValueError)


def test_callbacks_in_order_off_the_pump(
    client: Client, scheduler: ScriptedScheduler, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = client.submit(operator.add, 1, 2), client.submit(operator.add, 3, 4)
    tasks = [scheduler.expect(m.Task), scheduler.expect(m.Task)]
    gate, heard, called = threading.Event(), [], threading.Event()

    def sleepy(future: Any) -> None:
        gate.wait(PATIENCE_S)
        heard.append(("first", future.result(0), threading.current_thread().name))

    def raising(_: Any) -> None:
        raise RuntimeError("in a callback")

    first.add_done_callback(sleepy)
    first.add_done_callback(raising)
    first.add_done_callback(lambda f: called.set())
    scheduler.result(tasks[0], 3)
    scheduler.result(tasks[1], 7)
    # A callback that sleeps delays the other callbacks, never the futures.
    assert second.result(PATIENCE_S) == 7
    assert heard == []
    gate.set()
    assert called.wait(PATIENCE_S)
    assert [entry[:2] for entry in heard] == [("first", 3)]
    assert "callbacks" in heard[0][2]
    assert "in a callback" in caplog.text


def test_values_come_from_the_task_only(client: Client) -> None:
    future: Any = client.submit(operator.add, 1, 2)
    with pytest.raises(InvalidStateError, match="comes from its task"):
        future.set_result(3)
    with pytest.raises(InvalidStateError, match="comes from its task"):
        future.set_exception(ValueError())


def test_strict_cannot_cancel_what_was_sent(scheduler: ScriptedScheduler) -> None:
    client = Client(scheduler.address, lifecycle=STRICT)
    future = client.submit(time.sleep, 1)
    scheduler.expect(m.Task)
    assert future.cancel() is False
    assert future.running()
    client.disconnect(timeout=0)
    with pytest.raises(RuntimeError, match="closed before an answer came"):
        future.result()


def test_compatible_names(client: Client, scheduler: ScriptedScheduler) -> None:
    future, other = client.submit(operator.add, 1, 2), client.submit(operator.add, 1, 2)
    scheduler.expect(m.Task)
    scheduler.expect(m.Task)
    future.set_canceled()
    assert future.cancelled()
    other.cancel(timeout=0)
    other.set_cancel_confirmed()
    assert other.cancel_outcome == "confirmed"


def test_what_the_task_cost(client: Client, scheduler: ScriptedScheduler) -> None:
    futures = [client.submit(abs, -1) for _ in range(3)]
    with pytest.raises(InvalidStateError, match="has not ended"):
        futures[0].profiling_info()
    profile = Profile(1.5, 4096, 0.25)
    for metadata, expected in ((profile.pack(), profile), (b"", None), (b"nonsense", None)):
        task = scheduler.expect(m.Task)
        object_id = scheduler.new_object_id()
        scheduler.store(object_id, 1)
        kind = m.TaskResultType.SUCCESS
        scheduler.send(m.TaskResult(task.task_id, kind, metadata, (object_id,)))
        future = next(each for each in futures if each.task_id == task.task_id)
        assert future.result(PATIENCE_S) == 1
        assert future.profiling_info() == expected
