"""Tasks that need the results of others: held back, sent, doomed, cancelled."""

import gc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from futurefsm.client.future import Future
from futurefsm.fsm.errors import CancelledError, WorkerDiedError
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from tests.client.desk import Desk


def test_a_task_is_sent_when_its_inputs_are_there() -> None:
    desk = Desk()
    one, two = desk.after(), desk.after()
    both = desk.after(one, two, one)
    assert both.running()
    assert desk.tracker.ties.owed(both.task_id) == sorted([one.task_id, two.task_id])
    first = desk.result(one)
    assert both.task_id not in desk.tasks
    second = desk.result(two)
    assert desk.arguments(both) == (first, second, first)
    assert desk.tracker.ties.owed(both.task_id) == []
    # The futures have their values, and the objects stay, for the task that needs them.
    desk.answer_all()
    assert one.result(0) == "a value"
    assert set(desk.objects) == {first, second}
    desk.result(both)
    desk.answer_all()
    desk.check_empty()


def test_an_object_that_is_there_already() -> None:
    desk = Desk()
    one = desk.after(delayed=True)
    object_id = desk.result(one)
    assert not desk.gets
    two = desk.after(one)
    assert desk.arguments(two) == (object_id,)
    desk.result(two)
    desk.answer_all()
    assert set(desk.objects) == {object_id}
    with pytest.raises(TimeoutError):
        one.result(0)
    desk.flush()
    desk.answer_all()
    assert one.result(0) == "a value"
    desk.check_empty()


@pytest.mark.parametrize("settle", ["result", "failed", "died", "confirm"])
def test_an_input_ends_before_its_dependant_arrives(settle: str) -> None:
    desk = Desk()
    one = desk.after()
    assert one.promise()
    if settle == "died":
        desk.died(one)
    elif settle == "confirm":
        desk.confirm(one)
    else:
        desk.result(one, failed=settle == "failed")
    desk.answer_all()
    assert len(desk.objects) == (settle in ("result", "failed"))
    two = desk.submit(one)
    desk.flush()
    if settle == "result":
        desk.result(two)
    desk.answer_all()
    assert two.done()
    assert two.cancelled() == (settle == "confirm")
    if settle == "failed":
        assert isinstance(two.exception(0), ZeroDivisionError)
    desk.check_empty()


def test_the_first_error_reaches_all_that_depend_on_it() -> None:
    desk = Desk()
    bad, slow = desk.after(), desk.after()
    two = desk.after(bad, slow)
    three = desk.after(two)
    (object_id,) = [desk.result(bad, failed=True)]
    assert two.state == three.state == "finished"
    assert desk.gets == [object_id]
    desk.answer_all()
    for each in (bad, two, three):
        assert isinstance(each.exception(0), ZeroDivisionError)
    assert [move.source for move in three.story] == ["caller", "client"]
    assert slow.running()
    desk.result(slow)
    desk.answer_all()
    desk.check_empty()
    assert set(desk.tasks) == {bad.task_id, slow.task_id}


def test_a_dead_worker_is_the_same_error_for_all() -> None:
    desk = Desk()
    one = desk.after()
    two = desk.after(one)
    desk.died(one)
    assert isinstance(two.exception(0), WorkerDiedError)
    assert two.exception(0) is one.exception(0)
    desk.check_empty()


def test_a_cancelled_input_cancels_what_depends_on_it() -> None:
    desk = Desk()
    one = desk.after()
    two = desk.after(one)
    three = desk.after(two)
    one.cancel(0)
    desk.flush()
    assert not two.done()
    desk.confirm(one)
    assert two.cancelled()
    assert three.cancel_outcome == "input_cancelled"
    with pytest.raises(CancelledError, match="a task whose result it needs was cancelled"):
        three.result(0)
    assert desk.cancels == [one.task_id]
    desk.check_empty()


def test_a_task_that_is_held_back_is_cancelled_here() -> None:
    desk = Desk()
    one = desk.after()
    two = desk.after(one)
    three = desk.after(two)
    assert two.cancel(0)
    desk.flush()
    assert two.cancelled()
    assert two.cancel_outcome == "never_sent"
    assert three.cancelled()
    assert desk.cancels == []
    assert one.running()
    desk.result(one)
    desk.answer_all()
    desk.check_empty()


def test_an_inner_node_that_nobody_needs_any_more_is_cancelled() -> None:
    desk = Desk()
    inner, target, other = desk.future(delayed=True), desk.future(), desk.future()
    assert inner.promise()
    assert inner.promise()
    desk.submit(future=inner, needed_by=2)
    desk.submit(inner, future=target)
    desk.flush()
    target.cancel(0)
    desk.flush()
    assert target.cancelled()
    # The other one is still to come.
    assert desk.cancels == []
    desk.submit(inner, future=other)
    desk.flush()
    assert desk.cancels == []
    other.cancel(0)
    desk.flush()
    assert desk.cancels == [inner.task_id]
    desk.confirm(inner)
    desk.check_empty()


