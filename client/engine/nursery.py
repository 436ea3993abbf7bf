"""Where worker processes come from: a fork server, or, where there can be none, new interpreters.

The engine adopts what the fork server leaves behind: so both kinds are its children, which it
kills and reaps alike. How a worker was made is nobody else's business.
"""

import marshal
import os
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from futurefsm.client.engine.handover import Pair

METHODS = ("forkserver", "spawn")

# The modules that a process finds are those of the process that started the engine. marshal: both
# ends run the same interpreter. Nothing else is in the pipe before the worker says that it is up.
_BOOT = """\
import sys, marshal
sys.path[:], sys.argv[:], boot = marshal.load(open(int(sys.argv[1]), "rb", closefd=False))
from futurefsm.client.engine.worker import main
main(*boot)
"""
# Out of a socket of packets, of which exactly one is meant.
_BOOT_SERVER = """\
import sys, marshal, os
sys.path[:], sys.argv[:], boot = marshal.loads(os.read(int(sys.argv[1]), 1 << 20))
from futurefsm.client.engine.forkserver import main
main(*boot)
"""

NO_PROCESS = os.EX_OSERR
"""What stands for the exit code of a worker that never was."""

_SET_CHILD_SUBREAPER = 36
_CLOSE_S = 5.0
# Of one answer.
_TOLD_BYTES = 256


class WorkerOptions(NamedTuple):
    """How to start a worker.

    Attributes:
        path, argv: the `sys.path` and `sys.argv` that it gets.
        max_result_bytes: limit for one pickled result.
        stderr: a descriptor for its standard error, or None for the engine's own.
        executable, flags: the interpreter and its options.
        scheduler: for tasks that want to be its clients: address, backend, the store's address.
        start_method: "forkserver" or "spawn".
        hands: large values are handed over, where the system can: see `handover.py`.
    """

    path: tuple[str, ...]
    argv: tuple[str, ...]
    max_result_bytes: int = 1 << 30
    stderr: int | None = None
    executable: str = sys.executable
    flags: tuple[str, ...] = ()
    scheduler: tuple[str, str, str] | None = None
    start_method: str = "spawn"
    hands: bool = False


class Unborn(NamedTuple):
    """A worker that was asked for.

    Attributes:
        number: the pool's for it.
        pipe: its end of its pipe.
        lane: the descriptor of its lane, or None.
        mark: the descriptor of all marks, and the place of its own.
        told: puts bytes into its pipe.
        hand: what it hands large values over by, or None. It needs a lane, too.
    """

    number: int
    pipe: socket.socket
    lane: int | None
    mark: tuple[int, int]
    told: Callable[[bytes], None]
    hand: "Pair | None" = None

    @property
    def more(self) -> list[int]:
        """Descriptors that not every worker has."""
        lane = [] if self.lane is None else [self.lane]
        return lane if self.hand is None else [*lane, self.hand.theirs]

    def close(self) -> None:
        """The worker has what it needs, or is not wanted any more."""
        self.pipe.close()
        if self.hand is not None:
            self.hand.let_go()


