"""From one new interpreter come the engine and its fork server. Real processes."""

import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
from engine_client import BOUND, EngineClient
from pool_world import PoolWorld

from futurefsm.client.engine import main
from futurefsm.client.engine.launch import EngineHandle, launch

Start = Callable[..., EngineHandle]


@contextmanager
def one_worker(**options: Any) -> Iterator[tuple[EngineHandle, Callable[[Callable[[], Any]], Any]]]:
    """An engine, and what runs a function in its worker."""
    handle = launch(1, **options)
    try:
        with EngineClient(handle) as client:
            yield handle, lambda task: client.result(client.submit(task))
    finally:
        handle.close()


def servers(handle: EngineHandle, worker: int) -> list[psutil.Process]:
    """The engine's children but its worker."""
    return [one for one in psutil.Process(handle.pid).children() if one.pid != worker]


@pytest.fixture
def customize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the interpreter of every engine run this first."""

    def write(code: str) -> None:
        lines = textwrap.indent(textwrap.dedent(code), "    ")
        text = f"import os, sys\nif 'engine.main' in ''.join(sys.orig_argv):\n{lines}\n"
        (tmp_path / "sitecustomize.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return write


def from_server() -> bool:
    return "futurefsm.client.engine.forkserver" in sys.modules


def test_one_interpreter_is_started_for_both() -> None:
    """None of the others has ever run another program than the engine has."""
    with one_worker() as (handle, run):
        worker = run(os.getpid)
        assert run(from_server)
        (server,) = servers(handle, worker)
        programs = [psutil.Process(pid).cmdline() for pid in (handle.pid, server.pid, worker)]
        assert programs[0] == programs[1] == programs[2]
        assert os.getsid(server.pid) == server.pid


def seen() -> Any:
    """All by which a worker could tell where it comes from."""
    import __main__

    def what(fd: int) -> str:
        return os.readlink(f"/proc/self/fd/{fd}").partition(":")[0].rpartition("/")[2]

    fds = [fd for fd in range(100) if os.path.islink(f"/proc/self/fd/{fd}")]
    return {
        "descriptors": sorted(map(what, fds)),
        "handed on": [fd for fd in fds if fd > 2 and os.get_inheritable(fd)],
        "modules": set(sys.modules) - {"sitecustomize"},
        "names": set(vars(__main__)) - {"os"},
        "argv": sys.argv,
        "path": sys.path,
        "directory": os.getcwd(),
        "signals": {one: str(signal.getsignal(one)) for one in signal.valid_signals()},
        "blocked": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "flags": str(sys.flags),
        "threads": len(os.listdir("/proc/self/task")),
        "session": os.getsid(0) == os.getpid(),
    }


@pytest.mark.skipif(not os.path.exists("/proc/self/fd"), reason="Linux only")
def test_a_worker_is_as_one_of_a_fork_server_that_was_started() -> None:
    """Nothing of the engine is in it but one small module."""
    with PoolWorld(start_method="forkserver", hands=True, stderr=2) as world:
        expected = world.value(world.start(), seen)
    with one_worker() as (_, run):
        found = run(seen)
    assert found == expected


@pytest.mark.parametrize(
    "code",
    [
        "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()",
        "def full():\n    raise BlockingIOError(11, 'no more processes')\nos.fork = full",
    ],
    ids=["has threads", "no more processes"],
)
def test_where_it_cannot_be_forked_it_is_started(
    customize: Callable[[str], None], code: str
) -> None:
    customize(code)
    with one_worker() as (handle, run):
        (server,) = servers(handle, run(os.getpid))
        assert "engine.forkserver" in "".join(server.cmdline())
        assert run(from_server)


def test_a_fork_of_the_users_process_does_not_hold_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """As of another thread, just when the engine is started: it has what this process had open.

    Of the fork server it must have nothing: that ends when the engine's end is closed everywhere.
    """
    forks: list[int] = []
    start = subprocess.Popen

    def forking(*args: Any, **more: Any) -> Any:
        if not forks:
            forks.append(os.fork())
            if not forks[0]:
                signal.pause()
        return start(*args, **more)

    monkeypatch.setattr(subprocess, "Popen", forking)
    try:
        handle = launch(1)
        with EngineClient(handle) as client:
            worker = client.result(client.submit(os.getpid))
        (server,) = servers(handle, worker)
        handle.kill()
        assert psutil.wait_procs([server], BOUND)[1] == []
        handle.close()
    finally:
        os.kill(forks[0], signal.SIGKILL)
        os.waitpid(forks[0], 0)


def test_one_that_ends_is_missed_by_nobody(
    customize: Callable[[str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """What it says goes where its workers' words go."""
    customize("sys.modules['cloudpickle'] = None")
    with one_worker() as (handle, run):
        assert not run(from_server)
        assert servers(handle, run(os.getpid)) == []
        assert "no fork server" in handle.stderr_tail()
    assert "import of cloudpickle halted" in capfd.readouterr().err


def test_one_that_cannot_fork_is_no_second_engine(
    customize: Callable[[str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    """What it has imported has a thread: it says so, and ends without another word."""
    customize(
        """
        asked, listdir = [], os.listdir
        def threads(path):
            if path != "/proc/self/task":
                return listdir(path)
            asked.append(path)
            return asked
        os.listdir = threads
        """
    )
    with one_worker() as (handle, run):
        assert not run(from_server)
        assert servers(handle, run(os.getpid)) == []
        assert "no fork server" in handle.stderr_tail()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("pass", "True"),
        ("import _thread, time; _thread.start_new_thread(time.sleep, (1000,))", "False"),
    ],
    ids=["alone", "with a thread"],
)
def test_a_process_with_another_thread_does_not_fork(before: str, expected: str) -> None:
    code = f"from futurefsm.client.engine.main import alone\n{before}\nprint(alone())"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == f"{expected}\n"


def test_where_nobody_can_tell(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(path: str) -> list[str]:
        raise FileNotFoundError(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "listdir", unknown)
        assert not main.alone()
