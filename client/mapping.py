"""Client.map: chunks out, results in order."""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future as AnyFuture
from functools import partial
from itertools import islice
from time import monotonic
from typing import Any, TypeVar

from futurefsm.client.chunks import run_chunk
from futurefsm.client.closing import ask
from futurefsm.client.portable import Portable

T = TypeVar("T")

_RUN_CHUNK = Portable(run_chunk)


def map_calls(
    prepare: Callable[[Callable[..., Any]], Callable[[tuple[Any, ...]], AnyFuture[Any]]],
    fn: Callable[..., T],
    calls: Iterable[Iterable[Any]],
    *,
    timeout: float | None,
    chunksize: int,
    buffersize: int | None,
) -> Iterator[T]:
    """Submit the calls and yield their results in order. See `Client.map`.

    Args:
        prepare: makes of a function what submits it, with a tuple of arguments.
        calls: the arguments of each call.
    """
    if chunksize < 1:
        raise ValueError(f"chunksize must be at least 1, not {chunksize!r}")
    if buffersize is not None and buffersize < 1:
        raise ValueError(f"buffersize must be None or at least 1, not {buffersize!r}")
    deadline = None if timeout is None else monotonic() + timeout
    rest = iter(calls)
    waiting: deque[AnyFuture[Any]] = deque()
    submit = prepare(fn if chunksize == 1 else partial(_RUN_CHUNK, fn))

    def submit_next() -> bool:
        chunk = [tuple(args) for args in islice(rest, chunksize)]
        if not chunk:
            return False
        waiting.append(submit(chunk[0] if chunksize == 1 else (chunk,)))
        return True

    # As in concurrent.futures: submitted when map() is called, not when the first result is asked.
    while (buffersize is None or len(waiting) < buffersize) and submit_next():
        pass
    return _results(waiting, submit_next, deadline, chunked=chunksize > 1)


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
            if chunked:
                yield from _each(take())
            else:
                yield take()
    finally:
        # Nobody will look at the rest: ask, and do not wait for answers.
        for future in waiting:
            ask(future)


def _each(values: list[Any]) -> Generator[Any, None, None]:
    values.reverse()
    while values:
        yield values.pop()
