"""What Ctrl-C leaves locked.

`concurrent.futures.wait` and `as_completed` take the locks of all their futures, for a moment, and
give none back when they are interrupted there (its own futures have the same fault). A thread that
comes back to one of ours, and on whose stack nothing takes locks, is not in there any more: what it
still has it will never give back.
"""

import concurrent.futures
import sys
import threading
from collections.abc import Iterable
from types import FrameType

from futurefsm.fsm import core, lock, rare
from futurefsm.fsm.lock import FutureLock

# Ours, where locks are taken, and what stands between them and this: none of them asks while it has
# a lock.
_ours = {__file__, core.__file__, lock.__file__, rare.__file__}
_others = {threading.__file__, concurrent.futures._base.__file__}


def takes_locks(file: str) -> None:
    """Functions of this file take the locks of futures, or are asked by such, and ask here only
    without."""
    _ours.add(file)


def let_go(locks: Iterable[FutureLock]) -> bool:
    """Give back those that this thread has and will not give back; whether there were any."""
    mine = [each for each in locks if each._is_owned()]
    if not mine or _inside():
        return False
    for each in mine:
        while each._is_owned():
            each.release()
    return True


def _inside() -> bool:
    """A finalizer or a signal handler asks, in the middle of what takes locks."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and frame.f_code.co_filename in _ours:
        frame = frame.f_back
    while frame is not None:
        name = frame.f_code.co_filename
        if name in _ours or name in _others:
            return True
        frame = frame.f_back
    return False
