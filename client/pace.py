"""How long the agent may rest between two turns, so that messages gather. PURE.

`Pace`: a turn for each message costs more than the message: half of what a client needs for a task,
and the object store is asked once where it could be asked for ten objects. So where many tasks are
on their way the agent rests after a turn. It never costs much: a rest is a small part of what the
tasks that have just ended took from their sending on, and a task that was quick ends all rest.

`Burst`: who submits many tasks, and the agent, would take turns at the interpreter's lock, and the
cluster at the processor. So the agent lets them come first, for a moment, and then sends a part.
"""

# Of the time that a task took, a rest is at most so much.
_PART = 1 / 32
# Seconds: what is less is not worth it, what is more gathers nothing that matters.
_LEAST_S, _MOST_S = 0.001, 0.010
TASKS_MIN = 32
"""With fewer tasks on their way there is nothing to gather: nobody need ask for a rest."""

# Bytes of one turn, either way: with more there are large objects, whose next part waits already.
# For so many seconds there is no rest then.
_BYTES_MAX = 64 * 1024
_LARGE_S = 0.25
# Commands; a task is two of them.
_GROWS_MIN = 64
# Seconds: between two looks, and in all.
_LOOK_S = 0.0003
_BURST_S = 0.020


class Pace:
    """The pace of one agent."""

    __slots__ = ("_large_until", "_moved", "_took")

    def __init__(self) -> None:
        # Seconds that the quickest of those took that ended in the last turn in which one did.
        self._took = 0.0
        self._moved = 0
        self._large_until = 0.0

    def ended(self, took: list[float]) -> None:
        """Tasks have ended, in one turn; each has taken so many seconds since it was sent."""
        if took:
            self._took = min(took)

    def rest(self, tasks: int, moved: int, now: float) -> float:
        """Seconds to rest now; 0.0 for not at all.

        Args:
            tasks: on their way.
            moved: bytes that went to the object store and came from it, ever.
        """
        if moved - self._moved > _BYTES_MAX:
            self._large_until = now + _LARGE_S
        self._moved = moved
        if tasks < TASKS_MIN or now < self._large_until:
            return 0.0
        rest = min(_MOST_S, self._took * _PART)
        return rest if rest >= _LEAST_S else 0.0


class Burst:
    """Commands that are coming in: how long to wait before the first of them is sent.

    Between two looks the agent only lets go of the interpreter's lock. Who submits takes it, and
    keeps it until the interpreter's switch interval is over (5 ms), or until it waits for a
    result: then the agent is back at once.

    Args:
        now: when it begins.
        left: commands that waited already.

    Attributes:
        goes_on: commands kept coming until the time was over.
    """

    __slots__ = ("_end", "_waiting", "goes_on")

    def __init__(self, now: float, left: int) -> None:
        self._end = now + _BURST_S
        self._waiting = left
        self.goes_on = False

    def rest(self, waiting: int, now: float) -> float:
        """Seconds to rest now; 0.0 for not at all, or no longer.

        Args:
            waiting: the commands that have come, now.
        """
        grows, self._waiting = waiting - self._waiting >= _GROWS_MIN, waiting
        self.goes_on = grows and now >= self._end
        return _LOOK_S if grows and not self.goes_on else 0.0
