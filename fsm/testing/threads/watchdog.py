"""Sees what the scheduler cannot: code that blocks in C, or never comes to a switch point.

A thread that made no step and used no processor time for a while is blocked: on a lock that was
made before the run, in a read, in a real sleep. On pooled threads the caller notices and leaves the
thread where it is. Greenlets share the caller's thread: there a guard thread wakes it by a signal,
whose handler unwinds the task. Python runs handlers in the main thread only, hence greenlets only
run there.
"""

import os
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any, Final

from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident, real_lock, start_thread
from futurefsm.fsm.testing.threads.rounds import Rounds
from futurefsm.fsm.testing.threads.scheduler import Arena
from futurefsm.fsm.testing.threads.steps import Uncontrolled
from futurefsm.fsm.testing.threads.tasks import Abort, where

# Seconds between two looks; the seconds, in all, without a step: asleep, going round, or at work.
LOOK: Final = 0.05
ASLEEP = 1.0
ROUND = 3.0
BUSY = 30.0
# Processor seconds in one look that still count as none.
_NOTHING: Final = 0.002
# As Go's runtime: ignored by default, and nobody minds if it comes without a reason.
_SIGNAL: Final = signal.SIGURG

_clock_gettime = time.clock_gettime


class Watch:
    """What was seen of one thread at the last looks."""

    def __init__(self) -> None:
        self._seen: tuple[Any, int, int] = (None, -1, 0)
        self._used = 0.0
        self._asleep = self._busy = 0
        self._rounds = Rounds()

    def look(self, arena: Arena, ident: int) -> str | None:
        """To be called every `LOOK` seconds; returns what is wrong, once something is."""
        seen = (arena, arena.progress, ident)
        used = _clock_gettime(time.pthread_getcpuclockid(ident))
        if seen != self._seen or ACTIVE.arena is not arena:
            self._seen, self._used = seen, used
            self._asleep = self._busy = 0
            self._rounds.forget()
            return None
        frame = sys._current_frames().get(ident)
        rounds = 0
        if used - self._used > _NOTHING:
            self._asleep = 0
            self._busy += 1
            rounds = self._rounds.look(frame)
        else:
            self._asleep += 1
        self._used = used
        if self._asleep * LOOK >= ASLEEP:
            if _debugged(frame):
                return None
            return (
                f"blocks at {where(frame)}, where the scheduler cannot see it: on a lock made "
                "before the run, or in C code that waits. Make locks in the setup of the run, or "
                "name their module to installed(); put a stand-in in the place of what waits"
            )
        if rounds * LOOK >= ROUND:
            return (
                f"goes round at {where(frame)} for {ROUND:g} s without a switch point, and nothing "
                "changes there: what it waits for cannot come. Let it wait for a lock, an event or "
                "time.sleep(), or name its module in lines="
            )
        if self._busy * LOOK >= BUSY:
            return (
                f"has come to no switch point for {BUSY:g} s: it computes, or spins, at "
                + where(frame)
            )
        return None


def _debugged(frame: FrameType | None) -> bool:
    """Somebody sits at a prompt of the debugger."""
    while frame is not None:
        if frame.f_globals.get("__name__") in ("bdb", "pdb"):
            return True
        frame = frame.f_back
    return False


class Guard:
    """A thread that watches runs whose code is in the main thread."""

    def __init__(self) -> None:
        self._verdict: tuple[Arena, int, str] | None = None
        self._stop = real_lock()
        self._stop.acquire()
        self._ended = real_lock()
        self._ended.acquire()
        self._before: Any = None

    def start(self) -> None:
        """In the main thread: take the signal, and watch."""
        self._before = signal.signal(_SIGNAL, self._interrupt)
        start_thread(self._live)

    def stop(self) -> None:
        """Give the signal back, if it can be; returns when the thread has ended."""
        self._stop.release()
        self._ended.acquire()
        if in_main_thread():
            signal.signal(_SIGNAL, self._before)

    def _live(self) -> None:
        watch = Watch()
        while not self._stop.acquire(timeout=LOOK):
            arena = ACTIVE.arena
            if arena is None or (arena.backend != "greenlets" and arena.me is not None):
                continue
            words = watch.look(arena, arena.ident)
            if words is not None:
                self._verdict = (arena, arena.progress, words)
                signal.pthread_kill(arena.ident, _SIGNAL)
        self._ended.release()

    def _interrupt(self, signum: int, frame: FrameType | None) -> None:
        verdict, self._verdict = self._verdict, None
        arena = ACTIVE.arena
        if verdict is None or arena is None or verdict[:2] != (arena, arena.progress):
            return
        if arena.fatal is None:
            arena.fatal = uncontrolled(arena, verdict[2])
        arena.over = True
        raise Abort


def uncontrolled(arena: Arena, words: str) -> Uncontrolled:
    """The error of a task that the scheduler has lost."""
    if arena.me is not None:
        who = arena.me.name
    else:
        who = "what looks at the end" if arena.progress else "the setup"
    return Uncontrolled(f"{who} {words}")


# The main thread's ident, and no other: it is asked for in every run.
_main: set[int | None] = set()


def _remember_main() -> None:
    _main.clear()
    _main.add(threading.main_thread().ident)


_remember_main()
# In a child of a fork, behind the hook of `threading` itself, which was there before.
os.register_at_fork(after_in_child=_remember_main)


def in_main_thread() -> bool:
    return get_ident() in _main
