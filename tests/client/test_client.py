"""The client on real worker processes."""

import asyncio
import concurrent.futures
import functools
import gc
import math
import operator
import os
import signal
import threading
import time
import traceback
import weakref
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from futurefsm.client.client import Client
from futurefsm.client.errors import (
    EngineError,
    ForkedClientError,
    ObjectStoreFullError,
    ResultTooLargeError,
    SerializationError,
    UnsendableError,
)
from futurefsm.fsm.errors import CancelledError, ClientClosedError, WorkerDiedError
from futurefsm.fsm.lifecycles import STRICT, VALUE
from tests.client.scripted import PATIENCE_S


def add(a: int, b: int = 1, *rest: int, c: int = 0, **more: int) -> int:
    return a + b + c + sum(rest) + sum(more.values())


def touch_and_sleep(path: str, seconds: float) -> int:
    Path(path).touch()
    time.sleep(seconds)
    return os.getpid()


def meet(mine: str, other: str) -> int:
    """Ends when the other one has begun: two that meet are in two workers."""
    Path(mine).touch()
    wait_for(Path(other))
    return os.getpid()


def read_through(path: str) -> str:
    """What somebody writes into a pipe with a name; until then it waits."""
    return Path(path).read_text()


def wait_for(path: Path) -> None:
    """Until a worker has made the file. Only a worker can tell that it started."""
    deadline = time.monotonic() + PATIENCE_S
    while not path.exists():
        assert time.monotonic() < deadline, f"no worker made {path}"
        time.sleep(0.005)


class NeedsTwoError(Exception):
    def __init__(self, code: int, *, hint: str) -> None:
        super().__init__(f"code {code}")
        self.code = code
        self.hint = hint


def raise_it(what: str) -> Any:
    if what == "needs two":
        raise NeedsTwoError(7, hint="turn it off and on")
    if what == "caused":
        try:
            raise KeyError("inner")
        except KeyError as inner:
            error = ValueError("outer")
            error.add_note("a note")
            raise error from inner
    if what == "exit":
        raise SystemExit(3)
    if what == "deep":
        return raise_it(what)
    if what == "group":
        raise ExceptionGroup("several", [ValueError(1), TypeError(2)])
    if what == "unpicklable":
        error = ValueError("holds a lock")
        error.lock = threading.Lock()  # type: ignore[attr-defined]
        raise error
    raise AssertionError(what)


def make(what: str) -> Any:
    if what == "lock":
        return {"fine": 1, "bad": threading.Lock()}
    if what == "generator":
        return (n for n in range(3))
    return bytes(int(what))


# What can be called.


@pytest.mark.parametrize(
    ("args", "kwargs", "expected"),
    [
        ((1,), {}, 2),
        ((1, 2), {"c": 3}, 6),
        ((1,), {"b": 5, "c": 2, "d": 10}, 18),
        ((1, 2, 3, 4), {}, 10),
    ],
)
def test_arguments(cluster: Client, args: Any, kwargs: Any, expected: int) -> None:
    assert cluster.submit(add, *args, **kwargs).result(PATIENCE_S) == expected


def test_callables(cluster: Client) -> None:
    factor = 3
    calls: list[tuple[Any, tuple[Any, ...], Any]] = [
        (max, (1, 2), 2),
        (math.sqrt, (16,), 4.0),
        (int, ("ff", 16), 255),
        ("abc".upper, (), "ABC"),
        (functools.partial(add, 1, c=2), (3,), 6),
        (lambda x: x * factor, (2,), 6),
        (operator.itemgetter(1), ([5, 6],), 6),
        (time.sleep, (0,), None),
    ]
    futures = [cluster.submit(fn, *args) for fn, args, _ in calls]
    assert [f.result(PATIENCE_S) for f in futures] == [expected for _, _, expected in calls]


def test_not_a_callable(cluster: Client) -> None:
    with pytest.raises(TypeError, match="needs a callable, not int"):
        cluster.submit(3)  # type: ignore[arg-type]


def test_what_cannot_be_sent_is_named_and_harms_nothing(cluster: Client) -> None:
    with pytest.raises(UnsendableError, match=r"argument 2 of add, a dict.*it\['k'\]"):
        cluster.submit(add, 1, {"k": threading.Lock()})  # type: ignore[arg-type]
    assert cluster.submit(add, 1).result(PATIENCE_S) == 2


