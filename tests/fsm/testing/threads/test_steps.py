"""What a run says of itself."""

import threading

from schedules import BACKENDS, following

from futurefsm.fsm.testing.threads import Arena, Option, Run, Step, benign, run


def setup(arena: Arena) -> None:
    lock = threading.Lock()
    arena.note("before all")

    def user() -> None:
        with lock:
            arena.note("has it")
            arena.note("still")

    arena.spawn("a", user)
    arena.spawn("b", user)


def test_a_run_tells_its_steps_choices_and_costs() -> None:
    for backend in BACKENDS:
        done = run(setup, following([1, 1]), backend=backend)
        assert done.steps == [
            Step(1, False, "start", "", "", ()),
            Step(0, False, "start", "", "", ()),
            Step(0, False, "acquire", "Lock 1", "", ("has it", "still")),
            Step(1, False, "acquire", "Lock 1", "", ("has it", "still")),
        ]
        # Who ends leaves no choice; who is current goes on at no cost.
        assert done.choices == [1, 1, 0]
        assert done.costs == [(0, 0), (0, 1), (0, 1)]
        assert done.counts == [2, 2, 2]
        assert done.preemptions == 1
        assert done.switches == 2
        assert done.before == ("before all",)
        assert repr(done) == "<Run done: 4 steps, 2 switches>"


def test_names_are_labels_or_kinds_with_numbers() -> None:
    made = Run()
    thing = object()
    made.labels[id(thing)] = (thing, "the thing")
    assert made.name_of(thing) == "the thing"
    assert made.name_of("text") == "text"
    assert made.name_of(7) == "7"


def test_the_benign_choice_is_the_first() -> None:
    assert benign([Option(1, False), Option(0, True)], 0) == 0
