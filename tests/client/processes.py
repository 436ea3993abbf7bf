"""Which processes of the embedded engine are there."""

import time
from collections.abc import Iterable
from contextlib import suppress

import psutil

BOUND = 60.0


def engines() -> list[psutil.Process]:
    """Engines and workers below this process that have not ended."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "futurefsm.client.engine" in " ".join(child.cmdline()):
                found.append(child)
    return found


def all_end(processes: Iterable[psutil.Process]) -> bool:
    """Wait, bounded, until they have ended. In a container nobody may collect those that have lost
    their parent: they stay as zombies."""
    deadline = time.monotonic() + BOUND
    while any(map(_lives, processes)):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
