"""The client's side of the embedded engine: starts its process, and sees to its end.

The engine is tied to this process by a pipe: however this process ends, the engine sees it and
ends, with its workers, sockets and directory. Imports neither ZeroMQ nor Cap'n Proto.
"""

import fcntl
import marshal
import os
import resource
import select
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import IO, Any

from futurefsm.client.engine.handover import Pair, affordable, pair
from futurefsm.client.errors import EngineStartError

SOCKET_PATH_BYTES = 107
"""A unix socket's path may not be longer (Linux; 103 on macOS)."""

START_TIMEOUT_S = 30.0

FILES_MIN = 26
"""Descriptors that an engine of one worker needs, with one client."""

_TAIL = 4096
# poll() counts milliseconds in an int.
_POLL_MAX_S = 1e6
# marshal: both ends run the same interpreter, and no file of the user's can be taken for it.
_BOOT = """\
import sys, marshal
with open(int(sys.argv[1]), "rb") as boot:
    boot = marshal.load(boot)
sys.path[:] = boot["path"]
from futurefsm.client.engine.main import main
main(boot)
"""


class EngineHandle:
    """A running engine. Made by `launch`; any thread may use it.

    Attributes:
        address: of the scheduler's unix socket; YMQ is spoken there.
        backend: ymq.
        workers: how many workers it keeps.
        pid: the engine's process.
        hand: hands large objects to the engine, and takes its; None where nothing can.
    """

    def __init__(
        self,
        process: "subprocess.Popen[bytes]",
        directory: str,
        workers: int,
        lifeline: int,
        ready: int,
        stderr: IO[bytes],
        hand: Pair | None = None,
    ) -> None:
        self.address = f"ipc://{directory}/scheduler"
        self.backend = "ymq"
        self.workers = workers
        self.pid = process.pid
        self.hand = hand
        self._process = process
        self._directory = directory
        self._lifeline = lifeline
        self._ready = ready
        self._stderr = stderr
        self._owner = os.getpid()
        self._lock = threading.Lock()
        self._tail = ""
        self._closed = False

    def __repr__(self) -> str:
        return f"<EngineHandle {self.address} pid={self.pid} workers={self.workers}>"

    def wait_ready(self, timeout_s: float = START_TIMEOUT_S) -> None:
        """Wait until the engine listens.

        Raises:
            EngineStartError: it ended, or it did not listen in time. It was closed then.
        """
        if self._ready < 0:
            return
        deadline = time.monotonic() + timeout_s
        line = b""
        while not line.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0:
                self._give_up(f"it was not ready after {timeout_s:g} s")
            poll = select.poll()
            poll.register(self._ready, select.POLLIN)
            if not poll.poll(min(left, _POLL_MAX_S) * 1000):
                continue
            data = os.read(self._ready, 4096)
            if not data:
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(max(0.1, min(left, 5.0)))
                code = self._process.returncode
                self._give_up(f"its process ended with exit code {code}")
            line += data
        ready, self._ready = self._ready, -1
        os.close(ready)

    def _give_up(self, reason: str) -> None:
        self.kill()
        self.close()
        raise EngineStartError(reason, self.stderr_tail())

    def poll(self) -> int | None:
        """The exit code of the engine's process, or None while it runs."""
        return self._process.poll()

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Wait for the engine's end; its exit code, or None if the time ran out."""
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def kill(self) -> None:
        """End the engine at once. Its workers end with it, their tasks unanswered."""
        if os.getpid() == self._owner:
            self._process.kill()

    def stderr_tail(self, limit: int = _TAIL) -> str:
        """The last that the engine itself wrote to stderr; also after `close`."""
        if self._closed:
            return self._tail
        size = os.fstat(self._stderr.fileno()).st_size
        start = max(0, size - limit)
        return os.pread(self._stderr.fileno(), limit, start).decode(errors="replace")

    def close(self, timeout_s: float = 5.0) -> None:
        """End the engine and remove what it left. Any number of times; nothing in a forked child.

        Returns when its process is reaped; one that does not end in `timeout_s` is killed.
        """
        if os.getpid() != self._owner:
            return
        with self._lock:
            if self._closed:
                return
            with suppress(OSError):
                # A forked child may hold the pipe open: closing it might not be noticed.
                os.write(self._lifeline, b"x")
            for fd in (self._lifeline, self._ready):
                if fd >= 0:
                    os.close(fd)
            self._ready = self._lifeline = -1
            if self.hand is not None:
                self.hand.close()
            if self.wait(timeout_s) is None:
                self._process.kill()
                self._process.wait()
            shutil.rmtree(self._directory, ignore_errors=True)
            self._tail = self.stderr_tail()
            self._closed = True
            self._stderr.close()


