"""Result objects that several need: asked for once, deleted once."""

from futurefsm.client.outputs import Delete, Deliver, Get, Output
from futurefsm.client.tracked import Tracked
from futurefsm.client.values import Values
from futurefsm.fsm import events as ev

OBJECT = b"o" * 32


def offered(values: Values, *tasks: bytes) -> dict[bytes, Tracked]:
    made = {}
    for task_id in tasks:
        tracked = made[task_id] = Tracked()
        tracked.object_id = OBJECT
        values.hold(OBJECT)
        values.step(task_id, tracked, ev.OFFER)
    return made


def test_the_last_one_deletes() -> None:
    out: list[Output] = []
    values = Values(out)
    values.hold(OBJECT)
    values.hold(OBJECT)
    assert values.knows(OBJECT)
    values.release(OBJECT)
    assert out == []
    values.release(OBJECT)
    assert out == [Delete(OBJECT)]
    assert not values.knows(OBJECT)
    assert len(values) == 0


def test_one_get_for_all_who_want_the_same() -> None:
    out: list[Output] = []
    values = Values(out)
    tasks = offered(values, b"a", b"b", b"c")
    for task_id in (b"a", b"b"):
        values.step(task_id, tasks[task_id], ev.WANT)
    assert out == [Get(OBJECT)]
    assert {each: list(tasks) for each, tasks in values.fetching.items()} == {OBJECT: [b"a", b"b"]}
    assert values.is_fetched(b"a", tasks[b"a"])
    assert not values.is_fetched(b"c", tasks[b"c"])
    for task_id in values.fetching.pop(OBJECT):
        assert values.step(task_id, tasks[task_id], ev.BYTES).moves
    assert out == [Get(OBJECT)]
    # The third is still to ask; later it may be asked for again.
    values.step(b"c", tasks[b"c"], ev.WANT)
    assert out == [Get(OBJECT), Get(OBJECT)]
    values.fetching.clear()
    values.step(b"c", tasks[b"c"], ev.BYTES)
    assert out[2:] == [Delete(OBJECT)]


def test_what_is_here_is_not_asked_for() -> None:
    out: list[Output] = []
    values = Values(out)
    tasks = offered(values, b"a", b"b")
    values.here[OBJECT] = b"bytes"
    values.step(b"a", tasks[b"a"], ev.WANT)
    assert out == [Deliver(b"a", b"bytes")]
    assert not values.here
    assert not values.fetching
    # Each gives its own buffer back: the next asks for one of its own.
    values.step(b"b", tasks[b"b"], ev.WANT)
    assert out[1:] == [Get(OBJECT)]
    del values.fetching[OBJECT]
    values.came(b"b", tasks[b"b"], b"again")
    assert out[2:] == [Delete(OBJECT), Deliver(b"b", b"again")]


def test_discarded_before_it_was_offered() -> None:
    out: list[Output] = []
    values = Values(out)
    tracked = Tracked()
    values.step(b"a", tracked, ev.DISCARD)
    tracked.object_id = OBJECT
    values.hold(OBJECT)
    values.step(b"a", tracked, ev.OFFER)
    assert out == [Delete(OBJECT)]


def test_what_is_lost_is_not_deleted() -> None:
    out: list[Output] = []
    values = Values(out)
    values.hold(OBJECT)
    values.lost(OBJECT)
    assert out == []
    assert len(values) == 0


class Counted(bytes):
    """An id that counts how often it is compared."""

    compared = 0

    def __eq__(self, other: object) -> bool:
        Counted.compared += 1
        return bytes.__eq__(self, other)

    __hash__ = bytes.__hash__


def test_one_error_for_many_tasks_is_not_looked_for_among_them() -> None:
    """A graph's first node fails: its one error reaches all that depend on it."""
    values = Values([])
    tasks = offered(values, *(Counted(b"%d" % number) for number in range(300)))
    for task_id, tracked in tasks.items():
        values.step(task_id, tracked, ev.WANT)
    Counted.compared = 0
    for task_id, tracked in tasks.items():
        assert values.is_fetched(task_id, tracked)
    assert Counted.compared <= len(tasks)