class Nursery:
    """Makes worker processes. One thread; blocks in `close` only.

    Args:
        options: how.
        server: a fork server that was started already: its pid, and the descriptor of a socket of
            packets to it.

    Attributes:
        pid: of the fork server; 0 where there is none.
        options: how.
        fd: becomes readable when `born` has something; -1 where there is none.
    """

    def __init__(self, options: WorkerOptions, server: tuple[int, int] | None = None) -> None:
        self.options = options
        self._server: socket.socket | None = None
        self.pid = 0
        # Kept until it is known that the fork server made them; if it cannot, they are spawned.
        self._unborn: dict[int, Unborn] = {}
        self._lifeline, self._lifeline_engine = os.pipe()
        self._adopts = options.start_method == "forkserver" and _adopt(True)
        if server is not None:
            self._have(*server)
        elif self._adopts:
            self._open()

    @property
    def fd(self) -> int:
        return -1 if self._server is None else self._server.fileno()

    @property
    def expecting(self) -> bool:
        """Whether there are workers whose process is not known yet."""
        return bool(self._unborn)

    def start(self, unborn: Unborn) -> int:
        """Start a worker; its pid, or 0: `born` tells later.

        The worker's end of the pipe is owned from here on.

        Raises:
            OSError: the system would not start a process.
        """
        if self._server is None:
            return self._spawn(unborn)
        options = self.options
        marks, at = unborn.mark
        request = marshal.dumps((unborn.number, options.max_result_bytes, options.scheduler, at))
        fds = [unborn.pipe.fileno(), self._lifeline, marks, *unborn.more]
        try:
            socket.send_fds(self._server, [request], fds)
        except OSError:
            # It has ended, which `born` will tell, or has more to do than its socket holds.
            return self._spawn(unborn)
        self._unborn[unborn.number] = unborn
        return 0

    def born(self, unwatch: Callable[[int], None]) -> list[tuple[int, int]]:
        """Workers by their numbers, and their pids; 0 for one that could not be started.

        Args:
            unwatch: called before `fd` is closed, where there is no fork server any more.
        """
        found: list[tuple[int, int]] = []
        while self._server is not None:
            try:
                data = self._server.recv(_TOLD_BYTES)
            except BlockingIOError:
                break
            except OSError:
                data = b""
            number, pid = marshal.loads(data) if data else (-1, 0)
            if number >= 0 and pid:
                self._unborn.pop(number).close()
                found.append((number, pid))
            elif number >= 0:
                found.append((number, self._spawn_instead(self._unborn.pop(number))))
            elif not pid:
                # It is gone, or cannot fork: from here on each is an interpreter of its own.
                print("futurefsm: no fork server; workers are spawned", file=sys.stderr)
                unwatch(self._server.fileno())
                self._server.close()
                self._server = None
                found += [(n, self._spawn_instead(one)) for n, one in self._unborn.items()]
                self._unborn.clear()
        return found

    def _open(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        try:
            ours.send(self._boot((theirs.fileno(),)))
            self.pid = self._run(_BOOT_SERVER, theirs.fileno())
        except OSError:
            # Interpreters may start all the same; if not, those will tell.
            ours.close()
        else:
            self._server = ours
        finally:
            theirs.close()

    def _have(self, pid: int, fd: int) -> None:
        self.pid = pid
        self._server = socket.socket(fileno=fd)
        self._server.setblocking(False)
        if not self._adopts:
            # Its workers would be nobody's.
            self.kill()
            os.waitpid(pid, 0)
            self.pid = 0
            self._server.close()
            self._server = None

    def _spawn(self, unborn: Unborn) -> int:
        options = self.options
        boot = (unborn.pipe.fileno(), self._lifeline, options.max_result_bytes, options.scheduler)
        try:
            # A socket's buffer may be smaller than a long sys.path: the rest follows by itself.
            unborn.told(self._boot((*boot, unborn.mark, *unborn.more)))
            return self._run(_BOOT, *boot[:2], unborn.mark[0], *unborn.more)
        finally:
            unborn.close()

    def _spawn_instead(self, unborn: Unborn) -> int:
        try:
            return self._spawn(unborn)
        except OSError as error:
            print(f"futurefsm: no worker could be started: {error}", file=sys.stderr)
            return 0

    def _boot(self, arguments: tuple[Any, ...]) -> bytes:
        return marshal.dumps((list(self.options.path), list(self.options.argv), arguments))

    def _run(self, code: str, fd: int, *more: int) -> int:
        import subprocess

        options = self.options
        process = subprocess.Popen(
            [options.executable, *options.flags, "-c", code, str(fd)],
            stdin=subprocess.DEVNULL,
            stderr=options.stderr,
            pass_fds=(fd, *more),
            start_new_session=True,
        )
        # Who has its pid reaps it, not this object.
        process.returncode = 0
        return process.pid

    def kill(self) -> None:
        """End a fork server that does not answer; `born` spawns the workers that it owes."""
        if self._server is not None and self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    def ended(self) -> None:
        """The fork server was reaped."""
        self.pid = 0

    def close(self) -> list[tuple[int, int]]:
        """End the fork server, and all workers that nobody kills; what `born` would tell."""
        found: list[tuple[int, int]] = []
        self.kill()
        if self._server is not None:
            self._server.settimeout(_CLOSE_S)
            # What it has begun becomes known, or is ended by the lifeline.
            with suppress(OSError):
                while data := self._server.recv(_TOLD_BYTES):
                    found.append(marshal.loads(data))
            self._server.close()
            self._server = None
        if self._adopts:
            _adopt(False)
            self._adopts = False
        if self.pid:
            os.waitpid(self.pid, 0)
            self.pid = 0
        for unborn in self._unborn.values():
            unborn.close()
        self._unborn.clear()
        for fd in (self._lifeline, self._lifeline_engine):
            if fd >= 0:
                os.close(fd)
        self._lifeline = self._lifeline_engine = -1
        return [(number, pid) for number, pid in found if number >= 0 and pid]


def _adopt(yes: bool) -> bool:
    """Let orphans among the descendants become this process's children. Linux only."""
    try:
        import ctypes

        return bool(ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, int(yes), 0, 0, 0) == 0)
    except (ImportError, OSError, AttributeError):
        return False
