"""CPython 3.11's own tests of `concurrent.futures`, loaded to be run on classes of ours.

The file is `test/test_concurrent_futures.py`, of the running interpreter or of Debian's package
libpython3.11-testsuite. It is used as it is; what a test file replaces in it, it does in a copy of
its own (`load`), and what cannot apply it names (`adapted`).

Many of its tests are timing dependent, and say so: a task that sleeps for 1.5 s still runs when the
test looks. On a busy machine it does not. So the `time.sleep` of the copy is `Sleep`: where a test
means "longer than this test looks", the sleep lasts until the test is over. And a time-out within
which something has to be done is twice as long. Where a sleep is there to be waited for, or a
time-out to run out, and how long that takes is nothing to the test, it is shorter.
"""

import concurrent.futures
import functools
import gc
import importlib
import importlib.util
import logging
import sys
import tempfile
import time
import unittest
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

PACKAGE = "libpython3.11-testsuite"
_FILE = "test_concurrent_futures.py"
_DEBIAN = Path("/usr/lib/python3.11/test")

# Time-outs of the suite are so many times as long.
PATIENCE = 2

# Test → what its sleeps last instead, in seconds.
_UNTIL_OVER = 100.0
# Until the first of the futures that the test waits for has ended.
_UNTIL_FIRST = 99.0
_SLEEPS = {
    "test_first_completed": {1.5: _UNTIL_OVER},
    "test_first_completed_some_already_completed": {1.5: _UNTIL_OVER},
    "test_first_exception": {1.5: _UNTIL_FIRST, 3: _UNTIL_OVER},
    "test_first_exception_some_already_complete": {1.5: _UNTIL_OVER},
    "test_first_exception_one_already_failed": {2: _UNTIL_OVER},
    "test_timeout": {6: _UNTIL_OVER},
    "test_map_timeout": {6: _UNTIL_OVER},
    "test_zero_timeout": {2: _UNTIL_OVER},
    "test_cancel_futures": {0.1: _UNTIL_OVER},
    "test_result_with_success": {1: 0.05},
    "test_result_with_cancel": {1: 0.05},
    "test_exception_with_success": {1: 0.05},
    "test_20369": {1.5: 0.2},
    "test_duplicate_futures": {2: 0.2},
    "test_hang_issue12364": {0.1: 0.02},
}

# Test → how many of the futures that its wait() is given never end: its time-out has to run out.
_RUNS_OUT = {"test_timeout": 1}
_SHORT_S = 0.2


class Sleep:
    """In the place of `time.sleep` in the suite; travels to worker processes.

    Args:
        over: a file that is there when the test is over, which ends every sleep.
        instead: what some durations mean.

    Attributes:
        first: a file that is there when the first future has ended.
    """

    def __init__(self, over: Path, instead: Mapping[float, float]) -> None:
        self.over = over
        self.first = over.with_name("first")
        self.instead = instead

    def __call__(self, seconds: float) -> None:
        lasts = self.instead.get(seconds, seconds)
        ends = [self.over] + [self.first] * (lasts == _UNTIL_FIRST)
        end = time.monotonic() + lasts
        while (left := end - time.monotonic()) > 0 and not any(each.exists() for each in ends):
            time.sleep(min(left, 0.01))


class _Patient:
    """`concurrent.futures`, whose `wait` is.

    Attributes:
        endless: how many of those that are waited for never end; None: all do, or it is unknown.
        first: made when the first of those that are waited for has ended; None: nobody asks.
    """

    endless: int | None = None
    first: Path | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(concurrent.futures, name)

    def wait(
        self, fs: Any, timeout: float | None = None, return_when: str = "ALL_COMPLETED"
    ) -> Any:
        patience = None if timeout is None else timeout * PATIENCE
        if self.first is not None:
            fs[0].add_done_callback(lambda _, first=self.first: first.touch())
        if patience is None or self.endless is None:
            return concurrent.futures.wait(fs, patience, return_when)
        # Each of these runs out. One that does before the others have ended is asked again.
        end = time.monotonic() + patience
        while True:
            found = concurrent.futures.wait(fs, _SHORT_S, return_when)
            if len(found.not_done) <= self.endless or time.monotonic() >= end:
                return found


class _Threads:
    """`test.support.threading_helper`, whose clean-up looks at nothing.

    It compares the number of all threads with that before the test. Where one of another test ends
    meanwhile, which waits for a name server perhaps, it collects garbage three hundred times, for
    minutes on a busy machine; all that it does then is to print a warning.
    """

    def __init__(self, helper: Any) -> None:
        self._helper = helper

    def __getattr__(self, name: str) -> Any:
        return getattr(self._helper, name)

    def threading_cleanup(self, *_: object) -> None:
        """Nothing."""


