"""The worker's main: one task at a time, one answer each, whatever the task does.

Every worker imports this file before it can work, so it imports only what the interpreter has in C
(no socket, threading, logging); cloudpickle and tblib come when they are needed or when there is
nothing to do. Never zmq, capnp or transitions.

What the answer is:

- the function returned: its pickled value, or `SerializationError`, `ResultTooLargeError`;
- it raised anything, `SystemExit` and `KeyboardInterrupt` included: that exception, as itself, as
  in `concurrent.futures`;
- its function or an argument cannot be unpickled: `DeserializationError`;
- the process ended: nothing; the engine sees the death and tells its exit code or signal.
"""

from __future__ import annotations

import _thread
import os
import pickle
import select
import signal
import sys
from importlib import import_module
from time import perf_counter, process_time

from futurefsm.client.engine import context, frames, scaler_context
from futurefsm.client.engine.marks import Mark
from futurefsm.client.engine.peak import Peak
from futurefsm.client.engine.results import PROTOCOL, Buffer, dump_value
from futurefsm.client.engine.worker_pipe import EngineGone, Inbox, send

# The typing module costs a worker 6 ms; only type checkers need it, and they know this idiom.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, NoReturn


_F_SETSIG = 10

_LARGE = 32 * 2**20
"""Bytes; so large a value is handed over. A smaller one is sent into memory that both ends use
again, which is as quick; memory that is handed over is always new."""

WARM = (
    "inspect",
    "logging",
    "cloudpickle",
    "tblib.pickling_support",
    "futurefsm.client.engine.failures",
)
"""What most first tasks need; imported one by one while no task waits, or by the fork server."""


