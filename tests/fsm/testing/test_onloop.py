"""Futures that are used from a loop, through `asyncio.wrap_future`."""

from collections import Counter
from concurrent.futures import Future
from typing import Any

import pytest

from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.mutants_waiting import BlocksTheLoop
from futurefsm.fsm.testing.gallery.ours import FsmFutures
from futurefsm.fsm.testing.harness import Harness, StandardFutures
from futurefsm.fsm.testing.onloop import OnLoop
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.search.icb import Bounded, following
from futurefsm.fsm.testing.stage import Stage

RIGHT = {
    "standard": StandardFutures(),
    "client": ClientFutures(),
    "confirmed": FsmFutures(CONFIRMED),
    "strict": FsmFutures(STRICT),
}


@pytest.mark.parametrize("name", RIGHT)
def test_correct_futures_are_silent(name: str) -> None:
    explore(OnLoop(RIGHT[name]), schedules=120).check()


def test_tasks_in_any_order_are_silent() -> None:
    explore(OnLoop(StandardFutures(), ordered=False), schedules=100).check()


def test_a_blocked_loop_is_found_and_shown() -> None:
    """Bug 20."""
    harness = OnLoop(ClientFutures(BlocksTheLoop))
    failure = explore(harness, schedules=20_000, checks=["loop blocked"]).failure
    assert failure is not None
    assert failure.check == "loop blocked"
    assert "the loop of user 1 stands still: there was a wait" in failure.words
    assert failure.program.calls == 1
    assert len(failure.run.steps) <= 20
    assert failure.run.switches <= 5


def test_who_cancels_what_asyncio_copies() -> None:
    """The program that showed that our own future left the task that awaits it hanging."""
    program = Program(
        ((Call("result"),), (Call("cancel"),)),
        (Move("submit"), Move("result_success")),
    )
    for inner in (FsmFutures(CONFIRMED), ClientFutures(), ClientFutures(delayed=True)):
        report = explore(OnLoop(inner), schedules=100, programs=[program])
        report.check()


def test_it_is_what_its_inner_harness_is() -> None:
    inner = ClientFutures()
    outer = OnLoop(inner)
    assert outer.name == "ClientFuture on a loop"
    assert outer.lifecycle is inner.lifecycle
    assert "wait" not in outer.calls
    assert outer.timed == ("result",)
    assert outer.error_name(KeyError()) == "KeyError"

    class Other(Harness):
        def outcome(self, future: Any) -> str | None:
            return "refused"

    assert OnLoop(Other()).outcome(None) == "refused"


WAITS = (
    Program(((Call("result", 1.0),),), (Move("submit"), Move("result_success"))),
    Program(((Call("result", 1.0),), (Call("cancel"),)), (Move("submit"), Move("result_failed"))),
    Program(((Call("result", 1.0), Call("result", 1.0)), (Call("result", 1.0),)), ()),
)


def asked(harness: OnLoop) -> Counter[str]:
    """What was seen of every schedule with at most one preemption."""
    stage, found = Stage(harness), Counter[str]()
    with stage.open():
        for program in WAITS:
            search = Bounded(1)
            while (schedule := search.next()) is not None:
                shown = stage.run(program, following(schedule))
                search.learn(shown.run)
                found.update(trouble.check for trouble in shown.troubles)
                found.update(record[0] for record in shown.seen.log if record[0] == h.ASKS)
    return found


@pytest.mark.parametrize("name", ["standard", "confirmed", "strict"])
def test_wait_for_cancels_what_it_waits_for(name: str) -> None:
    found = asked(OnLoop(RIGHT[name]))
    assert [*found] == [h.ASKS]
    assert found[h.ASKS] > 10


class Overturned(Future[Any]):
    """`cancel()` is True of a future that is finished, and cancels it."""

    def cancel(self) -> bool:
        with self._condition:
            self._state = "CANCELLED_AND_NOTIFIED"
            self._condition.notify_all()
        self._invoke_callbacks()  # type: ignore[attr-defined]
        return True


class Overturns(StandardFutures):
    def make(self, env: Any) -> Any:
        return Overturned()


def test_what_the_time_out_of_wait_for_breaks_is_found() -> None:
    found = asked(OnLoop(Overturns()))
    assert "absorbing" in found
    assert "linearizable" in found
