"""The simulated network: channels, each a list of what is in flight. PURE."""

from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple


class Packet(NamedTuple):
    """One message in flight.

    Attributes:
        serial: older packets have smaller ones, over all channels.
        sent: the world's step in which it was sent.
        what: a message, its bytes, or the buffers of one storage request or answer.
    """

    serial: int
    sent: int
    what: Any


class Channel:
    """One direction of one link.

    Args:
        source, target: lanes of the story.
        receive: what a delivery calls.

    Attributes:
        flight: in flight, oldest first.
        frozen: nothing is delivered for the time being.
        lossy: the network's faults may strike here. A storage request and its payload are bytes of
            one stream: a stream that lost a part would end, it does not skip.
    """

    __slots__ = ("flight", "frozen", "lossy", "receive", "source", "target")

    def __init__(
        self, source: str, target: str, receive: Callable[[Any], None], *, lossy: bool
    ) -> None:
        self.source = source
        self.target = target
        self.receive = receive
        self.flight: deque[Packet] = deque()
        self.frozen = False
        self.lossy = lossy

    def __repr__(self) -> str:
        return f"<Channel {self.source}→{self.target}: {len(self.flight)} in flight>"
