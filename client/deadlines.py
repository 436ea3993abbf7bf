"""When to be called next, of several who may each want it. PURE."""

from math import inf

AT_ONCE = -inf
"""A time that has passed."""


def earliest(*times: float | None) -> float | None:
    """The first of some times; None stands for never, and is returned where all are."""
    first: float | None = None
    for time in times:
        if time is not None and (first is None or time < first):
            first = time
    return first


class Alarm:
    """When somebody of many may want to be called: too early at times, too late never.

    Who gets a deadline, or an earlier one, says so (`by`); one that is put off says nothing. When
    it has rung, its owner asks all of them, calls who is due, and sets it to the first that is
    left. So who turns in a loop looks at one number, and not at all deadlines in every turn.

    Attributes:
        at: when it rings; `inf` for never.
    """

    __slots__ = ("at",)

    def __init__(self) -> None:
        self.at = inf

    def by(self, time: float) -> None:
        """Ring by then at the latest."""
        if time < self.at:
            self.at = time

    def set(self, time: float | None) -> None:
        """Ring then, and not before; None for never. For the owner, who has asked all of them."""
        self.at = inf if time is None else time