def find() -> Path | None:
    """The suite's file, or None."""
    if sys.version_info[:2] != (3, 11):
        return None
    own = importlib.util.find_spec("test")
    folders = [*(own.submodule_search_locations or ())] if own is not None else []
    for folder in (*map(Path, folders), _DEBIAN):
        if (folder / _FILE).is_file():
            return folder / _FILE
    return None


def missing() -> str | None:
    """Why the suite cannot be run here; None where it can."""
    if sys.version_info[:2] != (3, 11):
        return "CPython's tests of Python 3.11 are for Python 3.11"
    if find() is None:
        return f"CPython's {_FILE} is missing: install {PACKAGE}"
    return None


def load(name: str = "test.test_concurrent_futures") -> Any:
    """A fresh copy of the suite as a module called `name`; it is in `sys.modules` under it."""
    path = find()
    assert path is not None, missing()
    # Its helpers (test.support) come from the interpreter where it has them, else from beside it.
    package = importlib.import_module("test")
    if str(path.parent) not in package.__path__:
        package.__path__.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module: ModuleType = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    module.futures = _Patient()  # type: ignore[attr-defined]
    module.threading_helper = _Threads(module.threading_helper)  # type: ignore[attr-defined]
    return module


def use_futures(suite: Any, future_class: type[Any]) -> None:
    """Let the suite's futures be of a class whose states are moved by rows, never assigned."""

    def create_future(
        state: str = "PENDING", exception: BaseException | None = None, result: Any = None
    ) -> Any:
        future = future_class()
        if state in ("RUNNING", "FINISHED"):
            future.set_running_or_notify_cancel()
        if state.startswith("CANCELLED"):
            future.cancel()
        if state == "CANCELLED_AND_NOTIFIED":
            future.set_running_or_notify_cancel()
        if state == "FINISHED":
            if exception is not None:
                future.set_exception(exception)
            else:
                future.set_result(result)
        assert future._state == state
        return future

    suite.Future = future_class
    suite.create_future = create_future
    suite.PENDING_FUTURE = create_future("PENDING")
    suite.RUNNING_FUTURE = create_future("RUNNING")
    suite.CANCELLED_FUTURE = create_future("CANCELLED")
    suite.CANCELLED_AND_NOTIFIED_FUTURE = create_future("CANCELLED_AND_NOTIFIED")
    suite.EXCEPTION_FUTURE = create_future("FINISHED", exception=OSError())
    suite.SUCCESSFUL_FUTURE = create_future("FINISHED", result=42)


def adapted(
    suite: Any,
    case: type[Any],
    not_applicable: Mapping[str, str],
    *,
    log: str,
    **attributes: Any,
) -> type[unittest.TestCase]:
    """A test case of the suite without the tests that cannot apply.

    Args:
        suite: the copy that the case is of.
        not_applicable: name of a test → why. A name that does not exist is an error.
        log: the logger whose messages the suite looks for on stderr.
        attributes: of the new class, for example `executor_type`.

    Every other test must run: one that is skipped fails.
    """
    strangers = [name for name in not_applicable if not callable(getattr(case, name, None))]
    assert not strangers, f"{case.__name__} has no {', '.join(strangers)}: take it off the list"
    body: dict[str, Any] = dict.fromkeys(not_applicable)
    names = [name for name in dir(case) if name.startswith("test") and name not in not_applicable]
    for name in [*names, "setUp"]:
        body[name] = _never_skipped(getattr(case, name))
    inner = body["setUp"]

    def set_up(self: Any) -> None:
        # The suite collects garbage again and again; not through all that a long run has left.
        gc.freeze()
        self.addCleanup(gc.unfreeze)
        folder = tempfile.TemporaryDirectory(prefix="futurefsm-test-")
        self.addCleanup(folder.cleanup)
        sleep = Sleep(Path(folder.name, "over"), _SLEEPS.get(self._testMethodName, {}))
        suite.time = SimpleNamespace(sleep=sleep, monotonic=time.monotonic)
        suite.futures.endless = _RUNS_OUT.get(self._testMethodName)
        suite.futures.first = sleep.first if _UNTIL_FIRST in sleep.instead.values() else None
        # pytest catches what goes to the root logger; the suite expects it on stderr.
        assert logging.lastResort is not None
        logger = logging.getLogger(log)
        logger.addHandler(logging.lastResort)
        self.addCleanup(logger.removeHandler, logging.lastResort)
        inner(self)

    def tear_down(self: Any) -> None:
        suite.time.sleep.over.touch()
        case.tearDown(self)

    body["setUp"], body["tearDown"] = set_up, tear_down
    return type(case.__name__, (case,), {**body, **attributes, "__module__": __name__})


def _never_skipped(function: Callable[..., Any]) -> Callable[..., Any]:
    assert not getattr(function, "__unittest_skip__", False), f"{function} is skipped, not listed"

    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except unittest.SkipTest as skipped:
            raise AssertionError(f"skipped, and not listed: {skipped}") from skipped

    return run
