"""Condition and Event: the same outcomes, over every schedule, as CPython's own code has."""

import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from schedules import BACKENDS, alone, every, outcomes, scene

# The real classes are asked of the module: a name that is bound here would be swapped.
from futurefsm.fsm.testing.threads import Uncontrolled, conditions, installed, run
from futurefsm.fsm.testing.threads.scheduler import Arena
from futurefsm.fsm.testing.threads.steps import benign


def cpython_event() -> Any:
    """`threading.Event` in Python, over a lock of the run."""
    event = conditions.real_event()
    event._cond = conditions.real_condition(threading.Lock())  # type: ignore[attr-defined]
    return event


def cpython_condition(lock: Any = None) -> Any:
    """`threading.Condition` in Python, over a lock of the run."""
    return conditions.real_condition(lock or threading.RLock())


def waits(condition: Any) -> Any:
    with condition:
        return condition.wait()


def waits_timed(condition: Any) -> Any:
    with condition:
        return condition.wait(1)


def polls(condition: Any) -> Any:
    with condition:
        return condition.wait(0)


def waits_twice(condition: Any) -> Any:
    with condition:
        return condition.wait(1), condition.wait(1)


def waits_deep(condition: Any) -> Any:
    with condition, condition:
        return condition.wait(1), condition._lock._recursion_count()


def notifies(condition: Any) -> None:
    with condition:
        condition.notify()


def notifies_twice(condition: Any) -> None:
    with condition:
        condition.notify()
    with condition:
        condition.notify()


def notifies_all(condition: Any) -> None:
    with condition:
        condition.notify_all()


SCENES = [
    (waits, notifies),
    (waits_timed, notifies),
    (polls, notifies),
    # A notify that is spent on a wait whose timer has fired wakes nobody.
    (waits_timed, waits, notifies),
    (waits, waits, notifies_all),
    # The one that gives up must not take the other off the list.
    (waits_timed, waits, notifies_all),
    (waits_twice, notifies),
    (waits_deep, notifies),
]


@pytest.mark.parametrize("tasks", SCENES, ids=lambda s: "+".join(f.__name__ for f in s))
def test_condition_can_do_what_cpythons_can(tasks: tuple[Callable[..., Any], ...]) -> None:
    ours = outcomes(scene(*tasks, make=lambda: threading.Condition()))
    assert ours == outcomes(
        scene(*tasks, make=lambda: conditions.real_condition(threading.RLock()))
    )
    assert len(ours) > 1


@pytest.mark.parametrize(("tells", "end"), [(notifies_twice, "done"), (notifies, "deadlock")])
def test_each_notify_wakes_one_who_waits(tells: Callable[..., Any], end: str) -> None:
    """Under the benign schedule both wait before they are told."""
    done = run(scene(waits, waits, tells, make=lambda: threading.Condition()), benign)
    assert done.end == end
    assert [each.task for each in done.blocked] == ([] if end == "done" else [1])


def test_a_notify_can_be_lost_on_a_wait_whose_timer_fired() -> None:
    found = outcomes(scene(waits_timed, waits, notifies, make=lambda: threading.Condition()))
    assert ("deadlock", False, None, None) in {o for o in found if o[0] == "deadlock"}


def test_between_the_timer_and_the_lock_others_can_run() -> None:
    """The wait says False, though the notify came before it had the lock again."""

    def notified(condition: Any) -> None:
        with condition:
            condition.told = True
            condition.notify()

    def waiting(condition: Any) -> Any:
        with condition:
            before = getattr(condition, "told", False)
            return before, condition.wait(1), getattr(condition, "told", False)

    found = outcomes(scene(waiting, notified, make=lambda: threading.Condition()))
    assert ("done", (False, False, True), None) in found


def test_a_wait_that_gives_up_has_the_lock_again() -> None:
    def setup(arena: Arena) -> None:
        condition = threading.Condition()
        inside: list[str] = []

        def waiting() -> list[str]:
            with condition:
                condition.wait(1)
                return list(inside)

        def working() -> None:
            with condition:
                inside.append("working")
                arena.point("here")
                inside.clear()

        arena.spawn("waiting", waiting)
        arena.spawn("working", working)

    assert {str(done.ended[0].value) for done in every(setup)} == {"[]"}


def test_on_a_plain_lock_too() -> None:
    ours = scene(waits_timed, notifies, make=lambda: threading.Condition(threading.Lock()))
    cpythons = scene(waits_timed, notifies, make=lambda: cpython_condition(threading.Lock()))
    assert outcomes(ours) == outcomes(cpythons)


def sets(event: Any) -> None:
    event.set()


def pulses(event: Any) -> None:
    event.set()
    event.clear()


def event_waits(event: Any) -> Any:
    return event.wait()


def event_waits_timed(event: Any) -> Any:
    return event.wait(1), event.is_set()


@pytest.mark.parametrize(
    "tasks",
    [
        (event_waits, sets),
        (event_waits_timed, sets),
        (event_waits, pulses),
        (event_waits_timed, pulses),
    ],
    ids=lambda s: "+".join(f.__name__ for f in s),
)
def test_event_can_do_what_cpythons_can(tasks: tuple[Callable[..., Any], ...]) -> None:
    assert outcomes(scene(*tasks, make=lambda: threading.Event())) == outcomes(
        scene(*tasks, make=cpython_event), limit=200_000
    )


