"""Starting and ending the engine, in every way that either side can end. Real processes."""

import json
import os
import select
import signal
import stat
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from engine_client import BOUND, EngineClient

from futurefsm.client.client import Client
from futurefsm.client.engine import launch as launching
from futurefsm.client.engine.launch import FILES_MIN, EngineHandle, launch
from futurefsm.client.errors import EngineStartError

Start = Callable[..., EngineHandle]

# The engine, the fork server, two workers.
BOTH = pytest.mark.parametrize(
    ("start_method", "processes"), [("forkserver", 4), ("spawn", 3)], ids=["forkserver", "spawn"]
)


def family(handle: EngineHandle, processes: int) -> list[int]:
    """The engine's process, its fork server's and its workers'; readable at their end.

    One worker may be at work before another is forked: waits until all are there.
    """
    deadline = time.monotonic() + BOUND
    while len(children := psutil.Process(handle.pid).children()) < processes - 1:
        assert time.monotonic() < deadline, children
        time.sleep(0.001)
    return [os.pidfd_open(pid) for pid in (handle.pid, *(one.pid for one in children))]


def all_end(fds: list[int]) -> None:
    for fd in fds:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        assert poll.poll(BOUND * 1000)
        os.close(fd)


def warm(handle: EngineHandle) -> None:
    """Until its workers work."""
    with EngineClient(handle) as client:
        assert client.result(client.submit(len, "ab")) == 2


def test_the_directory_is_private_and_short_lived(engine: Start, tmp_path: Path) -> None:
    handle = engine(1, directory=str(tmp_path))
    (made,) = tmp_path.iterdir()
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    assert {one.name for one in made.iterdir()} == {"scheduler", "storage"}
    assert handle.address == f"ipc://{made}/scheduler"
    handle.close()
    assert list(tmp_path.iterdir()) == []


@BOTH
def test_close_ends_all_of_it_and_may_be_repeated(
    engine: Start, start_method: str, processes: int
) -> None:
    handle = engine(2, start_method=start_method)
    warm(handle)
    fds = family(handle, processes)
    assert len(fds) == processes
    assert handle.poll() is None
    handle.close(BOUND)
    all_end(fds)
    handle.close()
    assert handle.poll() == 0
    assert handle.wait(0.0) == 0
    assert handle.stderr_tail() == ""


def forked() -> bool:
    return "futurefsm.client.engine.forkserver" in sys.modules


@pytest.mark.parametrize("chosen", [None, "forkserver", "spawn"])
def test_a_client_says_how_its_workers_start(chosen: str | None) -> None:
    with Client(workers=1, start_method=chosen) as client:
        assert client.submit(forked).result(BOUND) == (chosen != "spawn")
        with pytest.raises(ValueError, match="start_method must be"):
            Client(start_method="fork")


def test_close_while_user_code_runs(engine: Start) -> None:
    handle = engine(1)
    with EngineClient(handle) as client:
        client.submit(time.sleep, 1000)
        client.round_trip()
        handle.close()


@BOTH
def test_an_engine_that_is_killed_leaves_nothing(
    engine: Start, tmp_path: Path, start_method: str, processes: int
) -> None:
    handle = engine(2, directory=str(tmp_path), start_method=start_method)
    warm(handle)
    fds = family(handle, processes)
    assert len(fds) == processes
    handle.kill()
    all_end(fds)
    assert handle.wait(BOUND) == -signal.SIGKILL
    handle.close()
    assert list(tmp_path.iterdir()) == []


def test_an_interrupt_does_not_end_it_and_a_termination_does(engine: Start) -> None:
    handle = engine(1)
    os.kill(handle.pid, signal.SIGINT)
    warm(handle)
    os.kill(handle.pid, signal.SIGTERM)
    assert handle.wait(BOUND) == 0
    assert os.listdir(tempfile.gettempdir()) == []


