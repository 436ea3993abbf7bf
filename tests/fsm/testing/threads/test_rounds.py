"""Who goes round for ever is told from who computes."""

import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from futurefsm.fsm.testing.threads.rounds import Rounds

FEW, MANY = 12, 2000


class Flag:
    """What somebody else would set."""

    def __init__(self) -> None:
        self.up = False
        self.count = 0

    def ready(self) -> bool:
        seen = self.up
        return bool(seen)

    def counted(self) -> bool:
        self.count += 1
        return self.up


def spins(flag: Flag) -> None:
    while not flag.up:
        pass


def asks(flag: Flag) -> None:
    while not flag.ready():
        pass


def waits_long(flag: Flag) -> None:
    while True:
        if flag.ready():
            return


def counts(flag: Flag) -> None:
    number = 0
    while not flag.up:
        number += 1


def counts_in_a_field(flag: Flag) -> None:
    while not flag.counted():
        pass


def fills(flag: Flag) -> None:
    items: list[int] = []
    while not flag.up:
        items.append(1)


def goes_through(flag: Flag) -> None:
    def numbers() -> Iterator[int]:
        number = 1000
        while not flag.up:
            number += 1
            yield number

    for _ in numbers():
        pass


def calls_itself(flag: Flag, depth: int = 30) -> int:
    if flag.up or not depth:
        return 1
    return calls_itself(flag, depth - 1) + calls_itself(flag, depth - 1)


def seen_going_round(function: Callable[[Flag], object], looks: int) -> bool:
    """Whether a thread that runs a function is seen to go round, at so many looks at most."""
    flag, found = Flag(), False
    thread = threading.Thread(target=function, args=(flag,))
    rounds = Rounds()
    before = sys.getswitchinterval()
    thread.start()
    try:
        # Each look comes after the thread has run on: it has to give the interpreter back.
        sys.setswitchinterval(1e-4)
        while looks and not found:
            give_way()
            found = rounds.look(sys._current_frames().get(thread.ident or 0)) > FEW
            looks -= 1
    finally:
        sys.setswitchinterval(before)
        flag.up = True
        thread.join()
    return found


def give_way() -> None:
    """Lets another thread run for a while."""
    threading.Event().wait(0.005)


@pytest.mark.parametrize("function", [spins, asks, waits_long])
def test_who_goes_round(function: Any) -> None:
    assert seen_going_round(function, MANY)


@pytest.mark.parametrize("function", [counts, counts_in_a_field, fills, goes_through, calls_itself])
def test_who_computes(function: Any) -> None:
    assert not seen_going_round(function, 3 * FEW)


def test_what_has_ended_is_forgotten() -> None:
    rounds = Rounds()
    assert rounds.look(None) == 0
    assert rounds.look(sys._getframe()) == 0
    assert rounds.look(None) == 0
    assert rounds.look(sys._getframe()) == 0


def test_strange_things_are_not_asked() -> None:
    class Strange:
        def __getattribute__(self, name: str) -> Any:
            raise AssertionError("its code was run")

    class Many:
        pass

    many = Many()
    vars(many).update((f"field_{number}", number) for number in range(99))
    things: list[Any] = [Strange(), many, type, 1.5, b"", (1, 2)]
    rounds = Rounds()
    for thing in things:
        assert thing is not None
        rounds.look(sys._getframe())
