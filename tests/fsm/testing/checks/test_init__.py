"""All checks together."""

from logs import Log

from futurefsm.fsm.testing import checks
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.history import Raised
from futurefsm.fsm.testing.programs import Call
from futurefsm.fsm.testing.stage import subject_of


def broken() -> Log:
    log = Log(StandardFutures()).note(h.SENT, "Task", 0, 0, ("Lock 1",))
    return log.call(0, Call("done"), Raised("KeyError")).deliver("submit", Raised("KeyError"))


def test_the_plainest_fault_comes_first() -> None:
    assert broken().names() == ["pump raises", "nothing under a lock", "answers"]


def test_some_checks_can_be_asked_for() -> None:
    history = h.read(broken().seen())
    found = checks.judge(history, subject_of(StandardFutures()), {"answers"})
    assert [trouble.check for trouble in found] == ["answers"]


def test_every_check_has_its_place() -> None:
    assert len(set(checks.ORDER)) == len(checks.ORDER)