_SCRIPT = """
import json, os, sys, time
sys.path[:] = {path!r}
from futurefsm.client.engine.launch import launch
handle = launch(2, directory={directory!r})
from engine_client import EngineClient
client = EngineClient(handle)
client.result(client.submit(len, "ab"))
{more}
import psutil
engine = psutil.Process(handle.pid)
while len(children := engine.children()) < 3:  # one may be at work before the other is forked
    time.sleep(0.001)
print(json.dumps([handle.pid, *(one.pid for one in children)]), flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("how", ["killed", "killed with a forked child", "exits"])
def test_it_ends_with_the_process_that_started_it(tmp_path: Path, how: str) -> None:
    fork = "if not os.fork():\n    os.close(1); time.sleep(1000)"
    code = textwrap.dedent(_SCRIPT).format(
        path=sys.path, directory=str(tmp_path), more=fork if "forked" in how else ""
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        fds = [os.pidfd_open(pid) for pid in json.loads(parent.stdout.readline())]
        assert len(fds) == 4
        if how == "exits":
            parent.stdin.close()
        else:
            parent.kill()
        all_end(fds)
        assert list(tmp_path.iterdir()) == []
        parent.wait(BOUND)
        try:
            os.killpg(parent.pid, signal.SIGKILL)
        except ProcessLookupError:
            assert "forked" not in how


def test_a_forked_child_cannot_end_it(engine: Start) -> None:
    handle = engine(1)
    child = os.fork()
    if not child:
        try:
            handle.close()
            handle.kill()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    warm(handle)


def test_a_script_without_main_guard(tmp_path: Path) -> None:
    """Functions and classes of ``__main__`` work, and the script runs once."""
    (tmp_path / "beside.py").write_text("def triple(x):\n    return 3 * x\n")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            f"""
            import sys
            sys.path += {sys.path!r}
            print("the script runs", sys.argv[1:])
            from futurefsm.client.engine.launch import launch
            from engine_client import EngineClient
            from beside import triple

            class Mine(Exception):
                def __init__(self, number):
                    super().__init__("mine")
                    self.number = number

            def double(x):
                return 2 * x

            def fails(x):
                raise Mine(triple(x))

            handle = launch(2)
            with EngineClient(handle) as client:
                print(client.result(client.submit(double, 4)))
                print(client.result(client.submit(triple, 4)))
                print(client.result(client.submit(lambda: sys.argv[1:])))
                kind, error = client.outcome(client.submit(fails, 5))
                try:
                    raise error
                except Mine as caught:
                    print("caught", caught.number)
                client.result(client.submit(lambda: print("printed")))
            handle.close()
            """
        )
    )
    done = subprocess.run(
        [sys.executable, str(script), "an argument"],
        capture_output=True,
        text=True,
        timeout=BOUND,
        cwd=tempfile.gettempdir(),
    )
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert sorted(lines) == sorted(
        ["the script runs ['an argument']", "8", "12", "['an argument']", "caught 15", "printed"]
    )


# -- what goes wrong


@pytest.fixture
def customize(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes the interpreter of every engine run this first."""

    def write(code: str) -> None:
        text = f"import sys\nif 'engine.main' in ''.join(sys.orig_argv):\n    {code}\n"
        (tmp_path / "sitecustomize.py").write_text(text)
        monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    return write


def test_an_engine_that_fails_tells_why(customize: Callable[[str], None]) -> None:
    customize("sys.modules['capnp'] = None")
    with pytest.raises(EngineStartError) as caught:
        launch(1)
    assert "ended with exit code 1" in caught.value.reason
    assert "import of capnp halted" in caught.value.stderr_tail
    assert "import of capnp halted" in str(caught.value)


def test_an_engine_that_hangs_is_given_up_in_time(customize: Callable[[str], None]) -> None:
    customize("import time; time.sleep(1000)")
    start = time.monotonic()
    with pytest.raises(EngineStartError, match=r"not ready after 0\.5 s"):
        launch(1, timeout_s=0.5)
    assert time.monotonic() - start < BOUND


def test_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")
    with pytest.raises(EngineStartError, match="no process could be started"):
        launch(1)


def test_so_few_files_that_nobody_could_connect(tmp_path: Path) -> None:
    """The fewest that do, and one less: said at once, where it was a time-out."""
    body = """
        import resource
        from futurefsm.client.client import Client
        from futurefsm.client.engine.launch import FILES_MIN
        from futurefsm.client.errors import EngineStartError
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MIN, FILES_MIN))
        with Client(workers=1) as client:
            print(client.submit(len, "ab").result(), client.submit(len, b"x" * 1_000_000).result())
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MIN - 1, FILES_MIN - 1))
        try:
            Client(workers=1)
        except EngineStartError as error:
            print(error)
    """
    ended = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(body)], capture_output=True, text=True, timeout=60
    )
    assert ended.stderr == ""
    assert ended.stdout.startswith("2 1000000\nthe embedded engine did not start: a process may")
    assert f"open no more than {FILES_MIN - 1} files here (ulimit -n)" in ended.stdout


