"""Every broken part of the gallery is found, and named, and its story is short."""

import pytest
from hypothesis import HealthCheck, find, settings

from futurefsm.client.testing.gallery import EXHIBITS, GALLERY
from futurefsm.client.testing.hunting import Setting, hunt
from futurefsm.client.testing.parts import PRODUCTION
from futurefsm.client.testing.strategies import tapes


def name(setting: Setting) -> str:
    return setting.parts.name


def test_there_are_many_of_all_kinds() -> None:
    assert len(EXHIBITS) >= 12
    assert len({setting.parts.invariant for setting in EXHIBITS}) >= 12
    assert len(GALLERY) == len(EXHIBITS)


@pytest.mark.parametrize("setting", EXHIBITS, ids=name)
def test_it_is_found_and_named(setting: Setting) -> None:
    done = hunt(lambda _: setting, seed=1, worlds=2000, invariant=setting.parts.invariant)
    assert done.found is not None, f"{setting.parts.name} was not found in {done.worlds} worlds"
    assert done.found.invariant == setting.parts.invariant
    world = done.found.world
    print(
        f"{setting.parts.name}: {done.worlds} worlds, {len(world.tape.data)} choices, "
        f"{world.deliveries} deliveries: {done.found.what}"
    )
    assert len(world.tape.data) <= 45
    # The same tape with production's parts breaks nothing.
    healthy = Setting(
        setting.lifecycle, setting.clients, setting.workers, setting.faults, PRODUCTION
    )
    assert healthy.breaks(world.tape.data) is None


@pytest.mark.parametrize("broken", ["deaf_tracker", "two_requests", "zombie_scheduler"])
def test_hypothesis_finds_the_shortest_story(broken: str) -> None:
    setting = next(each for each in EXHIBITS if each.parts.name == broken)

    def fails(tape: bytes) -> bool:
        found = setting.breaks(tape)
        return found is not None and found.invariant == setting.parts.invariant

    small = find(
        tapes(),
        fails,
        settings=settings(
            max_examples=2000,
            database=None,
            derandomize=True,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(f"{broken}: {len(small)} choices: {small!r}")
    assert len(small) <= 8
