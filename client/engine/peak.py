"""What a worker has used: the most memory ever, and time. Light: every worker imports it."""

from __future__ import annotations

import os
from resource import RUSAGE_SELF, getrusage


class Peak:
    """The most memory that this process ever had, in bytes.

    From ``/proc``: `getrusage` starts at the peak of the parent, and an engine that holds large
    objects would hide what its workers use. Elsewhere from `getrusage`.

    A look into ``/proc`` costs 11 µs, more than a small task. Memory comes by page faults only, and
    their number costs 1 µs: where there was none since the last look, the peak is what it was.

    Attributes:
        looks: how often it was looked up.
        cpu_seconds: processor time of this process until the last `now`, without what that took.
            The same system call tells it.
    """

    def __init__(self) -> None:
        self.looks = 0
        self.cpu_seconds = 0.0
        self._faults = -1
        self._last = 0
        try:
            self._fd = os.open("/proc/self/status", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            self._fd = -1

    def now(self) -> int:
        """The figure so far."""
        used = getrusage(RUSAGE_SELF)
        self.cpu_seconds = used.ru_utime + used.ru_stime
        faults = used.ru_minflt + used.ru_majflt
        if faults != self._faults:
            # A fault of the look itself is noticed by the next one.
            self._faults = faults
            self._last = self._look(used.ru_maxrss)
        return self._last

    def _look(self, elsewhere: int) -> int:
        self.looks += 1
        try:
            status = os.pread(self._fd, 4096, 0)
            at = status.index(b"VmHWM:") + 6
            return int(status[at : status.index(b"k", at)]) * 1024
        except (OSError, ValueError):
            # Not Linux, or user code closed it.
            return elsewhere * 1024