def test_an_argument_that_no_store_can_hold() -> None:
    with Client(workers=1, store_bytes=1 << 20) as client:
        with pytest.raises(ObjectStoreFullError, match=r"argument 1 of len has 2,\d+,\d+ bytes"):
            client.submit(len, bytes(2 << 20))
        assert client.submit(len, bytes(1000)).result(PATIENCE_S) == 1000


def test_a_mutated_argument_does_not_leak_into_the_next_task(cluster: Client) -> None:
    def grow(items: list[int]) -> int:
        items.append(1)
        return len(items)

    items = list(range(1000))
    futures = [cluster.submit(grow, items) for _ in range(8)]
    assert {f.result(PATIENCE_S) for f in futures} == {1001}


def test_large_values_both_ways(cluster: Client) -> None:
    payload = os.urandom(30 * 2**20)
    assert cluster.submit(bytes.__add__, payload, b"!").result(PATIENCE_S) == payload + b"!"


# What comes back.


@pytest.mark.parametrize(
    ("what", "kind", "text"),
    [
        ("needs two", NeedsTwoError, "code 7"),
        ("caused", ValueError, "outer"),
        ("exit", SystemExit, "3"),
        ("deep", RecursionError, "maximum recursion depth"),
        ("group", ExceptionGroup, "several"),
    ],
)
def test_exceptions_come_back_as_themselves(
    cluster: Client, what: str, kind: type[BaseException], text: str
) -> None:
    future = cluster.submit(raise_it, what)
    with pytest.raises(kind) as caught:
        future.result(PATIENCE_S)
    assert type(caught.value) is kind
    assert text in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value))
    assert "in raise_it" in shown
    assert "test_client.py" in shown
    if what == "caused":
        assert caught.value.__notes__ == ["a note"]
        assert isinstance(caught.value.__cause__, KeyError)
    if isinstance(caught.value, NeedsTwoError):
        assert (caught.value.code, caught.value.hint) == (7, "turn it off and on")


def test_an_exception_that_cannot_travel_is_told(cluster: Client) -> None:
    error = cluster.submit(raise_it, "unpicklable").exception(PATIENCE_S)
    assert error is not None
    assert "holds a lock" in str(error)
    assert "raise_it" in "".join(traceback.format_exception(error))


@pytest.mark.parametrize(("what", "name"), [("lock", "bad"), ("generator", "generator")])
def test_a_result_that_cannot_travel_is_told(cluster: Client, what: str, name: str) -> None:
    with pytest.raises(SerializationError, match=rf"the result of .*make.*{name}"):
        cluster.submit(make, what).result(PATIENCE_S)


def test_a_result_over_the_limit_is_told() -> None:
    with Client(workers=1, max_result_bytes=1 << 20) as client:
        with pytest.raises(ResultTooLargeError, match=r"limit is 1,048,576"):
            client.submit(make, str(2 << 20)).result(PATIENCE_S)
        assert len(client.submit(make, "1000").result(PATIENCE_S)) == 1000


@pytest.mark.parametrize(
    ("fn", "args", "code", "text"),
    [
        (os._exit, (3,), 3, "exit code 3"),
        (os._exit, (0,), 0, "exit code 0"),
        (os.kill, (0, signal.SIGKILL), -9, "SIGKILL"),
        (os.abort, (), -6, "SIGABRT"),
    ],
)
def test_a_worker_that_dies(
    cluster: Client, fn: Any, args: tuple[Any, ...], code: int, text: str
) -> None:
    before = cluster.submit(add, 1)
    future = cluster.submit(fn, *args)
    with pytest.raises(WorkerDiedError, match=text) as caught:
        future.result(PATIENCE_S)
    assert caught.value.exit_code == code
    assert future.describe() in str(caught.value)
    assert before.result(PATIENCE_S) == 2
    assert [f.result(PATIENCE_S) for f in [cluster.submit(add, n) for n in range(6)]] == [
        1, 2, 3, 4, 5, 6,
    ]  # fmt: skip


# Cancelling, over real processes.


