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
