"""The check that no loop is blocked, on a history by hand."""

from futurefsm.fsm.lifecycles import STRICT
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.checks import LOOP_BLOCKED, judge
from futurefsm.fsm.testing.checks.loops import LOOPED
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.programs import Program
from futurefsm.fsm.testing.stage import subject_of


def test_a_wait_on_a_loops_thread() -> None:
    program = Program(((), ()))
    seen = h.Seen(program, ((LOOPED, 0, "wait", "Condition 1"),), "done")
    (trouble,) = judge(h.read(seen), subject_of(Harness()))
    assert trouble.check == LOOP_BLOCKED
    assert trouble.words == (
        "the loop of user 1 stands still: there was a wait (wait, Condition 1) on the thread that "
        "runs it"
    )
    assert judge(h.read(h.Seen(program, (), "done")), subject_of(Harness())) == ()
    assert STRICT.name == Harness.lifecycle.name
