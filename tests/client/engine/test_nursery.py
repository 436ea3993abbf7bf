"""Workers of the fork server, and what happens where there is none. Real processes."""

import marshal
import os
import random
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from pool_world import PoolWorld

from futurefsm.client.engine import frames, nursery
from futurefsm.client.engine.workers import Answered, Died

BOUND = 60.0
PRESENT = "as it was imported"


@pytest.fixture
def forking() -> Iterator[PoolWorld]:
    """A pool with a fork server and no worker."""
    with PoolWorld(start_method="forkserver") as world:
        yield world


def readable(fd: int) -> None:
    poll = select.poll()
    poll.register(fd, select.POLLIN)
    assert poll.poll(BOUND * 1000)


def up(world: PoolWorld, *workers: int) -> None:
    """Wait until they may be given work."""
    waiting = set(workers)
    while waiting:
        event = world.until(lambda e: isinstance(e, Answered) and e.answer.kind == frames.READY)
        waiting.remove(event.worker)


def from_server(world: PoolWorld, worker: int) -> bool:
    """Whether a worker was forked, and not started: what the fork server imports is there."""
    return bool(world.value(worker, lambda: "futurefsm.client.engine.forkserver" in sys.modules))


def adopted(pid: int) -> None:
    """Wait until a dead process is this one's child: the one between has ended as well."""
    deadline = time.monotonic() + BOUND
    while time.monotonic() < deadline:
        with suppress(ChildProcessError):
            os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
            return
    raise TimeoutError(pid)


def test_workers_are_children_of_the_engine_in_sessions_of_their_own(forking: PoolWorld) -> None:
    seen = []
    for number in (forking.start(), forking.start()):
        assert from_server(forking, number)
        ids = forking.value(number, lambda: (os.getpid(), os.getppid(), os.getsid(0)))
        assert ids == (forking.pool.pids[number], os.getpid(), ids[0])
        seen.append(ids[0])
    assert seen[0] != seen[1]


