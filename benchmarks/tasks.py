"""What the workers run. Nothing is imported here: every worker loads this module."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sized


def empty() -> None:
    """The task that does nothing."""


def same(value: object) -> object:
    """The task with an argument."""
    return value


def same_all(values: list[object]) -> list[object]:
    """A chunk of a map, for those who cannot cut one up."""
    return [same(value) for value in values]


def size_of(payload: Sized) -> int:
    """A large argument, of which every page is there."""
    return len(payload)


def filled(size: int) -> bytes:
    """A large result; each page was written, so that none is the kernel's page of zeros."""
    return b"x" * size


def array(size: int) -> object:
    """The same as an array of numpy."""
    import numpy

    return numpy.ones(size, numpy.uint8)


def endless(path: str) -> None:
    """Say who runs this, and run until killed."""
    import os
    import signal

    with open(path + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(path + ".new", path)
    while True:
        signal.pause()


def until(path: str) -> None:
    """Keep a worker busy until there is such a file."""
    import os
    import time

    while not os.path.exists(path):
        time.sleep(0.2)
