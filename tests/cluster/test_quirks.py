"""Where Scaler's own client hangs or lies: the same with ours, on real clusters.

Each test is named after the quirk. docs/guides/scaler-promises.md has its row, with what Scaler's
own client does; what no cluster can be made to do is in tests/client/test_quirks.py. What a
client does by itself is shown on the embedded engine as well.
"""

import concurrent.futures
import operator
import os
import random
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cloudpickle
import pytest
from cut_wire import CutWire
from ports import silent_port

from futurefsm.client.client import Client
from futurefsm.fsm.errors import CancelledError, ConnectionLostError, ResultLostError
from tests.cluster.conftest import BACKENDS, PATIENCE_S, Cluster

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

# The workers of a real cluster do not have this file.
cloudpickle.register_pickle_by_value(sys.modules[__name__])


def touch(path: str) -> int:
    """Leaves a mark that it ran."""
    with open(path, "w"):
        return 7


def mark_and_nap(path: str, seconds: float) -> int:
    """Leaves its process's id and its parent's where a test looks for them, and naps."""
    part = path + ".part"
    with open(part, "w") as file:
        file.write(f"{os.getpid()} {os.getppid()}")
    os.rename(part, path)
    time.sleep(seconds)
    return 7


def keyword_only(a: int, *, k: int = 1) -> tuple[int, int]:
    return a, k


def any_keyword(a: int, **kw: int) -> tuple[int, dict[str, int]]:
    return a, kw


def default(a: int, b: int = 2) -> tuple[int, int]:
    return a, b


def marked(path: Path) -> list[int]:
    """Wait for the mark of `mark_and_nap`."""
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert time.monotonic() < deadline, f"{path} did not appear"
        time.sleep(0.02)
    return [int(word) for word in path.read_text().split()]


# Arguments.


@pytest.mark.parametrize(
    ("fn", "args", "expected"),
    [
        (time.sleep, (0,), None),
        (max, (1, 2), 2),
        (int, ("7",), 7),
        (str, (1,), "1"),
        (dict, ([(1, 2)],), {1: 2}),
        (operator.itemgetter(1), ([1, 2],), 2),
    ],
    ids=["time.sleep", "max", "int", "str", "dict", "itemgetter"],
)
def test_callables_without_a_signature(
    client: Client, fn: Any, args: tuple[Any, ...], expected: Any
) -> None:
    """Row 'submit(time.sleep, 1)'."""
    assert client.submit(fn, *args).result(PATIENCE_S) == expected


def test_keyword_only_arguments(client: Client) -> None:
    """Row 'keyword-only arguments'."""
    assert client.submit(keyword_only, 1, k=5).result(PATIENCE_S) == (1, 5)
    assert client.submit(keyword_only, 1).result(PATIENCE_S) == (1, 1)
    assert client.submit(any_keyword, 1, k=5).result(PATIENCE_S) == (1, {"k": 5})
    with pytest.raises(TypeError, match="typo"):
        client.submit(default, 1, typo=5).result(PATIENCE_S)


# Map, and what a failure ends.


def test_an_empty_map(client: Client) -> None:
    """Row 'map(f, [])'."""
    assert list(client.map(operator.neg, [])) == []


def test_a_failing_item_of_a_map_ends_nothing_else(client: Client) -> None:
    """Row 'a failing item of map()'."""
    other = client.submit(operator.add, 20, 22)
    with pytest.raises(TypeError):
        list(client.map(operator.neg, [1, "x"]))
    assert other.result(PATIENCE_S) == 42
    assert client.submit(operator.add, 1, 2).result(PATIENCE_S) == 3


def test_dropping_the_last_reference_cancels_nothing(new_client: Callable[..., Client]) -> None:
    """Row 'the last reference to a client'."""
    assert new_client().submit(operator.add, 1, 2).result(PATIENCE_S) == 3


# Cancels.


def test_cancel_of_a_finished_future(client: Client) -> None:
    """Row 'cancel() of a finished future'."""
    future = client.submit(operator.add, 1, 2)
    assert future.result(PATIENCE_S) == 3
    assert future.cancel() is True
    assert future.cancelled()
    assert future.cancel_outcome == "after_finish"


def test_cancels_against_the_end(client: Client, tmp_path: Path) -> None:
    """Rows 'a result for an answer' and 'cancelNotFound for a task that ran'."""
    race_cancels_against_the_end(client, tmp_path, 6)


def race_cancels_against_the_end(client: Client, tmp_path: Path, count: int) -> None:
    """Whatever wins, the future is cancelled, and an end is claimed only where there was one.

    On a real cluster each cancel of a task that is being executed takes three seconds.
    """
    choose = random.Random(7)
    begin = time.perf_counter()
    for number in range(10):
        client.submit(touch, f"{tmp_path}/warm{number}").result(PATIENCE_S)
    once = (time.perf_counter() - begin) / 10
    for number in range(count):
        path = tmp_path / str(number)
        future = client.submit(touch, str(path))
        time.sleep(choose.uniform(0.4, 1.3) * once)
        assert future.cancel(timeout=PATIENCE_S) is True
        assert future.cancelled()
        assert future.done()
        with pytest.raises(CancelledError):
            future.result()
        assert future.cancel_outcome in ("confirmed", "too_late", "not_found", "after_finish")
        if future.cancel_outcome in ("too_late", "after_finish"):
            assert path.exists(), "it claims that the task had ended"
    assert client.submit(operator.add, 1, 2).result(PATIENCE_S) == 3
    assert client.violations == 0


