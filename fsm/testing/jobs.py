"""Work shared among processes. They are forked: a test's classes need not be pickled, results do.

A run is single-threaded by nature, and programs know nothing of each other: so a proof takes half
the time on two processors.
"""

import multiprocessing
from collections.abc import Callable
from typing import Any, TypeVar

from futurefsm.fsm.testing.fit import at_least_one

T = TypeVar("T")


def shared(work: Callable[[int], T], jobs: int) -> list[T]:
    """What `work` gives for 0, 1 and so on: the first in this process, the others in their own.

    Raises:
        ValueError: fewer than one job; or this system cannot fork.
        RuntimeError: a process ended without a word.
        BaseException: what `work` raised, here or there.
    """
    at_least_one(jobs=jobs)
    if jobs == 1:
        return [work(0)]
    context = multiprocessing.get_context("fork")
    started: list[tuple[Any, Any]] = []
    try:
        for number in range(1, jobs):
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=tell, args=(work, number, there), daemon=True)
            process.start()
            # Else its end would not be seen here.
            there.close()
            started.append((process, here))
        return [work(0), *[_heard(here) for _, here in started]]
    finally:
        for process, here in started:
            process.terminate()
            process.join()
            here.close()


def tell(work: Callable[[int], Any], number: int, pipe: Any) -> None:
    """In a process of its own: work, and say what came of it."""
    said: tuple[Any, BaseException | None]
    try:
        said = (work(number), None)
    except BaseException as raised:
        said = (None, raised)
    try:
        pipe.send(said)
    except Exception:
        # It cannot be pickled; its words can.
        pipe.send((None, RuntimeError(repr(said[1] or said[0]))))


def _heard(pipe: Any) -> Any:
    try:
        result, error = pipe.recv()
    except EOFError:
        raise RuntimeError("a process of the proof ended without a word: was it killed?") from None
    if error is not None:
        raise error
    return result
