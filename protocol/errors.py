"""What the protocol room raises. Imports nothing.

Two kinds of trouble are told apart. Bytes that came from a peer and are not what they should be:
`ProtocolError`. A link that cannot carry anything any more: `TransportClosedError`. A caller of
this process who hands in a wrong argument gets `TypeError` or `ValueError`, as everywhere.
"""

_HEAD = 32


class ProtocolError(ValueError):
    """Bytes from a peer that are not a message of this protocol.

    Args:
        reason: what was wrong, one phrase.
        data: the offending bytes; the first 32 are kept.
    """

    def __init__(self, reason: str, data: bytes | bytearray | memoryview = b"") -> None:
        head = bytes(data[:_HEAD])
        super().__init__(reason, head)
        self.reason = reason
        self.head = head

    def __str__(self) -> str:
        if not self.head:
            return self.reason
        return f"{self.reason} (first bytes: {self.head.hex(' ', 4)})"


class HandshakeError(ProtocolError):
    """TLS or WebSocket could not be begun. Dialling again would not help: the text says what would.

    `reason` is written for the user: what was wrong, and what to do.
    """


class TransportClosedError(ConnectionError):
    """The transport was closed on this side, or the peer ended the link."""


class TransportFullError(ConnectionError):
    """The transport takes no more now: nothing was sent. Poll it for writing, and try again."""
