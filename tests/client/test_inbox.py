"""The pump's inbox: order, bounds, and its end."""

import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

import pytest

from futurefsm.client import inbox as inbox_room
from futurefsm.client.errors import QueueFullError
from futurefsm.client.inbox import Asked, Inbox, Submitted
from futurefsm.client.tracked import Call
from futurefsm.client.uploads import Blob
from futurefsm.fsm.errors import ClientClosedError
from futurefsm.fsm.threads import delivering


def task(size: int = 1) -> Submitted:
    return Submitted(None, Call(b"t" * 16, Blob(b"", None, "f"), (), b""), size)


def test_first_in_first_out_and_a_wake_each() -> None:
    woken: list[int] = []
    inbox = Inbox(lambda: woken.append(1))
    first, second = Asked(lambda: None), Asked(lambda: None)
    assert inbox.put(first)
    assert inbox.put(second)
    assert len(woken) == len(inbox) == 2
    assert inbox.take() is first
    assert inbox.take() is second
    assert inbox.take() is None


def test_what_belongs_together_wakes_once() -> None:
    woken: list[int] = []
    inbox = Inbox(lambda: woken.append(len(inbox)))
    inbox.put_task(task(), 0, wake=False)
    assert woken == []
    inbox.wake()
    assert woken == [1]


@pytest.mark.parametrize(("tasks", "size"), [(2, 1), (100, 60)])
def test_full_waits_for_room(tasks: int, size: int) -> None:
    inbox = Inbox(lambda: None, tasks_max=tasks, bytes_max=120)
    for _ in range(2):
        inbox.put_task(task(size), 0)
    with pytest.raises(QueueFullError, match=r"full \(2 tasks.*waited 0.01 s"):
        inbox.put_task(task(size), 0.01)
    done: Future[None] = Future()
    waiter = threading.Thread(target=lambda: done.set_result(inbox.put_task(task(size), 60)))
    waiter.start()
    inbox.take()
    done.result(60)
    waiter.join()


@pytest.mark.parametrize("size", [90, 1000])
def test_a_large_one_gets_room_as_soon_as_there_is(size: int) -> None:
    """What lies there is less than half of all the room, and still too much for it."""
    inbox = Inbox(lambda: None, bytes_max=120)
    inbox.put_task(task(40), 0)
    done: Future[None] = Future()
    waiter = threading.Thread(target=lambda: done.set_result(inbox.put_task(task(size), 1000)))
    waiter.start()
    deadline = time.monotonic() + 60
    while not inbox._waiting:
        assert time.monotonic() < deadline
    inbox.take()
    done.result(60)
    waiter.join()


def test_a_task_larger_than_all_the_room_goes_alone() -> None:
    inbox = Inbox(lambda: None, bytes_max=10)
    inbox.put_task(task(1000), 0)
    with pytest.raises(QueueFullError):
        inbox.put_task(task(), 0)
    inbox.take()
    inbox.put_task(task(), 0)


def test_full_raises_at_once_where_waiting_is_wrong() -> None:
    inbox = Inbox(lambda: None, tasks_max=1)
    inbox.put_task(task(), 0)
    with delivering("runs a test"), pytest.raises(QueueFullError, match="runs a test"):
        inbox.put_task(task(), 1000)


def test_closed_tells_those_who_wait() -> None:
    inbox = Inbox(lambda: None, tasks_max=1)
    inbox.put_task(task(), 0)
    done: Future[None] = Future()

    def wait_for_room() -> None:
        try:
            inbox.put_task(task(), 60)
        except BaseException as error:
            done.set_exception(error)

    waiter = threading.Thread(target=wait_for_room)
    waiter.start()
    inbox.close("it is over")
    with pytest.raises(ClientClosedError, match="it is over"):
        done.result(60)
    waiter.join()
    assert inbox.closed == "it is over"


def test_shut_accepts_nothing_and_keeps_what_it_has() -> None:
    inbox = Inbox(lambda: None)
    inbox.put_task(task(), 0)
    inbox.shut("done")
    assert not inbox.put(Asked(lambda: None))
    assert not inbox.put_owed(Asked(lambda: None))
    with pytest.raises(ClientClosedError, match="done"):
        inbox.put_task(task(), 0)
    assert isinstance(inbox.take(), Submitted)


def interrupted_at(call: int, act: Callable[[], object]) -> bool:
    """Do it with Ctrl-C as its `call`-th Python function begins; False where it has fewer."""
    seen = 0

    def trace(frame: Any, event: str, arg: Any) -> Any:
        nonlocal seen
        # Signals are looked at where a function begins, not at every line. A finalizer that runs
        # in between is none of these functions.
        if event == "call" and frame.f_code.co_filename in (
            inbox_room.__file__,
            threading.__file__,
        ):
            seen += 1
            if seen == call:
                raise KeyboardInterrupt

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("name", ["put_task", "put_owed", "take", "close", "shut"])
def test_ctrl_c_in_any_function_leaves_the_lock_free(name: str) -> None:
    """Held for ever, it would stop the pump."""
    for call in range(1, 100):
        inbox = Inbox(lambda: None)
        inbox.put_task(task(), 0)
        arguments: dict[str, Any] = {
            "put_task": (task(), 0),
            "put_owed": (Asked(lambda: None),),
            "close": ("closed",),
            "shut": ("shut",),
        }
        cut = interrupted_at(call, lambda: getattr(inbox, name)(*arguments.get(name, ())))  # noqa: B023
        taken: list[bool] = []
        other = threading.Thread(target=lambda: taken.append(inbox._lock.acquire(timeout=60)))  # noqa: B023
        other.start()
        other.join()
        assert taken == [True]
        if not cut:
            assert call > 1
            return


def test_ctrl_c_at_any_instruction_takes_no_room_for_ever() -> None:
    """Else an interrupted submit of something large would leave the queue full."""
    put = Inbox.put_task.__code__
    cuts, number = 0, 0
    while True:
        number += 1
        inbox = Inbox(lambda: None, tasks_max=2, bytes_max=100)
        left = number

        def trace(frame: Any, event: str, arg: Any) -> Any:
            nonlocal left
            if frame.f_code is not put:
                return None
            frame.f_trace_opcodes = True
            if event == "opcode":
                left -= 1
                if not left:
                    raise KeyboardInterrupt
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            inbox.put_task(task(80), 0)
        except KeyboardInterrupt:
            cuts += 1
        finally:
            sys.settrace(before)
        while inbox.take() is not None:
            pass
        # More than all the room: only where nothing counts any more.
        inbox.put_task(task(1000), 0)
        if left:
            break
    assert cuts > 20
