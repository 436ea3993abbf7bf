"""What most futures never need: made when somebody waits, calls back, or cancels."""

from collections.abc import Callable, Iterator
from typing import Any

from futurefsm.fsm.compiled import Step
from futurefsm.fsm.outcomes import Outcome, refine

Callbacks = list[Callable[[Any], object]]


class _Several(list[Any]):
    """More waiters than one."""

    __slots__ = ()


# The waiters of a future: None; one, which is kept as it is, for a list around it would be as large
# as the story of the future; or several. No waiter is such a list.
Waiting = Any
# Who is to be told of a step: waiters of concurrent.futures, and callbacks.
Told = tuple[Waiting, Callbacks]


def each(waiting: Waiting) -> list[Any]:
    """The waiters, in the order added."""
    if waiting is None:
        return []
    return waiting if isinstance(waiting, _Several) else [waiting]


class Waiters:
    """What `concurrent.futures` takes for a future's list of waiters. Under the future's lock."""

    __slots__ = ("_future",)

    def __init__(self, future: Any) -> None:
        self._future = future

    def append(self, waiter: Any) -> None:
        """It will be told."""
        future = self._future
        waiting = future._waiting
        if waiting is None:
            future._waiting = waiter
        elif isinstance(waiting, _Several):
            waiting.append(waiter)
        else:
            future._waiting = _Several((waiting, waiter))

    def remove(self, waiter: Any) -> None:
        """It will not be told, or was. As a list's `remove`."""
        left = [*each(self._future._waiting)]
        left.remove(waiter)
        self._future._waiting = _Several(left) if left else None

    def __iter__(self) -> Iterator[Any]:
        return iter(each(self._future._waiting))

    def __len__(self) -> int:
        return len(each(self._future._waiting))


class _Told(list[Any]):
    """The waiters of a future that has told them: none, for ever.

    `wait()` and `as_completed()` put themselves into the list of what has ended too, and take
    themselves out of it; neither need be remembered.
    """

    __slots__ = ()

    def append(self, waiter: Any) -> None:
        """Nobody will be told."""

    def remove(self, waiter: Any) -> None:
        """Whoever it was has been told, or need not be."""


TOLD = _Told()


class Rare:
    """The rare parts of one future. Everything here is under the future's lock."""

    __slots__ = (
        "callbacks",
        "deadline",
        "forgotten",
        "outcome",
        "stays",
    )

    def __init__(self) -> None:
        self.callbacks: Callbacks = []
        self.stays: dict[str, int] = {}
        self.forgotten = 0
        self.outcome: Outcome | None = None
        # Until when the latest cancel() may wait; None: without bound; -inf: nobody asked.
        self.deadline: float | None = float("-inf")

    def take(self, step: Step) -> Callbacks:
        """The callbacks that a step hands over."""
        callbacks: Callbacks = []
        if step.notifies:
            # In one go: Ctrl-C before it has taken nothing.
            callbacks, self.callbacks = self.callbacks, callbacks
        return callbacks

    def stayed(self, event: str) -> int:
        """Count an event that moved nothing; returns how often it has happened."""
        count = self.stays[event] = self.stays.get(event, 0) + 1
        return count

    def learn(self, fact: Outcome) -> None:
        """Another fact about the cancel."""
        self.outcome = refine(self.outcome, fact)

    def allow_until(self, now: float, seconds: float | None) -> None:
        """A cancel() may wait `seconds` from `now`."""
        self.deadline = None if seconds is None else now + seconds

    def allowed(self, now: float) -> float | None:
        """Seconds that are left of it; None: without bound."""
        return None if self.deadline is None else max(0.0, self.deadline - now)
