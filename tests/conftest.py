"""Hooks for all tests, and what Hypothesis may do."""

import os
import signal
import tempfile
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Set where everything is installed: then a test that misses its Debian package is a failure.
NO_SKIPS = "FUTUREFSM_NO_SYSTEM_SKIPS"

# Who runs the tests behind a shell's back may have Ctrl-C ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# The path of a socket has at most 107 characters. Where temporary files lie deep below, the tests'
# directories have no room for sockets, and a real cluster's workers do not come up.
if len(tempfile.gettempdir()) > 40 and os.access("/tmp", os.W_OK | os.X_OK):
    os.environ["TMPDIR"] = tempfile.tempdir = "/tmp"

# A run of the tests says the same each time, however busy the machine: the same examples, and no
# bound on their time. `make campaign` draws other ones.
CHANCE = os.environ.get("FUTUREFSM_CHANCE") == "1"
settings.register_profile(
    "fixed",
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "chance", settings.get_profile("fixed"), derandomize=False, max_examples=1000
)
settings.load_profile("chance" if CHANCE else "fixed")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    report = yield
    mark = item.get_closest_marker("system")
    if mark is not None and report.skipped and os.environ.get(NO_SKIPS) == "1":
        report.outcome = "failed"
        packages = ", ".join(str(package) for package in mark.args)
        report.longrepr = f"skipped, but {NO_SKIPS}=1 wants it run; install {packages}"
    return report
