"""Which run a piece of code is in."""

import sys
import threading
from typing import Any

import pytest
from schedules import BACKENDS

from futurefsm.fsm.testing.threads import Arena, arena, benign, run
from futurefsm.fsm.testing.threads.active import ACTIVE, traced


def test_setup_and_tasks_are_in_their_run_and_who_chooses_is_not() -> None:
    assert arena() is None
    seen: list[Any] = []

    def setup(own: Arena) -> None:
        seen.append(arena() is own)
        for name in "ab":
            own.spawn(name, lambda: seen.append((arena() is own, own.current)))

    def choose(options: Any, current: int | None) -> int:
        seen.append((arena(), ACTIVE.run is not None, current))
        return benign(options, current)

    for backend in BACKENDS:
        seen.clear()
        run(setup, choose, backend=backend)
        assert seen == [True, (None, True, None), (True, 0), (True, 1)]
    assert ACTIVE.run is None


@pytest.mark.parametrize("trace", [True, False])
def test_threads_of_the_engine_are_traced_as_others_are(
    trace: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[Any] = []
    hook = (lambda frame, event, arg: None) if trace else None
    monkeypatch.setattr(threading, "gettrace", lambda: hook)
    monkeypatch.setattr(sys, "settrace", heard.append)
    traced(lambda: heard.append("called"))
    assert heard == [*([hook] if trace else []), "called"]
