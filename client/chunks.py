"""What a worker runs for a chunk of `map` or `starmap`. Imported by workers: nothing heavy."""

from collections.abc import Callable
from typing import Any


def run_chunk(fn: Callable[..., Any], chunk: list[tuple[Any, ...]]) -> list[Any]:
    """Call `fn` once for each tuple of arguments."""
    return [fn(*args) for args in chunk]


def run_columns(fn: Callable[..., Any], columns: tuple[tuple[Any, ...], ...]) -> list[Any]:
    """The same for chunks of `map`: all first arguments, all second ones and so on."""
    # Not list(map(...)): a StopIteration of the user's function would end it early.
    if len(columns) == 1:
        return [fn(arg) for arg in columns[0]]
    return [fn(*args) for args in zip(*columns, strict=True)]
