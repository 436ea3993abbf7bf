"""The engine's worker processes: starts, feeds, kills and reaps them.

Each is a fresh interpreter (no fork of the engine, no second run of the user's ``__main__``) in a
session of its own, so that killing its process group takes along what user code started. Knows
nothing of tasks or clients: a worker runs one thing at a time, under a number.
"""

import marshal
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from futurefsm.client.engine import frames
from futurefsm.client.engine.holdings import Blob as Blob
from futurefsm.client.engine.holdings import Holding, Holdings
from futurefsm.client.engine.lane import Lane
from futurefsm.client.engine.pipe import Answer, Pipe, PipeBroken
from futurefsm.client.engine.results import Buffer

_SMALL = 16384
"""A message of so many bytes is copied together."""

OFFER_BYTES = 16384
"""A task with more bytes is offered to nobody: it is sent to who has nothing else."""

_SLACK = 1024 * 1024
"""An answer may be larger than the limit for results: errors have a text."""

# The modules that a worker finds are those of the process that started the engine. marshal: both
# ends run the same interpreter. Nothing else is in the pipe before the worker says that it is up.
_BOOT = """\
import sys, marshal
sys.path[:], sys.argv[:], boot = marshal.load(open(int(sys.argv[1]), "rb", closefd=False))
from futurefsm.client.engine.worker import main
main(*boot)
"""


@dataclass(frozen=True, slots=True)
class WorkerOptions:
    """How to start a worker.

    Attributes:
        path, argv: the `sys.path` and `sys.argv` that it gets.
        max_result_bytes: limit for one pickled result.
        stderr: a descriptor for its standard error, or None for the engine's own.
        executable, flags: the interpreter and its options.
        scheduler: for tasks that want to be its clients: address, backend, the store's address.
    """

    path: tuple[str, ...]
    argv: tuple[str, ...]
    max_result_bytes: int = 1 << 30
    stderr: int | None = None
    executable: str = sys.executable
    flags: tuple[str, ...] = ()
    scheduler: tuple[str, str, str] | None = None


class Answered(NamedTuple):
    """A worker answered, or said that it is up (`answer.kind` is `READY`)."""

    worker: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Died:
    """A worker's process ended and was reaped.

    Attributes:
        exit: its code or minus the signal.
        untouched: the numbers of the tasks that it was offered and has not taken.
    """

    worker: int
    exit: int
    booted: bool
    untouched: frozenset[int] = frozenset()


@dataclass(slots=True, eq=False)
class _Worker:
    number: int
    process: "subprocess.Popen[bytes]"
    pipe: Pipe
    holding: Holding
    watched_write: bool = False
    booted: bool = False
    # Tasks that it has or was offered, and has not answered.
    tasks: int = 0
    lane: Lane | None = None
    # Since its lane was empty for certain.
    offers: int = 0