def test_a_worker_is_as_a_new_interpreter(
    forking: PoolWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing of this process, and nothing that the fork server has open, is in it."""
    monkeypatch.setattr(sys.modules[__name__], "PRESENT", "changed")

    def seen() -> Any:
        import signal
        import sys

        import test_nursery

        fds = [
            os.readlink(f"/proc/self/fd/{fd}").partition(":")[0].rpartition("/")[2]
            for fd in range(3, 100)
            if os.path.exists(f"/proc/self/fd/{fd}") or os.path.islink(f"/proc/self/fd/{fd}")
        ]
        handlers = [signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT, signal.SIGCHLD)]
        return sorted(fds), handlers, test_nursery.PRESENT, sys.argv, sys.path, os.getcwd()

    with PoolWorld(start_method="spawn") as fresh:
        expected = fresh.value(fresh.start(), seen)
    assert forking.value(forking.start(), seen) == expected
    assert expected[2] == "as it was imported"


def test_nothing_of_a_worker_stays_open_in_the_fork_server(forking: PoolWorld) -> None:
    """Else each worker had the pipes of all before it, until after hundreds there was no room."""
    seen = [
        forking.value(forking.start(), lambda: len(os.listdir("/proc/self/fd"))) for _ in range(3)
    ]
    assert len(set(seen)) == 1


def test_programs_that_a_task_starts_inherit_no_pipe_of_the_engine(forking: PoolWorld) -> None:
    def inherited() -> list[int]:
        found = []
        for name in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                if int(name) > 2 and os.get_inheritable(int(name)):
                    found.append(int(name))
        return found

    assert forking.value(forking.start(), inherited) == []


def test_random_numbers_differ(forking: PoolWorld) -> None:
    drawn = {forking.value(forking.start(), lambda: random.random()) for _ in range(2)}
    assert len(drawn) == 2


def test_the_dead_are_replaced_by_the_same_fork_server(forking: PoolWorld) -> None:
    number = forking.start()
    forking.pool.kill(number)
    assert forking.until(lambda e: isinstance(e, Died)) == Died(number, -9, True)
    assert from_server(forking, forking.start())


def test_without_the_fork_server_workers_go_on_and_new_ones_are_spawned(
    forking: PoolWorld,
) -> None:
    number = forking.start()
    fd = forking.pool._nursery.fd
    os.kill(forking.pool._nursery.pid, signal.SIGKILL)
    other = forking.start()
    assert not from_server(forking, other)
    assert from_server(forking, number)
    with pytest.raises(KeyError):
        forking._poll.unregister(fd)


def test_a_fork_server_that_takes_nothing_any_more(forking: PoolWorld) -> None:
    server = forking.pool._nursery._server
    assert server is not None
    server.shutdown(socket.SHUT_WR)
    assert not from_server(forking, forking.start())


def test_one_that_dies_before_anybody_knows_it(forking: PoolWorld) -> None:
    pool = forking.pool
    first = forking.start()
    server = pool._nursery._server
    assert server is not None
    # Whether or not the loop has read it: it was told before the worker said that it is up.
    pool.ready(server.fileno())
    assert pool.pids[first]
    number = pool.start()
    readable(server.fileno())
    told, pid = marshal.loads(server.recv(256, socket.MSG_PEEK))
    assert told == number
    os.kill(pid, signal.SIGKILL)
    adopted(pid)
    assert pool.reap() == []
    assert pool.ready(server.fileno()) == []
    assert pool.lost
    # It may have come so far as to be up.
    *_, died = pool.reap()
    assert isinstance(died, Died)
    assert (died.worker, died.exit) == (number, -9)
    assert not pool.lost


def test_closing_while_workers_are_on_their_way(forking: PoolWorld) -> None:
    for _ in range(3):
        forking.pool.start()
    forking.pool.close()
    assert len(forking.pool) == 0


@pytest.fixture
def customize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the interpreter of every fork server run this first."""

    def write(code: str) -> None:
        text = f"import sys\nif 'engine.forkserver' in ''.join(sys.orig_argv):\n    {code}\n"
        (tmp_path / "sitecustomize.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return write


@pytest.mark.parametrize(
    "code",
    [
        "import threading; threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "raise SystemExit(3)",
        "sys.modules['cloudpickle'] = None; sys.stderr = None",
    ],
    ids=["has threads", "ends", "cannot import"],
)
def test_a_fork_server_that_cannot(customize: Callable[[str], None], code: str) -> None:
    customize(code)
    with PoolWorld(start_method="forkserver") as world:
        numbers = [world.pool.start(), world.pool.start()]
        up(world, *numbers)
        for number in numbers:
            assert not from_server(world, number)


def test_a_fork_server_that_hangs_is_killed_with_its_first_worker(
    customize: Callable[[str], None],
) -> None:
    customize("import time; time.sleep(1000)")
    with PoolWorld(start_method="forkserver") as world:
        number = world.pool.start()
        world.pool.kill(number)
        up(world, number)
        assert not from_server(world, number)


def test_a_path_larger_than_a_packet() -> None:
    long = tuple(f"/nowhere/{at}" + 60_000 * "x" for at in range(20))
    with PoolWorld(path=(*sys.path, *long), start_method="forkserver") as world:
        assert not from_server(world, world.start())


def test_no_fork_server_where_orphans_cannot_be_adopted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ctypes", None)
    with PoolWorld(start_method="forkserver") as world:
        assert world.pool._nursery.fd == -1
        assert not from_server(world, world.start())


def test_one_that_was_forked_already_ends_where_orphans_cannot_be_adopted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Its workers would be nobody's children: nobody could reap them."""
    monkeypatch.setitem(sys.modules, "ctypes", None)
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    server = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with theirs, server:
        one = nursery.Nursery(
            nursery.WorkerOptions((), (), start_method="forkserver"), (server.pid, ours.detach())
        )
        assert (one.fd, one.pid) == (-1, 0)
        with pytest.raises(ProcessLookupError):
            os.kill(server.pid, 0)
        assert one.close() == []
        server.returncode = 0


def test_no_process_at_all(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with PoolWorld(start_method="forkserver", executable="/no/such/python") as world:
        with pytest.raises(OSError, match="/no/such/python"):
            world.pool.start()
    with PoolWorld(start_method="forkserver") as world:

        def full(*_: Any, **__: Any) -> None:
            raise OSError(11, "Resource temporarily unavailable")

        number = world.pool.start()
        monkeypatch.setattr(subprocess, "Popen", full)
        os.kill(world.pool._nursery.pid, signal.SIGKILL)
        event = world.until(lambda e: isinstance(e, Died))
        assert event == Died(number, nursery.NO_PROCESS, False)
    assert "no worker could be started" in capfd.readouterr().err


@pytest.mark.parametrize("method", ["forkserver", "spawn"])
@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="Linux only")
def test_the_workers_end_of_its_way_for_large_values_is_the_workers_alone(method: str) -> None:
    with PoolWorld(start_method=method, hands=True) as world:
        number = world.pool.start()
        up(world, number)
        hand = world.pool._workers[number].hand
        assert hand is not None
        assert hand.theirs == -1
        # It ends with the worker.
        os.kill(world.pool.pids[number], signal.SIGKILL)
        world.until(lambda e: isinstance(e, Died))
        assert not hand.write((b"abc",), 1)
