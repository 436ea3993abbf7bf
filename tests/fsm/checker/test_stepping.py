"""What can happen in a state, and what comes of it."""

from dataclasses import replace

from checker_kit import lamp

from futurefsm.fsm.checker import System, every, some, state, value
from futurefsm.fsm.checker.model import (
    ALWAYS,
    NEVER,
    Assign,
    Clear,
    Count,
    Empty,
    Look,
    Not,
    Send,
    When,
)
from futurefsm.fsm.checker.stepping import ACTION, DELIVER, LOSE, REPEAT, Stepper, Vector


def ways(stepper: Stepper, vector: Vector) -> dict[tuple[str, str], Vector]:
    """What can happen: (kind, name or message) → state afterwards."""
    return {
        (stepper.labels[label].kind, stepper.labels[label].message or stepper.labels[label].name): (
            after
        )
        for label, after in stepper.successors(vector)
    }


def filled(what: System) -> tuple[Stepper, Vector]:
    """Both messages are under way."""
    stepper = Stepper(what)
    pushed = ways(stepper, stepper.initial)[ACTION, "push"]
    return stepper, ways(stepper, pushed)[ACTION, "pull"]


def test_a_channel_keeps_the_order() -> None:
    stepper, both = filled(lamp())
    assert stepper.read(both)["wire"] == ("press", "reset")
    assert set(ways(stepper, both)) == {(DELIVER, "press")}
    after = ways(stepper, both)[DELIVER, "press"]
    assert stepper.read(after) == {
        "light": "on",
        "sent": 2,
        "beeped": 1,
        "blame": 0,
        "wire": ("reset",),
    }
    last = ways(stepper, after)[DELIVER, "reset"]
    assert (stepper.state_of(last, "light"), ways(stepper, last)) == ("off", {})


def test_a_channel_that_reorders() -> None:
    stepper, both = filled(lamp(reorders=True))
    assert set(ways(stepper, both)) == {(DELIVER, "press"), (DELIVER, "reset")}
    # What the table forbids moves nothing, and somebody is to blame.
    found = stepper.read(ways(stepper, both)[DELIVER, "reset"])
    assert (found["light"], found["blame"], found["wire"]) == ("off", 1, ("press",))


def test_a_channel_that_repeats() -> None:
    stepper, both = filled(lamp(duplicates=True))
    assert set(ways(stepper, both)) == {(DELIVER, "press"), (REPEAT, "press")}
    found = stepper.read(ways(stepper, both)[REPEAT, "press"])
    assert (found["light"], found["wire"]) == ("on", ("press", "reset"))


def test_a_channel_that_loses() -> None:
    stepper, both = filled(lamp(loses=True))
    found = stepper.read(ways(stepper, both)[LOSE, "press"])
    assert (found["light"], found["wire"]) == ("off", ("reset",))


def sends_twice(**faults: bool) -> System:
    what = lamp(capacity=1, **faults)
    push = replace(what.actions[0], does=(Send("wire", "press"), Send("wire", "press")))
    return replace(what, actions=(push,))


def test_what_does_not_fit_is_lost_and_told() -> None:
    stepper = Stepper(sends_twice())
    after = ways(stepper, stepper.initial)[ACTION, "push"]
    assert stepper.read(after)["wire"] == ("press",)
    assert stepper.full == {"wire"}


def test_what_may_be_lost_anyway_is_not_told() -> None:
    stepper = Stepper(sends_twice(loses=True))
    ways(stepper, stepper.initial)
    assert stepper.full == set()


def test_a_copy_of_what_may_come_often_is_not_kept() -> None:
    stepper = Stepper(sends_twice(reorders=True, duplicates=True))
    after = ways(stepper, stepper.initial)[ACTION, "push"]
    assert stepper.read(after)["wire"] == ("press",)
    assert stepper.full == set()


def test_what_can_be_done() -> None:
    what = lamp()
    does = (
        Count("sent"),
        Count("sent"),
        Count("sent"),
        Look("blame", (1, 0)),
        When(value("blame", 1), (Assign("beeped", 1),), (Assign("beeped", 0),)),
        When(value("blame", 0), (Clear("wire"),)),
        Send("wire", "reset"),
        When(ALWAYS, (Clear("wire"),)),
        When(NEVER, (), (Send("wire", "press"),)),
    )
    stepper = Stepper(replace(what, actions=(replace(what.actions[0], does=does),)))
    after = stepper.read(ways(stepper, stepper.initial)[ACTION, "push"])
    assert after == {"light": "off", "sent": 2, "beeped": 1, "blame": 1, "wire": ("press",)}


def test_conditions() -> None:
    stepper, both = filled(lamp())
    true = [
        ALWAYS,
        state("light", "off"),
        state("light", "on", "off"),
        value("sent", 2),
        value("sent", 1, 2),
        Not(Empty("wire")),
        every(value("sent", 2), state("light", "off")),
        some(value("sent", 0), state("light", "off")),
    ]
    for condition in true:
        assert stepper.predicate(condition)(both), condition
        assert not stepper.predicate(Not(condition))(both), condition
    assert stepper.predicate(Empty("wire"))(stepper.initial)
    assert not stepper.predicate(NEVER)(both)
    assert not stepper.predicate(state("light"))(both)


def test_fair_steps_have_classes() -> None:
    labels = {(each.kind, each.message or each.name): each.fair for each in Stepper(lamp()).labels}
    assert labels == {
        (ACTION, "push"): "push",
        (ACTION, "pull"): None,
        (DELIVER, "press"): "wire",
        (DELIVER, "reset"): "wire",
    }
    apart = {each.fair for each in Stepper(lamp(reorders=True)).labels}
    assert apart == {"push", None, "wire press", "wire reset"}


def test_a_traced_step_says_what_happened() -> None:
    stepper = Stepper(sends_twice(), traced=True)
    stepper.successors(stepper.initial)
    assert [(each.kind, each.what) for each in stepper.log] == [
        ("send", "press"),
        ("full", "press"),
        ("end", ""),
    ]


def test_rows_are_noted() -> None:
    stepper, both = filled(lamp())
    stepper.successors(both)
    assert [stepper.rows[number] for number in stepper.hits] == [("light", "off", "press")]
