"""An RLock that was made before the run, and held while another task may run, is refused."""

import threading
from typing import Any

import pytest

from futurefsm.fsm.testing.threads import Arena, Uncontrolled, benign, installed, run

LOCK = threading.RLock()


class Slots:
    __slots__ = ("an_unset_one", "lock")

    def __init__(self, lock: Any) -> None:
        self.lock = lock


class Plain:
    def __init__(self, lock: Any) -> None:
        self.lock = lock


def use_global(arena: Arena) -> None:
    with LOCK:
        arena.point("inside")


def use_local(arena: Arena, lock: Any) -> None:
    with lock:
        arena.point("inside")


def use_attribute(arena: Arena, thing: Any) -> None:
    with thing.lock:
        arena.point("inside")


@pytest.mark.parametrize(
    ("what", "use"),
    [
        ("LOCK", use_global),
        ("lock", lambda arena: use_local(arena, LOCK)),
        ("thing.lock", lambda arena: use_attribute(arena, Plain(LOCK))),
        ("thing.lock", lambda arena: use_attribute(arena, Slots(LOCK))),
    ],
)
@pytest.mark.parametrize("backend", ["greenlets", "pooled"])
def test_it_is_named(what: str, use: Any, backend: str) -> None:
    def setup(arena: Arena) -> None:
        arena.spawn("user", lambda: use(arena))

    with pytest.raises(Uncontrolled, match=rf"user stops at test_tripwire.py:\d+ .* RLock {what},"):
        run(setup, benign, detailed=True, backend=backend)


def test_it_may_be_used_where_nobody_else_can_run() -> None:
    def setup(arena: Arena) -> None:
        def user() -> None:
            with LOCK:
                pass
            arena.point("outside")

        arena.spawn("user", user)

    assert run(setup, benign, detailed=True).end == "done"


def test_named_to_installed_it_is_controlled() -> None:
    def setup(arena: Arena) -> None:
        for name in "ab":
            arena.spawn(name, lambda: use_global(arena))

    with installed(__name__):
        done = run(setup, lambda options, current: len(options) - 1, detailed=True)
    assert done.end == "done"
    assert {step.what for step in done.steps if step.op == "acquire"} == {f"{__name__}.LOCK"}
