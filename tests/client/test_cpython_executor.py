"""CPython 3.11's own tests of executors, of wait and of as_completed, on a strict Client.

What cannot apply is listed by name, with the reason.
"""

from typing import Any

import cloudpickle
import cpython_suite
import pytest

from futurefsm.client.client import Client
from futurefsm.fsm.lifecycles import STRICT

pytestmark = [pytest.mark.system(cpython_suite.PACKAGE), pytest.mark.slow]

_NAMES_AN_EXECUTOR = (
    "its script imports the executor by name from concurrent.futures; "
    "test_closing.py::test_the_interpreter_exits is its like"
)
NOT_APPLICABLE = {
    "test_interpreter_shutdown": _NAMES_AN_EXECUTOR,
    "test_submit_after_interpreter_shutdown": _NAMES_AN_EXECUTOR,
    "test_hang_gh83386": _NAMES_AN_EXECUTOR,
}
LOG = "futurefsm.client"


class StrictClient(Client):
    """A Client with the argument that the suite knows."""

    def __init__(self, max_workers: int = 2) -> None:
        if max_workers < 1:
            raise ValueError("max_workers must be greater than 0")
        super().__init__(workers=max_workers, lifecycle=STRICT)
        # The suite's time-outs are not for the start of processes.
        self.submit(pow, 2, 2).result()

    def map(self, *args: Any, timeout: float | None = None, **kwargs: Any) -> Any:
        patience = None if timeout is None else timeout * cpython_suite.PATIENCE
        return super().map(*args, timeout=patience, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        if cancel_futures:
            # What runs shall not end before the others are cancelled.
            super().shutdown(wait=False, cancel_futures=True)
            suite.time.sleep.over.touch()
        super().shutdown(wait, cancel_futures=cancel_futures)


WHY_MISSING = cpython_suite.missing()

if WHY_MISSING is None:
    suite = cpython_suite.load("cpython_suite_client")
    # The workers cannot import it: its functions and classes travel by value.
    cloudpickle.register_pickle_by_value(suite)

    def _on_client(name: str, *mixins: Any, without: Any = ()) -> Any:
        case = type(name, (suite.ExecutorMixin, *mixins, suite.BaseTestCase), {"worker_count": 2})
        return cpython_suite.adapted(
            suite,
            case,
            {n: NOT_APPLICABLE[n] for n in without},
            log=LOG,
            executor_type=StrictClient,
        )

    ClientExecutorTest = _on_client("ClientExecutorTest", suite.ExecutorTest)
    ClientWaitTests = _on_client("ClientWaitTests", suite.WaitTests)
    ClientAsCompletedTests = _on_client("ClientAsCompletedTests", suite.AsCompletedTests)
    ClientShutdownTest = _on_client(
        "ClientShutdownTest", suite.ExecutorShutdownTest, without=NOT_APPLICABLE
    )


def test_the_suite_is_there() -> None:
    if WHY_MISSING is not None:
        pytest.skip(WHY_MISSING)
    names = [
        name
        for case in (
            ClientExecutorTest,
            ClientWaitTests,
            ClientAsCompletedTests,
            ClientShutdownTest,
        )
        for name in dir(case)
        if name.startswith("test") and getattr(case, name)
    ]
    assert len(names) == 25