def test_a_queued_task_that_is_cancelled_never_starts(cluster: Client, tmp_path: Path) -> None:
    busy = [cluster.submit(touch_and_sleep, str(tmp_path / f"busy{n}"), 100) for n in range(2)]
    for n in range(2):  # a worker that is just being started would take one of the others first
        wait_for(tmp_path / f"busy{n}")
    queued = [cluster.submit(touch_and_sleep, str(tmp_path / f"queued{n}"), 0) for n in range(10)]
    assert cluster.cancel(queued)
    assert {future.cancel_outcome for future in queued} == {"confirmed"}
    assert cluster.cancel(busy)
    assert cluster.submit(add, 1).result(PATIENCE_S) == 2
    assert [path.name for path in tmp_path.iterdir() if "queued" in path.name] == []


def test_cancelling_a_running_task_kills_it_and_a_new_worker_takes_its_place(
    cluster: Client, tmp_path: Path
) -> None:
    def spin(path: str) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        Path(path).write_text(str(os.getpid()))
        os.rename(path, path + ".ready")
        while True:
            pass

    future = cluster.submit(spin, str(tmp_path / "pid"))
    wait_for(tmp_path / "pid.ready")
    pid = int((tmp_path / "pid.ready").read_text())
    assert future.cancel()
    assert future.cancelled()
    assert future.cancel_outcome == "confirmed"
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    x, y = str(tmp_path / "x"), str(tmp_path / "y")
    both = [cluster.submit(meet, x, y), cluster.submit(meet, y, x)]
    workers = {f.result(PATIENCE_S) for f in both}
    assert len(workers) == 2
    assert pid not in workers


def test_cancel_from_ten_threads_and_twice(cluster: Client) -> None:
    future = cluster.submit(time.sleep, 100)
    with concurrent.futures.ThreadPoolExecutor(10) as threads:
        said = list(threads.map(lambda _: future.cancel(), range(10)))
    assert said == [True] * 10
    assert future.cancel()
    assert [move.event for move in future.story] == ["submit", "cancel", "confirm_canceled"]


def test_cancel_from_a_callback(cluster: Client) -> None:
    running = cluster.submit(time.sleep, 100)
    said: list[bool] = []
    called = threading.Event()

    def cancel_the_other(_: Any) -> None:
        said.append(running.cancel())
        called.set()

    cluster.submit(add, 1).add_done_callback(cancel_the_other)
    assert called.wait(PATIENCE_S)
    assert said == [True]
    concurrent.futures.wait([running], PATIENCE_S)
    assert running.cancel_outcome == "confirmed"


def test_cancel_an_awaiting_asyncio_task(cluster: Client) -> None:
    async def main() -> Any:
        future = cluster.submit(time.sleep, 100)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await future
        return future

    future = asyncio.run(main())
    concurrent.futures.wait([future], PATIENCE_S)
    assert future.cancelled()


def test_cancel_many_under_one_deadline(cluster: Client) -> None:
    futures = [cluster.submit(time.sleep, 100) for _ in range(200)]
    assert cluster.cancel(futures, timeout=PATIENCE_S)
    assert all(future.cancelled() for future in futures)


# map, the async face, explain.


def test_map(cluster: Client) -> None:
    assert list(cluster.map(add, range(10), range(10))) == [2 * n for n in range(10)]
    assert list(cluster.map(add, range(23), chunksize=5)) == [n + 1 for n in range(23)]
    assert list(cluster.map(add, [])) == []
    assert list(cluster.map(add, range(9), buffersize=2)) == [n + 1 for n in range(9)]


def test_map_submits_only_as_far_as_its_buffer(cluster: Client) -> None:
    taken: list[int] = []

    def numbers() -> Any:
        for n in range(100):
            taken.append(n)
            yield n

    results = cluster.map(add, numbers(), buffersize=3)
    assert next(results) == 1
    assert len(taken) <= 4
    results.close()  # type: ignore[attr-defined]


def test_a_failing_item_of_a_map_ends_nothing_else(cluster: Client) -> None:
    other = cluster.submit(add, 1)
    results = cluster.map(operator.truediv, [4, 1, 6], [2, 0, 3])
    assert next(results) == 2
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert other.result(PATIENCE_S) == 2
    assert cluster.submit(add, 1).result(PATIENCE_S) == 2


def test_map_times_out(cluster: Client) -> None:
    with pytest.raises(TimeoutError):
        list(cluster.map(time.sleep, [100, 100], timeout=0.05))


