"""Client.map: chunks out, results in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future as AnyFuture
from functools import partial
from itertools import islice
from time import monotonic
from typing import Any, TypeVar

from futurefsm.client.blame import shown
from futurefsm.client.chunks import run_chunk, run_columns
from futurefsm.client.closing import ask
from futurefsm.client.portable import Portable

T = TypeVar("T")

_RUN_CHUNK = Portable(run_chunk)
_RUN_COLUMNS = Portable(run_columns)


def map_calls(
    prepare: Callable[[Callable[..., Any]], Callable[[tuple[Any, ...]], AnyFuture[Any]]],
    fn: Callable[..., T],
    calls: Iterable[Iterable[Any]],
    *,
    timeout: float | None,
    chunksize: int,
    buffersize: int | None,
    columns: bool = False,
) -> Iterator[T]:
    """Submit the calls and yield their results in order. See `Client.map`.

    Args:
        prepare: makes of a function what submits it, with a tuple of arguments.
        calls: the arguments of each call.
        columns: `calls` are all first arguments, all second ones and so on: as `map` has them. A
            chunk of them is quicker to pickle and to call than one of tuples.
    """
    for name, count in (("chunksize", chunksize), ("buffersize", buffersize or 1)):
        if not hasattr(count, "__index__"):
            raise TypeError(f"{name} must be a whole number, not {shown(count)}")
    if chunksize < 1:
        raise ValueError(f"chunksize must be at least 1, not {chunksize!r}")
    if buffersize is not None and buffersize < 1:
        raise ValueError(f"buffersize must be None or at least 1, not {buffersize!r}")
    deadline = None if timeout is None else monotonic() + timeout
    waiting: deque[AnyFuture[Any]] = deque()
    rest: Iterator[tuple[Any, ...]]
    if chunksize == 1:
        rest = zip(*calls, strict=False) if columns else map(tuple, calls)
        submit = prepare(fn)
    elif columns:
        rest = _columns(tuple(calls), chunksize)
        submit = prepare(partial(_RUN_COLUMNS, fn))
    else:
        rest = _rows(iter(calls), chunksize)
        submit = prepare(partial(_RUN_CHUNK, fn))

    def submit_next() -> bool:
        for args in rest:
            waiting.append(submit(args))
            return True
        return False

    # As in concurrent.futures: submitted when map() is called, not when the first result is asked.
    while (buffersize is None or len(waiting) < buffersize) and submit_next():
        pass
    return _results(waiting, submit_next, deadline, chunked=chunksize > 1)


def _rows(calls: Iterator[Iterable[Any]], size: int) -> Iterator[tuple[Any, ...]]:
    """What `run_chunk` is called with."""
    while chunk := [tuple(args) for args in islice(calls, size)]:
        yield (chunk,)


def _columns(iterables: tuple[Iterable[Any], ...], size: int) -> Iterator[tuple[Any, ...]]:
    """What `run_columns` is called with."""
    if len(iterables) == 1:
        rest = iter(iterables[0])
        while column := tuple(islice(rest, size)):
            yield ((column,),)
        return
    calls = zip(*iterables, strict=False)
    while chunk := list(islice(calls, size)):
        yield (tuple(zip(*chunk, strict=True)),)


def _results(
    waiting: "deque[AnyFuture[Any]]",
    submit_next: Callable[[], bool],
    deadline: float | None,
    *,
    chunked: bool,
) -> Generator[Any, None, None]:
    def take() -> Any:
        left = None if deadline is None else max(0.0, deadline - monotonic())
        value = waiting[0].result(left)
        waiting.popleft()
        submit_next()
        return value

    try:
        while waiting:
            # No name is bound to a value: its consumer holds it, and nobody else.
            if not chunked:
                yield take()
                continue
            values = take()
            values.reverse()
            while values:
                yield values.pop()
    finally:
        # Nobody will look at the rest: ask, and do not wait for answers.
        for future in waiting:
            ask(future)
