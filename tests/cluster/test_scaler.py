"""The client on a real Scaler cluster: the same futures, the same semantics.

The first steps only; what a complete client of Scaler needs beyond them is named in docs/limits.md.
"""

import concurrent.futures
import functools
import math
import operator
import time
from collections.abc import Callable

import pytest

from futurefsm.client.client import Client
from futurefsm.fsm.errors import CancelledError
from tests.cluster.conftest import PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


def test_values_and_keywords(client: Client) -> None:
    assert client.submit(math.sqrt, 16).result(PATIENCE_S) == 4.0
    assert client.submit(int, "ff", base=16).result(PATIENCE_S) == 255
    assert client.submit(functools.partial(max, 3), 5).result(PATIENCE_S) == 5
    assert list(client.map(operator.add, range(20), range(20))) == [2 * n for n in range(20)]


def test_large_values(client: Client) -> None:
    payload = bytes(range(256)) * 20_000
    assert client.submit(bytes.upper, payload).result(PATIENCE_S) == payload.upper()


def test_errors_come_back_as_themselves(client: Client) -> None:
    with pytest.raises(ZeroDivisionError):
        client.submit(operator.truediv, 1, 0).result(PATIENCE_S)


def test_cancel_is_confirmed(client: Client) -> None:
    running = [client.submit(time.sleep, 100) for _ in range(2)]
    queued = [client.submit(time.sleep, 100) for _ in range(6)]
    assert client.cancel([*running, *queued], timeout=PATIENCE_S)
    for future in (*running, *queued):
        assert future.cancel_outcome == "confirmed"
        with pytest.raises(CancelledError):
            future.result()
    assert client.submit(operator.add, 1, 2).result(PATIENCE_S) == 3


def test_cancel_after_the_end(client: Client) -> None:
    future = client.submit(operator.add, 1, 2)
    assert future.result(PATIENCE_S) == 3
    assert future.cancel()
    assert future.cancelled()


def test_disconnect_cancels_what_runs(new_client: Callable[..., Client]) -> None:
    client = new_client()
    futures = [client.submit(time.sleep, 100) for _ in range(3)]
    client.disconnect()
    assert all(future.cancelled() for future in futures)
    assert client.violations == 0


def test_many(client: Client) -> None:
    futures = [client.submit(operator.mul, n, n) for n in range(300)]
    done, _ = concurrent.futures.wait(futures, PATIENCE_S)
    assert len(done) == 300
    assert [future.result() for future in futures] == [n * n for n in range(300)]
    assert client.violations == 0
