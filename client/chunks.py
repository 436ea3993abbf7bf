"""What a worker runs for a chunk of `Client.map`. Imported by workers: nothing heavy here."""

from collections.abc import Callable
from typing import Any


def run_chunk(fn: Callable[..., Any], chunk: list[tuple[Any, ...]]) -> list[Any]:
    """Call `fn` once for each tuple of arguments."""
    return [fn(*args) for args in chunk]
