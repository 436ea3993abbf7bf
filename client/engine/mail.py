"""What is said to clients whose link is down for a moment. Without a clock: time is an argument.

A router drops what is meant for somebody who is not connected just now. A client that lives dials
again, and waits for that very answer: so it is kept, in order and within bounds, until it can go or
the client is given up.
"""

from collections import Counter, deque
from collections.abc import Callable

from futurefsm.client.deadlines import Alarm

KEPT_BYTES = 1 << 20
"""For each client; what is more is lost."""

AGAIN_S = 0.2
"""So often it is tried again."""


class Mail:
    """Sends, and keeps what cannot be sent.

    Args:
        send: the router's: False when a message was dropped.
        lives: whether a client may come back.
        spare: as `send`, for what nobody waits for.
        alarm: rings at `deadline`.

    Attributes:
        lost: messages that were given up.
    """

    def __init__(
        self,
        send: Callable[[bytes, bytes], bool],
        lives: Callable[[bytes], bool],
        spare: Callable[[bytes, bytes], bool],
        alarm: Alarm,
    ) -> None:
        self._alarm = alarm
        self.lost = 0
        self._send = send
        self._spare = spare
        self._lives = lives
        self._kept: dict[bytes, deque[bytes]] = {}
        self._bytes: Counter[bytes] = Counter()
        self._at = 0.0

    def send(self, client: bytes, data: bytes, now: float, *, keep: bool = True) -> None:
        """A message for a client. Without `keep` it goes now or never: it may not take the place of
        those that somebody waits for."""
        kept = self._kept.get(client)
        if kept is not None and not keep:
            self.lost += 1
            return
        if kept is None:
            if (self._send if keep else self._spare)(client, data):
                return
            if not keep or not self._lives(client):
                self.lost += 1
                return
            if not self._kept:
                self._at = now + AGAIN_S
                self._alarm.by(self._at)
            kept = self._kept[client] = deque()
        if self._bytes[client] + len(data) > KEPT_BYTES:
            self.lost += 1
        else:
            kept.append(data)
            self._bytes[client] += len(data)

    def deadline(self) -> float | None:
        """When to call `tick`."""
        return self._at if self._kept else None

    def tick(self, now: float) -> None:
        """Time passed: try again, if it is time to."""
        if not self._kept or now < self._at:
            return
        self._at = now + AGAIN_S
        for client, kept in tuple(self._kept.items()):
            while kept and self._send(client, kept[0]):
                self._bytes[client] -= len(kept.popleft())
            if kept and not self._lives(client):
                self.lost += len(kept)
                kept.clear()
            if not kept:
                del self._kept[client], self._bytes[client]
