"""A lock made before the run that a task holds while another may run.

Greenlets share one OS thread, so a real RLock is everybody's: it would exclude nobody, and what is
found then is no bug. A real lock cannot be asked to report; but in a detailed run, which confirms
each failure, the frames of a task that stops are looked through for one that is held.
"""

import _thread
from collections.abc import Iterator
from functools import lru_cache
from types import FrameType, MemberDescriptorType
from typing import Any

from futurefsm.fsm.testing.threads.tasks import is_ours, where

_RLOCK = type(_thread.RLock())
# Frames that are looked at, from the innermost.
_DEPTH = 12


def held_unseen(frame: FrameType | None) -> str | None:
    """What is wrong where a task stops; None: nothing."""
    depth = 0
    while frame is not None and depth < _DEPTH:
        if not is_ours(frame.f_code.co_filename):
            depth += 1
            for name, lock in _locks(frame):
                if lock._is_owned():
                    return (
                        f"stops at {where(frame)} while it holds the RLock {name}, which was made "
                        "before the run, so the scheduler does not see it: make it in the setup of "
                        "the run, or name its module to installed()"
                    )
        frame = frame.f_back
    return None


def _locks(frame: FrameType) -> Iterator[tuple[str, Any]]:
    """Real RLocks that a frame can name: its own, its objects', its module's."""
    for name, value in frame.f_locals.items():
        kind = type(value)
        if kind is _RLOCK:
            yield name, value
        elif kind.__module__ != "builtins":
            for attribute, inner in _attributes(value, kind):
                if type(inner) is _RLOCK:
                    yield f"{name}.{attribute}", inner
    space = frame.f_globals
    for name in frame.f_code.co_names:
        if type(space.get(name)) is _RLOCK:
            yield name, space[name]


def _attributes(thing: Any, kind: type) -> Iterator[tuple[str, Any]]:
    """Attributes of an object, in its dictionary or in slots."""
    try:
        found = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        found = None
    if isinstance(found, dict):
        yield from list(found.items())
    for name, slot in _slots(kind):
        try:
            yield name, slot.__get__(thing)
        except AttributeError:
            continue


@lru_cache(maxsize=500)
def _slots(kind: type) -> list[tuple[str, MemberDescriptorType]]:
    return [
        (name, slot)
        for owner in kind.__mro__
        for name, slot in vars(owner).items()
        if type(slot) is MemberDescriptorType
    ]
