"""Calls that may hang, made on a thread beside: one that does not come back is reported.

A future is asked from one thread only, and every call that is made of it has to come back by
itself; so nothing here decides anything but how long we wait for a broken one.
"""

import sys
import sysconfig
import threading
import traceback
from _thread import allocate_lock
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

# Where in them a wait is says nothing to a reader.
_INNER = (sysconfig.get_path("stdlib"), str(Path(__file__).parent))


class Got(NamedTuple):
    """What a call gave: a value, or an error."""

    value: Any = None
    error: BaseException | None = None


class Stuck(Exception):
    """A call has not come back. `where`: the line that it waits in."""

    def __init__(self, where: str) -> None:
        super().__init__(where)
        self.where = where


class Aside:
    """One thread that makes calls, one at a time. A new one takes its place when a call hangs."""

    def __init__(self) -> None:
        self._worker: _Worker | None = None

    def call(self, fn: Callable[[], Any], patience_s: float) -> Got:
        """Make a call, and wait for what it gives.

        Args:
            fn: the call; an exception is an answer, too.
            patience_s: real seconds after which it counts as hanging. It decides nothing where
                calls come back.

        Raises:
            Stuck: it has not come back.
        """
        worker = self._worker
        if worker is None:
            worker = self._worker = _Worker()
        worker.job = fn
        worker.asked.release()
        if not worker.answered.acquire(timeout=patience_s):
            # It keeps its thread, a daemon, for as long as it likes.
            self._worker = None
            raise Stuck(_where(worker.thread))
        got, worker.got = worker.got, Got()
        return got

    def close(self) -> None:
        """End the thread."""
        worker, self._worker = self._worker, None
        if worker is not None:
            worker.job = None
            worker.asked.release()
            worker.thread.join()


class _Worker:
    def __init__(self) -> None:
        self.asked, self.answered = allocate_lock(), allocate_lock()
        self.asked.acquire()
        self.answered.acquire()
        self.job: Callable[[], Any] | None = None
        self.got = Got()
        self.thread = threading.Thread(target=self._run, name="futurefsm aside", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        while True:
            self.asked.acquire()
            job, self.job = self.job, None
            if job is None:
                return
            try:
                self.got = Got(job())
            except BaseException as error:
                self.got = Got(error=error)
            del job
            self.answered.release()


def _where(thread: threading.Thread) -> str:
    """The line that a thread waits in, and in which function."""
    frame = sys._current_frames().get(thread.ident or 0)
    lines = traceback.extract_stack(frame)
    outer = [line for line in lines if not line.filename.startswith(_INNER)]
    last = (outer or lines)[-1]
    return f"{Path(last.filename).name}:{last.lineno} in {last.name}: {last.line}"
