"""Every schedule once, in order of its number of preemptions."""

import threading
from collections import Counter
from math import comb

from futurefsm.fsm.testing.search.icb import Bounded, following
from futurefsm.fsm.testing.threads import Arena, Option, Run, installed, run


def two_threads(arena: Arena) -> None:
    def body() -> None:
        for _ in range(3):
            arena.point("step")

    arena.spawn("a", body)
    arena.spawn("b", body)


def runs(bound: int | None) -> list[Run]:
    search, found = Bounded(bound), []
    with installed():
        while (schedule := search.next()) is not None:
            found.append(run(two_threads, following(schedule)))
            search.learn(found[-1])
    return found


def test_every_schedule_is_run_once() -> None:
    found = runs(None)
    orders = {tuple(step.task for step in each.steps) for each in found}
    # Two threads of a start and three points.
    assert len(found) == len(orders) == comb(8, 4)


def test_fewer_preemptions_come_first() -> None:
    spent = [each.preemptions for each in runs(None)]
    assert spent == sorted(spent)
    assert Counter(spent)[0] == 2


def test_a_bound_leaves_out_the_rest() -> None:
    every = Counter(each.preemptions for each in runs(None))
    some = Counter(each.preemptions for each in runs(2))
    assert some == {cost: count for cost, count in every.items() if cost <= 2}


def test_a_schedule_says_what_to_choose_and_then_goes_on() -> None:
    choose = following((1, 5))
    options = [Option(0, False), Option(1, False), Option(1, True)]
    assert [choose(options, 0) for _ in range(4)] == [1, 2, 0, 0]


def test_a_timer_that_fires_early_is_a_preemption() -> None:
    def setup(arena: Arena) -> None:
        event = threading.Event()
        arena.spawn("waits", lambda: event.wait(1.0))
        arena.spawn("sets", event.set)

    search, costs = Bounded(1), Counter()
    with installed():
        while (schedule := search.next()) is not None:
            done = run(setup, following(schedule))
            search.learn(done)
            fired = any(step.fires for step in done.steps)
            costs[fired, done.preemptions] += 1
    assert costs[True, 1]
    assert not costs[True, 0]
