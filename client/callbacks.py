"""The callback thread: a client's callbacks, in order, off the pump.

A callback that sleeps delays the other callbacks, never a future. None ends the thread, whatever it
raises: all that wait behind it would never hear.
"""

import logging
import sys
from collections.abc import Callable
from queue import Empty, SimpleQueue
from threading import RLock, Thread
from time import monotonic
from typing import TYPE_CHECKING, Any

from futurefsm.fsm.threads import calling_back

if TYPE_CHECKING:
    from futurefsm.client.future import Future

logger = logging.getLogger("futurefsm.client")

# A callback that takes longer is named in a warning.
SLOW_S = 1.0

_Job = tuple["Future[Any]", list[Callable[[Any], object]]]
# What a task printed, and whether to its standard error.
_Said = tuple[str, bool]


class CallbackThread:
    """Runs callbacks, on a thread that starts with the first of them.

    Args:
        name: the client's name, for the thread and the warnings.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[_Job | _Said | None] = SimpleQueue()
        # Reentrant: a signal handler or a finalizer may come while this very thread holds it.
        self._lock = RLock()
        self._thread: Thread | None = None
        self._started = False
        self._closed = False
        self._running: tuple[Any, float] | None = None
        # A stream that fails is complained of once, not for each line.
        self._complained = False

    def put(self, future: "Future[Any]", callbacks: list[Callable[[Any], object]]) -> bool:
        """Run them after all that came before; False after `close`."""
        return self._put((future, callbacks))

    def say(self, text: str, error: bool) -> bool:
        """Write what a task printed to this process's standard output, or standard error.

        After all that came before, so before the callbacks of the task's own future.
        """
        return self._put((text, error))

    def _put(self, job: _Job | _Said) -> bool:
        with self._lock:
            if self._closed:
                return False
            self._jobs.put(job)
            if not self._started:
                self._start()
        return True

    def _start(self) -> None:
        """Under the lock. The pump comes here: a system without threads must not end it."""
        self._started = True
        thread = Thread(target=self._run, name=f"{self._name}-callbacks", daemon=True)
        try:
            thread.start()
        except RuntimeError as error:
            self._started = False
            logger.error("callbacks of client %s wait: %s", self._name, error)
            return
        self._thread = thread

    def close(self, timeout: float) -> str | None:
        """Let what was put run, at most `timeout` seconds; says what is still running, or None."""
        with self._lock:
            self._closed = True
            thread = self._thread
            if thread is not None:
                self._jobs.put(None)
        if thread is None:
            # What waits, if anything does, waits for a thread that the system refused.
            with calling_back():
                self._work_off()
            return None
        from threading import current_thread

        if thread is current_thread():
            return None
        thread.join(timeout)
        if not thread.is_alive():
            return None
        running = self._running
        if running is None:
            return "callbacks"
        return f"callback {running[0]!r}, for {monotonic() - running[1]:.1f} s"

    def _run(self) -> None:
        with calling_back():
            while (job := self._jobs.get()) is not None:
                self._work(job)
                # Not kept alive until the next job comes.
                del job

    def _work_off(self) -> None:
        while True:
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return
            if job is not None:
                self._work(job)

    def _work(self, job: _Job | _Said) -> None:
        if isinstance(job[0], str):
            self._write(job[0], bool(job[1]))
            return
        future, callbacks = job
        try:
            future.load()
        except BaseException:
            logger.exception("the value of %s could not be made", future.describe())
        for fn in callbacks:
            self._call(future, fn)

    def _call(self, future: "Future[Any]", fn: Callable[[Any], object]) -> None:
        began = monotonic()
        self._running = (fn, began)
        try:
            future.call_one(fn)
        except BaseException:
            # SystemExit, KeyboardInterrupt: out of a task, or the callback's own. Ctrl-C itself
            # only ever comes on the main thread.
            logger.exception("exception calling callback %r of %s", fn, future.describe())
        self._running = None
        took = monotonic() - began
        if took > SLOW_S:
            logger.warning(
                "callback %r of %s took %.1f s; the callbacks behind it waited",
                fn,
                future.describe(),
                took,
            )

    def _write(self, text: str, error: bool) -> None:
        # Looked up each time: tests and notebooks put others in their place.
        stream = sys.stderr if error else sys.stdout
        if stream is None:
            return  # a process without a terminal: print() says nothing either
        try:
            stream.write(text)
            stream.flush()
        except Exception:
            if not self._complained:
                logger.exception("what a task printed could not be written; said once")
            self._complained = True
