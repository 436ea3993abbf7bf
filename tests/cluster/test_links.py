"""What a broken link does to the futures, on real clusters: resets, ends, on both channels."""

import operator
import os
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import cloudpickle
import pytest
from cut_wire import CutWire

from futurefsm.client.client import Client
from futurefsm.client.future import Future
from futurefsm.fsm.errors import ConnectionLostError
from tests.cluster.conftest import PATIENCE_S, Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]


class Proxied(NamedTuple):
    client: Client
    scheduler: CutWire
    storage: CutWire


@pytest.fixture
def proxied(cluster: Cluster) -> Iterator[Proxied]:
    """A client with a proxy before each of its channels."""
    with CutWire(cluster.address) as scheduler, CutWire(cluster.storage) as storage:
        client = Client(
            scheduler.address,
            backend=cluster.backend,
            object_storage_address=storage.address,
            timeout=PATIENCE_S,
        )
        try:
            yield Proxied(client, scheduler, storage)
        finally:
            client.disconnect(timeout=5)


# Workers cannot import this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def doubled(number: int, seconds: float = 0.0) -> int:
    time.sleep(seconds)
    return 2 * number


def settled(futures: list[Future[int]]) -> list[int | None]:
    """Their values; None for one that says that its result was lost with the link."""
    values: list[int | None] = []
    for future in futures:
        try:
            values.append(future.result(PATIENCE_S))
        except ConnectionLostError:
            values.append(None)
    return values


def test_a_reset_on_the_scheduler_channel(proxied: Proxied) -> None:
    client = proxied.client
    # Some have ended, some run, some wait when it breaks.
    futures = [client.submit(doubled, n, 0.3) for n in range(8)]
    assert futures[0].result(PATIENCE_S) == 0
    proxied.scheduler.reset()
    later = [client.submit(doubled, n) for n in range(100)]
    # A result that is sent while nobody is there is lost on zmq, and its future says so.
    assert all(value in (2 * n, None) for n, value in enumerate(settled(futures)))
    assert [f.result(PATIENCE_S) for f in later] == [2 * n for n in range(100)]
    assert proxied.scheduler.carried >= 2
    assert client.violations == 0


@pytest.mark.cluster_long
def test_a_result_that_nobody_was_there_for(proxied: Proxied, cluster: Cluster) -> None:
    client = proxied.client
    outbox = client._agent._outbox
    futures = [client.submit(doubled, n, 5.0) for n in range(2)]
    while outbox.unsure:  # an echo says that they have arrived: they will not be sent again
        time.sleep(0.05)
    with cluster.client() as other:
        proxied.scheduler.reset(stay_down=True)
        # Behind both, on both workers: they have ended when these have.
        behind = [other.submit(doubled, n, 0.5) for n in range(4)]
        assert [f.result(PATIENCE_S) for f in behind] == [0, 2, 4, 6]
    proxied.scheduler.resume()
    # A ymq scheduler keeps it for the client; a zmq one drops it without a word.
    expected = [0, 2] if cluster.backend == "ymq" else [None, None]
    assert settled(futures) == expected
    assert client.violations == 0


def noted(begun: str, ended: str) -> int:
    with open(begun, "a") as file:
        file.write("x")
    time.sleep(0.5)
    with open(ended, "a") as file:
        file.write("x")
    return 7


def test_a_task_that_ended_while_nobody_was_there_runs_once(
    cluster_of: Callable[[str], Cluster], tmp_path: Path
) -> None:
    cluster = cluster_of("ymq")  # a zmq scheduler drops the result, and nobody can know
    begun, ended = tmp_path / "begun", tmp_path / "ended"
    with CutWire(cluster.address) as proxy:
        # No echo says meanwhile that the task has arrived.
        client = Client(proxy.address, backend="ymq", heartbeat_interval=PATIENCE_S)
        try:
            future = client.submit(noted, str(begun), str(ended))
            until(begun.exists)
            proxy.reset(stay_down=True)
            until(ended.exists)
            proxy.resume()
            assert future.result(PATIENCE_S) == 7
            # Behind what was sent again, if it was.
            assert [f.result(PATIENCE_S) for f in [client.submit(doubled, n) for n in range(8)]]
            assert begun.read_text() == "x"
        finally:
            client.disconnect(timeout=5)


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_task_that_is_sent_into_a_broken_link_arrives(proxied: Proxied) -> None:
    client = proxied.client
    proxied.scheduler.reset(stay_down=True)
    futures = [client.submit(doubled, n) for n in range(20)]
    assert not any(f.done() for f in futures)
    proxied.scheduler.resume()
    assert [f.result(PATIENCE_S) for f in futures] == [2 * n for n in range(20)]


