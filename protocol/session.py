"""Heartbeats, echoes and silence: the timers of one scheduler channel. PURE.

The client sends a heartbeat at once, which registers it, and then one every period, but never a
second before the first was echoed. Anything that arrives is a sign of life. When nothing came for
the time-out, the scheduler counts as lost, which is said once; the session is over then, until it
is opened again. Time in which nobody looked (a stopped process, a laptop asleep) is no silence of
the scheduler's.

Times are seconds of a monotonic clock, handed in.
"""

from dataclasses import dataclass
from typing import TypeAlias

_U32 = 2**32 - 1


@dataclass(frozen=True, slots=True)
class SendHeartbeat:
    """Send a heartbeat now. The latency is that of the latest echo, 0 before the first."""

    latency_microseconds: int


@dataclass(frozen=True, slots=True)
class Silent:
    """Nothing came for so many seconds: the scheduler is lost."""

    seconds: float


Due: TypeAlias = SendHeartbeat | Silent


class Session:
    """The timers of one channel.

    Args:
        period_s: between two heartbeats.
        timeout_s: silence after which the scheduler is lost.

    Raises:
        ValueError: a period or time-out that is not above zero.
    """

    __slots__ = (
        "_asked_at",
        "_heard_at",
        "_latency",
        "_looked_at",
        "_next",
        "_open",
        "_period",
        "_timeout",
    )

    def __init__(self, period_s: float = 2.0, timeout_s: float = 60.0) -> None:
        if not (period_s > 0 and timeout_s > 0):
            raise ValueError(f"period {period_s} and time-out {timeout_s} must be above zero")
        self._period = period_s
        self._timeout = timeout_s
        self._open = False
        self._heard_at = 0.0
        self._looked_at = 0.0
        self._next = 0.0
        self._asked_at: float | None = None
        self._latency = 0.0

    def opened(self, now: float) -> None:
        """The channel is open, for the first time or again: a heartbeat is due at once."""
        self._open = True
        self._heard_at = self._looked_at = self._next = now
        self._asked_at = None

    def reopened(self, now: float) -> None:
        """The channel broke, and is there again: a heartbeat is due at once. What was silence
        stays silence."""
        if self._open:
            self._asked_at = None
            self._next = now

    def heard(self, now: float) -> None:
        """Something arrived, whatever it was."""
        if now > self._heard_at:
            self._heard_at = now

    def echoed(self, now: float) -> float | None:
        """An echo arrived.

        Returns:
            The round trip in seconds, or None for an echo that no heartbeat waits for.
        """
        self.heard(now)
        if self._asked_at is None:
            return None
        self._latency = max(0.0, now - self._asked_at)
        self._next = self._asked_at + self._period
        self._asked_at = None
        return self._latency

    def away(self, now: float) -> float:
        """Seconds in which nobody looked, although it was time to: the process was stopped, or its
        thread. Ask before `due`."""
        return max(0.0, now - self._looked_at - self._period) if self._open else 0.0

    def due(self, now: float) -> tuple[Due, ...]:
        """What is to be done now; asking again at the same time gives nothing."""
        if not self._open:
            return ()
        # `deadline` asks to be looked after every period: a longer gap is a time without us.
        gap = now - self._looked_at
        self._looked_at = now
        if gap > 2 * self._period:
            self._heard_at = min(now, self._heard_at + gap - self._period)
        silence = now - self._heard_at
        # Not `silence >= timeout`: rounding could leave `deadline` in the past for ever.
        if now >= self._heard_at + self._timeout:
            self._open = False
            return (Silent(silence),)
        if self._asked_at is None and now >= self._next:
            self._asked_at = now
            return (SendHeartbeat(min(int(self._latency * 1e6), _U32)),)
        return ()

    def deadline(self) -> float | None:
        """When `due` wants to be asked next; None while no session is open."""
        if not self._open:
            return None
        silent = self._heard_at + self._timeout
        look = self._next if self._asked_at is None else self._looked_at + self._period
        return silent if silent < look else look
