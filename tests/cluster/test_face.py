"""The rest of a client's face: serializers, output, profiles, nesting, pickling, loops, threads."""

import asyncio
import gc
import pickle
import sys
import threading
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cloudpickle
import pytest

from futurefsm.client.client import Client
from futurefsm.client.completed import as_completed
from futurefsm.client.errors import DeserializationError, ResultUnreadableError, UnsendableError
from futurefsm.fsm.errors import ClientClosedError
from tests.cluster.conftest import NESTING_KINDS, PATIENCE_S

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180)]

NewClient = Callable[..., Client]


class Compressed:
    """A serializer of a user's own: its bytes are no pickle."""

    def __init__(self, level: int) -> None:
        self.level = level

    def serialize(self, obj: Any) -> bytes:
        return b"Z" + zlib.compress(cloudpickle.dumps(obj), self.level)

    def deserialize(self, payload: bytes) -> Any:
        assert payload[:1] == b"Z"
        return pickle.loads(zlib.decompress(payload[1:]))


class Mine(Exception):
    pass


def fail(value: int) -> None:
    raise Mine(value)


def test_a_serializer_of_ones_own(new_client: NewClient) -> None:
    client = new_client(serializer=Compressed(9))
    try:
        zeros = bytes(100_000)
        assert client.submit(len, zeros).result(PATIENCE_S) == 100_000
        assert client.submit(bytes, 100_000).result(PATIENCE_S) == zeros
        assert client.submit(lambda a, *, b: a + b, 1, b=2).result(PATIENCE_S) == 3
        assert list(client.map(abs, range(-9, 0), chunksize=4)) == list(range(9, 0, -1))
        assert isinstance(client.submit(fail, 5).exception(PATIENCE_S), Mine)
    finally:
        client.disconnect(timeout=10)


class Stubborn(Compressed):
    def serialize(self, obj: Any) -> bytes:
        if obj == "never":
            raise ValueError("not this one")
        return super().serialize(obj)


def test_a_serializer_that_refuses(new_client: NewClient) -> None:
    client = new_client(serializer=Stubborn(1))
    try:
        with pytest.raises(UnsendableError, match=r"argument 1 of len.*not this one"):
            client.submit(len, "never")
        error = client.submit("".join, ["ne", "ver"]).exception(PATIENCE_S)
        assert "not this one" in str(error)
        assert client.submit(len, "ever").result(PATIENCE_S) == 4
    finally:
        client.disconnect(timeout=10)


def speak() -> str:
    print("a", "b", sep="-", end="!\n")
    print("oops", file=sys.stderr)
    print("later")
    return "said"


def test_what_tasks_print_is_printed_here(
    client: Client, capsys: pytest.CaptureFixture[str]
) -> None:
    future = client.options(stream_output=True).submit(speak)
    assert future.result(PATIENCE_S) == "said"
    # Callbacks come behind it, on the same thread.
    printed = threading.Event()
    future.add_done_callback(lambda _: printed.set())
    assert printed.wait(PATIENCE_S)
    out, err = capsys.readouterr()
    assert out == "a-b!\nlater\n"
    assert err == "oops\n"
    assert client.submit(speak).result(PATIENCE_S) == "said"
    assert client.violations == 0


def test_what_a_task_cost(client: Client) -> None:
    future = client.submit(time.sleep, 0.05)
    future.result(PATIENCE_S)
    cost = future.profiling_info()
    assert cost is not None
    assert cost.seconds >= 0.04
    assert cost.cpu_seconds >= 0
    assert cost.peak_bytes >= 0
    assert len(future.task_id) == 16


def double(value: int) -> int:
    return 2 * value


def nested(depth: int) -> int:
    from futurefsm.client.client import Client

    with Client(timeout=60) as client:
        if depth == 0:
            return sum(client.map(double, range(5)))
        return client.submit(nested, depth - 1).result(60) + 1


@pytest.mark.parametrize("kind", NESTING_KINDS, indirect=True, scope="module")
def test_a_client_inside_a_task(client: Client) -> None:
    assert client.submit(nested, 1).result(PATIENCE_S) == 21


def travelled(client: Client, value: int) -> int:
    return client.submit(double, value).result(60)


@pytest.mark.parametrize("kind", NESTING_KINDS, indirect=True, scope="module")
def test_a_client_that_travels_into_a_task(client: Client) -> None:
    assert client.submit(travelled, client, 21).result(PATIENCE_S) == 42


def test_on_a_loop(new_client: NewClient) -> None:
    async def main() -> None:
        client = await asyncio.to_thread(new_client)
        async with client:
            assert await client.submit(pow, 2, 5) == 32
            with pytest.raises(Mine):
                await client.submit(fail, 1)
            futures = [client.submit(double, n) for n in range(10)]
            assert {f.result() async for f in as_completed(futures, PATIENCE_S)} == {
                2 * n for n in range(10)
            }
        with pytest.raises(ClientClosedError):
            client.submit(abs, 1)

    asyncio.run(main())


def test_cancelling_an_awaiting_task_asks_for_its_cancel(client: Client) -> None:
    async def main() -> Any:
        future = client.submit(time.sleep, 100)
        waiting = asyncio.ensure_future(future)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        return future

    future = asyncio.run(main())
    assert future.cancel(timeout=PATIENCE_S)
    assert future.cancelled()


def test_many_threads_and_several_clients(client: Client, new_client: NewClient) -> None:
    other = new_client()
    try:
        with ThreadPoolExecutor(8) as pool:

            def use(n: int) -> int:
                mine = other if n % 3 == 0 else client
                return mine.submit(double, n).result(PATIENCE_S)

            assert list(pool.map(use, range(60))) == [2 * n for n in range(60)]
    finally:
        other.disconnect(timeout=10)
    assert client.submit(double, 1).result(PATIENCE_S) == 2


def test_futures_outlive_the_last_reference_to_their_client(new_client: NewClient) -> None:
    futures = [new_client().submit(double, n) for n in range(2)]
    gc.collect()
    assert [future.result(PATIENCE_S) for future in futures] == [0, 2]


class OneWay(Compressed):
    """What it makes of one value nobody can read."""

    def serialize(self, obj: Any) -> bytes:
        return b"?" if obj == "unreadable" else super().serialize(obj)


def test_bytes_that_a_serializer_cannot_read(new_client: NewClient) -> None:
    client = new_client(serializer=OneWay(1))
    try:
        error = client.submit(len, "unreadable").exception(PATIENCE_S)
        assert isinstance(error, DeserializationError)
        assert "AssertionError" in str(error)
        with pytest.raises(ResultUnreadableError, match="AssertionError"):
            client.submit("".join, ["un", "readable"]).result(PATIENCE_S)
        assert client.submit(len, "readable").result(PATIENCE_S) == 8
    finally:
        client.disconnect(timeout=10)
