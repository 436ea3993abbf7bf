"""Who was heard of, and when; who has left. PURE."""

from collections import OrderedDict

from futurefsm.client.deadlines import Alarm
from futurefsm.client.engine.backlog import Client

DEPARTED_MAX = 10_000
"""So many clients that left are remembered."""


class Clients(OrderedDict[bytes, Client]):
    """The clients of a scheduler by identity, in the order in which they were last heard.

    Args:
        timeout_s: silence after which one counts as gone.
        alarm: rings at `deadline`.
    """

    def __init__(self, timeout_s: float, alarm: Alarm) -> None:
        super().__init__()
        self._alarm = alarm
        self._timeout = timeout_s
        self._departed: OrderedDict[bytes, None] = OrderedDict()

    def again(self, identity: bytes, now: float) -> Client | None:
        """A client sent something; None if it is none of these."""
        known = self.get(identity)
        if known is not None:
            known.heard = now
            self.move_to_end(identity)
        return known

    def heard(self, identity: bytes, now: float, *, begins: bool = True) -> Client:
        """One that is none of these sent something.

        Args:
            identity: who.
            now: when.
            begins: something that a client begins with. One that said goodbye comes back with
                that only: the last it sent before may arrive after its goodbye.
        """
        known = Client(identity, now)
        if begins or identity not in self._departed:
            self[identity] = known
            self._alarm.by(now + self._timeout)
        return known

    def deadline(self) -> float | None:
        """When the first will have been silent for too long."""
        for client in self.values():
            return client.heard + self._timeout
        return None

    def silent(self, now: float) -> Client | None:
        """One that was silent for too long; it is taken out."""
        client = next(iter(self.values()), None)
        if client is None or now - client.heard < self._timeout:
            return None
        del self[client.identity]
        return client

    def departs(self, identity: bytes) -> bytes | None:
        """A client said goodbye. Returns another that did so long ago that it is forgotten."""
        self.pop(identity, None)
        self._departed[identity] = None
        return self._departed.popitem(last=False)[0] if len(self._departed) > DEPARTED_MAX else None

    def returned(self, identity: bytes) -> bool:
        """Whether it had said goodbye and is here again; said once."""
        if identity not in self._departed or identity not in self:
            return False
        del self._departed[identity]
        return True