@pytest.mark.parametrize("bad", [{"chunksize": 0}, {"buffersize": 0}])
def test_map_refuses_nonsense(cluster: Client, bad: dict[str, int]) -> None:
    with pytest.raises(ValueError, match=f"{next(iter(bad))} must be"):
        cluster.map(add, [1], **bad)  # type: ignore[arg-type]


def test_async_face() -> None:
    async def main() -> list[int]:
        async with Client(workers=1) as client:
            return await asyncio.gather(*(client.submit(add, n) for n in range(5)))

    async def opened() -> int:
        async with Client.opened(workers=1) as client:
            return await client.submit(add, 1)

    assert asyncio.run(main()) == [1, 2, 3, 4, 5]
    assert asyncio.run(opened()) == 2


def test_explain(cluster: Client) -> None:
    future = cluster.submit(time.sleep, 100)
    said = cluster.explain(future)
    assert "(sleep) is running" in said
    assert "waits for a TaskResult from the embedded engine" in said
    future.cancel()
    assert "cancelled since" in cluster.explain(future)
    done = cluster.submit(add, 1)
    done.result(PATIENCE_S)
    assert "returned int" in cluster.explain(done)
    failed = cluster.submit(raise_it, "caused")
    failed.exception(PATIENCE_S)
    assert "raised ValueError" in cluster.explain(failed)


def test_many_threads_share_a_client(cluster: Client) -> None:
    def work(n: int) -> int:
        return sum(cluster.submit(add, n, k).result(PATIENCE_S) for k in range(20))

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert list(threads.map(work, range(8))) == [20 * n + 190 for n in range(8)]


# The strict lifecycle: pending means that it has not started.


def test_strict(tmp_path: Path) -> None:
    with Client(workers=1, lifecycle=STRICT) as client:
        running = client.submit(meet, str(tmp_path / "a"), str(tmp_path / "end"))
        waiting = client.submit(touch_and_sleep, str(tmp_path / "b"), 0)
        cancelled = client.submit(touch_and_sleep, str(tmp_path / "c"), 0)
        wait_for(tmp_path / "a")
        assert running.running()
        assert waiting.state == "pending"
        assert "waits in this process for a free worker" in client.explain(waiting)
        assert running.cancel() is False
        assert cancelled.cancel() is True
        assert cancelled.cancel_outcome == "never_sent"
        (tmp_path / "end").touch()
        done, _ = concurrent.futures.wait([running, waiting, cancelled], PATIENCE_S)
        assert len(done) == 3
        assert running.cancel() is False
        assert [f.result(PATIENCE_S) for f in [client.submit(add, n) for n in range(5)]] == [
            1, 2, 3, 4, 5,
        ]  # fmt: skip
    assert not (tmp_path / "c").exists()


# Ending.


def test_leaving_waits_for_what_was_submitted() -> None:
    with Client(workers=2) as client:
        futures = [client.submit(time.sleep, 0.05) for _ in range(6)]
    assert all(future.done() for future in futures)
    assert not any(future.cancelled() for future in futures)
    with pytest.raises(ClientClosedError, match="cannot schedule new futures after shutdown"):
        client.submit(add, 1)
    assert "closed" in repr(client)


def test_leaving_by_an_exception_cancels() -> None:
    began = time.monotonic()
    futures = []
    with suppress(KeyError), Client(workers=1) as client:
        futures.append(client.submit(time.sleep, 100))
        raise KeyError
    assert futures[0].cancelled()
    assert time.monotonic() - began < PATIENCE_S


def test_shutdown_without_waiting_and_values_after_it() -> None:
    client = Client(workers=1)
    futures = [client.submit(add, n) for n in range(5)]
    client.shutdown(wait=False)
    assert [future.result(PATIENCE_S) for future in futures] == [1, 2, 3, 4, 5]
    client.shutdown()
    client.disconnect()


def test_shutdown_cancels_when_told() -> None:
    client = Client(workers=1)
    futures = [client.submit(time.sleep, 100) for _ in range(5)]
    client.shutdown(cancel_futures=True)
    assert all(future.cancelled() for future in futures)


