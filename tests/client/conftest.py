"""Clients for the tests: one on a scripted scheduler, one on real worker processes."""

from collections.abc import Iterator

import pytest

from futurefsm.client import closing
from futurefsm.client.client import Client
from tests.client.scripted import ScriptedScheduler


@pytest.fixture(autouse=True)
def _callbacks_have_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that is closed lets its callbacks run; a busy machine needs longer for that."""
    monkeypatch.setattr(closing, "CALLBACKS_S", 60.0)


@pytest.fixture
def scheduler() -> Iterator[ScriptedScheduler]:
    with ScriptedScheduler() as scripted:
        yield scripted


@pytest.fixture
def client(scheduler: ScriptedScheduler) -> Iterator[Client]:
    """Talks to `scheduler`. Closed without waiting for answers that a test did not give."""
    made = Client(scheduler.address, timeout=60, cancel_timeout=60)
    try:
        yield made
    finally:
        made.disconnect(timeout=0)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Client]:
    """Two real worker processes behind the embedded engine."""
    with Client(workers=2) as made:
        yield made
