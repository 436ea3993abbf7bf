"""The founding behaviours, by name, on real worker processes."""

import concurrent.futures
import math
import os
import threading
import time
from concurrent.futures import as_completed
from pathlib import Path

import pytest

from futurefsm.client.client import Client
from futurefsm.fsm.errors import CancelledError
from futurefsm.fsm.lifecycles import CONFIRMED
from tests.client.scripted import PATIENCE_S


def noop(value: float) -> float:
    return value


def read_through(path: str) -> float:
    """What somebody writes into a pipe with a name; until then it waits."""
    return float(Path(path).read_text())


def raise_value_error(text: str) -> None:
    raise ValueError(text)


def test_callback(cluster: Client) -> None:
    done = threading.Event()
    finished: list[float] = []

    def on_done(future: "concurrent.futures.Future[float]") -> None:
        finished.append(future.result())
        if len(finished) == 10:
            done.set()

    for i in range(10):
        cluster.submit(math.sqrt, i * i).add_done_callback(on_done)
    assert done.wait(PATIENCE_S)
    assert sorted(finished) == [float(i) for i in range(10)]


def test_as_completed(cluster: Client) -> None:
    futures = [cluster.submit(math.sqrt, i) for i in range(20)]
    values = [future.result() for future in as_completed(futures, timeout=PATIENCE_S)]
    assert sorted(values) == sorted(math.sqrt(i) for i in range(20))


def test_state(cluster: Client, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    future = cluster.submit(read_through, str(tmp_path / "gate"))
    assert future.running()
    assert not future.done()
    (tmp_path / "gate").write_text("0.7")
    assert future.result(PATIENCE_S) == 0.7
    assert not future.running()
    assert future.done()
    assert not future.cancelled()


def test_cancel(cluster: Client) -> None:
    # While it runs.
    running = cluster.submit(time.sleep, 100)
    assert running.cancel()
    assert running.cancelled()
    assert running.done()
    with pytest.raises(CancelledError):
        running.result()
    with pytest.raises(concurrent.futures.CancelledError):
        running.exception()
    # After it finished.
    finished = cluster.submit(math.sqrt, 100.0)
    assert finished.result(PATIENCE_S) == 10.0
    assert finished.cancel()
    assert finished.cancelled()
    assert finished.done()
    with pytest.raises(CancelledError):
        finished.result()


def test_exception(cluster: Client) -> None:
    future = cluster.submit(raise_value_error, "expected")
    with pytest.raises(ValueError, match="expected"):
        future.result(PATIENCE_S)
    assert isinstance(future.exception(), ValueError)
    assert future.done()
    assert not future.cancelled()


def test_client_disconnected() -> None:
    client = Client(workers=1)
    finished = client.submit(noop, 3.0)
    assert finished.result(PATIENCE_S) == 3.0
    unfinished = client.submit(time.sleep, 100)
    client.disconnect()
    assert finished.result() == 3.0
    assert unfinished.done()
    with pytest.raises(CancelledError):
        unfinished.result()
    with pytest.raises(RuntimeError, match="cannot schedule new futures"):
        client.submit(noop, 1.0)


def test_a_lifecycle_of_ones_own() -> None:
    from futurefsm.fsm.events import CANCEL
    from futurefsm.fsm.states import FINISHED
    from futurefsm.fsm.table import ignores

    keeps = CONFIRMED.derive(
        "keeps_results", ignores(FINISHED, CANCEL, why="a result is a result", answer=False)
    )
    with Client(workers=1, lifecycle=keeps) as client:
        future = client.submit(noop, 2.0)
        assert future.result(PATIENCE_S) == 2
        assert future.cancel() is False
        assert future.result() == 2
