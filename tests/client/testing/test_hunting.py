"""A hunt is repeatable, finds, and makes small."""

import pytest

from futurefsm.client.testing import people
from futurefsm.client.testing.gallery import GALLERY
from futurefsm.client.testing.hunting import Setting, hunt, smallest
from futurefsm.client.testing.ops import table
from futurefsm.client.testing.switches import HARSH, NONE
from futurefsm.fsm.lifecycles import CONFIRMED


def test_the_same_seed_hunts_the_same_worlds() -> None:
    setting = Setting(CONFIRMED, 2, 2, HARSH)
    first = hunt(lambda _: setting, seed=5, worlds=20)
    again = hunt(lambda _: setting, seed=5, worlds=20)
    other = hunt(lambda _: setting, seed=6, worlds=20)
    assert first.found is None
    assert first.worlds == 20
    assert first.deliveries == again.deliveries != other.deliveries


def test_a_hunt_ends_in_time() -> None:
    assert hunt(lambda _: Setting(CONFIRMED, 1, 1, NONE), seconds=0.0).worlds == 0


def test_what_is_found_is_made_small() -> None:
    setting = Setting(CONFIRMED, 1, 1, NONE, GALLERY["deaf_tracker"])
    done = hunt(lambda _: setting, worlds=100)
    assert done.found is not None
    assert done.setting is setting
    assert len(done.found.world.tape.data) <= 4


@pytest.mark.parametrize("noise", [0, 7, 31])
def test_noise_round_a_failure_is_taken_away(noise: int) -> None:
    setting = Setting(CONFIRMED, 1, 1, NONE, GALLERY["eager_tracker"])
    submit = bytes([table(NONE).index(people.submit)])
    tape = bytes(noise) + (submit + b"\0") * 9 + bytes(range(noise))
    broken = setting.breaks(tape)
    assert broken is not None
    small = smallest(setting, tape, broken.invariant)
    assert len(small.world.tape.data) == 1
