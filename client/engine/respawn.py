"""When to start workers, and when to give up on them. PURE.

A worker that dies after it was up is replaced at once. One that dies before is started again later
and later, so that a broken environment is no endless storm of processes; after three of those in a
row, with no worker left, tasks are told.
"""

from futurefsm.client.deadlines import AT_ONCE, Alarm

FAILURES = 3
"""Failed starts in a row after which tasks fail instead of waiting."""

BOOT_TIMEOUT_S = 60.0
"""A worker that is not up by then is killed, and counts as failed."""

_FIRST_S = 0.05
_LONGEST_S = 30.0


class Respawn:
    """Counts workers that are owed, that boot and that failed to.

    Args:
        workers: how many there are to be.

    Attributes:
        size: the same.
        reason: why the last failed.
        exit: how the last failed: exit code or minus the signal.
        hopeless: no worker is up, and starts fail one after the other.
        alarm: rings when something has changed, and at `deadline`. Others may use it too.
    """

    def __init__(self, workers: int) -> None:
        self.alarm = Alarm()
        self.reason = ""
        self.exit = 0
        self.size = workers
        self._owed = workers
        self._failures = 0
        self._not_before = 0.0
        self._booting: dict[int, float] = {}
        self._up: set[int] = set()
        # All are owed from the beginning.
        self._changed()

    def owe(self) -> None:
        """One more is to be started."""
        self._owed += 1
        self._changed()

    def due(self, now: float) -> int:
        """How many to start now; each must be answered by `started` or `failed`."""
        if now < self._not_before:
            return 0
        # While starts fail, one attempt at a time is enough to find out whether they still do.
        if self._failures and not self._up:
            return min(self._owed, 0 if self._booting else 1)
        return self._owed

    def started(self, worker: int, now: float) -> None:
        """A process was started and boots."""
        self._owed -= 1
        self._booting[worker] = now + BOOT_TIMEOUT_S
        self._changed()

    def up(self, worker: int) -> None:
        """It answered."""
        self._booting.pop(worker, None)
        self._up.add(worker)
        self._failures = 0
        self._not_before = 0.0
        self._changed()

    def died(self, worker: int, exit: int, now: float) -> bool:
        """A process ended; whether it had been up. One that had not is owed again."""
        if worker in self._up:
            self._up.discard(worker)
            self._changed()
            return True
        del self._booting[worker]
        self._owed += 1
        how = f"exit code {exit}" if exit >= 0 else f"signal {-exit}"
        self._fail(f"it ended before it was up, with {how}; its stderr says more", exit, now)
        return False

    def failed(self, reason: str, now: float) -> None:
        """The system would not even start a process."""
        self._fail(reason, 0, now)

    def _fail(self, reason: str, exit: int, now: float) -> None:
        self._failures += 1
        self.reason = f"{self._failures} starts in a row failed; the last: {reason}"
        self.exit = exit
        self._not_before = now + min(_LONGEST_S, _FIRST_S * 4 ** (self._failures - 1))
        self._changed()

    def _changed(self) -> None:
        self.hopeless = self._failures >= FAILURES and not self._up
        self.alarm.by(AT_ONCE)

    def overdue(self, now: float) -> list[int]:
        """Workers to kill because they do not come up."""
        late = [worker for worker, until in self._booting.items() if until <= now]
        for worker in late:
            self._booting[worker] = now + BOOT_TIMEOUT_S
        return late

    def deadline(self) -> float | None:
        """When to look again."""
        if not self._booting and not self._owed:
            return None
        times = list(self._booting.values())[:1]
        if self._owed and not (self._failures and not self._up and self._booting):
            times.append(self._not_before)
        return min(times, default=None)