def _private_directory(base: str | None) -> str:
    """A fresh 0700 directory in which socket paths are short enough."""
    for place in (base, None, "/tmp") if base is None else (base,):
        try:
            made = tempfile.mkdtemp(prefix="futurefsm-", dir=place)
        except OSError as error:
            raise EngineStartError(f"no private directory could be made: {error}") from error
        if _can_be_told(os.path.join(made, "scheduler")):
            return made
        os.rmdir(made)
    raise EngineStartError(
        f"a socket in {base or tempfile.gettempdir()!r} would have a path of more than "
        f"{SOCKET_PATH_BYTES} bytes, which the system does not allow, or is not UTF-8: give a "
        "shorter directory"
    )


def _can_be_told(path: str) -> bool:
    """Whether a socket can have this path; messages that name it are text."""
    try:
        return len(path.encode()) <= SOCKET_PATH_BYTES
    except UnicodeEncodeError:
        return False


def machine_memory() -> int:
    """Bytes of memory of this machine."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return 4 << 30


def launch(
    workers: int | None = None,
    *,
    directory: str | None = None,
    max_result_bytes: int = 1 << 30,
    store_bytes: int | None = None,
    client_timeout_s: float = 60.0,
    timeout_s: float = START_TIMEOUT_S,
    wait: bool = True,
    start_method: str = "forkserver",
    tell: Callable[[str], bytes] | None = None,
) -> EngineHandle:
    """Start an engine.

    Its workers find the modules that this process finds: they get its `sys.path`, `sys.argv`,
    directory, environment and interpreter options as they are now.

    Args:
        workers: worker processes; the number of processors by default.
        directory: where the private directory is made; the system's temporary one by default.
        max_result_bytes: limit for one pickled result or exception.
        store_bytes: limit for all objects together; half of the machine's memory by default.
        client_timeout_s: silence after which a client's tasks and objects are given up.
        timeout_s: how long to wait for the engine.
        wait: False returns at once; call `wait_ready` before relying on the engine.
        start_method: of the workers: "forkserver" or "spawn".
        tell: given the path of its object store, what its first client has to `early.tell` it.

    Raises:
        EngineStartError: with what the engine wrote to stderr.
        ValueError: no worker at all.
    """
    workers = (os.cpu_count() or 1) if workers is None else workers
    if workers < 1:
        raise ValueError(f"an engine needs at least one worker, not {workers}")
    _check_system()
    config: dict[str, Any] = {
        # Exactly these types: marshal knows no others.
        "workers": int(workers),
        "max_result_bytes": int(max_result_bytes),
        "store_bytes": machine_memory() // 2 if store_bytes is None else int(store_bytes),
        "client_timeout_s": float(client_timeout_s),
        "path": [_exactly(entry) for entry in sys.path],
        "argv": [_exactly(argument) for argument in getattr(sys, "argv", [])],
        "executable": _exactly(sys.executable),
        "flags": subprocess._args_from_interpreter_flags(),  # type: ignore[attr-defined]
        "start_method": "forkserver" if start_method == "forkserver" else "spawn",
        "parent": os.getpid(),
    }
    handle = _spawn(_private_directory(directory), config, tell)
    try:
        if wait:
            handle.wait_ready(timeout_s)
    except BaseException:
        # Ctrl-C: nobody will ever hold it.
        handle.kill()
        handle.close()
        raise
    return handle


def _exactly(text: object) -> str:
    """As text of no class of its own, whatever its `__str__` returns."""
    return str.__str__(str(text))


def _check_system() -> None:
    """An engine that can listen, and can accept nobody, would be waited for."""
    if not sys.executable:
        raise EngineStartError(
            "this interpreter does not know its own path: set sys.executable to that of a Python"
        )
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 0 <= files < FILES_MIN:
        raise EngineStartError(
            f"a process may open no more than {files} files here (ulimit -n), and an engine needs "
            f"{FILES_MIN}, and four more for each further worker"
        )


def _high(fd: int) -> int:
    """The same file under a number above those of the standard streams; `fd` is closed.

    In a process that was started without them, new files get their numbers, and passing those on to
    a child that does have standard streams would go wrong.
    """
    if fd > 2:
        return fd
    try:
        return fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    finally:
        os.close(fd)


def _stream(number: int, original: object) -> int:
    """This process's standard stream, to be passed on; where it has none, nowhere."""
    if original is not None:
        with suppress(OSError):
            return _high(os.dup(number))
    return _high(os.open(os.devnull, os.O_WRONLY))


