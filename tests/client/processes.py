"""Which processes of the embedded engine are there."""

from contextlib import suppress

import psutil


def engines() -> list[psutil.Process]:
    """Engines and workers below this process that have not ended."""
    found = []
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):
            if "futurefsm.client.engine" in " ".join(child.cmdline()):
                found.append(child)
    return found
