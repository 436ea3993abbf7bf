"""CPython 3.11's own tests of `concurrent.futures`, loaded to be run on classes of ours.

The file is `test/test_concurrent_futures.py`, of the running interpreter or of Debian's package
libpython3.11-testsuite. It is used as it is; what a test file replaces in it, it does in a copy of
its own (`load`), and what cannot apply it names (`adapted`).
"""

import functools
import importlib
import importlib.util
import logging
import sys
import unittest
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

PACKAGE = "libpython3.11-testsuite"
_FILE = "test_concurrent_futures.py"
_DEBIAN = Path("/usr/lib/python3.11/test")


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
    case: type[Any], not_applicable: Mapping[str, str], *, log: str, **attributes: Any
) -> type[unittest.TestCase]:
    """A test case of the suite without the tests that cannot apply.

    Args:
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
        # pytest catches what goes to the root logger; the suite expects it on stderr.
        assert logging.lastResort is not None
        logger = logging.getLogger(log)
        logger.addHandler(logging.lastResort)
        self.addCleanup(logger.removeHandler, logging.lastResort)
        inner(self)

    body["setUp"] = set_up
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
