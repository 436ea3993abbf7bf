"""The pump: tracker and futures together, without thread, socket or clock."""

import logging
from typing import Any

import pytest

from futurefsm.client.callbacks import CallbackThread
from futurefsm.client.future import Future
from futurefsm.client.inbox import Asked, Inbox, Submitted
from futurefsm.client.outputs import Delete, Get, Send
from futurefsm.client.pump import Pump
from futurefsm.client.serializer import Serializer
from futurefsm.client.tracked import Call
from futurefsm.client.tracker import Tracker
from futurefsm.client.uploads import Blob
from futurefsm.fsm import events as ev
from futurefsm.fsm.errors import CancelledError, ConnectionLostError
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.story import CALLER
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import IdSource

ME = b"Client|me"


class Desk:
    """A client without a thread: what happens is what the test does."""

    def __init__(self, lifecycle: Any = CONFIRMED, credits: int | None = None) -> None:
        self.lifecycle = lifecycle
        self.inbox = Inbox(lambda: None)
        self.tracker = Tracker(ME, IdSource(b"seed"), lifecycle, credits=credits, timeout_s=5)
        self.pump = Pump(self.tracker, self.inbox)
        self.name, self.cancel_timeout = "desk", 0.0
        self.serializer, self.callbacks = Serializer(), CallbackThread("desk")
        self.pump.opened(0.0)
        self.pump.take()

    def stepped(self, task_id: bytes, step: Any, value: Any) -> None:
        self.pump.stepped(task_id, step, value)

    def violated(self, task_id: bytes, what: str) -> None:
        self.pump.violated(task_id, what)

    def check_process(self, *, waits: bool = False) -> None: ...

    def submit(self) -> Future[Any]:
        task_id = self.tracker.ids.task_id()
        future: Future[Any] = Future(self.lifecycle, self, task_id, "work")
        call = Call(task_id, Blob(b"fn", b"fn", "work"), (), b"flags!")
        self.inbox.put_task(Submitted(future, call, 1), 0)
        if self.tracker.credits is None:
            future.fire(ev.SUBMIT, None, CALLER)
        return future

    def sent(self, kind: type) -> list[Any]:
        self.pump.run_inbox(1.0)
        outputs = self.pump.take()
        return [o.message for o in outputs if isinstance(o, Send) and isinstance(o.message, kind)]


def test_the_task_leaves_before_its_cancel() -> None:
    desk = Desk()
    future = desk.submit()
    future.cancel(timeout=0)
    desk.pump.run_inbox(1.0)
    kinds = [type(o.message) for o in desk.pump.take() if isinstance(o, Send)]
    assert kinds == [m.ObjectInstruction, m.Task, m.TaskCancel]


def test_a_result_moves_its_future_and_asks_for_the_bytes() -> None:
    desk = Desk()
    future = desk.submit()
    (task,) = desk.sent(m.Task)
    object_id = b"o" * 32
    desk.pump.receive(m.TaskResult(task.task_id, m.TaskResultType.SUCCESS, b"", (object_id,)), 2.0)
    assert future.state == "finished"
    assert Get(object_id) in desk.pump.take()
    desk.pump.fetched(object_id, Serializer().argument(42, "x", len).payload, 3.0)
    assert Delete(object_id) in desk.pump.take()
    assert future.result(0) == 42
    assert desk.pump.futures == {}


def test_what_is_over_is_forgotten() -> None:
    desk = Desk()
    desk.submit()
    (task,) = desk.sent(m.Task)
    desk.pump.receive(m.TaskCancelConfirm(task.task_id, m.CancelConfirmType.CANCELED), 2.0)
    assert desk.pump.futures == {}


def test_disconnect_settles_also_what_is_still_in_the_inbox() -> None:
    desk = Desk()
    waiting = desk.submit()
    desk.pump.disconnect(2.0)
    assert waiting.cancelled()
    assert any(
        isinstance(o, Send) and isinstance(o.message, m.ClientDisconnect) for o in desk.pump.take()
    )
    with pytest.raises(CancelledError, match="disconnected"):
        waiting.result(0)


def test_connection_lost_settles_everything_with_its_reason() -> None:
    desk = Desk()
    running, asked = desk.submit(), desk.submit()
    asked.cancel(timeout=0)
    desk.pump.connection_lost("the cable was cut", 2.0)
    with pytest.raises(ConnectionLostError, match="the cable was cut"):
        running.result(0)
    assert asked.cancel_outcome == "connection_lost"
    assert desk.pump.unsettled() == []


def test_silence_is_a_loss() -> None:
    desk = Desk()
    for second in range(1, 6):
        desk.pump.tick(float(second))
    assert desk.pump.lost == "the scheduler was silent for 5 s"


