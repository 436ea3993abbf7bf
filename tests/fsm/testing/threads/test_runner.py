"""`run`: on which backend, and what it leaves as it was."""

import gc
import threading
from typing import Any

import pytest
from schedules import alone

from futurefsm.fsm.testing.threads import Arena, benign, run, runner


def backend_of(**more: Any) -> str:
    seen: list[str] = []
    run(lambda arena: seen.append(arena.backend), benign, **more)
    return seen[0]


def test_greenlets_where_they_are_installed_and_pooled_threads_elsewhere(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert backend_of() == "greenlets"
    assert backend_of(backend="pooled") == "pooled"
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    runner._backend.cache_clear()
    assert backend_of() == "pooled"
    monkeypatch.undo()
    runner._backend.cache_clear()
    assert backend_of() == "greenlets"


def test_another_backend_is_refused() -> None:
    with pytest.raises(ValueError, match="'greenlets', 'pooled' or None, not 'fibers'"):
        run(lambda arena: None, benign, backend="fibers")


def test_off_the_main_thread_it_is_pooled_threads() -> None:
    heard: list[Any] = []

    def elsewhere() -> None:
        heard.append(backend_of())
        try:
            backend_of(backend="greenlets")
        except ValueError as refused:
            heard.append(str(refused))

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert heard[0] == "pooled"
    assert heard[1].startswith("greenlets need the main thread")


@pytest.mark.parametrize("collects", [True, False])
def test_nothing_is_collected_in_a_run(collects: bool) -> None:
    before = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        assert alone(gc.isenabled) is False
        assert gc.isenabled() is collects
    finally:
        (gc.enable if before else gc.disable)()


def test_it_installs_the_primitives_by_itself_and_takes_them_away() -> None:
    real = threading.Lock

    def setup(arena: Arena) -> None:
        assert threading.Lock is not real

    run(setup, benign)
    assert threading.Lock is real
