"""A task: a thread of the run, and the ways in which it can be stopped.

A task that waits is in one of three ways not ready: for a thing that is taken (`LOCK`: ready when
the thing's `_owner` is None), for a notification (`CELL`: whoever notifies moves it to another
state), or for a condition of its own (`CALL`).
"""

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from futurefsm.fsm.testing.threads.steps import Option

if TYPE_CHECKING:
    from futurefsm.fsm.testing.threads.scheduler import Arena

RUN: Final = 0
LOCK: Final = 1
CELL: Final = 2
CALL: Final = 3

# A timer that fires is late by this much, as real ones are: so `deadline - monotonic()` is never a
# rounding error above zero, after which a correct loop would wait once more.
LATE: Final = 2.0**-20


# How often a task may swallow its end before it is left where it is, for ever.
PATIENCE: Final = 20


class Abort(BaseException):
    """Unwinds a task of a run that is over. Not an error of the code under test."""


# Options are the same in every run: made once.
GO = [Option(number, False) for number in range(8)]
FIRE = [Option(number, True) for number in range(8)]

# What can be chosen at one moment, what it costs (no costs where there is no choice), whose each
# is, and how many of them are no timers: these come first.
Choice = tuple[tuple[Option, ...], tuple[int, ...], tuple[int, ...], int]
# Who is ready, as bits; and whose timers may fire, in order, where there are any.
Moment = int | tuple[int, ...]
Known = dict[Moment, Choice]
# For each task that is the current one. Runs have few different choices: each is made once.
KNOWN: list[Known] = [{} for _ in range(8)]


class Task:
    """A thread of the run."""

    __slots__ = (
        "arena",
        "bit",
        "cleanup",
        "daemon",
        "deadline",
        "done",
        "error",
        "fired",
        "fires",
        "fn",
        "handle",
        "known",
        "lock",
        "name",
        "number",
        "op",
        "ready",
        "refused",
        "state",
        "thread",
        "timed",
        "value",
        "what",
        "where",
        "_owner",
    )

    def __init__(
        self, arena: "Arena", number: int, name: str, fn: Callable[[], Any], daemon: bool
    ) -> None:
        self.arena = arena
        self.number = number
        # In sets of tasks.
        self.bit = 1 << number
        self.name = name
        self.fn = fn
        self.daemon = daemon
        self.known = KNOWN[number]
        self.state = RUN
        self.timed = self.fired = self.done = False
        self.op = "start"
        self.what: Any = ""
        self.where = ""
        self.value: Any = None
        self.error: BaseException | None = None
        # What the backend keeps of it; the Thread object that it is, if it was asked for.
        self.handle: Any = None
        self.thread: Any = None
        # How often it swallowed an Abort; lines that it ran after its end.
        self.refused = self.cleanup = 0
        # Timers that fired for it.
        self.fires = 0
        # Who waits for its end waits as for a lock that it holds.
        self._owner: Task | None = self
        # Set only where they are read: lock (LOCK, CELL), ready (CALL), deadline (timed).

    lock: Any
    ready: Callable[[], bool]
    deadline: float

    def __repr__(self) -> str:
        return f"<task {self.number} {self.name}>"


def is_ready(task: Task) -> bool:
    """Whether it could go on without its timer."""
    state = task.state
    if state == LOCK:
        return task.lock._owner is None
    return state == RUN or (state == CALL and task.ready())


def is_control(raised: BaseException) -> bool:
    """Ctrl-C, and what Hypothesis and pytest raise to steer a test: theirs, not the code's."""
    if isinstance(raised, Exception | SystemExit | GeneratorExit):
        return False
    return type(raised).__name__ != "CancelledError"


def nothing() -> None:
    return None


class Nobody(Task):
    """Owner of what is taken while no task runs: in the setup, or after the run."""

    __slots__ = ()

    def __init__(self, arena: "Arena") -> None:
        self.arena = arena
        self.number = -1
        self.name = "setup"
        self._owner = None


class _Ended:
    """In the place of the handle of a thread that has ended."""

    def join(self, timeout: float | None = None) -> None:
        """At once."""

    def is_done(self) -> bool:
        return True


_ENDED = _Ended()


def mark_ended(thread: Any) -> None:
    """The real thread object looks as if its thread had ended: it may be joined after the run."""
    thread._is_stopped = True
    if hasattr(thread, "_handle"):  # from Python 3.13 on
        thread._handle = _ENDED


# The engine, and the kit around it: not the code under test.
_ENGINE = __file__.rpartition("/")[0]
_KIT = (_ENGINE, _ENGINE.rpartition("/")[0])
_STANDARD = threading.__file__.rpartition("/")[0] + "/"
_THROUGH = ("threading.py", "queue.py", "contextlib.py")


def is_ours(path: str) -> bool:
    """Whether a file is the kit's, or a part of threading that only leads to it."""
    folder, _, name = path.rpartition("/")
    return folder in _KIT or name in _THROUGH


def where(frame: Any) -> str:
    """ "file.py:12" of the innermost code under test; empty: there is none.

    A class that inherits from one of the standard library is asked for its own line, not for that
    of `concurrent/futures/_base.py`.
    """
    inner = ""
    while frame is not None:
        path: str = frame.f_code.co_filename
        if not is_ours(path):
            line = f"{path.rpartition('/')[2]}:{frame.f_lineno}"
            if not path.startswith(_STANDARD) or "-packages/" in path:
                return line
            inner = inner or line
        elif inner and path.rpartition("/")[0] in _KIT:
            break
        frame = frame.f_back
    return inner