def test_the_object_of_an_inner_node_goes_with_the_last_that_needs_it() -> None:
    desk = Desk()
    inner, target = desk.future(delayed=True), desk.future()
    assert inner.promise()
    desk.submit(future=inner, needed_by=1)
    desk.flush()
    object_id = desk.result(inner)
    assert object_id in desk.objects
    desk.submit(inner, future=target)
    desk.flush()
    assert desk.arguments(target) == (object_id,)
    assert not desk.gets
    desk.result(target)
    assert object_id not in desk.objects
    desk.answer_all()
    desk.check_empty()


def test_a_dependant_that_never_comes() -> None:
    desk = Desk()
    one, inner = desk.after(), desk.future()
    assert one.promise()
    assert inner.promise()
    desk.submit(future=inner, needed_by=1)
    desk.result(one)
    desk.answer_all()
    assert len(desk.objects) == 1
    desk.tracker.ties.withdraw(one.task_id)
    desk.tracker.ties.withdraw(inner.task_id)
    desk.tracker.ties.withdraw(b"never heard of it")
    desk.flush()
    assert desk.cancels == [inner.task_id]
    desk.confirm(inner)
    desk.check_empty()


def test_an_input_whose_own_submit_was_broken_off() -> None:
    desk = Desk()
    never = desk.future()
    assert never.promise()
    two = desk.submit(never)
    desk.flush()
    assert two.cancelled()
    desk.check_empty()


def test_a_finished_input_that_is_cancelled_keeps_its_word() -> None:
    desk = Desk()
    one = desk.after(delayed=True)
    object_id = desk.result(one)
    assert one.promise()
    assert one.cancel(0)
    assert not one.promise()
    two = desk.submit(one)
    desk.flush()
    assert desk.arguments(two) == (object_id,)
    desk.result(two)
    desk.answer_all()
    desk.check_empty()


def test_with_credits_a_task_is_held_until_its_inputs_and_a_worker_are_there() -> None:
    desk = Desk(STRICT, credits=1)
    one, other = desk.after(), desk.after()
    two = desk.after(one)
    three = desk.after(other)
    assert one.running()
    assert not two.running()
    desk.result(one)
    # The worker is free again; the other was first.
    assert other.running()
    assert not two.running()
    desk.result(other, failed=True)
    assert three.done()
    assert two.running()
    desk.result(two)
    desk.answer_all()
    assert isinstance(three.exception(0), ZeroDivisionError)
    desk.check_empty()
    assert desk.tracker.credits == 1


def test_with_credits_a_cancelled_input_cancels_and_announces() -> None:
    desk = Desk(STRICT, credits=1)
    busy, one = desk.after(), desk.after()
    two = desk.after(one)
    assert one.cancel()
    desk.flush()
    assert two.cancelled()
    assert two._state == "CANCELLED_AND_NOTIFIED"
    desk.result(busy)
    desk.answer_all()
    desk.check_empty()


@pytest.mark.parametrize("end", ["disconnect", "connection_lost"])
def test_the_end_of_the_client_ends_what_is_held_back(end: str) -> None:
    desk = Desk()
    one = desk.after()
    two = desk.after(one)
    three = desk.after(two, one)
    if end == "disconnect":
        desk.pump.disconnect(4.0)
        assert three.cancel_outcome == "disconnected"
    else:
        desk.pump.connection_lost("cut", 4.0)
        with pytest.raises(ConnectionError, match="cut"):
            three.result(0)
    desk.check_empty()


def test_a_cancel_that_overtakes_the_step_that_sends() -> None:
    """Two threads: the one that submits is interrupted before it has told the pump."""
    desk = Desk()
    source = desk.after()
    told: list[Any] = []
    stepped = desk.stepped
    for inputs in ((), (source,)):
        for each in inputs:
            assert each.promise()
        desk.stepped = lambda *step: told.append(step)  # type: ignore[method-assign]
        future = desk.submit(*inputs)
        desk.stepped = stepped  # type: ignore[method-assign]
        assert future.promise()
        future.cancel(0)
        stepped(*told.pop())
        desk.flush()
        assert future.cancel_outcome == "never_sent"
        assert future.task_id not in desk.tasks
        desk.tracker.ties.withdraw(future.task_id)
    desk.result(source)
    desk.answer_all()
    desk.check_empty()


@pytest.mark.parametrize("died", [False, True])
def test_the_error_of_an_input_overtakes_a_cancel(died: bool) -> None:
    desk = Desk()
    source = desk.after()
    future = desk.after(source)
    told: list[Any] = []
    stepped, desk.stepped = desk.stepped, lambda *step: told.append(step)  # type: ignore[method-assign]
    future.cancel(0)
    desk.stepped = stepped  # type: ignore[method-assign]
    if died:
        desk.died(source)
    else:
        desk.result(source, failed=True)
    assert future.cancel_outcome == "never_sent"
    stepped(*told.pop())
    desk.answer_all()
    desk.check_empty()


