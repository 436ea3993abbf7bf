"""Finding out which of two backends a scheduler speaks: listen first, then try.

Whoever listens greets at once, on both. So the first candidate says nothing before it has heard a
greeting; if it hears the other's, that one is tried. What is tried gets a probe, a message that
every scheduler answers; the answer decides. Not both at once: ZeroMQ speaks without listening, and
a Scaler 2.9 that expects TLS at the port dies of bytes that are none.
"""

import logging
from collections.abc import Callable, Mapping

from futurefsm.protocol.errors import TransportClosedError
from futurefsm.protocol.transport.base import Channel
from futurefsm.protocol.transport.poller import Poller

logger = logging.getLogger("futurefsm.protocol")


class Detecting:
    """A `base.Channel` that becomes the first of its candidates that is answered.

    Args:
        candidates: by the name of the backend, in the order in which they are tried.
        probe: what every peer of this protocol answers. The answer is not handed on.
        where: the peer, for the log and for errors.
        goes_on: whether, after the loss of a candidate, the next may be tried.
    """

    steady = False

    def __init__(
        self,
        candidates: Mapping[str, Channel],
        probe: bytes,
        where: str,
        *,
        goes_on: Callable[[], bool],
    ) -> None:
        self._goes_on = goes_on
        self._candidates = dict(candidates)
        self._probe = probe
        self._where = where
        self._probed: dict[str, int] = {}
        self._chosen: Channel | None = None
        self._lost: str | None = None

    @property
    def lost(self) -> str | None:
        """Why nothing will come any more."""
        return self._lost if self._chosen is None else self._chosen.lost

    @property
    def trouble(self) -> str:
        """What stands in the way of the one that is tried."""
        if self._chosen is not None:
            return self._chosen.trouble
        return self._lost or next(iter(self._candidates.values())).trouble

    @property
    def connections(self) -> int:
        """0 until it is decided."""
        return 0 if self._chosen is None else self._chosen.connections

    @property
    def bursts(self) -> bool:
        """As in `base.Channel`."""
        return self._chosen is not None and self._chosen.bursts

    @property
    def up(self) -> bool:
        """Whether it is decided, and there is a connection."""
        return self._chosen is not None and self._chosen.up

    @property
    def pending(self) -> bool:
        """As in `base.Channel`."""
        return self._chosen is not None and self._chosen.pending

    def attach(self, poller: Poller) -> None:
        """As in `base.Channel`."""
        for each in self._candidates.values():
            each.attach(poller)

    def deadline(self) -> float | None:
        """As in `base.Channel`."""
        if self._chosen is not None:
            return self._chosen.deadline()
        if self._lost is not None:
            return None
        return next(iter(self._candidates.values())).deadline()

    def turn(self, now: float) -> None:
        """As in `base.Channel`; while it is undecided, ask."""
        if self._chosen is not None:
            self._chosen.turn(now)
            return
        while self._lost is None:
            name, each = next(iter(self._candidates.items()))
            each.turn(now)
            if each.lost is None:
                break
            self._give_up(name, each.lost)
        else:
            return
        if each.up:
            self._ask(name, each)
            if each.receive() is not None:
                self._choose(name, each)

    def _ask(self, name: str, each: Channel) -> None:
        """Once on each connection."""
        if self._probed.get(name) != each.connections:
            self._probed[name] = each.connections
            each.send(self._probe)
            each.flush()

    def _choose(self, name: str, chosen: Channel) -> None:
        self._chosen = chosen
        for each in self._candidates.values():
            if each is not chosen:
                each.close(0)
        logger.info(
            "the scheduler at %s speaks %s: found out by trying, backend=%r or the environment "
            "variable SCALER_NETWORK_BACKEND spares that",
            self._where,
            name,
            name,
        )

    def _give_up(self, name: str, why: str) -> None:
        self._candidates.pop(name).close(0)
        if not self._candidates or not self._goes_on():
            self._lost = why

    def send(self, payload: bytes) -> None:
        """As `base.Transport.send`."""
        if self._chosen is None:
            raise TransportClosedError("it is not known yet what the scheduler speaks")
        self._chosen.send(payload)

    def receive(self) -> bytes | None:
        """As in `base.Channel`."""
        return None if self._chosen is None else self._chosen.receive()

    def flush(self) -> None:
        """Send what the link takes now."""
        if self._chosen is not None:
            self._chosen.flush()

    def close(self, linger_s: float = 1.0) -> None:
        """As `base.Transport.close`."""
        if self._chosen is not None:
            self._chosen.close(linger_s)
        else:
            self._lost = self._lost or "it was closed here"
            for each in self._candidates.values():
                each.close(0)
