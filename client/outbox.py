"""What waits for the scheduler channel while that takes no more.

A queue of ZeroMQ is bounded. When it is full the messages wait here, in order, and the agent takes
nothing further from its inbox: whoever submits waits then, instead of a link being lost.
"""

from collections import deque

from futurefsm.protocol.errors import TransportFullError
from futurefsm.protocol.transport.base import Transport
from futurefsm.protocol.transport.poller import Poller


class Outbox:
    """The sending half of a channel, for the agent's thread.

    Args:
        channel: registered with the poller for reading.
        poller: told to wait for room while something waits here.
    """

    def __init__(self, channel: Transport, poller: Poller) -> None:
        self._channel = channel
        self._poller = poller
        self._waiting: deque[bytes] = deque()

    def __len__(self) -> int:
        """Messages that wait."""
        return len(self._waiting)

    def send(self, payload: bytes) -> None:
        """Send a message, behind those that wait.

        Raises:
            TransportClosedError: nothing can be sent any more.
        """
        if self._waiting:
            self._waiting.append(payload)
            return
        try:
            self._channel.send(payload)
        except TransportFullError:
            self._waiting.append(payload)
            self._poller.register(self._channel.poll_item, write=True)

    def flush(self) -> None:
        """Send what waits, as far as there is room. Raises as `send`."""
        while self._waiting:
            try:
                self._channel.send(self._waiting[0])
            except TransportFullError:
                return
            self._waiting.popleft()
            if not self._waiting:
                self._poller.register(self._channel.poll_item)