def test_a_promise_dies_with_the_client() -> None:
    desk = Desk()
    one = desk.after()
    assert one.promise()
    desk.result(one)
    desk.answer_all()
    desk.pump.connection_lost("cut", 4.0)
    desk.check_empty()


@pytest.fixture(scope="module", autouse=True)
def _light_heap() -> Iterator[None]:
    """Garbage is collected for each example, and only what came since is looked through: in a long
    run of tests all else would take a hundred times as long."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


class Play:
    """Draws what happens next, and knows what must come of it."""

    def __init__(self, data: Any, lifecycle: Any, credits: int | None) -> None:
        self.draw = data.draw
        self.desk = Desk(lifecycle, credits)
        self.all: list[Future[Any]] = []
        self.inputs: dict[bytes, list[bytes]] = {}
        self.ended: dict[bytes, bool] = {}
        self.mine: dict[bytes, bytes] = {}

    def pick(self, among: list[Any]) -> Any:
        return among[self.draw(st.integers(0, len(among) - 1))] if among else None

    def graph(self) -> None:
        """As `Client.get`: all futures first, all promises, then all tasks."""
        size = self.draw(st.integers(1, 5))
        futures = [self.desk.future(delayed=self.draw(st.booleans())) for _ in range(size)]
        plans: list[list[Future[Any]]] = []
        needs = [0] * size
        for place in range(size):
            mine = [futures[i] for i in range(place) if self.draw(st.booleans())]
            old = self.pick(self.all)
            if old is not None and self.draw(st.booleans()):
                mine.append(old)
            plans.append([each for each in mine if each.promise()])
            for i in range(place):
                needs[i] += futures[i] in plans[-1]
        for place, future in enumerate(futures):
            inner = needs[place] and self.draw(st.booleans())
            self.inputs[future.task_id] = [each.task_id for each in plans[place]]
            self.desk.submit(
                *plans[place],
                future=future,
                delayed=future._delayed,
                needed_by=needs[place] if inner else None,
            )
            if not inner:
                self.all.append(future)
            if self.draw(st.booleans()):
                self.step_wire()

    def owed(self) -> list[Future[Any]]:
        futures = self.desk.pump.futures
        return [
            futures[each] for each in self.desk.tasks if each not in self.ended and each in futures
        ]

    def step_wire(self, *, only_end: bool = False) -> None:
        desk = self.desk
        desk.flush()
        owed = self.owed()
        if desk.gets and (not owed or self.draw(st.booleans())):
            desk.answer(self.draw(st.integers(0, len(desk.gets) - 1)))
        elif owed:
            future = self.pick(owed)
            how = self.draw(st.sampled_from(["ok", "ok", "ok", "failed", "died", "canceled"]))
            self.ended[future.task_id] = how == "ok"
            if how == "canceled" and future.task_id in desk.cancels:
                desk.confirm(future)
            elif how == "died":
                desk.died(future)
            else:
                self.ended[future.task_id] = how != "failed"
                self.mine[future.task_id] = desk.result(future, failed=how == "failed")
        self.check_tasks()

    def step_user(self) -> None:
        future = self.pick(self.all)
        if future is None:
            return
        what = self.draw(st.sampled_from(["cancel", "ask", "drop"]))
        if what == "cancel":
            future.cancel(0)
        elif what == "ask":
            future._ask()
        else:
            self.all.remove(future)

    def check_tasks(self) -> None:
        """No task without its inputs, none after a failed one; each with the right objects."""
        for task_id, task in self.desk.tasks.items():
            inputs = self.inputs[task_id]
            assert all(self.ended.get(each) for each in inputs)
            assert [each.data for each in task.function_args] == [self.mine[e] for e in inputs]

    def finish(self) -> None:
        self.desk.flush()
        while self.owed() or self.desk.gets:
            self.step_wire()
        for future in self.all:
            assert future.done(), future
            future._ask()
        self.desk.flush()
        self.desk.answer_all()
        for future in self.all:
            if not future.cancelled():
                future.exception(0)
        self.all.clear()
        future = None
        gc.collect()
        self.desk.check_empty()


@pytest.mark.parametrize(
    ("lifecycle", "credits"), [(CONFIRMED, None), (STRICT, 2)], ids=["confirmed", "strict"]
)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_graphs_in_any_order(lifecycle: Any, credits: int | None, data: Any) -> None:
    play = Play(data, lifecycle, credits)
    for _ in range(data.draw(st.integers(1, 4))):
        play.graph()
        for _ in range(data.draw(st.integers(0, 6))):
            if data.draw(st.booleans()):
                play.step_user()
            else:
                play.step_wire()
    play.finish()