def _theirs(hand: Pair | None) -> tuple[int, ...]:
    return () if hand is None else (hand.theirs,)


def _written(config: dict[str, Any]) -> int:
    """A file with it, that has no name."""
    with tempfile.TemporaryFile() as file:
        file.write(marshal.dumps(config))
        file.seek(0)
        return os.dup(file.fileno())


def _spawn(
    directory: str, config: dict[str, Any], tell: Callable[[str], bytes] | None
) -> EngineHandle:
    opened: list[int] = []

    def keep(*fds: int) -> list[int]:
        kept = len(opened)
        opened.extend(map(_high, fds))
        return opened[kept:]

    stderr: IO[bytes] | None = None
    hand = pair() if affordable(int(config["workers"])) else None
    try:
        if hand is not None:
            hand.theirs = _high(hand.theirs)
        # Without names: nothing is left of them when both processes have ended, however they do.
        stderr = tempfile.TemporaryFile()  # noqa: SIM115
        (stdout_user,) = keep(_stream(1, sys.__stdout__))
        (stderr_user,) = keep(_stream(2, sys.__stderr__))
        lifeline, lifeline_ours = keep(*os.pipe())
        ready_ours, ready = keep(*os.pipe())
        config |= {
            "directory": _exactly(directory),
            "lifeline": lifeline,
            "ready": ready,
            "stderr": stderr_user,
            "hand": -1 if hand is None else hand.theirs,
            "told": b"" if tell is None else tell(os.path.join(directory, "storage")),
        }
        (config_fd,) = keep(_written(config))
        process = subprocess.Popen(
            [sys.executable, *config["flags"], "-c", _BOOT, str(config_fd)],
            stdin=subprocess.DEVNULL,
            stdout=stdout_user,
            stderr=stderr,
            pass_fds=(config_fd, lifeline, ready, stderr_user, *_theirs(hand)),
            start_new_session=True,
        )
        workers = int(config["workers"])
        handle = EngineHandle(process, directory, workers, lifeline_ours, ready_ours, stderr, hand)
        if hand is not None:
            hand.let_go()
        for fd in set(opened) - {lifeline_ours, ready_ours}:
            opened.remove(fd)
            os.close(fd)
        return handle
    except BaseException as error:
        # An engine that was started already ends with its lifeline.
        for each in (stderr, hand):
            if each is not None:
                each.close()
        for fd in opened:
            os.close(fd)
        shutil.rmtree(directory, ignore_errors=True)
        if isinstance(error, OSError):
            raise EngineStartError(f"no process could be started: {error}") from error
        raise
