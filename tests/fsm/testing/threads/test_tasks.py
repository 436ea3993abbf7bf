"""What a task is, and where its code is."""

import contextlib
import sys
from types import SimpleNamespace
from typing import Any

import pytest

from futurefsm.fsm.testing.threads import tasks


def test_the_line_is_that_of_the_code_under_test() -> None:
    frame = sys._getframe()
    assert tasks.where(frame) == f"test_tasks.py:{frame.f_lineno}"
    assert tasks.where(None) == ""


def test_what_only_leads_there_is_passed_over() -> None:
    @contextlib.contextmanager
    def through() -> Any:
        yield tasks.where(sys._getframe(1))

    with through() as line:
        assert line.startswith("test_tasks.py:")
    assert tasks.is_ours(tasks.__file__)
    assert not tasks.is_ours(__file__)


@pytest.mark.parametrize(
    ("raised", "control"),
    [(KeyError(), False), (SystemExit(), False), (KeyboardInterrupt(), True)],
)
def test_what_steers_a_test_is_not_the_codes(raised: BaseException, control: bool) -> None:
    assert tasks.is_control(raised) is control
    import asyncio

    assert not tasks.is_control(asyncio.CancelledError())


def test_a_task_says_who_it_is() -> None:
    made = tasks.Task(None, 3, "user", tasks.nothing, False)  # type: ignore[arg-type]
    assert repr(made) == "<task 3 user>"
    assert made.fn() is None


@pytest.mark.parametrize("handle", [True, False])
def test_a_thread_object_looks_ended_on_each_version(handle: bool) -> None:
    thread = SimpleNamespace(**({"_handle": None} if handle else {}))
    tasks.mark_ended(thread)
    assert thread._is_stopped
    if handle:
        thread._handle.join(3)
        assert thread._handle.is_done()
