"""What most futures never need: made when somebody waits, calls back, or cancels."""

from collections.abc import Callable
from threading import Condition
from typing import Any

from futurefsm.fsm.compiled import Step
from futurefsm.fsm.outcomes import Outcome, refine

Callbacks = list[Callable[[Any], object]]
# Who is to be told of a step: waiters of concurrent.futures, and callbacks.
Told = tuple[list[Any], Callbacks]


class Rare:
    """The rare parts of one future. Everything here is under the future's lock."""

    __slots__ = (
        "callbacks",
        "condition",
        "deadline",
        "forgotten",
        "outcome",
        "stays",
        "waiters",
    )

    def __init__(self) -> None:
        self.condition: Condition | None = None
        # Waiters of concurrent.futures.wait() and as_completed(); who put one there removes it.
        self.waiters: list[Any] = []
        self.callbacks: Callbacks = []
        self.stays: dict[str, int] = {}
        self.forgotten = 0
        self.outcome: Outcome | None = None
        # Until when the latest cancel() may wait; None: without bound; -inf: nobody asked.
        self.deadline: float | None = float("-inf")

    def take(self, step: Step) -> Told:
        """Who is to be told of a step. Wakes those who sleep."""
        waiters: list[Any] = []
        callbacks: Callbacks = []
        if step.announces:
            waiters = self.waiters.copy()
        if step.notifies:
            if self.condition is not None:
                self.condition.notify_all()
            # Last, and in one go: Ctrl-C before it has taken nothing.
            callbacks, self.callbacks = self.callbacks, callbacks
        return waiters, callbacks

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
