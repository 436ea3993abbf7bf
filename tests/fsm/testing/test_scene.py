"""What a picture shows, read from the steps of a run."""

import pytest
import race_scenes
from race_scenes import Sketch, shown_notes

from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.programs import Call, Program
from futurefsm.fsm.testing.scene import Item, Scene, scene

PROGRAM = Program(((Call("result"),),))


def shown(sketch: Sketch, **more: object) -> Scene:
    return scene(race_scenes.failure(sketch.done(), PROGRAM, "check", "words", **more))


def items(sketch: Sketch) -> list[tuple[Item, ...]]:
    return [row.items for row in shown(sketch).rows]


@pytest.mark.parametrize(
    ("op", "what", "kind", "said"),
    [
        ("start", "", "sync", "starts"),
        ("acquire", "RLock 1", "lock", "takes RLock 1"),
        ("acquire", "lock of future 1", "lock", "takes lock"),
        ("reacquire", "RLock 1", "lock", "has RLock 1 again"),
        ("call", "cancel()", "call", "calls cancel()"),
        ("wait", "Event 1", "wait", "wakes: Event 1"),
        ("notify_all", "Condition 1", "sync", "notifies Condition 1"),
        ("send", "TaskCancel", "send", "sends TaskCancel"),
        ("get", "SimpleQueue 1", "wait", "gets from SimpleQueue 1"),
        ("sleep", "", "wait", "slept"),
        ("read", "counter", "sync", "read counter"),
    ],
)
def test_operations_in_words(op: str, what: str, kind: str, said: str) -> None:
    sketch = Sketch("user 1").step("user 1", op, what).ends("user 1")
    assert items(sketch) == [(Item(kind, said),)]


@pytest.mark.parametrize(
    ("op", "said"),
    [
        ("acquire", "time-out: X not taken"),
        ("wait", "time-out: X"),
        ("get", "time-out: X is empty"),
        ("read", "read X: time-out"),
    ],
)
def test_timers_in_words(op: str, said: str) -> None:
    sketch = Sketch("user 1").step("user 1", op, "X", fires=True).ends("user 1")
    assert items(sketch) == [(Item("timer", said),)]


@pytest.mark.parametrize(
    ("note", "item"),
    [
        ("call cancel()", Item("call", "calls cancel()")),
        ("call future 1.cancel()", Item("call", "calls cancel()")),
        ("answer future 1.cancel() = True", Item("answer", "cancel() = True")),
        (
            "answer future 1.result(timeout=1) ! TimeoutError",
            Item("answer", "result(timeout=1) raises TimeoutError"),
        ),
        ("deliver result_success future 1 'v1'", Item("deliver", "delivers result_success 'v1'")),
        ("answer cancel: True", Item("answer", "cancel() = True")),
        ("answer result: raises KeyError", Item("answer", "result() raises KeyError")),
        ("deliver result_success", Item("deliver", "delivers result_success")),
        ("send TaskCancel of future 1", Item("send", "sends TaskCancel")),
        ("fetch object 1", Item("fetch", "fetches object 1")),
        ("release lock of future 1", Item("release", "frees lock")),
        ("callback 1", Item("callback", "callback 1")),
        ("trouble it waits under a lock", Item("trouble", "it waits under a lock")),
        ("quite another thing", Item("note", "quite another thing")),
    ],
)
def test_notes_in_words(note: str, item: Item) -> None:
    assert scene(shown_notes([note])).rows[0].items == (item,)


def test_an_operation_that_is_noted_is_said_once() -> None:
    sketch = Sketch("pump").step("pump", "send", "TaskCancel", "send TaskCancel").ends("pump")
    assert items(sketch) == [(Item("send", "sends TaskCancel"),)]


def test_with_two_futures_each_is_named() -> None:
    sketch = (
        Sketch("pump")
        .before("state of future 1 running", "state of future 2 running")
        .step("pump", "deliver", "", "deliver result of future 2", "state of future 2 finished")
        .ends("pump")
    )
    found = scene(race_scenes.failure(sketch.done(), Program((), futures=2), "check", "words"))
    assert found.rows[0].items == (Item("deliver", "delivers result of future 2"),)
    assert found.rows[0].states == (("future 2", "finished"),)
    assert found.tales[1] == ("future 2", ((0, "running"), (1, "finished")))


def test_a_lock_that_is_taken_and_freed_in_one_step() -> None:
    sketch = Sketch("a").step("a", "acquire", "Lock 1", "release Lock 1").ends("a")
    assert items(sketch) == [(Item("lock", "takes and frees Lock 1"),)]
    sketch = Sketch("a").step("a", "acquire", "Lock 1", "release Lock 2").ends("a")
    assert items(sketch) == [(Item("lock", "takes Lock 1"), Item("release", "frees Lock 2"))]


def test_locks_are_called_as_in_the_class_also_in_the_words() -> None:
    sketch = (
        Sketch("a").before("name Lock 1 = _mutex of future 1").step("a", "acquire", "Lock 1")
    ).ends("a")
    words = "Lock 1 is held, Lock 12 is not"
    found = scene(race_scenes.failure(sketch.done(), PROGRAM, "value", words))
    assert found.rows[0].items == (Item("lock", "takes _mutex"),)
    assert found.words == "_mutex is held, Lock 12 is not"


