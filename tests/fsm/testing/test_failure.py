"""What is told of a failure, an exploration, a proof."""

import pickle

import pytest

from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.failure import Counts, Failure, Proof, Report, trimmed
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.programs import Call, Program


class Tells(Harness):
    """Its cancel() says True of what it does not cancel."""

    calls = ("cancel", "cancelled")

    def make(self, env: object) -> "Tells.Broken":
        return Tells.Broken()

    class Broken:
        def cancel(self) -> bool:
            return True

        def cancelled(self) -> bool:
            return False

        def done(self) -> bool:
            return False

        running = done

    def state(self, future: object) -> None:
        return None


PROGRAM = Program(((Call("cancel"), Call("cancelled")),))


@pytest.fixture
def failure() -> Failure:
    found = explore(Tells(), programs=[PROGRAM], schedules=10).failure
    assert found is not None
    return found


def test_a_failure_says_what_broke_and_how(failure: Failure) -> None:
    assert failure.check == "agreement"
    assert failure.words.startswith("cancel() of user 1 said True, and later cancelled()")
    assert failure.program == PROGRAM
    assert failure.schedule == ()
    assert failure.size == (2, 0, 0, len(failure.run.steps))
    assert {trouble.check for trouble in failure.troubles} == {"agreement", "linearizable"}


def test_its_text_is_its_picture(failure: Failure) -> None:
    assert "user 1" in str(failure)
    assert "agreement" in failure.in_short()
    assert "0 preemptions" in failure.in_short()


def test_its_token_can_be_decoded(failure: Failure) -> None:
    from futurefsm.fsm.testing import tokens

    assert tokens.decode(failure.token).program == PROGRAM


def test_between_processes_its_text_travels(failure: Failure) -> None:
    there = pickle.loads(pickle.dumps(failure))
    assert isinstance(there, AssertionError)
    assert str(there) == str(failure)


def test_a_report_raises_what_was_found(failure: Failure) -> None:
    report = Report(Counts(), failure)
    with pytest.raises(Failure):
        report.check()
    assert str(report).startswith("agreement found in 0 schedules")
    clean = Report(Counts(3, 2))
    assert clean.check() is clean
    assert str(clean) == "nothing found in 3 schedules of 2 programs, 0 distinct, 0 of 0 rows"


def test_a_proof_says_its_bounds() -> None:
    said = str(Proof(Counts(1234, 5), 2, 1, 2, 7))
    assert said.startswith("all programs of at most 2 threads and 1 call each, 7 paths, at most 2")
    assert "1,234 schedules" in said
    assert str(Proof(Counts(), 2, 1, 2, 7, complete=False)).startswith("not all")


def test_what_is_benign_at_the_end_of_a_schedule_is_left_out() -> None:
    assert trimmed((0, 1, 0, 0)) == (0, 1)
    assert trimmed((0, 0)) == ()
