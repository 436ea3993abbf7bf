"""What locks are called: as the class of the future calls them."""

import threading
from types import SimpleNamespace
from typing import Any

from futurefsm.fsm.testing.parts import parts
from futurefsm.fsm.testing.threads import run
from futurefsm.fsm.testing.threads.steps import benign


class Slotted:
    __slots__ = ("__lock", "empty")

    def __init__(self) -> None:
        self.__lock = threading.Lock()


class Derived(Slotted):
    __slots__ = "event"

    def __init__(self) -> None:
        super().__init__()
        self.event = threading.Event()


def test_what_the_harness_keeps_beside_the_futures() -> None:
    found: list[tuple[str, str]] = []

    def set_up(arena: Any) -> None:
        box = {"manager": SimpleNamespace(lock=threading.Lock())}
        found.extend(parts([], arena.name_of, box))

    run(set_up, benign)
    assert found == [("Lock 1", "manager.lock")]


def named(*futures: Any) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []

    def set_up(arena: Any) -> None:
        made = [future() for future in futures]
        found.extend(parts(made, arena.name_of))

    run(set_up, benign)
    return found


def test_attributes_name_the_locks_and_what_is_in_conditions() -> None:
    def future() -> Any:
        return SimpleNamespace(_condition=threading.Condition(), _lock=threading.Lock(), x=3)

    found = named(future, future)
    assert [(name.split()[0], part) for name, part in found] == [
        ("Condition", "_condition of future 1"),
        ("RLock", "_condition of future 1"),
        ("Lock", "_lock of future 1"),
        ("Condition", "_condition of future 2"),
        ("RLock", "_condition of future 2"),
        ("Lock", "_lock of future 2"),
    ]
    assert len(dict(found)) == 6


def test_a_lock_that_several_share_has_the_name_of_the_first() -> None:
    def future() -> Any:
        lock = threading.Lock()
        return SimpleNamespace(first=lock, second=lock)

    assert [part for _, part in named(future)] == ["first of future 1"]


def test_slots() -> None:
    found = [part for _, part in named(Derived)]
    assert "_Slotted__lock of future 1" in found
    assert "event of future 1" in found


def test_a_lock_of_what_a_future_belongs_to() -> None:
    manager = SimpleNamespace()

    def future() -> Any:
        if not hasattr(manager, "lock"):
            manager.lock = threading.Lock()
        return SimpleNamespace(_manager=manager, _event=threading.Event())

    found = [part for _, part in named(future, future)]
    assert found.count("_manager.lock") == 1
    assert "_event of future 2" in found
