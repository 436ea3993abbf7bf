"""CPython 3.11's own tests of `concurrent.futures`, on futures under STRICT.

`FutureTests` as it is, but for the helper that assigns a state; the tests of `wait` and
`as_completed` on a thread pool whose `submit` returns futures of ours.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cpython_suite
import pytest

from futurefsm.fsm import future as base
from futurefsm.fsm.lifecycles import STRICT

pytestmark = [pytest.mark.system(cpython_suite.PACKAGE), pytest.mark.slow]

# Test → why it cannot apply. Each has its like in this project's own tests.
NOT_APPLICABLE = {
    "test_exception_with_success": (
        "assigns `_state`, which is read-only here: states are moved by rows; "
        "test_future.py::test_an_exception_is_raised_and_returned is its like"
    ),
}


class Future(base.Future[Any]):
    default_lifecycle = STRICT


class ThreadPool(ThreadPoolExecutor):
    """A thread pool whose futures are ours."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        future = Future()
        super().submit(self._run, future, fn, args, kwargs)
        return future

    def _run(self, future: Future, fn: Callable[..., Any], args: Any, kwargs: Any) -> None:
        if future.set_running_or_notify_cancel():
            try:
                future.set_result(fn(*args, **kwargs))
            except BaseException as error:
                future.set_exception(error)


WHY_MISSING = cpython_suite.missing()

if WHY_MISSING is None:
    suite = cpython_suite.load("cpython_suite_strict")
    cpython_suite.use_futures(suite, Future)
    LOG = "futurefsm.fsm"
    FutureTests = cpython_suite.adapted(suite, suite.FutureTests, NOT_APPLICABLE, log=LOG)
    ThreadPoolWaitTests = cpython_suite.adapted(
        suite, suite.ThreadPoolWaitTests, {}, log=LOG, executor_type=ThreadPool
    )
    ThreadPoolAsCompletedTest = cpython_suite.adapted(
        suite, suite.ThreadPoolAsCompletedTest, {}, log=LOG, executor_type=ThreadPool
    )


def test_the_suite_is_there() -> None:
    if WHY_MISSING is not None:
        pytest.skip(WHY_MISSING)
    names = [name for name in dir(FutureTests) if name.startswith("test")]
    assert len([name for name in names if getattr(FutureTests, name)]) == 19
    assert suite.PENDING_FUTURE.lifecycle is STRICT


def test_a_list_that_names_what_is_not_there_is_refused() -> None:
    if WHY_MISSING is not None:
        pytest.skip(WHY_MISSING)
    with pytest.raises(AssertionError, match="has no test_gone: take it off the list"):
        cpython_suite.adapted(suite, suite.FutureTests, {"test_gone": "x"}, log=LOG)


def test_a_skip_that_is_not_listed_fails() -> None:
    if WHY_MISSING is not None:
        pytest.skip(WHY_MISSING)
    import unittest

    class Skips(unittest.TestCase):
        def test_one(self) -> None:
            self.skipTest("not today")

    case = cpython_suite.adapted(suite, Skips, {}, log=LOG)
    result = case("test_one").run()
    assert result is not None
    assert result.skipped == []
    assert "skipped, and not listed: not today" in result.failures[0][1]
