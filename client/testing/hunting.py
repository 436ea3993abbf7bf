"""Looks for a tape that breaks something, and makes it small. Needs no Hypothesis.

For campaigns of minutes and hours; in a test, Hypothesis draws the tape (`strategies`).
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from time import monotonic

from futurefsm.client.testing.invariants import Broken
from futurefsm.client.testing.parts import PRODUCTION, Parts
from futurefsm.client.testing.switches import Faults
from futurefsm.client.testing.world import World
from futurefsm.fsm.table import Lifecycle

_LENGTHS = (12, 40, 120, 300)
_WINDOW = 6


@dataclass(frozen=True, slots=True)
class Setting:
    """A world but for its tape."""

    lifecycle: Lifecycle
    clients: int
    workers: int
    faults: Faults
    parts: Parts = PRODUCTION
    encode: bool = False

    def world(self, tape: bytes, *, logs: bool = False) -> World:
        """With this tape."""
        return World(
            self.lifecycle,
            self.clients,
            self.workers,
            self.faults,
            tape,
            parts=self.parts,
            encode=self.encode,
            logs=logs,
        )

    def breaks(self, tape: bytes, *, logs: bool = False) -> Broken | None:
        """What a tape breaks, if anything."""
        try:
            self.world(tape, logs=logs).run()
        except Broken as broken:
            return broken
        return None


@dataclass
class Hunt:
    """What a hunt did.

    Attributes:
        found: the small failure, with its story; None where nothing broke.
    """

    seed: int
    worlds: int = 0
    deliveries: int = 0
    steps: int = 0
    seconds: float = 0.0
    found: Broken | None = None
    setting: Setting | None = field(default=None, repr=False)


def hunt(
    settings: Callable[[random.Random], Setting],
    *,
    seed: int = 0,
    worlds: int | None = None,
    seconds: float | None = None,
    invariant: str = "",
) -> Hunt:
    """Run random worlds until one breaks.

    Args:
        settings: makes the setting of each world.
        seed: decides everything; the same seed makes the same worlds.
        worlds, seconds: when to give up.
        invariant: look for this one only.
    """
    done = Hunt(seed)
    began = monotonic()
    for number in count():
        done.seconds = monotonic() - began
        if (worlds is not None and number >= worlds) or (
            seconds is not None and done.seconds >= seconds
        ):
            return done
        chance = random.Random(f"{seed} {number}")
        setting = settings(chance)
        tape = chance.randbytes(chance.choice(_LENGTHS))
        world = setting.world(tape)
        done.worlds += 1
        try:
            world.run()
        except Broken as broken:
            if not invariant or broken.invariant == invariant:
                done.setting = setting
                done.found = smallest(setting, tape, broken.invariant)
                return done
        done.deliveries += world.deliveries
        done.steps += world.steps
    return done


def smallest(setting: Setting, tape: bytes, invariant: str, tries: int = 4000) -> Broken:
    """The failure of the simplest tape found that breaks the same invariant."""
    left = tries

    def bad(candidate: bytes) -> bool:
        nonlocal left
        left -= 1
        broken = setting.breaks(candidate)
        return broken is not None and broken.invariant == invariant

    while left > 0:
        before = tape
        for shrink in (_shorter, _lower, _swapped):
            tape = shrink(tape, bad, lambda: left > 0)
        if tape == before:
            break
    broken = setting.breaks(tape, logs=True)
    assert broken is not None
    return broken


Bad = Callable[[bytes], bool]
More = Callable[[], bool]


def _shorter(tape: bytes, bad: Bad, more: More) -> bytes:
    """Without some of its bytes: halves and quarters first, then every small window."""
    size = len(tape)
    while size > _WINDOW:
        tape = _without(tape, size, size, bad, more)
        size //= 2
    for size in range(_WINDOW, 0, -1):
        tape = _without(tape, size, 1, bad, more)
    return tape


def _without(tape: bytes, size: int, stride: int, bad: Bad, more: More) -> bytes:
    start = len(tape) - size
    while start >= 0 and more():
        candidate = tape[:start] + tape[start + size :]
        if bad(candidate):
            tape = candidate
            start = min(start, len(tape) - size)
        else:
            start -= stride
    return tape


def _lower(tape: bytes, bad: Bad, more: More) -> bytes:
    """With smaller bytes: 0, or the smallest that does the same."""
    for place in range(len(tape)):
        low, high = 0, tape[place]
        while low < high and more():
            middle = (low + high) // 2 if low else 0
            candidate = tape[:place] + bytes([middle]) + tape[place + 1 :]
            if bad(candidate):
                tape, high = candidate, middle
            else:
                low = middle + 1
    return tape


def _swapped(tape: bytes, bad: Bad, more: More) -> bytes:
    """Two bytes changed together, where one alone would shift the meaning of the next."""
    place = 0
    while place + 1 < len(tape) and more():
        for candidate in (
            tape[:place] + b"\0" + tape[place + 2 :],
            tape[:place]
            + tape[place + 1 : place + 2]
            + tape[place : place + 1]
            + tape[place + 2 :],
        ):
            smaller = (len(candidate), candidate) < (len(tape), tape)
            if smaller and bad(candidate):
                tape = candidate
                break
        place += 1
    return tape
