"""Every output is known to the pump, and equal ones are equal: tests compare them."""

from typing import get_args

from futurefsm.client import outputs, pump


def test_the_pump_knows_every_output() -> None:
    kinds = set(get_args(outputs.Output))
    told = set(get_args(pump.WireOutput)) | {
        outputs.Fire,
        outputs.Drop,
        outputs.Deliver,
        outputs.Lose,
        outputs.Rest,
        outputs.Forget,
        outputs.Violation,
        outputs.Say,
        outputs.Shutdown,
        outputs.LinkLost,
    }
    assert kinds == told


def test_equal_by_value() -> None:
    assert outputs.Get(b"x") == outputs.Get(b"x")
    assert outputs.Get(b"x") != outputs.Get(b"y")
