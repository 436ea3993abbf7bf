"""Delayed values: in the store until somebody asks, from any thread, in any state."""

import concurrent.futures
import gc
import operator
import threading
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.future import Future
from futurefsm.client.home import Phase
from futurefsm.fsm import events as ev
from futurefsm.fsm.errors import ResultLostError
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.outcomes import INPUT_CANCELLED
from futurefsm.protocol import messages as m
from tests.client.desk import Desk
from tests.client.scripted import PATIENCE_S, ScriptedScheduler


def finished(desk: Desk) -> Future[Any]:
    future = desk.after(delayed=True)
    desk.result(future)
    assert future.done()
    return future


def test_it_rests_until_it_is_asked() -> None:
    desk = Desk()
    future = finished(desk)
    assert desk.pump.futures == {}
    assert list(desk.pump.resting) == [future.task_id]
    assert "returned something" in repr(future)
    assert "nobody has asked" in future.value_text()
    desk.pump.disconnect(4.0)
    assert future.done()


def test_asking_twice_fetches_once() -> None:
    desk = Desk()
    future = finished(desk)
    heard: list[Any] = []
    future.add_done_callback(heard.append)
    future.add_done_callback(heard.append)
    desk.flush()
    assert len(desk.gets) == 1
    desk.answer()
    assert future.result(0) == "a value"
    desk.callbacks.close(PATIENCE_S)
    assert heard == [future, future]
    desk.check_empty()


def test_waiting_alone_asks_for_nothing() -> None:
    desk = Desk()
    future = finished(desk)
    assert concurrent.futures.wait([future]).done == {future}
    assert list(concurrent.futures.as_completed([future])) == [future]
    assert not future.cancelled()
    desk.flush()
    assert desk.gets == []
    failed = desk.after(delayed=True)
    desk.result(failed, failed=True)
    first = concurrent.futures.FIRST_EXCEPTION
    assert concurrent.futures.wait([failed], return_when=first).done == {failed}
    desk.flush()
    assert desk.gets == []


def test_cancelled_while_it_rests() -> None:
    desk = Desk()
    future = finished(desk)
    assert future.cancel()
    desk.check_empty()


def test_dropped_while_it_rests() -> None:
    desk = Desk()
    future = finished(desk)
    assert future.promise()
    other = desk.submit(future)
    del future
    gc.collect()
    desk.flush()
    # Its object is still needed.
    (object_id,) = desk.objects
    assert desk.arguments(other) == (object_id,)
    desk.result(other)
    desk.answer_all()
    del other
    desk.check_empty()


def test_asked_and_dropped_at_once() -> None:
    desk = Desk()
    future = finished(desk)
    future._ask()
    del future
    gc.collect()
    desk.flush()
    desk.answer_all()
    gc.collect()
    desk.check_empty()


@pytest.mark.parametrize("lost", [False, True])
def test_nobody_fetches_any_more(lost: bool) -> None:
    desk = Desk()
    future, asked = finished(desk), finished(desk)
    asked._ask()
    if lost:
        desk.pump.connection_lost("cut", 4.0)
    else:
        desk.pump.disconnect(4.0)
    desk.inbox.shut("over")
    with pytest.raises(ResultLostError, match="closed before anybody asked"):
        future.result(0)
    with pytest.raises(ResultLostError, match="cut" if lost else "closed before the bytes came"):
        asked.result(0)


def test_a_promise_can_be_given_as_long_as_the_object_is_there() -> None:
    desk = Desk()
    future = desk.after(delayed=True)
    assert future.promise()
    desk.result(future)
    assert future.promise()
    assert future.promised == 2
    future._ask()
    assert not future.promise()
    assert future.promised == 2


@pytest.mark.parametrize("lifecycle", [CONFIRMED, STRICT], ids=["confirmed", "strict"])
def test_ends_that_need_no_task(lifecycle: Any) -> None:
    desk = Desk(lifecycle, None if lifecycle is CONFIRMED else 1)
    value, error, gone = (desk.future() for _ in range(3))
    value.settle_here(ev.RESULT_SUCCESS, 5)
    error.settle_here(ev.RESULT_FAILED, KeyError("x"))
    gone.settle_here(ev.CANCEL, INPUT_CANCELLED)
    assert value.result(0) == 5
    assert isinstance(error.exception(0), KeyError)
    assert gone.cancel_outcome == "input_cancelled"
    assert gone._state == "CANCELLED_AND_NOTIFIED"
    assert value._phase is Phase.MADE
    assert desk.tasks == {}
    desk.check_empty()


def test_from_another_thread(client: Client, scheduler: ScriptedScheduler) -> None:
    future = client.submit_verbose(operator.neg, [1], delayed=True)
    object_id = scheduler.result(scheduler.expect(m.Task), -1)
    concurrent.futures.wait([future], PATIENCE_S)
    assert scheduler.deleted == []
    heard: list[Any] = []
    threads = [
        threading.Thread(target=lambda: heard.append(future.result(PATIENCE_S))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert heard == [-1] * 4
    assert scheduler.expect_deletion() == object_id


def test_held_back_in_words(client: Client, scheduler: ScriptedScheduler) -> None:
    sources = [client.submit(operator.neg, n) for n in range(5)]
    scheduler.expect(m.Task)
    future = client.submit(sum, sources)
    client._agent.call(lambda: None)
    said = client.explain(future)
    assert "it waits in this process for the results of task" in said
    assert "and 2 more, which it needs" in said