def test_a_cancel_is_sent_again(proxied: Proxied) -> None:
    client = proxied.client
    # Two run, and more wait, when the link is there.
    futures = [client.submit(time.sleep, 100) for _ in range(4)]
    assert client.submit(operator.add, 1, 2).cancel(timeout=PATIENCE_S)
    proxied.scheduler.reset(stay_down=True)
    for future in futures:
        future.cancel(timeout=0)
    assert not any(f.done() for f in futures)
    proxied.scheduler.resume()
    assert client.cancel(futures, timeout=PATIENCE_S)
    assert [f.cancel_outcome for f in futures] == ["confirmed"] * 4
    assert client.submit(operator.add, 1, 2).result(PATIENCE_S) == 3


def test_an_end_of_the_scheduler_channel(proxied: Proxied, cluster: Cluster) -> None:
    client = proxied.client
    running = [client.submit(doubled, n, 1.0) for n in range(3)]
    proxied.scheduler.fin()
    if cluster.backend == "zmq":
        # There it means nothing, and the link comes back.
        assert all(value in (2 * n, None) for n, value in enumerate(settled(running)))
        return
    for future in running:
        with pytest.raises(ConnectionLostError) as caught:
            future.result(PATIENCE_S)
        assert f"the scheduler at {proxied.scheduler.address} is gone" in str(caught.value)
        assert "it closed the connection" in str(caught.value)


def test_a_reset_on_the_storage_channel(proxied: Proxied) -> None:
    client = proxied.client
    payload = bytes(range(256)) * 40_000
    futures = [client.submit(bytes.upper, payload + bytes([n])) for n in range(4)]
    proxied.storage.reset()
    # What was on its way is asked again: the uploads, and the results.
    for n, future in enumerate(futures):
        assert future.result(PATIENCE_S) == (payload + bytes([n])).upper()
    for _ in range(3):
        future = client.submit(bytes.lower, payload)
        proxied.storage.reset()
        assert future.result(PATIENCE_S) == payload.lower()
    assert proxied.storage.carried >= 2
    assert client.violations == 0


def test_a_result_that_cannot_be_fetched_yet(proxied: Proxied) -> None:
    client = proxied.client
    future = client.submit(doubled, 21, 0.5)
    later = client.submit(doubled, 1)
    assert later.result(PATIENCE_S) == 2
    proxied.storage.reset(stay_down=True)
    # It has ended as far as anybody can say; the bytes are asked for when that works again.
    other = client.submit(doubled, 4)
    proxied.storage.resume()
    assert future.result(PATIENCE_S) == 42
    assert other.result(PATIENCE_S) == 8


def held(gate: str) -> None:
    while not os.path.exists(gate):
        time.sleep(0.01)


def test_an_end_of_the_storage_channel(proxied: Proxied, tmp_path: Path) -> None:
    client = proxied.client
    gate = tmp_path / "gate"
    try:
        running = [client.submit(held, str(gate)) for _ in range(3)]
        assert running[0].running()
        proxied.storage.fin()
        for future in running:
            with pytest.raises(ConnectionLostError) as caught:
                future.result(PATIENCE_S)
            said = str(caught.value)
            assert f"the object store of the scheduler at {proxied.scheduler.address}" in said
            assert f"at {proxied.storage.address} is gone: it closed the connection" in said
    finally:
        # Whatever the cluster makes of its client's end: nobody has to wait for these.
        gate.touch()
