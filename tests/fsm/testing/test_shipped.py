"""Our own Future under both lifecycles: nothing may be found in it."""

from types import SimpleNamespace
from typing import Any

import pytest

from futurefsm.fsm import effects as fx
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.testing.env import Env
from futurefsm.fsm.testing.exploring import explore, prove
from futurefsm.fsm.testing.harness import Harness, StandardFutures
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.shipped import ConfirmedFutures, StrictFutures, WiredFuture

HARNESSES = [StandardFutures(), StrictFutures(), ConfirmedFutures()]
CANCEL = Program(((Call("cancel"),),), (Move("submit"), Move("result_success")), (), 1, 1)


@pytest.mark.parametrize("harness", HARNESSES, ids=lambda each: each.name)
def test_nothing_is_found_by_lot(harness: Harness) -> None:
    report = explore(harness, schedules=600, seed=11).check()
    assert report.counts.schedules == 600


@pytest.mark.parametrize("harness", HARNESSES, ids=lambda each: each.name)
def test_nothing_is_found_in_a_small_scope(harness: Harness) -> None:
    path = (Move("submit"), Move("result_success"))
    known = [Call("cancel"), Call("result", 1.0)]
    proof = prove(harness, paths=[path], known=known)
    assert proof.complete
    assert proof.counts.programs == 5


class Leaks(ConfirmedFutures):
    """The object of a result that lost is forgotten."""

    def make(self, env: Env) -> Any:
        return LeakyFuture(env)


class LeakyFuture(WiredFuture):
    __slots__ = ()

    def perform(self, step: Step, value: Any) -> None:
        if fx.DELETE_RESULT not in step.effects:
            super().perform(step, value)


def test_a_leak_would_be_found() -> None:
    failure = explore(Leaks(), programs=[CANCEL], schedules=50).failure
    assert failure is not None
    assert failure.check == "no leak"


class Mute(ConfirmedFutures):
    """No TaskCancel is sent."""

    def make(self, env: Env) -> Any:
        return MuteFuture(env)


class MuteFuture(WiredFuture):
    __slots__ = ()

    def perform(self, step: Step, value: Any) -> None:
        if fx.SEND_CANCEL not in step.effects:
            super().perform(step, value)


def test_a_cancel_that_is_not_sent_would_be_found() -> None:
    failure = explore(Mute(), programs=[CANCEL], schedules=50).failure
    assert failure is not None
    assert failure.check == "one TaskCancel"


def test_a_value_may_be_discarded_before_it_was_offered() -> None:
    """Two threads may perform the effects of two steps in either order."""
    program = CANCEL._replace(threads=((Call("cancel"),), (Call("cancel"),)))
    path = (Move("submit"), Move("result_success"))
    report = explore(
        ConfirmedFutures(), programs=[program._replace(path=path)], search="icb", schedules=300
    )
    assert report.failure is None


def test_an_offer_that_comes_after_its_discard_is_deleted() -> None:
    class Outside:
        current = me = None

    arena: Any = Outside()
    env = Env(ConfirmedFutures(), CANCEL, arena)
    future = WiredFuture(env)
    env.futures = [future]
    rows = future._node.on["submit"].node
    finished = rows.on["result_success"]
    future.perform(finished.node.on["cancel"], None)
    other: Any = SimpleNamespace(effects=(fx.Effect("log"),), event="cancel")
    future.perform(other, None)
    assert not env.log
    future.perform(finished, None)
    assert [record[:2] for record in env.log] == [("deleted", "object 1")]
