"""Which scheduler runs now. One at a time in a process; both backends and all primitives look here.

The real names are kept here too, taken before anything is patched: files of the engine may be
imported later.
"""

import _thread
import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Optional

if TYPE_CHECKING:
    from futurefsm.fsm.testing.threads.scheduler import Arena

real_lock = _thread.allocate_lock
real_rlock = _thread.RLock
real_start = _thread.start_new_thread
get_ident = _thread.get_ident


class _Active:
    """What is going on.

    Attributes:
        arena: where primitives belong that are made now; None between runs, and while a schedule
            is chosen: what chooses is not in the run.
        run: the arena of the run that is going on, also while it chooses.
    """

    __slots__ = ("arena", "run")

    def __init__(self) -> None:
        self.arena: Arena | None = None
        self.run: Arena | None = None


ACTIVE = _Active()


def arena() -> Optional["Arena"]:
    """The arena in which the calling code runs (a task, or the setup of a run); else None."""
    here = ACTIVE.arena
    return here if here is not None and here.ident == get_ident() else None


def start_thread(function: Callable[[], None]) -> None:
    """A real thread of the engine's own. Coverage and debuggers see what runs in it."""
    real_start(traced, (function,))


def traced(function: Callable[[], None]) -> None:
    """Call a function as a new `threading.Thread` would."""
    trace = threading.gettrace()
    if trace is not None:
        sys.settrace(trace)
    function()
