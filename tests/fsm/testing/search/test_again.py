"""What runs twice must run twice in the same way."""

import random
import threading
from typing import Any

import pytest

from futurefsm.fsm.testing.env import Env
from futurefsm.fsm.testing.failure import NotDeterministic, Trouble
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.history import Seen
from futurefsm.fsm.testing.programs import Call, Program
from futurefsm.fsm.testing.search.again import confirmed, first_difference
from futurefsm.fsm.testing.search.icb import following
from futurefsm.fsm.testing.stage import Shown, Stage

PROGRAM = Program(((Call("done"),),))


class Moody(StandardFutures):
    """Every third run is another one."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.runs = 0

    def call(self, env: Env, future: Any, call: Call) -> Any:
        self.runs += 1
        if self.runs % 3 == 0:
            if self.what == "step":
                threading.Event().set()
            return True
        return super().call(env, future, call) if self.what == "step" else False


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("step", "step 2 differs: 'user 1: acquire RLock 1', and then 'user 1: set Event 1'"),
        ("answer", "what was seen differs at 2"),
    ],
)
def test_the_first_difference_is_named(what: str, words: str) -> None:
    stage = Stage(Moody(what))
    with stage.open(), pytest.raises(NotDeterministic) as raised:
        confirmed(stage, PROGRAM, ())
    assert "in run 3" in str(raised.value)
    assert words in str(raised.value)


def test_what_is_the_same_is_confirmed() -> None:
    stage = Stage(StandardFutures())
    with stage.open():
        shown = confirmed(stage, PROGRAM, (), times=4)
        assert stage.counts.schedules == 4
        other = stage.run(PROGRAM, following(()))
    assert first_difference(shown.run, other.run) == ""


def test_a_run_that_ends_before_another() -> None:
    stage = Stage(StandardFutures())
    with stage.open():
        one = stage.run(PROGRAM, following(()))
        two = stage.run(Program(((Call("done"), Call("done")),)), following(()))
    assert first_difference(one.run, two.run) == (
        "step 3 differs: 'the end', and then 'user 1: call done()'"
    )


def test_a_timer_in_one_of_them() -> None:
    stage = Stage(StandardFutures())
    program = Program(((Call("result", 1.0),), (Call("cancel"),)))
    with stage.open():
        shown = [stage.run(program, following((0, choice))) for choice in range(2)]
        found = {
            first_difference(shown[0].run, stage.run(program, following(s)).run)
            for s in ((0, 1), (0, 0, 1), (0, 0, 0, 1), (0, 0, 0, 0, 1), (0, 2))
        }
    assert any("timer fires in one" in each or "differs" in each for each in found)


def test_verdicts_that_differ() -> None:
    class Fickle(Stage):
        def run(self, *args: Any, **more: Any) -> Shown:
            shown = super().run(*args, **more)
            troubles = (Trouble("luck", str(random.random())),)
            return shown._replace(troubles=troubles, seen=Seen(PROGRAM, ()))

    stage = Fickle(StandardFutures())
    with stage.open(), pytest.raises(NotDeterministic, match="luck"):
        confirmed(stage, PROGRAM, ())
