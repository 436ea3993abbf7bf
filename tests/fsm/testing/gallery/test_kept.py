"""The programs that are kept: who can run them, and what they find."""

import pytest

from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.gallery import bite
from futurefsm.fsm.testing.gallery.clients import ClientFutures, HeardFutures
from futurefsm.fsm.testing.gallery.kept import PROGRAMS, SCHEDULES, kept
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.onloop import OnLoop
from futurefsm.fsm.testing.threads import installed


def test_a_harness_gets_those_whose_calls_it_has() -> None:
    assert tuple(kept(ClientFutures())) == PROGRAMS
    assert tuple(kept(OnLoop(ClientFutures()))) == PROGRAMS[:1]
    assert tuple(kept(StandardFutures())) == PROGRAMS[:2]


@pytest.mark.parametrize(
    "part",
    [
        "case left out in _call: if getattr",
        "drop assignment in _load: self._fetched",
        "test before lock in on_confirm",
    ],
)
def test_they_find_what_schedules_by_lot_do_not(part: str) -> None:
    target = next(each for each in bite.reference_targets() if part in each.name)
    assert bite.try_one(target, schedules=1) is not None


@pytest.mark.parametrize("delayed", [False, True])
def test_what_is_right_survives_them(delayed: bool) -> None:
    harness = HeardFutures(delayed=delayed)
    for each in (harness, OnLoop(harness)):
        for program in kept(each):
            with installed():
                report = explore(each, schedules=SCHEDULES, search="pct", programs=[program])
            assert report.failure is None
