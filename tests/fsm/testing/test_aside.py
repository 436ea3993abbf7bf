"""Calls on a thread beside: answers, exceptions, and calls that never come back."""

import threading
from typing import Any

import pytest

from futurefsm.fsm.testing.aside import Aside, Got, Stuck


def test_answers_and_exceptions() -> None:
    aside = Aside()
    assert aside.call(lambda: 3, 60) == Got(3)
    error = aside.call(lambda: 1 / 0, 60).error
    assert isinstance(error, ZeroDivisionError)
    assert aside.call(threading.get_ident, 60).value != threading.get_ident()
    aside.close()
    aside.close()


def test_one_thread_makes_all_calls() -> None:
    aside = Aside()
    first = aside.call(threading.current_thread, 60).value
    assert aside.call(threading.current_thread, 60).value is first
    assert first.daemon
    aside.close()
    assert not first.is_alive()


def test_a_call_that_hangs_is_named_and_left() -> None:
    aside, gate = Aside(), threading.Event()
    seen: list[Any] = []

    def waits_for_ever() -> None:
        seen.append(threading.current_thread())
        gate.wait()

    with pytest.raises(Stuck) as stuck:
        aside.call(waits_for_ever, 0.2)
    assert "test_aside.py" in stuck.value.where
    assert "in waits_for_ever: gate.wait()" in stuck.value.where
    assert aside.call(lambda: 4, 60).value == 4, "another thread took its place"
    gate.set()
    aside.close()


def test_a_call_that_hangs_in_the_standard_library_alone() -> None:
    aside, gate = Aside(), threading.Event()
    with pytest.raises(Stuck) as stuck:
        aside.call(gate.wait, 0.2)
    assert "aside.py" in stuck.value.where or "threading.py" in stuck.value.where
    gate.set()
    aside.close()
