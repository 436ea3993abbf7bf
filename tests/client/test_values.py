"""Result objects that several need: asked for once, deleted once."""

from futurefsm.client.outputs import Delete, Get, Output
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
    assert values.fetching == {OBJECT: [b"a", b"b"]}
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
