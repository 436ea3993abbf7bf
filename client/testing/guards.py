"""While a world runs, nothing may wait: everything happens in one thread, so a wait is for ever.

`Condition.wait` on this thread is an error instead of a hang, the clients' log is quiet, and the
garbage collector, whose times nobody can replay, waits until the end.
"""

import gc
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident
from typing import TYPE_CHECKING

from futurefsm.client.testing.invariants import PUMP

if TYPE_CHECKING:
    from futurefsm.client.testing.world import World

_LOGGERS = ("futurefsm.client", "futurefsm.fsm")


@contextmanager
def watched(world: "World") -> Iterator[None]:
    """Until it is left, a wait on this thread raises `Broken`; other threads are not concerned."""
    me = get_ident()
    wait = Condition.wait

    def no_wait(self: Condition, timeout: float | None = None) -> bool:
        if get_ident() != me:
            return wait(self, timeout)
        raise world.broken(PUMP, f"something waits, for {timeout} s; nothing here may")

    loggers = [logging.getLogger(name) for name in _LOGGERS]
    before = [logger.disabled for logger in loggers]
    collects = gc.isenabled()
    gc.disable()
    Condition.wait = no_wait  # type: ignore[method-assign]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        Condition.wait = wait  # type: ignore[method-assign]
        for logger, was in zip(loggers, before, strict=True):
            logger.disabled = was
        if collects:
            gc.enable()
