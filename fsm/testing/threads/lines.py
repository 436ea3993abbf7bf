"""Line level."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import ModuleType


@contextmanager
def lines_of(modules: Iterable[ModuleType]) -> Iterator[None]:
    """TODO"""
    yield
