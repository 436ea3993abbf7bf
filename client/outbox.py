"""The sending half of the scheduler channel: what waits for room, and what may not have arrived.

A link that is reset loses what was on its way, and nobody says what that was. An echo does tell
that everything sent before its heartbeat has arrived. So what was sent since is kept, and sent
again on the next connection, behind its first echo: results that a scheduler kept for us come
before that, and their tasks are not sent again. A scheduler ignores a task that it has; one that
had already ended, and whose result was lost with the link, runs a second time.
"""

from collections import deque

from futurefsm.protocol.codec import encode
from futurefsm.protocol.errors import TransportClosedError, TransportFullError
from futurefsm.protocol.messages import (
    ClientHeartbeat,
    Message,
    ObjectInstruction,
    Task,
)
from futurefsm.protocol.piggyback import carry
from futurefsm.protocol.transport.base import Channel

# Messages that may wait for a connection before whoever submits has to wait.
_WAITING_MAX = 65_536


class Outbox:
    """For the agent's thread.

    Args:
        channel: what is sent goes there.
    """

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting: deque[bytes] = deque()
        # Sent, and not known to have arrived; how many were so before; and, for each heartbeat
        # that is not echoed yet, how many were sent before it.
        self._unsure: deque[Message] = deque()
        self._sure = 0
        self._marks: deque[int] = deque()
        # Of earlier connections; waits for the first echo of this one.
        self._again: list[Message] = []

    def __len__(self) -> int:
        """Messages that wait for room."""
        return len(self._waiting)

    @property
    def unsure(self) -> int:
        """Messages that may not have arrived."""
        return len(self._again) + len(self._unsure)

    @property
    def congested(self) -> bool:
        """Whether nothing further should be sent."""
        if self._channel.up:
            return bool(self._waiting)
        return self.unsure > _WAITING_MAX

    def send(self, message: Message) -> None:
        """Send a message, behind those that wait. Without a connection it waits for
        `renew`, unless it is of a kind that is made anew then: a heartbeat, a cancel, a farewell.
        """
        channel = self._channel
        if not channel.steady:
            if isinstance(message, (Task, ObjectInstruction)):
                self._unsure.append(message)
            elif isinstance(message, ClientHeartbeat) and channel.up:
                self._marks.append(self._sure + len(self._unsure))
        if channel.up:
            self._push(encode(message))

    def carry(self, object_id: bytes, payload: bytes) -> None:
        """Send an object, behind the messages that wait. For a steady channel."""
        self.push(carry(object_id, payload))

    def push(self, message: bytes) -> bool:
        """Send what is no message of the protocol, behind those that wait. For a steady channel;
        False where there is no connection."""
        if not self._channel.up:
            return False
        self._push(message)
        return True

    def echoed(self) -> list[Message]:
        """A heartbeat was echoed: what was sent before it has arrived.

        Returns:
            what is to be sent again, if it is still worth it.
        """
        if not self._marks:
            return []
        mark = self._marks.popleft()
        while self._sure < mark:
            self._unsure.popleft()
            self._sure += 1
        again, self._again = self._again, []
        return again

    def renew(self) -> list[Message]:
        """There is a new connection, and nothing was sent on it yet.

        Returns:
            what may not have arrived; `echoed` gives it back.
        """
        self._waiting.clear()
        self._marks.clear()
        self._again += self._unsure
        self._sure += len(self._unsure)
        self._unsure.clear()
        return list(self._again)

    def flush(self) -> None:
        """Send what waits, as far as there is room."""
        while self._waiting and self._channel.up:
            try:
                self._channel.send(self._waiting[0])
            except (TransportFullError, TransportClosedError):
                break
            self._waiting.popleft()
        self._channel.flush()

    def _push(self, payload: bytes) -> None:
        if not self._waiting:
            try:
                self._channel.send(payload)
            except TransportFullError:
                pass
            except TransportClosedError:
                return  # the next turn of the channel finds that out
            else:
                return
        self._waiting.append(payload)
