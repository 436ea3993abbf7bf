"""What was wrong with what peers sent, and with the engine itself: counted, and logged, rarely."""

import logging
from collections import Counter

log = logging.getLogger("futurefsm.engine")

KINDS = 1000


class Complaints:
    """Of one engine.

    Attributes:
        counts: reason → how often.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def __call__(self, client: bytes, reason: str, *, trace: bool = False) -> None:
        """Count, and log the 1st, 10th, 100th... of a kind.

        Args:
            trace: log the exception that is being handled, too.
        """
        if reason not in self.counts and len(self.counts) >= KINDS:
            reason = "something else"
        self.counts[reason] += 1
        number = self.counts[reason]
        if str(number).rstrip("0") == "1":
            who = f" (client {client[:80]!r})" if client else ""
            log.warning("%s%s, %d so far", reason, who, number, exc_info=trace)