def test_without_workers() -> None:
    with pytest.raises(ValueError, match="at least one worker"):
        launch(0)


@pytest.mark.parametrize("name", ["d" * 100, os.fsdecode(b"\xff")], ids=["deep", "not UTF-8"])
def test_a_directory_that_no_socket_can_be_in(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / name
    try:
        deep.mkdir()
    except OSError:
        pytest.skip("this file system has no such names")
    with pytest.raises(EngineStartError, match=r"107 bytes.*or is not UTF-8"):
        launch(1, directory=str(deep))
    assert list(deep.iterdir()) == []
    with pytest.raises(EngineStartError, match="no private directory"):
        launch(1, directory=str(tmp_path / "missing"))
    # Where nobody asked for it, another place is found.
    monkeypatch.setattr(tempfile, "tempdir", str(deep))
    made = launching._private_directory(None)
    assert made.startswith("/tmp/futurefsm-")
    os.rmdir(made)


def test_not_waiting(engine: Start) -> None:
    handle = engine(1, wait=False)
    assert repr(handle.pid) in repr(handle)
    handle.wait_ready()
    handle.wait_ready()
    warm(handle)


def test_a_process_without_standard_streams(tmp_path: Path) -> None:
    out = tmp_path / "out"
    code = textwrap.dedent(_SCRIPT).format(path=sys.path, directory=str(tmp_path), more="")
    code = code.replace("print(", f"open({str(out)!r}, 'w').write(").replace(", flush=True", "")
    code = "import os\nos.closerange(0, 3)\n" + code.replace("sys.stdin.read()", "handle.close()")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=BOUND)
    assert len(json.loads(out.read_text())) == 4


def test_memory_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert launching.machine_memory() > 1 << 28

    def unknown(name: Any) -> int:
        raise ValueError(name)

    monkeypatch.setattr(os, "sysconf", unknown)
    assert launching.machine_memory() == 4 << 30


def test_ctrl_c_while_it_starts_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    handles: list[EngineHandle] = []

    def interrupted(self: EngineHandle, timeout_s: float) -> None:
        handles.append(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(EngineHandle, "wait_ready", interrupted)
    with pytest.raises(KeyboardInterrupt):
        launch(1, directory=str(tmp_path))
    assert handles[0].poll() is not None
    assert list(tmp_path.iterdir()) == []


def test_no_file_for_its_stderr_is_an_error_of_the_start(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    with pytest.raises(EngineStartError, match="No space left"):
        launch(1, directory=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_files_of_the_current_directory_shadow_no_module_of_the_engine(
    engine: Start, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "re", "enum", "types", "marshal"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(tmp_path)
    warm(engine(1))


class Text(str):
    """Its `__str__` returns itself."""

    __slots__ = ()

    def __str__(self) -> str:
        return self


def test_texts_of_a_class_of_their_own(engine: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", Text(sys.executable))
    monkeypatch.setattr(sys, "path", [Text(entry) for entry in sys.path])
    monkeypatch.setattr(sys, "argv", [Text("program")])
    warm(engine(1))


def test_an_interpreter_that_does_not_know_its_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "executable", "")
    with pytest.raises(EngineStartError, match="its own path"):
        launch(1, directory=str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_garbage_is_collected_once_the_engine_serves(tmp_path: Path) -> None:
    """It is not while the engine starts: what is imported then stays."""
    code = """
    import gc, json, os, sys
    from futurefsm.client.engine import main, server
    server.Server.serve = lambda self: print(gc.isenabled(), gc.get_freeze_count() > 10_000)
    gc.disable()
    main.main(json.loads(sys.argv[1]))
    """
    (lifeline, ours), (theirs, ready) = os.pipe(), os.pipe()
    config = {
        "directory": str(tmp_path),
        "lifeline": lifeline,
        "ready": ready,
        "stderr": 2,
        "parent": os.getpid(),
        "path": sys.path,
        "argv": [],
        "executable": sys.executable,
        "flags": [],
        "start_method": "spawn",
        "workers": 1,
        "max_result_bytes": 1000,
        "store_bytes": 1000,
        "client_timeout_s": BOUND,
    }
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), json.dumps(config)],
        pass_fds=(lifeline, ready),
        capture_output=True,
        text=True,
        timeout=BOUND,
    )
    for fd in (lifeline, ours, theirs, ready):
        os.close(fd)
    assert done.stdout.split() == ["True", "True"], done.stderr