class Worker:
    """Runs tasks that come through `fd` until the engine closes it.

    Args:
        fd: this end of the pipe to the engine.
        max_result_bytes: limit for one pickled result or exception.
        scheduler: address, backend and the store's address ("" where it has none that others can
            dial), for tasks that want to be clients themselves.
        lane: tasks to take when there is nothing else; -1 for none. See `lane.py`.
        mark: where it writes what it begins. See `marks.py`.
        hand: over which large objects come and go; -1 for none. See `handover.py`.
    """

    def __init__(
        self,
        fd: int,
        max_result_bytes: int,
        scheduler: tuple[str, str, str] | None = None,
        lane: int = -1,
        mark: Mark | None = None,
        hand: int = -1,
    ) -> None:
        self._fd = fd
        self._begins = (mark or Mark()).begins
        self._hand_fd = hand
        self._hand: Any = None
        # Given up when it is asked for first: a task may have left no other descriptor by then.
        self._spare = os.open(os.devnull, os.O_RDONLY) if hand >= 0 else -1
        self._limit = max_result_bytes
        self._scheduler = None if scheduler is None else scheduler[:2]
        if scheduler is not None:
            scaler_context.install(scheduler[2])
        self._gate: Any = None
        self._pipe, self._lane = Inbox(fd), Inbox(lane)
        self._poll = select.poll()
        # They are looked at in this order. The other way round something may come into both behind
        # the look at the pipe; and what was sent second would be begun first.
        for each in (lane, fd):
            if each >= 0:
                self._poll.register(each, select.POLLIN)
        self._peak = Peak()
        self._pid = os.getpid()
        self._loaded: dict[bytes, Any] = {}
        # Bytes, or what was handed over.
        self._kept: dict[bytes, Any] = {}

    def serve(self) -> NoReturn:
        """Work until the engine is gone; ends the process."""
        code = 0
        try:
            send(self._fd, [frames.answer_header(frames.READY, 0, 0)])
            self._warm_up()
            while True:
                self._one(self._next())
        except (EngineGone, BrokenPipeError, ConnectionResetError):
            pass
        except BaseException:
            # Not the task's doing, or what it left behind (a timer's signal handler that raises).
            # Dying is the honest answer: the engine tells whose task it was, and starts another.
            sys.excepthook(*sys.exc_info())
            code = 70
        _flush()
        os._exit(code)

    def _warm_up(self) -> None:
        for name in WARM:
            if self._pipe.held or self._poll.poll(0):
                return
            import_module(name)

    def _next(self) -> Inbox:
        """Wait for a message; where it can be read."""
        if self._pipe.held:
            return self._pipe
        while True:
            ready = [fd for fd, _ in self._poll.poll()]
            if self._fd in ready:
                return self._pipe
            if self._lane.packet():
                return self._lane

    def _one(self, inbox: Inbox) -> None:
        """One message from the engine, and the answer if it holds a task."""
        magic, head_bytes, _ = frames.TO_WORKER.unpack(inbox.exactly(frames.TO_WORKER.size))
        if magic != frames.MAGIC:
            raise RuntimeError("the engine's pipe is out of step")
        run = frames.parse_head(inbox.exactly(head_bytes))
        sequence, serializer, function, arguments, forget, priority, stream_output = run
        for key in forget:
            self._loaded.pop(key, None)
            self._kept.pop(key, None)
        if function is None:
            return
        # Before its bytes are read: what is too large for this process is to blame for its death.
        self._begins(sequence)
        parts = [self._fetch(inbox, part, sequence) for part in (serializer, function, *arguments)]
        if self._scheduler is not None:
            context.enter(context.Context(*self._scheduler, priority))
        if stream_output:
            with self._streams(sequence):
                kind, costs, payload = self._answer(serializer, function, arguments, parts)
        else:
            kind, costs, payload = self._answer(serializer, function, arguments, parts)
        context.enter(None)
        if os.getpid() != self._pid:
            # A child that user code forked and let run back to here: not the one who answers.
            _flush()
            os._exit(kind != frames.VALUE)
        _flush()
        size = sum(memoryview(part).nbytes for part in payload)
        if size >= _LARGE and self._hands_over(kind, sequence, payload):
            kind, payload = frames.HANDED, ()
        message = [frames.answer_header(kind, sequence, size, *costs), *payload]
        if self._gate is None:
            send(self._fd, message)
        else:
            self._gate.send(message)

    def _streams(self, sequence: int) -> Any:
        """What the task writes goes to its client."""
        live = import_module("futurefsm.client.engine.live")
        if self._gate is None:
            self._gate = live.Gate(self._fd, send)
        return live.Live(self._gate, sequence)

    def _hands_over(self, kind: int, sequence: int, payload: Sequence[Buffer]) -> bool:
        """Whether a value went so."""
        if kind != frames.VALUE or self._hand_fd < 0:
            return False
        return bool(self._handover().write(payload, sequence))

    def _handover(self) -> Any:
        if self._hand is None:
            if self._spare >= 0:
                os.close(self._spare)
                self._spare = -1
            self._hand = import_module("futurefsm.client.engine.handover").inherited(self._hand_fd)
        return self._hand

    def _fetch(self, inbox: Inbox, part: frames.Part | None, sequence: int) -> Any:
        """The bytes of an object, from the message or from what was kept, or what was handed."""
        if part is None:
            return None
        key, size, keep = part
        if size == frames.ABSENT:
            return self._kept.get(key)
        data: Any = None
        if size >= 0:
            data = inbox.exactly(size)
        else:
            data = self._handover().take(sequence, frames.aside(size))
            if data is None:
                raise RuntimeError("nothing was handed over")
        if keep:
            self._loaded.pop(key, None)
            self._kept[key] = data
        return data

    def _answer(
        self,
        serializer: frames.Part | None,
        function: frames.Part,
        arguments: Sequence[frames.Part],
        parts: list[Any],
    ) -> tuple[int, tuple[float, int, float], Sequence[Buffer]]:
        """Load, call and dump. Raises nothing that the task could cause."""
        call: Any = None
        costs = (0.0, 0, 0.0)
        try:
            what = "the serializer"
            codec = None if serializer is None else self._once(serializer, parts[0], _serializer)
            loads: Callable[[Any], Any] = _loads
            if codec is not None:
                # A user's serializer is promised bytes.
                loads = lambda data: codec.deserialize(bytes(data))  # noqa: E731
            what = "the function"
            call = self._once(function, parts[1], loads)
            values = []
            for at in range(2, len(parts)):
                what = f"argument {at - 1}"
                values.append(loads(parts[at]))
                parts[at] = None
        except BaseException as error:
            failures = self._failures()
            name = "the task" if call is None else _name(call)
            return frames.ERROR, costs, failures.undeserializable(what, name, error, self._limit)
        value: Any = None
        failed: BaseException | None = None
        used = self._peak
        looks, peak = used.looks, used.now()
        # What a look has cost is not the task's.
        cpu = used.cpu_seconds if used.looks == looks else process_time()
        start = perf_counter()
        try:
            value = call(*values)
        except BaseException as error:
            failed = error
        seconds = perf_counter() - start
        peak = used.now() - peak
        costs = (seconds, max(0, peak), max(0.0, used.cpu_seconds - cpu))
        values.clear()
        try:
            if failed is None:
                if type(value) in _PLAIN and codec is None:
                    return frames.VALUE, costs, (pickle.dumps(value, PROTOCOL),)
                ok, payload = dump_value(value, _name(call), self._limit, codec)
                return (frames.VALUE if ok else frames.ERROR), costs, payload
            return frames.ERROR, costs, self._failures().dump_error(failed, self._limit)
        finally:
            failed = None

    def _once(self, part: frames.Part, data: bytearray | None, load: Callable[[Any], Any]) -> Any:
        """Load an object that every task with this id shares."""
        key, _, keep = part
        held = self._loaded.get(key, self)
        if held is not self:
            return held
        loaded = load(data)
        if keep:
            # The object replaces its bytes; if loading fails, they stay, to fail again.
            self._loaded[key] = loaded
            self._kept[key] = bytearray()
        return loaded

    @staticmethod
    def _failures() -> Any:
        return import_module("futurefsm.client.engine.failures")


