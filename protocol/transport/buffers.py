"""Buffers to receive large messages into, used again and again. PURE.

Fresh memory costs more than all else that happens to a large message: the system hands it out page
by page, each on its first use. Where this was measured that was 0.8 ms for a MiB, and receiving and
unpickling together 0.15.
"""

from collections import deque
from contextlib import suppress
from typing import Any

LEAST = 64 * 1024
"""Bytes; smaller messages are copied together anyway."""

MOST = 4 * 2**20
"""Bytes; for a larger message nothing is kept ready."""

KEPT = 4
"""How many buffers are kept, of `MOST` bytes or a little more each."""

_STEP = 64 * 1024


class Spare(bytearray):
    """A buffer that is lent: a message in it is a `memoryview` of it."""

    __slots__ = ("home",)

    home: "deque[Spare] | None"


class Buffers:
    """The spare buffers of one link."""

    __slots__ = ("_spare",)

    def __init__(self) -> None:
        self._spare: deque[Spare] = deque(maxlen=KEPT)

    def __len__(self) -> int:
        return len(self._spare)

    def take(self, size: int) -> Spare | None:
        """A buffer of at least so many bytes; None for sizes that have none."""
        if not LEAST < size <= MOST:
            return None
        buffer = self._spare.pop() if self._spare else Spare()
        missing = size - len(buffer)
        if missing > 0:
            buffer += bytes(-(-missing // _STEP) * _STEP)
        buffer.home = self._spare
        return buffer


def give_back(message: Any) -> None:
    """Nobody will look at a message any more. From any thread; one that is in no spare buffer, or
    of which somebody has a part, is left alone."""
    if not isinstance(message, memoryview):
        return
    buffer = message.obj
    if not isinstance(buffer, Spare):
        return
    with suppress(BufferError):
        message.release()
        home, buffer.home = buffer.home, None
        if home is not None:
            home.append(buffer)