def test_values_survive_the_client() -> None:
    with Client(workers=1) as client:
        future = client.submit(add, 1)
    heard: list[int] = []
    assert future.result() == 2
    future.add_done_callback(lambda f: heard.append(f.result()))
    assert heard == [2]
    assert future.cancel()
    with pytest.raises(CancelledError):
        future.result()


def test_a_client_that_nobody_holds_finishes_what_it_began() -> None:
    client = Client(workers=1)
    agent, future = weakref.ref(client._agent), client.submit(add, 1)
    del client
    gc.collect()
    assert future.result(PATIENCE_S) == 2
    held = agent()
    if held is not None:
        assert held.ended.wait(PATIENCE_S)


def test_clear(cluster: Client) -> None:
    unfinished = cluster.submit(time.sleep, 100)
    finished = cluster.submit(add, 1)
    finished_too = cluster.submit(add, 2)
    cluster.clear()
    assert unfinished.cancelled()
    assert finished.done()
    assert finished_too.done()
    assert cluster.submit(add, 1).result(PATIENCE_S) == 2


def test_the_engine_dies(cluster: Client) -> None:
    client = Client(workers=1)
    future = client.submit(time.sleep, 100)
    engine: Any = client._agent._engine
    engine.kill()
    with pytest.raises(ConnectionError, match=r"engine ended with exit code -9"):
        future.result(PATIENCE_S)
    assert client._agent.ended.wait(PATIENCE_S)
    with pytest.raises(ClientClosedError, match="engine ended"):
        client.submit(add, 1)
    client.disconnect()


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_gets_a_clear_error(cluster: Client, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "gate")
    future = cluster.submit(read_through, str(tmp_path / "gate"))
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        said = []
        for act in (
            lambda: cluster.submit(add, 1),
            future.result,
            future.cancel,
            cluster.shutdown,
            cluster.clear,
            lambda: future.add_done_callback(print),
        ):
            try:
                act()
                said.append("nothing")
            except ForkedClientError as error:
                said.append(str(error)[:6])
            except BaseException as error:
                said.append(repr(error))
        os.write(write, "|".join(said).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(read, 4096).decode() == "|".join(["client"] * 6)
    os.close(read)
    os.close(write)
    (tmp_path / "gate").write_text("go")
    assert future.result(PATIENCE_S) == "go"


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_leaves_the_with_block_as_it_wants() -> None:
    with Client(workers=1) as client:
        child = 0
        try:
            with client:
                if (child := os.fork()) == 0:
                    raise SystemExit(3)
                assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 3
                assert client.submit(add, 1).result(PATIENCE_S) == 2
        except BaseException as error:
            if child == 0:
                os._exit(3 if isinstance(error, SystemExit) else 1)
            raise


# Bad input.


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        ({"workers": 0}, "workers must be a whole number of at least 1, not 0"),
        ({"timeout": 0}, "timeout must be seconds above 0"),
        ({"timeout": "5"}, "timeout must be a number of seconds, not '5'"),
        ({"lifecycle": "CONFIRMED"}, "lifecycle must be a Lifecycle"),
        ({"lifecycle": VALUE}, "about a value, not a future"),
        ({"address": 3}, "address must be text"),
        ({"heartbeat_interval": "2"}, "heartbeat_interval must be a number of seconds, not '2'"),
        ({"cancel_timeout": -1}, "cancel_timeout must be seconds, or None, not -1"),
        ({"heartbeat_interval": 0}, "heartbeat_interval must be seconds above 0, not 0"),
        ({"workers": 1.5}, "workers must be"),
        ({"store_bytes": -1}, "store_bytes must be a whole number"),
        ({"max_result_bytes": "x"}, "max_result_bytes must be a whole number"),
        ({"backend": "ymq", "workers": 1}, "backend='ymq' is for a cluster"),
        ({"name": "a|b"}, "must not be empty nor contain"),
        ({"address": "localhost:1"}, "use tcp://host:port"),
        ({"address": "tcp://127.0.0.1:1", "workers": 2}, "is for the embedded engine"),
    ],
)
def test_bad_arguments(bad: dict[str, Any], said: str) -> None:
    with pytest.raises((TypeError, ValueError), match=said):
        Client(**bad)


def test_an_engine_that_cannot_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", str(tmp_path / "no-python"))
    with pytest.raises(EngineError, match="did not start"):
        Client(workers=1)
