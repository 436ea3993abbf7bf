"""What a transport of the scheduler channel can do. Imports no transport."""

from typing import Any, Protocol, runtime_checkable


@runtime_checkable
class Transport(Protocol):
    """One link to one peer, whole messages, owned by one thread, never blocking."""

    @property
    def poll_item(self) -> Any:
        """What `poller.Poller.register` takes."""

    def send(self, payload: bytes) -> None:
        """Queue one message.

        Raises:
            TransportFullError: it takes no more just now.
            TransportClosedError: nothing can be sent any more.
        """

    def receive(self) -> bytes | None:
        """The next message; None when none is there now. Call it until it says None: a poller may
        report the arrival of many messages once.

        Raises `TransportClosedError` when nothing can come any more.
        """

    def close(self, linger_s: float = 1.0) -> None:
        """End the link, giving what was sent at most `linger_s` to leave. Any number of times."""


class Channel(Protocol):
    """A transport that finds its peer by itself, and again when the link breaks.

    Its owner waits for the poller, at most until `deadline`, and then calls `turn`.
    """

    @property
    def lost(self) -> str | None:
        """Why nothing will come or go any more; None while it may."""

    @property
    def trouble(self) -> str:
        """What stands in the way while it is not up."""

    @property
    def connections(self) -> int:
        """Raised by one with each connection; what was sent on an earlier one may have been lost
        with it."""

    @property
    def steady(self) -> bool:
        """Nothing is ever lost on it, and there is one connection only."""

    @property
    def bursts(self) -> bool:
        """Many messages at once do not keep the peer from hearing others."""

    @property
    def up(self) -> bool:
        """Whether there is a peer now. What is sent while there is none may be dropped."""

    @property
    def pending(self) -> bool:
        """Whether `receive` has something, whatever the poller says."""

    def attach(self, poller: Any) -> None:
        """Keep this `poller.Poller` informed of what to wait for."""

    def deadline(self) -> float | None:
        """When `turn` wants to be called next, in monotonic seconds; None: not by itself."""

    def turn(self, now: float) -> None:
        """Dial, read, notice: whatever can be done now."""

    def send(self, payload: bytes) -> None:
        """As `Transport.send`."""

    def receive(self) -> bytes | None:
        """The next message; None when none is there."""

    def flush(self) -> None:
        """Send what the link takes now."""

    def close(self, linger_s: float = 1.0) -> None:
        """As `Transport.close`."""