def test_credits_hold_tasks_back_and_skip_the_cancelled() -> None:
    desk = Desk(STRICT, credits=1)
    first, second, third = desk.submit(), desk.submit(), desk.submit()
    (task,) = desk.sent(m.Task)
    assert [f.state for f in (first, second, third)] == ["running", "pending", "pending"]
    assert second.cancel()
    died = m.TaskResult(task.task_id, m.TaskResultType.FAILED_WORKER_DIED)
    desk.pump.receive(died, 2.0)
    (task,) = desk.sent(m.Task)
    assert task.task_id == third.task_id
    assert third.running()


def test_violations_are_counted_and_the_first_few_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk()
    with caplog.at_level(logging.WARNING):
        for n in range(50):
            confirm = m.TaskCancelConfirm(bytes([n]) * 16, m.CancelConfirmType.CANCELED)
            desk.pump.receive(confirm, 1.0)
    assert desk.tracker.violations == 50
    assert 0 < len(caplog.records) < 30
    assert "counted, not logged" in caplog.text


def test_other_threads_may_have_things_done() -> None:
    desk = Desk()
    done: list[int] = []
    desk.inbox.put(Asked(lambda: done.append(1)))
    assert desk.pump.run_inbox(1.0) == 1
    assert done == [1]


@pytest.mark.parametrize("lifecycle", [CONFIRMED, STRICT])
@pytest.mark.parametrize("came", ["queued", "moved", "sent", "never"])
def test_a_submit_that_was_broken_off_is_ended(lifecycle: Any, came: str) -> None:
    desk = Desk(lifecycle)
    if came == "never":
        desk.pump.abandon(Future(lifecycle, desk, bytes(16), "work"))
        return
    if came == "queued":
        desk.tracker.credits = 0
    future = desk.submit()
    if came == "moved":
        # Ctrl-C came before its step was handed over.
        desk.inbox._commands.pop()
    desk.inbox.put(Asked(lambda: desk.pump.abandon(future)))
    asked = desk.sent(m.TaskCancel)
    assert len(asked) == (came == "sent" and lifecycle is CONFIRMED)
    assert future.done()
    assert desk.pump.futures == {}


def test_a_name_that_is_no_text() -> None:
    desk = Desk()
    desk.tracker.submit(Call(bytes(16), Blob(b"fn", b"fn", "bad\ud800"), (), b"flags!"), 1.0)
    (created,) = desk.sent(m.ObjectInstruction)
    assert created.object_metadata.object_names == (b"bad\\ud800",)


def test_a_finalizer_may_cancel_another_future_while_one_is_fired() -> None:
    desk = Desk()
    first = desk.submit()
    (task,) = desk.sent(m.Task)
    other = desk.submit()

    class Waiter:
        """Told on the pump's thread, in the middle of the step: as a finalizer would be."""

        def add_result(self, future: Any) -> None:
            other.cancel(timeout=0)

    first._waiters.append(Waiter())
    result = m.TaskResult(task.task_id, m.TaskResultType.SUCCESS, b"", (bytes(32),))
    desk.pump.receive(result, 2.0)
    assert [
        type(one).__name__ for one in desk.sent(object) if isinstance(one, (m.Task, m.TaskCancel))
    ] == [
        "Task",
        "TaskCancel",
    ]


def test_a_cancel_between_the_inbox_and_the_submit_leaves_nothing_behind() -> None:
    # clear() in one thread, submit() in another: shutdown() waited for such a future for ever.
    desk = Desk()
    task_id = desk.tracker.ids.task_id()
    future: Future[Any] = Future(CONFIRMED, desk, task_id, "work")
    desk.inbox.put_task(
        Submitted(future, Call(task_id, Blob(b"fn", b"fn", "work"), (), b"flags!"), 1), 0
    )
    assert desk.sent(m.Task) == []
    assert future.cancel(timeout=0)
    desk.pump.accepted(future)
    assert desk.sent(m.Task) == []
    assert desk.pump.futures == {}
    assert len(desk.tracker) == 0


@pytest.mark.parametrize(
    ("lifecycle", "credits", "commands"), [(CONFIRMED, None, 2), (STRICT, 1, 1)]
)
def test_a_submit_wakes_the_pump_once_behind_all_its_commands(
    lifecycle: Any, credits: int | None, commands: int
) -> None:
    """Else it would be sent with the next heartbeat, or the pump would find half of it."""
    woken: list[int] = []
    desk = Desk(lifecycle, credits)
    desk.inbox._wake = lambda: woken.append(len(desk.inbox))
    task_id = desk.tracker.ids.task_id()
    future: Future[Any] = Future(lifecycle, desk, task_id, "work")
    call = Call(task_id, Blob(b"fn", b"fn", "work"), (), b"flags!")
    desk.inbox.put_task(Submitted(future, call, 1), 0, wake=False)
    assert woken == []
    desk.pump.accepted(future)
    assert woken == [commands]
