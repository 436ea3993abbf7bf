"""The engine's worker processes: starts, feeds, kills and reaps them.

Each is as a fresh interpreter (no fork of the engine, no second run of the user's ``__main__``), in
a session of its own, so that killing its process group takes along what user code started. Knows
nothing of tasks or clients: a worker runs one thing at a time, under a number.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from futurefsm.client.engine import frames
from futurefsm.client.engine.handover import Pair, Spare, pair
from futurefsm.client.engine.holdings import Blob as Blob
from futurefsm.client.engine.holdings import Holding, Holdings
from futurefsm.client.engine.lane import Lane
from futurefsm.client.engine.marks import Marks
from futurefsm.client.engine.nursery import NO_PROCESS, Nursery, Unborn
from futurefsm.client.engine.nursery import WorkerOptions as WorkerOptions
from futurefsm.client.engine.pipe import Answer, Pipe, PipeBroken
from futurefsm.client.engine.results import Buffer

_SMALL = 16384
"""A message of so many bytes is copied together."""

OFFER_BYTES = 16384
"""A task with more bytes is offered to nobody: it is sent to who has nothing else."""

_SLACK = 1024 * 1024
"""An answer may be larger than the limit for results: errors have a text."""

_CLOSE_S = 5.0


class Answered(NamedTuple):
    """A worker answered, or said that it is up (`answer.kind` is `READY`)."""

    worker: int
    answer: Answer


@dataclass(frozen=True, slots=True)
class Died:
    """A worker's process ended and was reaped.

    Attributes:
        exit: its code or minus the signal.
        begun: the number of the task that it began last; 0 for none. No other that it was handed,
            and has not answered, has begun.
    """

    worker: int
    exit: int
    booted: bool
    begun: int = field(default=0, compare=False)


@dataclass(slots=True, eq=False)
class _Worker:
    number: int
    pipe: Pipe
    holding: Holding
    # Its place among the marks.
    mark: int
    # 0 while nobody has told it.
    pid: int = 0
    watched_write: bool = False
    booted: bool = False
    # Tasks that it has or was offered, and has not answered.
    tasks: int = 0
    lane: Lane | None = None
    hand: Pair | None = None
    # Since its lane was empty for certain.
    offers: int = 0


class WorkerPool:
    """All workers of one engine. One thread; nothing here blocks but `close`, for a bounded time.

    Args:
        options: how to start a worker; or what starts them already.
        watch: called with a descriptor and whether to wait until it is writable, too.
        unwatch: called with a descriptor that is about to be closed; twice for some.

    Attributes:
        lost: the dead whom `reap` has still to tell of. No signal announces them.
    """

    def __init__(
        self,
        options: WorkerOptions | Nursery,
        watch: Callable[[int, bool], None],
        unwatch: Callable[[int], None],
    ) -> None:
        nursery = options if isinstance(options, Nursery) else Nursery(options)
        self._nursery = nursery
        self._limit = nursery.options.max_result_bytes
        self._watch = watch
        self._unwatch = unwatch
        self._workers: dict[int, _Worker] = {}
        self._by_fd: dict[int, _Worker] = {}
        self._by_pid: dict[int, _Worker] = {}
        self._holdings = Holdings()
        self._marks = Marks()
        self._spare = Spare() if nursery.options.hands else None
        self._next = 0
        # Pid → exit code of the dead that nobody knew; they may be workers that are still unborn.
        self._strays: dict[int, int] = {}
        self.lost: list[tuple[_Worker, int]] = []
        self._births = nursery.fd
        if nursery.fd >= 0:
            watch(nursery.fd, False)

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
        ours, theirs = socket.socketpair()
        lane = _lane()
        mark = -1
        hands = lane is not None and self._nursery.options.hands
        hand = pair(self._spare) if hands else None
        try:
            mark = self._marks.take()
            take, give = (None, None) if hand is None else (hand.take, hand.give)
            pipe = Pipe(ours, self._limit + _SLACK, take)
            holding = self._holdings.of(self._next, give)
            worker = _Worker(self._next, pipe, holding, mark, lane=lane, hand=hand)
            worker.pid = self._nursery.start(
                Unborn(
                    worker.number,
                    theirs,
                    None if lane is None else lane.theirs.fileno(),
                    (self._marks.fd, mark),
                    pipe.send,
                    hand,
                )
            )
        except BaseException:
            if mark >= 0:
                self._marks.give_back(mark)
            theirs.close()
            ours.close()
            for each in (lane, hand):
                if each is not None:
                    each.close()
            raise
        self._next += 1
        self._workers[worker.number] = worker
        self._by_fd[ours.fileno()] = worker
        if worker.pid:
            self._by_pid[worker.pid] = worker
        self._watch(ours.fileno(), pipe.wants_write)
        worker.watched_write = pipe.wants_write
        return worker.number

    def _born(self) -> None:
        """The nursery has news."""
        for number, pid in self._nursery.born(self._unwatch):
            worker = self._workers[number]
            if pid in self._strays or not pid:
                self.lost.append((worker, self._strays.pop(pid, NO_PROCESS)))
            else:
                worker.pid = pid
                self._by_pid[pid] = worker
                self._send(worker)
        if not self._nursery.expecting:
            self._strays.clear()

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
        if worker is not None and not worker.pid:
            self._born()
        if worker is not None and worker.pid:
            _killpg(worker.pid)
        elif worker is not None and self._nursery.expecting:
            self._nursery.kill()

    def ready(self, fd: int) -> list[Answered]:
        """A worker's descriptor is readable or writable."""
        worker = self._by_fd.get(fd)
        if worker is None:
            if fd == self._births:
                self._born()
            return []
        if worker.watched_write:
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
            self.kill(worker.number)
        events = []
        for answer in answers:
            worker.booted = True
            if worker.tasks and answer.kind in (frames.VALUE, frames.ERROR):
                worker.tasks -= 1
            events.append(Answered(worker.number, answer))
        return events

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
                found = None
            if found is None:
                break
            worker = self._by_pid.pop(found.si_pid, None)
            if worker is not None:
                # While the dead leader is not reaped its number cannot be anybody else's: kill what
                # is left of its group now.
                _killpg(found.si_pid)
            code = os.waitstatus_to_exitcode(os.waitpid(found.si_pid, 0)[1])
            if worker is not None:
                self.lost.append((worker, code))
            elif found.si_pid == self._nursery.pid:
                self._nursery.ended()
            elif self._nursery.expecting:
                self._strays[found.si_pid] = code
        for worker, code in self.lost:
            events += self._receive(worker, everything=True)
            events.append(Died(worker.number, code, worker.booted, self._marks.begun(worker.mark)))
            self._remove(worker)
        self.lost.clear()
        return events

    def _remove(self, worker: _Worker) -> None:
        worker.holding.drop_all()
        self._marks.give_back(worker.mark)
        del self._workers[worker.number]
        fd = worker.pipe.sock.fileno()
        del self._by_fd[fd]
        self._unwatch(fd)
        worker.pipe.close()
        for each in (worker.lane, worker.hand):
            if each is not None:
                each.close()

    def close(self) -> None:
        """Kill and reap all workers, close all descriptors."""
        for number, pid in self._nursery.close():
            self._workers[number].pid = pid
        for worker in self._workers.values():
            if worker.pid:
                _killpg(worker.pid)
        for worker in list(self._workers.values()):
            if worker.pid:
                _wait(worker.pid, _CLOSE_S)
            self._remove(worker)
        self._by_pid.clear()
        self.lost.clear()
        self._marks.close()
        if self._spare is not None:
            self._spare.give_up()


def _lane() -> Lane | None:
    """None where the system has no such sockets: there nothing is offered."""
    try:
        return Lane()
    except OSError:
        return None


def _killpg(pid: int) -> None:
    """Kill a worker that was not reaped, and its group."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        # Only the unreaped leader is left (macOS).
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _wait(pid: int, patience_s: float) -> None:
    """Reap what was killed. SIGKILL cannot be refused; the bound is for a process stuck there."""
    until, pause = time.monotonic() + patience_s, 0.0005
    with suppress(ChildProcessError):
        while os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() < until:
            time.sleep(pause)
            pause = min(2 * pause, 0.05)