def _loads(data: Any) -> Any:
    return pickle.loads(data) if type(data) in _BYTES else data.load()


_BYTES = frozenset((bytearray, bytes))
# Exactly these: a subclass may have a __reduce__.
_PLAIN = frozenset((type(None), bool, int, float, complex))


def _name(function: Any) -> str:
    """What errors call the task's function."""
    try:
        return f"{function.__module__}.{function.__qualname__}"
    except BaseException:
        return f"a {type(function).__qualname__}"


def _serializer(data: Any) -> Any:
    """The client's serializer; the one of a Scaler client is cloudpickle, without importing it."""
    if len(data) <= 100 and b"scaler.client.serializer.default" in data:
        return None
    return pickle.loads(data)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BaseException:
            # A closed pipe, or an object that user code put there: no reason to lose the answer.
            continue


def _watch(lifeline: int) -> None:
    """Kill this worker and its children when the engine is gone. Runs in a thread."""
    while True:
        try:
            if not os.read(lifeline, 1):
                break
        except OSError:
            break
    os.killpg(os.getpgrp(), signal.SIGKILL)


def arm(lifeline: int) -> None:
    """Tie this process group to the lifeline: when its other end closes, all of it is killed.

    Twice: Linux signals the group by itself, also while an extension holds the interpreter's lock;
    the thread does it where the kernel will not.
    """
    try:
        fcntl: Any = import_module("fcntl")
        own = os.open(f"/proc/self/fd/{lifeline}", os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(own, fcntl.F_SETOWN, -os.getpgrp())
        fcntl.fcntl(own, _F_SETSIG, signal.SIGKILL)
        fcntl.fcntl(own, fcntl.F_SETFL, os.O_NONBLOCK | os.O_ASYNC)
    except (OSError, ImportError, AttributeError):
        pass
    _thread.start_new_thread(_watch, (lifeline,))


def main(
    fd: int,
    lifeline: int,
    max_result_bytes: int,
    scheduler: tuple[str, str, str] | None = None,
    mark: tuple[int, int] = (-1, 0),
    lane: int = -1,
    hand: int = -1,
) -> NoReturn:
    """The process's whole life. Called by the few lines that `workers.py` passes with ``-c``."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    arm(lifeline)
    Worker(fd, max_result_bytes, scheduler, lane, Mark(*mark), hand).serve()
