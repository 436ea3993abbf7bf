"""Hooks for all tests."""

import os
from collections.abc import Generator
from typing import Any

import pytest

# Set where everything is installed: then a test that misses its Debian package is a failure.
NO_SKIPS = "FUTUREFSM_NO_SYSTEM_SKIPS"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    mark = item.get_closest_marker("system")
    if mark is not None and report.skipped and os.environ.get(NO_SKIPS) == "1":
        report.outcome = "failed"
        packages = ", ".join(str(package) for package in mark.args)
        report.longrepr = f"skipped, but {NO_SKIPS}=1 wants it run; install {packages}"
    return report
