"""YMQ framing: what goes over the byte stream of a YMQ connection. PURE.

Both sides at once send four magic bytes and their identity; then any number of messages, each with
its length in eight bytes, little-endian. No checksum, no acknowledgement, no end mark.
"""

from collections.abc import Callable
from contextlib import suppress
from struct import Struct
from typing import TypeAlias

from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.transport.buffers import LEAST, Buffers, Spare

MAGIC = b"YMQ\x02"

MAX_MESSAGE = 2**34
"""Default limit for one message, in bytes; what is announced above it is refused."""

MAX_IDENTITY = 4096

_LENGTH = Struct("<Q")
_SMALL = 65536

Payload: TypeAlias = bytes | bytearray | memoryview
"""A received message. Larger ones are the very buffer that they arrived in: yours to keep. A
`memoryview` comes only where spare buffers are used, and can be given back to them."""


class Skipped(bytes):
    """Stands for a message that this process had no memory for: empty. The stream goes on.

    Attributes:
        size: bytes that the message had.
    """

    size: int

    def __new__(cls, size: int) -> "Skipped":
        self = super().__new__(cls)
        self.size = size
        return self


def opening(identity: bytes) -> bytes:
    """What a side sends first, without waiting for the other."""
    return MAGIC + _LENGTH.pack(len(identity)) + identity


frame_header: Callable[[int], bytes] = _LENGTH.pack
"""What precedes a message of so many bytes."""


class YmqFraming:
    """One direction of a connection: bytes in, messages out.

    Linear in the bytes, however they are cut. Holds what has arrived of one unfinished message and
    never more than an eighth beyond it: an announced length by itself costs nothing. A message for
    which there is no memory is passed over, and told as `Skipped`.

    Args:
        max_message: bytes; a longer announcement is a `ProtocolError`.

    Attributes:
        buffers: spare ones for large messages, if the owner has put some there.
        peer_identity: the peer's, once it has arrived.
        failure: what was wrong with the stream, once something was; nothing comes out after it.
    """

    __slots__ = (
        "_body",
        "_filled",
        "_head",
        "_lent",
        "_max",
        "_skipped",
        "_wanted",
        "buffers",
        "failure",
        "peer_identity",
    )

    def __init__(self, max_message: int = MAX_MESSAGE) -> None:
        self.peer_identity: bytes | None = None
        self.failure: ProtocolError | None = None
        self.buffers: Buffers | None = None
        # What an unfinished message arrives in, where that is a spare buffer; and how much has.
        self._lent: Spare | None = None
        self._filled = 0
        self._max = max_message
        self._head = bytearray()
        self._body: bytearray | None = None
        self._wanted = 0
        # Memory ran out for an unfinished message: it is passed over.
        self._skipped = False

    @property
    def begun(self) -> bool:
        """Whether the magic has arrived, whole and right."""
        begun = self.peer_identity is not None or self._body is not None or len(self._head) >= 4
        return begun and self.failure is None

    @property
    def at_boundary(self) -> bool:
        """Whether the stream may end here without cutting a message."""
        return not self._head and self._body is None

    def feed(self, data: bytes | bytearray | memoryview) -> list[Payload]:
        """The messages that these bytes complete.

        Raises:
            ProtocolError: wrong magic, or a length beyond the limit. Messages that precede the
                fault in the same bytes are returned; the next call raises.
        """
        if self.failure is not None:
            raise self.failure
        messages: list[Payload] = []
        try:
            with memoryview(data) as view:
                self._read(view, messages)
        except ProtocolError as failure:
            self.failure = failure
            self._head.clear()
            self._body = self._lent = None
            if not messages:
                raise
        return messages

    def room(self) -> memoryview | None:
        """Where the next bytes belong, if that is known and they are many: read them there, and say
        so with `filled`. Nobody copies them then."""
        if self._lent is None or self._wanted - self._filled < LEAST:
            return None
        return memoryview(self._lent)[self._filled : self._wanted]

    def filled(self, count: int) -> list[Payload]:
        """So many bytes were read into `room`; the message, if it is whole now."""
        messages: list[Payload] = []
        self._filled += count
        if self._filled == self._wanted:
            self._end_body(messages)
        return messages

    def _end_body(self, messages: list[Payload]) -> None:
        assert self._body is not None
        if self._skipped:
            messages.append(Skipped(self._wanted))
        else:
            self._complete(self._body, messages)
        self._body, self._lent, self._skipped = None, None, False

    def _read(self, view: memoryview, messages: list[Payload]) -> None:
        at, end = 0, len(view)
        while True:
            if self._body is not None:
                taken = min(self._wanted - self._filled, end - at)
                self._hold(self._body, view[at : at + taken])
                at += taken
                self._filled += taken
                if self._filled < self._wanted:
                    return
                self._end_body(messages)
            if not self._head and self.peer_identity is not None:
                at = self._whole_messages(view, at, messages)
                if at == end:
                    return
            needed = 8 if self.peer_identity is not None else 12
            taken = min(needed - len(self._head), end - at)
            self._head += view[at : at + taken]
            at += taken
            if self.peer_identity is None and self._head[:4] != MAGIC[: len(self._head)]:
                raise ProtocolError("not a YMQ stream of version 2", self._head)
            if len(self._head) < needed:
                return
            (self._wanted,) = _LENGTH.unpack_from(self._head, needed - 8)
            limit = MAX_IDENTITY if self.peer_identity is None else self._max
            if self._wanted > limit:
                raise self._too_long(self._wanted, self._head[needed - 8 :])
            self._head.clear()
            self._body, self._filled = bytearray(), 0
            if self.buffers is not None:
                with suppress(MemoryError):
                    self._lent = self.buffers.take(self._wanted)

    def _hold(self, body: bytearray, part: memoryview) -> None:
        if self._skipped:
            return
        if self._lent is not None:
            self._lent[self._filled : self._filled + len(part)] = part
            return
        try:
            body += part
        except MemoryError:
            self._skipped = True
            body.clear()

    def _whole_messages(self, view: memoryview, at: int, messages: list[Payload]) -> int:
        """Take what lies complete in `view`, without the detour over the two buffers."""
        start, end = at + 8, len(view)
        while start <= end:
            (length,) = _LENGTH.unpack_from(view, at)
            if length > self._max:
                raise self._too_long(length, view[at:])
            stop = start + length
            if stop > end:
                break
            messages.append(bytes(view[start:stop]))
            at, start = stop, stop + 8
        return at

    def _complete(self, body: bytearray, messages: list[Payload]) -> None:
        if self._lent is not None:
            messages.append(memoryview(self._lent)[: self._wanted])
        elif self.peer_identity is None:
            self.peer_identity = bytes(body)
        else:
            messages.append(bytes(body) if len(body) <= _SMALL else body)

    def _too_long(self, length: int, head: bytearray | memoryview) -> ProtocolError:
        what, limit = "a message", self._max
        if self.peer_identity is None:
            what, limit = "an identity", MAX_IDENTITY
        return ProtocolError(f"{what} of {length} bytes announced, {limit} are allowed", head)
