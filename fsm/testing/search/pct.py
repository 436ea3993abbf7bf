"""Random schedules: plain, by priorities (PCT), by partial orders (POS).

PCT (Burckhardt and others, 2010) finds a bug of depth d in a run of k steps and n threads with a
probability of at least 1 / (n * k ** (d - 1)). POS (Yuan, Yang and Gu, 2018) draws a new priority
for an operation whenever another one that it races with was performed.
"""

from collections.abc import Sequence
from random import Random

from futurefsm.fsm.testing.threads.active import ACTIVE
from futurefsm.fsm.testing.threads.steps import Choose, Option


def plain(random: Random) -> Choose:
    """Every choice by lot; some schedules like to go on, since a race wants few switches."""
    stay = random.choice((0.0, 0.5, 0.8))

    def choose(options: Sequence[Option], current: int | None) -> int:
        if stay and random.random() < stay:
            return 0
        return random.randrange(len(options))

    return choose


def pct(random: Random, *, depth: int = 3, length: int = 30) -> Choose:
    """The task with the highest priority goes on; at `depth` - 1 moments it gets the lowest.

    Args:
        depth: how many orderings the bug needs.
        length: about how many choices a run has.
    """
    priorities: dict[Option, float] = {}
    moments = {random.randrange(length) for _ in range(depth - 1)}
    place, lowest = 0, 0.0

    def choose(options: Sequence[Option], current: int | None) -> int:
        nonlocal place, lowest
        for option in options:
            if option not in priorities:
                priorities[option] = random.random() + 1.0
        best = max(range(len(options)), key=lambda i: priorities[options[i]])
        if place in moments:
            lowest -= 1.0
            priorities[options[best]] = lowest
            best = max(range(len(options)), key=lambda i: priorities[options[i]])
        place += 1
        return best

    return choose


def pos(random: Random) -> Choose:
    """Partial order sampling: the operation with the highest priority is performed; it and those
    that are about the same object get new ones."""
    priorities: dict[Option, float] = {}

    def choose(options: Sequence[Option], current: int | None) -> int:
        for option in options:
            if option not in priorities:
                priorities[option] = random.random()
        best = max(range(len(options)), key=lambda i: priorities[options[i]])
        chosen = options[best]
        del priorities[chosen]
        about = _about(chosen)
        for option in options:
            if option is not chosen and about is not None and _about(option) is about:
                del priorities[option]
        return best

    return choose


def _about(option: Option) -> object:
    """What an option's operation is done to; None: nothing that others could touch."""
    # Not `ACTIVE.arena`: what chooses is not in the run.
    run = ACTIVE.run
    return None if run is None else (run.pending(option.task)[1] or None)