def test_what_a_task_waits_for_is_said_where_it_stops() -> None:
    sketch = (
        Sketch("user 1", "pump")
        .step("user 1", "start", "", "call result()")
        .step("pump", "start")
        .step("pump", "set", "Event 1")
        .step("user 1", "wait", "Event 1")
        .ends("user 1", "pump")
    )
    rows = shown(sketch).rows
    assert rows[0].items[-1] == Item("wait", "waits for Event 1")
    assert [row.waiting for row in rows] == [{0}, {0}, {0}, frozenset()]


def test_an_event_is_looked_at_before_it_is_waited_for() -> None:
    sketch = (
        Sketch("user 1", "pump")
        .step("user 1", "start", "", "call result()")
        .step("user 1", "wait", "Event 1")
        .step("pump", "set", "Event 1")
        .step("user 1", "wait", "Event 1")
        .step("user 1", "wait", "Event 1")
        .blocked("user 1", "wait", "Event 1", "", "a.py:1")
        .ends("pump")
    )
    said = [[item.text for item in row.items] for row in shown(sketch).rows]
    waits = "waits for Event 1"
    assert said == [["calls result()"], [waits], ["sets Event 1"], ["wakes: Event 1"], [waits]]


def test_how_to_replay_without_a_test() -> None:
    failure = race_scenes.deadlock()
    assert scene(failure).replay == f'replay(Futures(), "{failure.token}")'
    type(failure.harness).name = "Futures (delayed)"  # type: ignore[assignment, method-assign]
    try:
        assert scene(failure).replay == f'replay(harness, "{failure.token}")'
    finally:
        del type(failure.harness).name


def test_who_holds_a_lock_is_kept_until_it_is_free() -> None:
    sketch = (
        Sketch("user 1", "user 2")
        .step("user 1", "acquire", "Lock 1")
        .step("user 2", "acquire", "Lock 2", fires=True)
        .step("user 1", "set", "Event 1", "release Lock 1", "release Lock 3")
        .ends("user 1", "user 2")
    )
    assert [row.holding for row in shown(sketch).rows] == [{0}, {0}, frozenset()]


def test_who_is_blocked_on_what_held_by_whom() -> None:
    found = scene(race_scenes.deadlock())
    assert found.blocked == (
        "user 2 waits for _event  (client.py:97)",
        "pump wants _lock, held by user 2  (client.py:120)",
    )
    assert found.rows[4].items[-1] == Item("stuck", "waits for _event")
    assert found.rows[-1].waiting == {1, 2}
    assert [lane.ended for lane in found.lanes] == ["ended", "never ended", "never ended"]


def test_blocked_in_an_operation_of_ones_own() -> None:
    sketch = Sketch("user 1").step("user 1", "start").blocked("user 1", "ponder", "life", "", "")
    found = shown(sketch)
    assert found.blocked == ("user 1 stops at ponder life",)
    assert found.rows[0].items[-1] == Item("stuck", "stops at ponder life")


def test_the_story_of_each_future() -> None:
    sketch = (
        Sketch("pump")
        .before("state pending", "something else")
        .step("pump", "start", "", "state running")
        .step("pump", "send", "X", "state running")
        .step("pump", "send", "Y", "state finished")
        .ends("pump")
    )
    found = shown(sketch)
    assert found.tales[0].states == ((0, "pending"), (1, "running"), (3, "finished"))
    assert [row.states for row in found.rows] == [
        (("future 1", "running"),),
        (("future 1", "running"),),
        (("future 1", "finished"),),
    ]


def test_what_callers_were_told() -> None:
    (told,) = scene(race_scenes.deadlock()).told
    assert told == (8, "user 1", "cancel() = True")


def test_lanes_say_what_they_were_to_do_and_how_they_ended() -> None:
    sketch = Sketch("user 1", "pump").step("user 1", "start").ends("user 1", "pump")
    run = sketch.done()
    run.ended[1] = run.ended[1]._replace(error=KeyError("x"))
    found = scene(race_scenes.failure(run, PROGRAM, "pump raises", "words"))
    assert [(lane.name, lane.does, lane.ended) for lane in found.lanes] == [
        ("user 1", "result()", "ended"),
        ("pump", "nothing", "raised KeyError: 'x'"),
    ]


def test_facts() -> None:
    assert scene(race_scenes.deadlock()).facts == (
        "found after 1,234 schedules",
        "seed 0",
        "8 steps",
        "0 preemptions",
        "3 switches",
        "1 timer fired",
    )


def test_what_never_ended_is_said() -> None:
    sketch = Sketch("user 1").step("user 1", "start")
    sketch.run.end = "livelock"
    assert shown(sketch).facts[-1] == "it went on without end, and was stopped"


def test_what_else_is_wrong() -> None:
    sketch = Sketch("user 1").ends("user 1")
    trouble = Trouble("value", "is another")
    found = race_scenes.failure(sketch.done(), PROGRAM, "no leak", "words", trouble)
    assert scene(found).also == ("value: is another",)


def test_a_bare_run_is_enough() -> None:
    class Bare:
        run = Sketch("a").step("a", "start").ends("a").done()

    found = scene(Bare())
    assert found.lanes[0].name == "a"
    assert found.check == found.words == found.replay == ""
