"""Which threads must not wait."""

import asyncio
import os
import sys
import threading
from types import ModuleType, SimpleNamespace

import pytest

from futurefsm.fsm import threads
from futurefsm.fsm.threads import calling_back, delivering, delivery_role, must_not_wait


def test_an_ordinary_thread_may_wait() -> None:
    assert must_not_wait() is None
    assert delivery_role() is None


def test_marks_nest_and_end() -> None:
    with delivering("is the pump"):
        assert delivery_role() == must_not_wait() == "is the pump"
        with delivering("is another"):
            assert delivery_role() == "is another"
        assert delivery_role() == "is the pump"
    with calling_back():
        with calling_back():
            pass
        assert must_not_wait() == "runs callbacks", "a callback settled another future"
        assert delivery_role() is None
    assert must_not_wait() is None


def test_marks_end_with_an_exception() -> None:
    with pytest.raises(KeyError), delivering(), calling_back():
        raise KeyError
    assert must_not_wait() is None


def test_marks_are_of_one_thread() -> None:
    seen: list[str | None] = []
    with delivering():
        thread = threading.Thread(target=lambda: seen.append(must_not_wait()))
        thread.start()
        thread.join()
    assert seen == [None]


def test_a_running_loop() -> None:
    async def main() -> tuple[str | None, str | None]:
        return must_not_wait(), await asyncio.to_thread(must_not_wait)

    assert asyncio.run(main()) == ("runs an event loop", None)
    assert must_not_wait() is None


def test_a_half_imported_asyncio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "asyncio.events", ModuleType("asyncio.events"))
    assert must_not_wait() is None


@pytest.mark.parametrize("running", [True, False])
def test_trio(monkeypatch: pytest.MonkeyPatch, running: bool) -> None:
    trio = ModuleType("trio")
    trio.lowlevel = SimpleNamespace(in_trio_run=lambda: running)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trio", trio)
    assert must_not_wait() == ("runs an event loop" if running else None)


def test_an_old_trio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "trio", ModuleType("trio"))
    assert must_not_wait() is None


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_child_of_a_fork_has_none_of_the_marks() -> None:
    read, write = os.pipe()
    with delivering("delivers"), calling_back():
        child = os.fork()
        if child == 0:
            os.write(write, str(must_not_wait()).encode())
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 100) == b"None"
    os.close(read)
    os.close(write)


def test_marks_can_be_forgotten() -> None:
    """What a child of a fork does first; coverage does not see children."""
    with delivering("delivers"), calling_back():
        threads._forget_marks()
        assert must_not_wait() is None
        assert delivery_role() is None