def test_event_wait_says_false_after_its_timer_although_it_is_set() -> None:
    found = outcomes(scene(event_waits_timed, sets, make=lambda: threading.Event()))
    assert ("done", (False, True), None) in found


def test_a_pulse_wakes_those_who_wait_and_is_missed_by_those_who_come() -> None:
    found = outcomes(scene(event_waits, pulses, make=lambda: threading.Event()))
    assert found == {("done", True, None), ("deadlock", None, None)}


@pytest.mark.parametrize("real", [True, False])
@pytest.mark.parametrize("call", ["wait", "notify", "notify_all"])
def test_without_the_lock_it_raises(call: str, real: bool) -> None:
    def tried() -> str:
        condition = conditions.real_condition() if real else threading.Condition()
        with pytest.raises(RuntimeError) as raised:
            getattr(condition, call)()
        return str(raised.value)

    assert alone(tried) == f"cannot {call.partition('_')[0]} on un-acquired lock"


@pytest.mark.parametrize("make", ["Condition", "Event"])
def test_a_timeout_beyond_all_bounds_is_refused(make: str) -> None:
    def tried() -> None:
        thing = getattr(threading, make)()
        if make == "Condition":
            thing.acquire()
        thing.wait(threading.TIMEOUT_MAX * 2)

    with pytest.raises(OverflowError):
        alone(tried)


def test_wait_for_takes_the_time_that_is_left() -> None:
    def waited() -> Any:
        condition = threading.Condition()
        with condition:
            return condition.wait_for(lambda: False, timeout=3)

    assert alone(waited) is False


def test_their_texts_have_no_address() -> None:
    def texts() -> list[str]:
        condition, event = threading.Condition(), threading.Event()
        with condition:
            return [repr(condition), repr(event)]

    assert alone(texts) == [
        "<Condition(<locked threading.RLock object held by alone at RLock 1>, 0)>",
        "<threading.Event at Event 1: unset>",
    ]


def test_outside_a_run_they_are_real() -> None:
    with installed():
        assert type(threading.Condition()) is conditions.real_condition
        assert type(threading.Event()) is conditions.real_event
        assert not threading.Event().wait(0)


def test_on_a_lock_of_somebody_else_it_is_cpythons() -> None:
    class Own:
        def __init__(self) -> None:
            self.acquire = threading.Lock().acquire
            self.release = lambda: None

        def __enter__(self) -> None:
            self.acquire()

        def __exit__(self, *exc: object) -> None:
            self.release()

    assert alone(lambda: type(threading.Condition(Own()))) is conditions.real_condition


def test_a_subclass_works_in_and_out_of_a_run() -> None:
    with installed():

        class Mine(threading.Condition):
            pass

        class Flag(threading.Event):
            pass

        outside, flag = Mine(), Flag()
        with outside:
            assert not outside.wait(0)
            outside.notify_all()
        flag.set()
        assert flag.wait(0)
        assert flag.is_set()
        assert alone(lambda: (waits_timed(Mine()), Flag().wait(1))) == (False, False)


def test_the_setup_must_not_wait_and_may_look() -> None:
    looked: list[Any] = []

    def setup(arena: Arena) -> None:
        event, condition = threading.Event(), threading.Condition()
        looked.append(event.wait(1))
        event.set()
        looked.append(event.wait())
        event.clear()
        with condition:
            looked.append(condition.wait(1))
            condition.notify()
            with pytest.raises(Uncontrolled, match="wait of Condition 1 would wait"):
                condition.wait()
        event.wait()

    with pytest.raises(Uncontrolled, match="wait of Event 1 would wait"):
        run(setup, benign)
    assert looked == [False, True, False]


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_dead_lock_names_who_waits_for_what(backend: str) -> None:
    for done in every(scene(waits, make=lambda: threading.Condition()), backend=backend):
        (blocked,) = done.blocked
        assert blocked[:5] == (0, "waits", "wait", "Condition 1", "")
        assert blocked.where.startswith("test_conditions.py:")


def test_hooks_hear_that_an_event_is_waited_for_unless_it_is_set() -> None:
    heard: list[Any] = []

    def setup(arena: Arena) -> None:
        event, other = threading.Event(), threading.Event()
        other.set()
        arena.on_wait = lambda task, op, what, timed, lock: heard.append((op, what, timed, lock))
        arena.spawn("waits", lambda: other.wait() and not event.wait(1) and event.wait())
        arena.spawn("sets", lambda: time.sleep(2) or event.set())
        heard.append(event)

    run(setup, benign)
    event = heard.pop(0)
    told = [each for each in heard if each[0] == "wait"]
    assert told == [("wait", event, True, None), ("wait", event, False, None)]


def test_locks_are_new_again_after_a_fork() -> None:
    def used() -> bool:
        condition, event = threading.Condition(), threading.Event()
        condition.acquire()
        condition._at_fork_reinit()  # type: ignore[attr-defined]
        event._at_fork_reinit()  # type: ignore[attr-defined]
        return condition.acquire(False)

    assert alone(used)
