"""Which threads must not wait, and why.

A thread that delivers messages, and one that runs an event loop, would wait for itself. Imports
threading; not PURE.
"""

import os
import sys
from contextlib import AbstractContextManager
from threading import get_ident

# Thread ident → what it does. Written by its own thread only; dict operations are atomic.
_delivering: dict[int, str] = {}
_calling_back: dict[int, str] = {}


def _forget_marks() -> None:
    """In a child of a fork: none of the marked threads is here, but their idents may come again."""
    _delivering.clear()
    _calling_back.clear()


os.register_at_fork(after_in_child=_forget_marks)


class _Mark:
    """What the current thread does, from `with` to its end. Marks nest: a callback may settle
    another future, and run its callbacks."""

    # By hand: every settling with a callback comes here, and a generator costs three times as much.
    __slots__ = ("_before", "_ident", "_marks", "_role")

    def __init__(self, marks: dict[int, str], role: str) -> None:
        self._marks = marks
        self._role = role

    def __enter__(self) -> None:
        self._ident = ident = get_ident()
        self._before = self._marks.get(ident)
        self._marks[ident] = self._role

    def __exit__(self, *raised: object) -> None:
        if self._before is None:
            # Not `del`: in a child of a fork they are gone.
            self._marks.pop(self._ident, None)
        else:
            self._marks[self._ident] = self._before


def delivering(role: str = "delivers messages") -> AbstractContextManager[None]:
    """Mark the current thread as one that delivers messages to futures.

    On it ``cancel()`` asks and returns at once, and ``result()`` of an unsettled future raises
    `WouldDeadlockError` instead of waiting for ever.

    Args:
        role: what the thread does, for the error ("is the message pump of client demo").
    """
    return _Mark(_delivering, role)


def calling_back() -> AbstractContextManager[None]:
    """Mark the current thread as one that runs callbacks: ``cancel()`` does not wait on it."""
    return _Mark(_calling_back, "runs callbacks")


def delivery_role() -> str | None:
    """What the current thread delivers, or None."""
    return _delivering.get(get_ident())


def must_not_wait() -> str | None:
    """Why a wait for another's answer is wrong on the current thread; None where it is right."""
    ident = get_ident()
    role = _delivering.get(ident) or _calling_back.get(ident)
    if role is not None:
        return role
    return "runs an event loop" if _runs_loop() else None


def _runs_loop() -> bool:
    """A loop can only run here if its module is loaded; asking must not load it."""
    # Another thread may be importing it right now: then its names are not there yet.
    running = getattr(sys.modules.get("asyncio.events"), "_get_running_loop", None)
    if running is not None and running() is not None:
        return True
    trio = getattr(sys.modules.get("trio"), "lowlevel", None)
    in_trio = getattr(trio, "in_trio_run", None)
    return in_trio is not None and bool(in_trio())
