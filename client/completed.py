"""Futures as they end: for a thread, and for an event loop."""

import asyncio
import concurrent.futures
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import suppress
from time import monotonic
from typing import Any, Generic, TypeVar, cast

F = TypeVar("F", bound="concurrent.futures.Future[Any]")


class AsCompleted(Generic[F]):
    """Yields futures in the order in which they end. Made by `as_completed`."""

    def __init__(self, futures: Iterable[F], timeout: float | None) -> None:
        # Each once, as in `concurrent.futures`.
        self._futures = list(dict.fromkeys(futures))
        self._timeout = timeout
        self._deadline = None if timeout is None else monotonic() + timeout

    def _left(self) -> float | None:
        return None if self._deadline is None else max(0.0, self._deadline - monotonic())

    def __iter__(self) -> Iterator[F]:
        ended = concurrent.futures.as_completed(self._futures, self._left())
        return cast("Iterator[F]", ended)

    async def __aiter__(self) -> AsyncIterator[F]:
        loop = asyncio.get_running_loop()
        ended: asyncio.Queue[F] = asyncio.Queue()
        listening = True

        def arrived(future: F) -> None:
            if listening:
                ended.put_nowait(future)

        def heard(future: Any) -> None:
            if listening:
                with suppress(RuntimeError):  # the loop was closed: nobody listens any more
                    loop.call_soon_threadsafe(arrived, future)

        for future in self._futures:
            future.add_done_callback(heard)
        try:
            for done in range(len(self._futures)):
                try:
                    yield await asyncio.wait_for(ended.get(), self._left())
                except TimeoutError:
                    left = len(self._futures) - done
                    raise TimeoutError(
                        f"{left} (of {len(self._futures)}) futures unfinished after "
                        f"{self._timeout} s"
                    ) from None
        finally:
            listening = False


def as_completed(futures: Iterable[F], timeout: float | None = None) -> AsCompleted[F]:
    """The futures as they end: ``for f in as_completed(fs)``, or ``async for``.

    Those that have ended come first. Breaking out of the loop cancels nothing.

    Args:
        futures: of one client, of several, or of any executor; each comes once.
        timeout: seconds from this call; then the loop raises TimeoutError. None: no bound.
    """
    return AsCompleted(futures, timeout)
