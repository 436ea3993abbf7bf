"""Scaler's own, unmodified client on our engine as a server, on both backends."""

import concurrent.futures
import gc
import math
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from cut_wire import CutWire
from engine_server import EngineServer

from futurefsm.protocol.object_store import RequestKind, StoreHeader, encode_header
from futurefsm.protocol.transport.ymq import YmqStream, connect_tcp
from tests.cluster.conftest import PATIENCE_S, need_scaler
from tests.cluster.server_tasks import (
    STEADY,
    OwnError,
    Shouting,
    add,
    block,
    cpu_percent,
    fibonacci,
    nested,
    raises,
    speak,
    until,
)

# Scaler leaves sockets and loops to the garbage collector.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(180),
    pytest.mark.filterwarnings("default::ResourceWarning"),
    pytest.mark.filterwarnings("default::pytest.PytestUnraisableExceptionWarning"),
    # Its thread ends with an exception where it notices the end of the store first.
    pytest.mark.filterwarnings("default::pytest.PytestUnhandledThreadExceptionWarning"),
    pytest.mark.filterwarnings("default::DeprecationWarning"),
]

Make = Callable[..., Any]


@pytest.fixture(scope="module", autouse=True)
def _bounds() -> Iterator[None]:
    """The faults of Scaler's client stay where they are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(psutil.Process, "cpu_percent", cpu_percent)
        yield
    # What it left to the garbage collector is collected here, where its complaints are let pass.
    # Later, they would be those of whatever test runs then.
    gc.collect()


@pytest.fixture(scope="module", params=["ymq", "zmq"])
def server(request: pytest.FixtureRequest) -> Iterator[EngineServer]:
    need_scaler()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SCALER_NETWORK_BACKEND", request.param)
        with EngineServer("--workers", "2") as one:
            assert one.backend == request.param
            yield one


@pytest.fixture
def own_server(server: EngineServer) -> Iterator[EngineServer]:
    """For this test alone: tasks with clients leave workers that are too many for a while, and
    objects of clients that ended with them."""
    env = {"SCALER_NETWORK_BACKEND": server.backend, STEADY: "1"}
    with EngineServer("--workers", "2", env=env) as one:
        yield one


@pytest.fixture
def make(server: EngineServer) -> Iterator[Make]:
    """Makes clients that are disconnected after the test."""
    from scaler import Client

    made: list[Any] = []

    def new(where: EngineServer = server, **options: Any) -> Any:
        made.append(Client(where.address, **options))
        return made[-1]

    yield new
    for one in made:
        one.disconnect()


@pytest.fixture
def client(make: Make) -> Any:
    return make()


def stored(server: EngineServer) -> int:
    """How many objects the store has."""
    host, port = server.storage.removeprefix("tcp://").split(":")
    stream = YmqStream(connect_tcp(host, int(port)), b"figures")
    stream.send_frames([encode_header(StoreHeader(RequestKind.INFO, bytes(32), 0, 1))])
    got: list[Any] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(got) < 2:
        assert time.monotonic() < deadline
        stream.flush()
        got += stream.receive()
    stream.close()
    return int.from_bytes(got[1][:8], "little")


def await_file(path: Path) -> None:
    """Until the task says that it runs: the file is there before its words are."""
    deadline = time.monotonic() + PATIENCE_S
    while not (path.exists() and path.stat().st_size):
        assert time.monotonic() < deadline, f"{path.name} was never written"
        time.sleep(0.01)


def test_a_figure_that_ends_a_client() -> None:
    """Why `cpu_percent` is replaced here. Where this fails, it need not be any more."""
    need_scaler()
    from scaler.io.utility import serialize
    from scaler.protocol.capnp import ClientHeartbeat, Resource

    def beat(cpu: int) -> bytes:
        resource = Resource(cpu=cpu, rss=0)
        return bytes(serialize(ClientHeartbeat(resource=resource, latencyMicroseconds=0)))

    assert beat(2**16 - 1)
    with pytest.raises(RuntimeError, match="serialization failed"):
        beat(2**16)


def test_submit(client: Any) -> None:
    assert client.submit(math.sqrt, 16).result(PATIENCE_S) == 4.0
    assert client.submit(add, 1, b=2).result(PATIENCE_S) == 3
    assert client.submit(lambda: "by value").result(PATIENCE_S) == "by value"
    assert client.submit(os.getcwd).result(PATIENCE_S) == os.getcwd()
    large = os.urandom(5_000_000)
    assert client.submit(lambda data: data.upper(), large).result(PATIENCE_S) == large.upper()


def test_many(client: Any) -> None:
    # Without wait(): that of Scaler's futures now and then returns one too early.
    futures = [client.submit(add, n, n) for n in range(300)]
    assert [future.result(PATIENCE_S) for future in futures] == [2 * n for n in range(300)]


def test_map_and_starmap(client: Any) -> None:
    assert client.map(add, range(20), range(20)) == [2 * n for n in range(20)]
    assert client.starmap(add, [(n, 1) for n in range(20)]) == [n + 1 for n in range(20)]


def test_exceptions(client: Any) -> None:
    with pytest.raises(OwnError) as caught:
        client.submit(raises).result(PATIENCE_S)
    assert (caught.value.args, caught.value.number) == (("text", 7), 7)
    assert isinstance(caught.value.__cause__, KeyError)
    assert [entry.name for entry in caught.traceback][-1] == "raises"
    with pytest.raises(ZeroDivisionError):
        client.submit(lambda: 1 / 0).result(PATIENCE_S)


def test_a_dead_worker(client: Any) -> None:
    from scaler.utility.exceptions import WorkerDiedError

    with pytest.raises(WorkerDiedError):
        client.submit(os._exit, 3).result(PATIENCE_S)
    assert client.submit(add, 1, 2).result(PATIENCE_S) == 3


def test_cancel_running_and_queued(client: Any, tmp_path: Path) -> None:
    running = [client.submit(block, tmp_path / str(n)) for n in range(2)]
    queued = client.submit(block, tmp_path / "never")
    for n in range(2):
        await_file(tmp_path / str(n))
    for future in (queued, *running):
        assert future.cancel(PATIENCE_S)
        assert future.cancelled()
        with pytest.raises(concurrent.futures.CancelledError):
            future.result()
    assert not (tmp_path / "never").exists()
    for n in range(2):
        # Confirmed means dead.
        with pytest.raises(ProcessLookupError):
            os.kill(int((tmp_path / str(n)).read_text()), 0)
    assert client.submit(add, 1, 2).result(PATIENCE_S) == 3


GRAPH = {
    "a": 2,
    "b": 3,
    "sum": (add, "a", "b"),
    "twice": (lambda x: 2 * x, "sum"),
    "both": (add, "sum", "twice"),
}


def test_graphs(client: Any) -> None:
    assert client.get(GRAPH, ["both", "twice", "a"]) == {"both": 15, "twice": 10, "a": 2}
    futures = client.get(GRAPH, ["both", "sum"], block=False)
    assert futures["both"].result(PATIENCE_S) == 15
    assert futures["sum"].result(PATIENCE_S) == 5


def test_a_graph_that_fails(make: Make) -> None:
    """The chain at which a real cluster hangs."""
    graph = {"bad": (raises,), "mid": (lambda x: x, "bad"), "target": (lambda x: x, "mid")}
    futures = make().get(graph, ["target"], block=False)
    with pytest.raises(OwnError):
        futures["target"].result(PATIENCE_S)


def test_a_graph_is_cancelled_and_disconnect_returns(make: Make, tmp_path: Path) -> None:
    """The cancel that a real cluster never confirms."""
    client = make()
    graph = {"file": tmp_path / "runs", "slow": (block, "file"), "target": (lambda x: x, "slow")}
    futures = client.get(graph, ["target"], block=False)
    await_file(tmp_path / "runs")
    assert futures["target"].cancel(PATIENCE_S)
    assert futures["target"].cancelled()
    client.disconnect()


def test_references_and_clear(client: Any) -> None:
    reference = client.send_object([1, 2, 3], name="numbers")
    assert [client.submit(sum, reference).result(PATIENCE_S) for _ in range(3)] == [6, 6, 6]
    client.clear()
    assert client.submit(sum, [1, 2]).result(PATIENCE_S) == 3


def test_disconnect_leaves_nothing(own_server: EngineServer, make: Make, tmp_path: Path) -> None:
    client = make(own_server)
    client.send_object(b"x" * 1000)
    unread = client.submit(add, 1, 2)
    while not unread.done():
        time.sleep(0.01)
    running = client.submit(block, tmp_path / "runs")
    await_file(tmp_path / "runs")
    client.disconnect()
    assert running.cancelled()
    deadline = time.monotonic() + PATIENCE_S
    while stored(own_server):
        assert time.monotonic() < deadline, "objects of a client that left"


def test_a_profile(make: Make) -> None:
    client = make(profiling=True)
    future = client.submit(sum, range(100_000))
    assert future.result(PATIENCE_S) == sum(range(100_000))
    profile = future.profiling_info()
    assert 0 < profile.duration_s < PATIENCE_S
    assert profile.memory_peak >= 0


def test_what_a_task_writes_is_seen(make: Make, capsys: pytest.CaptureFixture[str]) -> None:
    client = make(stream_output=True)
    assert client.submit(speak, 20).result(PATIENCE_S) == 20
    out, err = capsys.readouterr()
    assert out == "".join(f"line:{n}\n" for n in range(20))
    assert "to stderr\n" in err


def test_a_serializer_of_its_own(make: Make) -> None:
    client = make(serializer=Shouting())
    assert client.submit(add, 20, 3).result(PATIENCE_S) == 23
    assert client.map(add, [1, 2], [3, 4]) == [4, 6]
    # Errors are plain pickles all the same.
    with pytest.raises(OwnError):
        make(serializer=Shouting()).submit(raises).result(PATIENCE_S)


def test_clients_inside_tasks(own_server: EngineServer, make: Make) -> None:
    """More of them than workers, each waiting for its own."""
    client = make(own_server)
    futures = [client.submit(nested, 5) for _ in range(4)]
    assert [future.result(PATIENCE_S) for future in futures] == [20] * 4


def test_a_client_as_an_argument(own_server: EngineServer, make: Make) -> None:
    client = make(own_server)
    assert client.submit(fibonacci, client, 5).result(PATIENCE_S) == 5


def test_a_poison_task_harms_only_itself(client: Any, make: Make, tmp_path: Path) -> None:
    """Flags that kill every worker of a real cluster, one after the other."""
    from scaler.client.client import Client

    running = client.submit(block, tmp_path / "runs")
    await_file(tmp_path / "runs")
    poisoner = make()

    class Poison:
        @staticmethod
        def serialize() -> bytes:
            return b"\0\xff\xff\xff\xff\0"

    # The first attribute that is not public here is Scaler's own spelling of it.
    poisoner._Client__get_task_flags = Poison
    assert "_Client__get_task_flags" in vars(Client)
    with pytest.raises(Exception, match="negative task priority"):
        poisoner.submit(add, 1, 2).result(PATIENCE_S)
    assert client.submit(add, 1, 2).result(PATIENCE_S) == 3
    assert not running.done()
    assert running.cancel(PATIENCE_S)


def test_a_foreign_cancel_harms_nobody(client: Any, make: Make, tmp_path: Path) -> None:
    from scaler.protocol.capnp import TaskCancel

    running = client.submit(block, tmp_path / "runs")
    await_file(tmp_path / "runs")
    stranger = make()
    flags = TaskCancel.TaskCancelFlags(force=True)
    stranger._connector_agent.send(TaskCancel(taskId=running.task_id, flags=flags))
    assert stranger.submit(add, 1, 2).result(PATIENCE_S) == 3
    assert not running.done()
    os.kill(int((tmp_path / "runs").read_text()), 0)
    assert running.cancel(PATIENCE_S)


def test_several_clients_in_threads(make: Make) -> None:
    def use() -> list[int]:
        client = make()
        futures = [client.submit(add, n, 1) for n in range(50)]
        return [future.result(PATIENCE_S) for future in futures]

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        users = [pool.submit(use) for _ in range(4)]
    # What one of them raised is raised here.
    assert [user.result() for user in users] == [[n + 1 for n in range(50)]] * 4


@pytest.mark.parametrize(
    "server", ["ymq", pytest.param("zmq", marks=pytest.mark.cluster_long)], indirect=True
)
def test_a_link_that_is_reset(server: EngineServer, tmp_path: Path) -> None:
    """The client dials again, and gets the result that was sent while it was away. (On zmq what is
    sent to a connection that has just broken is lost, and Scaler's client never asks again.)"""
    from scaler import Client

    with CutWire(server.address) as proxy:
        client = Client(proxy.address)
        try:
            running = client.submit(until, tmp_path / "runs", tmp_path / "gate")
            await_file(tmp_path / "runs")
            proxy.reset()
            (tmp_path / "gate").touch()
            assert running.result(PATIENCE_S) == "through"
            assert client.submit(add, 1, 2).result(PATIENCE_S) == 3
        finally:
            # One that is left connected keeps the interpreter from ending.
            client.disconnect()


def test_shutdown_is_refused_by_default(make: Make) -> None:
    with pytest.raises(ValueError, match="protected mode"):
        make().shutdown()
    assert make().submit(add, 1, 2).result(PATIENCE_S) == 3


@pytest.mark.parametrize("backend", ["ymq", "zmq"])
def test_shutdown_where_it_is_allowed(backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    need_scaler()
    from scaler import Client

    monkeypatch.setenv("SCALER_NETWORK_BACKEND", backend)
    server = EngineServer("--workers", "1", "--unprotected")
    client = Client(server.address)
    assert client.submit(add, 1, 2).result(PATIENCE_S) == 3
    client.shutdown()
    assert server.wait() == 0


def test_the_server_ends_under_a_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends its connections in order, which on ymq means: for good. (On zmq Scaler's client does
    not notice, and its futures hang: a fault of its own.)"""
    need_scaler()
    from scaler import Client

    monkeypatch.setenv("SCALER_NETWORK_BACKEND", "ymq")
    with EngineServer("--workers", "1") as server:
        client = Client(server.address)
        assert client.submit(add, 1, 2).result(PATIENCE_S) == 3
        waiting = client.submit(block, Path(os.devnull))
    with pytest.raises(Exception, match="lost its connection"):
        waiting.result(PATIENCE_S)
    client.disconnect()
