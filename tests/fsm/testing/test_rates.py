"""What is measured; how fast it is, `make races` says."""

from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.rates import judging, running
from futurefsm.fsm.testing.shipped import ConfirmedFutures


def test_schedules_are_counted_with_their_steps() -> None:
    rate, steps = running(StandardFutures(), 50)
    assert rate > 0
    assert 2 < steps < 40
    _, finer = running(StandardFutures(), 50, ["concurrent.futures._base"])
    assert finer > steps


def test_histories_of_a_length_are_judged() -> None:
    spent = judging(ConfirmedFutures(), 5, 12)
    assert len(spent) == 5
    assert spent == sorted(spent)
    assert spent[0] > 0
