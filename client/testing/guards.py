"""While a world runs, nothing may wait: everything happens in one thread, so a wait is for ever.

On this thread a wait on a `Condition`, or for a future, is an error instead of a hang, the clients'
log is quiet, and the garbage collector, whose times nobody can replay, waits until the end.
"""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident
from typing import TYPE_CHECKING

from futurefsm.client.testing.invariants import PUMP
from futurefsm.fsm.lock import Bed, FutureLock

if TYPE_CHECKING:
    from futurefsm.client.testing.world import World

_LOGGERS = ("futurefsm.client", "futurefsm.fsm")


@contextmanager
def watched(world: "World") -> Iterator[None]:
    """Until it is left, a wait on this thread raises `Broken`; other threads are not concerned."""
    me = get_ident()
    wait, sleep = Condition.wait, FutureLock.sleep

    def refuse(seconds: float | None) -> None:
        if get_ident() == me:
            raise world.broken(PUMP, f"something waits, for {seconds} s; nothing here may")

    def no_wait(self: Condition, timeout: float | None = None) -> bool:
        refuse(timeout)
        return wait(self, timeout)

    def no_sleep(self: FutureLock, bed: Bed, seconds: float | None) -> bool:
        refuse(seconds)
        return sleep(self, bed, seconds)

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    collects = gc.isenabled()
    gc.disable()
    Condition.wait = no_wait  # type: ignore[method-assign]
    FutureLock.sleep = no_sleep  # type: ignore[method-assign]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        Condition.wait = wait  # type: ignore[method-assign]
        FutureLock.sleep = sleep  # type: ignore[method-assign]
        for logger, was in zip(loggers, before, strict=True):
            logger.disabled = was
        if collects:
            gc.enable()