# The storage channel.


def test_the_storage_channel_ends(cluster: Cluster) -> None:
    """Row 'storage channel: FIN': what is in flight settles, and it says who is gone."""
    with CutWire(cluster.storage) as wire:
        client = cluster.client(object_storage_address=wire.address)
        assert client.submit(operator.add, 1, 2).result(PATIENCE_S) == 3
        assert wire.carried
        future = client.submit(time.sleep, 1)
        wire.fin()
        with pytest.raises((ConnectionLostError, ResultLostError), match="object store") as caught:
            future.result(PATIENCE_S)
        assert cluster.address in str(caught.value)
        with pytest.raises(RuntimeError, match="object store"):
            client.submit(operator.add, 1, 2)
        client.disconnect(timeout=5)


def test_the_storage_channel_breaks(cluster: Cluster) -> None:
    """Row 'storage channel: RST': a request that was lost on the way is asked again."""
    with CutWire(cluster.storage) as wire:
        client = cluster.client(object_storage_address=wire.address)
        assert client.submit(operator.add, 1, 2).result(PATIENCE_S) == 3
        assert wire.carried
        wire.swallowing = True
        future = client.submit(operator.add, 3, 4)
        assert concurrent.futures.wait([future], PATIENCE_S).done
        wire.swallowing = False
        wire.reset()
        assert future.result(PATIENCE_S) == 7
        assert client.submit(operator.add, 5, 6).result(PATIENCE_S) == 11
        client.disconnect(timeout=10)


# A dead address, a dead worker.


@pytest.mark.parametrize("backend", BACKENDS)
def test_nobody_at_the_address(backend: str) -> None:
    """Row 'nobody at the address': a clear error within the client's time-out."""
    begin = time.monotonic()
    with silent_port() as nobody:
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        with pytest.raises(ConnectionLostError, match=r"127\.0\.0\.1"):
            Client(address, backend=backend, timeout=2)
    assert time.monotonic() - begin < PATIENCE_S / 2


def test_a_host_name(cluster: Cluster) -> None:
    """Row 'tcp://localhost'."""
    address = cluster.address.replace("127.0.0.1", "localhost")
    with Client(address, backend=cluster.backend, timeout=PATIENCE_S) as client:
        assert client.submit(operator.add, 1, 2).result(PATIENCE_S) == 3


def kept_objects(cluster: Cluster) -> int:
    """How many objects its store holds: one raw request."""
    host, _, port = cluster.storage.rpartition("/")[2].rpartition(":")
    header = bytes.fromhex("00000000090000000000000003000100") + bytes(8)
    header += (1).to_bytes(8, "little") + (4).to_bytes(8, "little")
    header += bytes.fromhex("0000000004000000") + bytes(32)
    with socket.create_connection((host, int(port)), PATIENCE_S) as sock:
        sock.sendall(b"YMQ\2" + (5).to_bytes(8, "little") + b"count")
        sock.sendall(len(header).to_bytes(8, "little") + header)
        stream = sock.makefile("rb")
        assert stream.read(4) == b"YMQ\2"
        for _ in range(2):
            stream.read(int.from_bytes(stream.read(8), "little"))
        return int.from_bytes(stream.read(int.from_bytes(stream.read(8), "little"))[:8], "little")


@pytest.mark.cluster_long
@pytest.mark.parametrize("backend", BACKENDS)
def test_no_object_outlives_the_client(
    private_cluster: Callable[..., Cluster], backend: str, tmp_path: Path
) -> None:
    """Row 'cancelNotFound for a task that ran': what the cluster kept goes with the client."""
    cluster = private_cluster(backend)
    client = cluster.client()
    race_cancels_against_the_end(client, tmp_path, 40)
    client.disconnect(timeout=PATIENCE_S)
    deadline = time.monotonic() + PATIENCE_S
    while (kept := kept_objects(cluster)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert kept == 0


@pytest.mark.cluster_long
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_cancel_behind_a_dead_worker(
    private_cluster: Callable[..., Cluster], backend: str, tmp_path: Path
) -> None:
    """Row 'a cancel behind a dead worker': its wait is the user's, and its True stands."""
    cluster = private_cluster(backend, worker_timeout_seconds=8)
    client = cluster.client()
    future = client.submit(mark_and_nap, str(tmp_path / "mark"), 300)
    processor, agent = marked(tmp_path / "mark")
    os.kill(agent, signal.SIGKILL)
    try:
        assert future.cancel(timeout=0.5) is True
        assert future.cancelled()
        # The cluster finds out by its own time-out, and then says so.
        assert concurrent.futures.wait([future], PATIENCE_S).done
        assert future.cancel_outcome in ("confirmed", "not_found")
        client.disconnect(timeout=1)
        # What it says is not what is: the function's own process has no agent and goes on.
        os.kill(processor, 0)
    finally:
        os.kill(processor, signal.SIGKILL)
