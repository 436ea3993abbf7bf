"""A small loop around a real `WorkerPool`, for tests: bounded waits, no sleeps."""

import os
import pickle
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import cloudpickle

from futurefsm.client.engine import frames
from futurefsm.client.engine.workers import Answered, Blob, Died, WorkerOptions, WorkerPool

BOUND = 60.0


class PoolWorld:
    """Starts workers, runs functions on them, collects what they say."""

    def __init__(self, **options: Any) -> None:
        self._poll = select.poll()
        self._stack = ExitStack()
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        self._wake = read
        old = signal.signal(signal.SIGCHLD, lambda *_: None)
        old_fd = signal.set_wakeup_fd(write)
        self._stack.callback(os.close, read)
        self._stack.callback(os.close, write)
        self._stack.callback(signal.signal, signal.SIGCHLD, old)
        self._stack.callback(signal.set_wakeup_fd, old_fd)
        self._poll.register(read, select.POLLIN)
        settings: dict[str, Any] = {"path": tuple(sys.path), "argv": tuple(sys.argv)} | options
        self.options = WorkerOptions(**settings)
        self.pool = WorkerPool(self.options, self._watch, self._unwatch)
        self.events: list[Answered | Died] = []
        self._sequence = 0
        self._tag = 0

    def __enter__(self) -> "PoolWorld":
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.close()
        self._stack.close()

    def _watch(self, fd: int, write: bool) -> None:
        self._poll.register(fd, select.POLLIN | (select.POLLOUT if write else 0))

    def _unwatch(self, fd: int) -> None:
        try:
            self._poll.unregister(fd)
        except KeyError:
            return

    def until(self, done: Callable[[Answered | Died], bool]) -> Answered | Died:
        """Run the loop until such an event came; it and those before it are taken out."""
        deadline = time.monotonic() + BOUND
        while True:
            for at, event in enumerate(self.events):
                if done(event):
                    del self.events[: at + 1]
                    return event
            left = deadline - time.monotonic()
            assert left > 0, f"waited {BOUND} s; so far {self.events}"
            for fd, _ in self._poll.poll(left * 1000):
                if fd == self._wake:
                    os.read(fd, 4096)
                    self.events += self.pool.reap()
                else:
                    self.events += self.pool.ready(fd)
                    if self.pool.lost:
                        self.events += self.pool.reap()

    def start(self) -> int:
        """A worker that is up."""
        number = self.pool.start()
        self.until(lambda e: isinstance(e, Answered) and e.answer.kind == frames.READY)
        return number

    def blob(self, value: Any) -> Blob:
        """An object with an id of its own."""
        self._tag += 1
        return (self._tag.to_bytes(32, "big"), cloudpickle.dumps(value))

    def send(
        self, worker: int, function: Any, *arguments: Any, serializer: Blob | None = None
    ) -> int:
        """Send a task; returns its sequence number. Blobs go as they are."""
        self._sequence += 1
        parts = [
            one if isinstance(one, tuple) and len(one) == 2 and type(one[0]) is bytes else None
            for one in (function, *arguments)
        ]
        blobs = [
            part if part is not None else self.blob(one)
            for part, one in zip(parts, (function, *arguments), strict=True)
        ]
        self.pool.run(worker, self._sequence, serializer, blobs[0], blobs[1:])
        return self._sequence

    def run(self, worker: int, function: Any, *arguments: Any, **more: Any) -> Any:
        """Send a task and wait for its answer or the worker's death."""
        self.send(worker, function, *arguments, **more)
        return self.until(lambda e: e.worker == worker)

    def value(self, worker: int, function: Any, *arguments: Any, **more: Any) -> Any:
        """The value that a task returns."""
        event = self.run(worker, function, *arguments, **more)
        assert isinstance(event, Answered), event
        loaded = pickle.loads(event.answer.payload)
        assert event.answer.kind == frames.VALUE, loaded
        return loaded

    def error(self, worker: int, function: Any, *arguments: Any, **more: Any) -> bytes:
        """The bytes of the exception that a task raises."""
        event = self.run(worker, function, *arguments, **more)
        assert isinstance(event, Answered), event
        assert event.answer.kind == frames.ERROR, event.answer
        return bytes(event.answer.payload)


def raised(data: bytes) -> BaseException:
    """The exception, raised as a user of plain pickle does."""
    try:
        raise pickle.loads(data)
    except BaseException as error:
        return error


def shown(error: BaseException) -> str:
    return "".join(traceback.format_exception(error))