class WorkerPool:
    """All workers of one engine. One thread; nothing here blocks but `close`, for a bounded time.

    Args:
        options: how to start a worker.
        watch: called with a descriptor and whether to wait until it is writable, too.
        unwatch: called with a descriptor that is about to be closed; twice for some.
    """

    def __init__(
        self,
        options: WorkerOptions,
        watch: Callable[[int, bool], None],
        unwatch: Callable[[int], None],
    ) -> None:
        self._options = options
        self._watch = watch
        self._unwatch = unwatch
        self._workers: dict[int, _Worker] = {}
        self._by_fd: dict[int, _Worker] = {}
        self._by_pid: dict[int, _Worker] = {}
        self._holdings = Holdings()
        self._next = 0
        self._lifeline, self._lifeline_engine = os.pipe()

    def __len__(self) -> int:
        return len(self._workers)

    @property
    def pids(self) -> dict[int, int]:
        """Worker number → process id."""
        return {worker.number: pid for pid, worker in self._by_pid.items()}

    def start(self) -> int:
        """Start a worker; returns its number. It may be given work once it answered `READY`.

        Raises:
            OSError: the system would not start a process.
        """
        options = self._options
        ours, theirs = socket.socketpair()
        lane = _lane()
        try:
            boot = (
                theirs.fileno(),
                self._lifeline,
                options.max_result_bytes,
                options.scheduler,
                -1 if lane is None else lane.theirs.fileno(),
            )
            # A socket's buffer may be smaller than a long sys.path: the rest follows by `flush`.
            pipe = Pipe(ours, options.max_result_bytes + _SLACK)
            pipe.send(marshal.dumps((list(options.path), list(options.argv), boot)))
            process = subprocess.Popen(
                [options.executable, *options.flags, "-c", _BOOT, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stderr=options.stderr,
                pass_fds=(theirs.fileno(), self._lifeline, *boot[4:] * (lane is not None)),
                start_new_session=True,
            )
        except BaseException:
            ours.close()
            if lane is not None:
                lane.close()
            raise
        finally:
            theirs.close()
        worker = _Worker(self._next, process, pipe, self._holdings.of(self._next), lane=lane)
        self._next += 1
        self._workers[worker.number] = worker
        self._by_fd[ours.fileno()] = worker
        self._by_pid[process.pid] = worker
        self._watch(ours.fileno(), pipe.wants_write)
        worker.watched_write = pipe.wants_write
        return worker.number

    def run(
        self,
        number: int,
        sequence: int,
        serializer: Blob | None,
        function: Blob,
        arguments: Sequence[Blob],
        priority: int = 0,
        stream_output: bool = False,
    ) -> None:
        """Send a task to a worker that has none. Objects it holds are not sent again."""
        worker = self._workers[number]
        worker.tasks += 1
        message = worker.holding.message(
            sequence, serializer, function, arguments, priority, stream_output
        )
        if sum(map(len, message)) <= _SMALL:
            self._send(worker, b"".join(message))
        else:
            self._send(worker, *message)

    def offer(
        self,
        number: int,
        sequence: int,
        serializer: Blob | None,
        function: Blob,
        arguments: Sequence[Blob],
        priority: int = 0,
    ) -> bool:
        """Let a worker take a task when it has nothing else; False where that cannot be."""
        worker = self._workers[number]
        if worker.lane is None or sum([len(blob[1]) for blob in arguments]) > OFFER_BYTES:
            return False
        message = worker.holding.offer(sequence, serializer, function, arguments, priority)
        if message is None or sum(map(len, message)) > OFFER_BYTES:
            return False
        if not worker.lane.send(b"".join(message)):
            return False
        worker.tasks += 1
        worker.offers += 1
        return True

    def take_back(self, number: int) -> frozenset[int]:
        """The numbers of the tasks that a worker was offered, and now cannot take any more."""
        worker = self._workers[number]
        if worker.lane is None or not worker.offers:
            return frozenset()
        packets = worker.lane.take_back(OFFER_BYTES)
        taken = [frames.parse_head(packet[frames.TO_WORKER.size :])[0] for packet in packets]
        worker.tasks -= len(taken)
        worker.offers = 0
        return frozenset(taken)

    def drain(self, number: int) -> list[Answered]:
        """All that a worker has answered so far. That it is dead is found out elsewhere."""
        worker = self._workers[number]
        return self._receive(worker, everything=True)

    def forget(self, object_ids: Iterable[bytes]) -> None:
        """The objects are deleted, or replaced: workers that hold them drop them."""
        for number in self._holdings.forget(object_ids):
            worker = self._workers[number]
            # A busy worker hears of it with its next task; that bounds what waits in its pipe.
            if not worker.tasks and not worker.pipe.wants_write:
                forget = worker.holding.to_forget()
                self._send(worker, frames.run_head((0, None, None, (), forget, 0, False), 0))

    def kill(self, number: int) -> None:
        """Kill a worker with all that it started. Its death is reported by `reap`."""
        worker = self._workers.get(number)
        if worker is not None:
            _killpg(worker.process.pid)

    def ready(self, fd: int) -> list[Answered]:
        """A worker's descriptor is readable or writable."""
        worker = self._by_fd.get(fd)
        if worker is None:
            return []
        if worker.pipe.wants_write:
            self._send(worker)
        return self._receive(worker)

    def _receive(self, worker: _Worker, *, everything: bool = False) -> list[Answered]:
        try:
            answers = worker.pipe.receive(everything=everything)
        except PipeBroken:
            answers = []
            worker.pipe.ended = True
        if worker.pipe.ended and not everything:
            # Dead already, or user code closed the pipe or wrote into it: then it is of no use.
            self._unwatch(worker.pipe.sock.fileno())
            _killpg(worker.process.pid)
        if answers:
            worker.booted = True
            for answer in answers:
                if answer.kind in (frames.VALUE, frames.ERROR):
                    worker.tasks = max(0, worker.tasks - 1)
        return [Answered(worker.number, answer) for answer in answers]

    def _send(self, worker: _Worker, *parts: Buffer) -> None:
        worker.pipe.send(*parts)
        wants = worker.pipe.wants_write
        if wants != worker.watched_write and not worker.pipe.ended:
            worker.watched_write = wants
            self._watch(worker.pipe.sock.fileno(), wants)

    def reap(self) -> list[Answered | Died]:
        """Collect the dead. What a worker said before it died is reported before its death."""
        events: list[Answered | Died] = []
        while True:
            try:
                found = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            except ChildProcessError:
                return events
            if found is None:
                return events
            worker = self._by_pid.pop(found.si_pid, None)
            if worker is None:
                os.waitpid(found.si_pid, 0)
                continue
            # While the dead leader is not reaped its number cannot be anybody else's: kill what is
            # left of its group now.
            _killpg(found.si_pid)
            code = worker.process.wait()
            events += self._receive(worker, everything=True)
            untouched = self.take_back(worker.number)
            self._remove(worker)
            events.append(Died(worker.number, code, worker.booted, untouched))

    def _remove(self, worker: _Worker) -> None:
        worker.holding.drop_all()
        del self._workers[worker.number]
        fd = worker.pipe.sock.fileno()
        del self._by_fd[fd]
        self._unwatch(fd)
        worker.pipe.close()
        if worker.lane is not None:
            worker.lane.close()

    def close(self) -> None:
        """Kill and reap all workers, close all descriptors."""
        for worker in self._workers.values():
            _killpg(worker.process.pid)
        for worker in list(self._workers.values()):
            # SIGKILL cannot be refused; the bound is for a process stuck in the kernel.
            try:
                worker.process.wait(timeout=5.0)
            except subprocess.TimeoutExpired:
                worker.process.returncode = -int(signal.SIGKILL)
            self._remove(worker)
        self._by_pid.clear()
        for fd in (self._lifeline, self._lifeline_engine):
            if fd >= 0:
                os.close(fd)
        self._lifeline = self._lifeline_engine = -1


def _lane() -> Lane | None:
    """None where the system has no such sockets: there nothing is offered."""
    try:
        return Lane()
    except OSError:
        return None


def _killpg(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # Not there any more; or (macOS) only the unreaped leader is left.
        return
