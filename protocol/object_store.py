"""The storage channel's requests and responses, both sides. PURE.

Every request is one message of 80 bytes, a header; a set is followed by its payload as a message of
its own, even when that is empty. A response is a header with the same request id; the payload of a
get follows it unless it is empty. Requests are pipelined; a get of an object that does not exist
yet is answered when it does, and later requests overtake it.

What is here returns buffers, each to be sent as one message (`YmqStream.send_frames`).
"""

from dataclasses import dataclass
from enum import IntEnum
from struct import Struct
from typing import TypeAlias

from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.ids import OBJECT_ID_BYTES
from futurefsm.protocol.transport.framing import Skipped

Buffer: TypeAlias = bytes | bytearray | memoryview

EVERYTHING = 2**64 - 1
"""As the length of a get: no limit."""

HEADER_BYTES = 80

# A header is a Cap'n Proto message of one fixed shape, so it is cut out by hand: one segment of 9
# words, a root of 3 data words and a pointer, and the object id as 4 words. Each word of the id is
# its bytes as a big-endian number, stored little-endian: reversed.
_SHAPE = bytes.fromhex("00000000 09000000 00000000 03000100")
_ID_SHAPE = bytes.fromhex("00000000 04000000")
_HEADER = Struct("<16sQQH6s8s4Q")
_ID_MESSAGE = bytes.fromhex("00000000 05000000 00000000 04000000")
_ID_MESSAGE_BYTES = 48
_BIG = Struct(">4Q")
_LITTLE = Struct("<4Q")
_INFO = Struct("<6Q")
_NOBODY = bytes(OBJECT_ID_BYTES)


class RequestKind(IntEnum):
    """What a client asks."""

    SET = 0
    GET = 1
    DELETE = 2
    DUPLICATE = 3
    INFO = 4


class ResponseKind(IntEnum):
    """What the store answers."""

    SET_OK = 0
    GET_OK = 1
    DELETE_OK = 2
    DELETE_NOT_EXISTS = 3
    DUPLICATE_OK = 4
    INFO_OK = 5


@dataclass(frozen=True, slots=True)
class StoreHeader:
    """One header. `kind` is a `RequestKind` or a `ResponseKind`, or a number that is neither."""

    kind: int
    object_id: bytes
    payload_length: int
    request_id: int


def encode_header(header: StoreHeader) -> bytes:
    """The 80 bytes. Raises `ValueError` for an id that has not 32 bytes or a number too large."""
    if len(header.object_id) != OBJECT_ID_BYTES:
        raise ValueError(f"an object id of {len(header.object_id)} bytes, it needs 32")
    try:
        return _HEADER.pack(
            _SHAPE,
            header.payload_length,
            header.request_id,
            header.kind,
            b"",
            _ID_SHAPE,
            *_BIG.unpack(header.object_id),
        )
    except Exception as error:
        raise ValueError(f"{header!r} does not fit the wire: {error}") from None


def decode_header(data: Buffer) -> StoreHeader:
    """From exactly 80 bytes. Raises `ProtocolError`."""
    if len(data) != HEADER_BYTES:
        raise ProtocolError(f"a storage header of {len(data)} bytes instead of 80", data)
    shape, length, request, kind, zeros, id_shape, *words = _HEADER.unpack(data)
    if shape != _SHAPE or id_shape != _ID_SHAPE or any(zeros):
        raise ProtocolError("not a storage header", data)
    return StoreHeader(kind, _BIG.pack(*words), length, request)


# -- the client's side


@dataclass(frozen=True, slots=True)
class Put:
    """The store holds the object."""

    object_id: bytes


@dataclass(frozen=True, slots=True)
class Got:
    """The object's bytes. A large payload is the very buffer that it arrived in."""

    object_id: bytes
    payload: Buffer


@dataclass(frozen=True, slots=True)
class Deleted:
    """The store does not hold the object (any more)."""

    object_id: bytes
    existed: bool


@dataclass(frozen=True, slots=True)
class NotHeld:
    """The object was sent, and this process had no memory for it. The store still holds it."""

    object_id: bytes
    size: int


StoreEvent: TypeAlias = Put | Got | Deleted | NotHeld


class StoreClient:
    """Keeps the book of requests: makes their bytes, matches the answers.

    Attributes:
        strays: answers to requests that nobody made; ignored.
        owed: requests whose answers need no waiting: sets and deletes.
    """

    def __init__(self) -> None:
        self.strays = 0
        self.owed = 0
        self._next = 0
        self._open: dict[int, tuple[RequestKind, bytes, Buffer]] = {}
        self._awaiting: StoreHeader | None = None

    @property
    def outstanding(self) -> int:
        """Requests without an answer."""
        return len(self._open)

    def put(self, object_id: bytes, payload: Buffer) -> list[Buffer]:
        """Store bytes under an id, replacing silently what was there. Answered by `Put`.

        The payload is referred to until then, for `unanswered`: leave its bytes alone.
        """
        size = payload.nbytes if isinstance(payload, memoryview) else len(payload)
        return [self._request(RequestKind.SET, object_id, size, payload), payload]

    def get(self, object_id: bytes) -> list[Buffer]:
        """Ask for an object, which may come to exist later. Answered by `Got`."""
        return [self._request(RequestKind.GET, object_id, EVERYTHING, b"")]

    def delete(self, object_id: bytes) -> list[Buffer]:
        """Drop an object. Answered by `Deleted`."""
        return [self._request(RequestKind.DELETE, object_id, 0, b"")]

    def _request(self, kind: RequestKind, object_id: bytes, length: int, payload: Buffer) -> bytes:
        header = encode_header(StoreHeader(kind, object_id, length, self._next))
        self._open[self._next] = (kind, object_id, payload)
        self.owed += kind is not RequestKind.GET
        self._next += 1
        return header

    def unanswered(self) -> list[Buffer]:
        """All requests without an answer again, in order, for a new connection.

        A store never replays by itself. Half an answer of the old connection is forgotten.
        """
        self._awaiting = None
        buffers: list[Buffer] = []
        for request, (kind, object_id, payload) in self._open.items():
            if kind is RequestKind.SET:
                size = payload.nbytes if isinstance(payload, memoryview) else len(payload)
                buffers += [encode_header(StoreHeader(kind, object_id, size, request)), payload]
            else:
                length = EVERYTHING if kind is RequestKind.GET else 0
                buffers.append(encode_header(StoreHeader(kind, object_id, length, request)))
        return buffers

    def receive(self, message: Buffer) -> tuple[StoreEvent, ...]:
        """One message of the store: what it settles, nothing or one event.

        Raises:
            ProtocolError: not an answer, one of the wrong kind, or a payload of another size than
                announced. The connection cannot be understood from there on: close it.
        """
        header = self._awaiting
        if header is not None and isinstance(message, Skipped):
            self._awaiting = None
            opened = self._open.pop(header.request_id, None)
            return () if opened is None else (NotHeld(opened[1], message.size),)
        if header is not None:
            if len(message) != header.payload_length:
                raise ProtocolError(
                    f"a payload of {len(message)} bytes, {header.payload_length} were announced",
                    message,
                )
            self._awaiting = None
            return self._settle(header, message)
        header = decode_header(message)
        opened = self._open.get(header.request_id)
        if opened is not None and header.kind not in _ANSWERS[opened[0]]:
            raise ProtocolError(f"a {opened[0].name} answered by kind {header.kind}", message)
        if header.kind == ResponseKind.GET_OK and header.payload_length:
            self._awaiting = header
            return ()
        return self._settle(header, b"")

    def _settle(self, header: StoreHeader, payload: Buffer) -> tuple[StoreEvent, ...]:
        opened = self._open.pop(header.request_id, None)
        if opened is None:
            self.strays += 1
            return ()
        kind, object_id, _ = opened
        self.owed -= kind is not RequestKind.GET
        if kind is RequestKind.SET:
            return (Put(object_id),)
        if kind is RequestKind.GET:
            return (Got(object_id, payload),)
        return (Deleted(object_id, header.kind == ResponseKind.DELETE_OK),)


_ANSWERS = {
    RequestKind.SET: (ResponseKind.SET_OK,),
    RequestKind.GET: (ResponseKind.GET_OK,),
    RequestKind.DELETE: (ResponseKind.DELETE_OK, ResponseKind.DELETE_NOT_EXISTS),
}


# -- the store's side


@dataclass(frozen=True, slots=True)
class StoreRequest:
    """One whole request.

    Attributes:
        length: of a get: at most so many bytes are wanted.
        payload: of a set: the bytes; else empty.
        source_id: of a duplicate: the object to share; else empty.
    """

    kind: RequestKind
    object_id: bytes
    request_id: int
    length: int = 0
    payload: Buffer = b""
    source_id: bytes = b""


# The requests that are one message.
_WHOLE: dict[int, RequestKind] = {
    int(kind): kind for kind in (RequestKind.GET, RequestKind.DELETE, RequestKind.INFO)
}


class StoreServerCodec:
    """Puts the messages of one connection together to requests."""

    def __init__(self) -> None:
        self._awaiting: StoreHeader | None = None

    def receive(self, message: Buffer) -> StoreRequest | None:
        """The request that this message completes; None when it needs its payload first, or when
        it is of an unknown kind (which a store ignores).

        Raises:
            ProtocolError: close the connection.
        """
        header = self._awaiting
        if header is None:
            header = decode_header(message)
            if header.kind in (RequestKind.SET, RequestKind.DUPLICATE):
                self._awaiting = header
                return None
            kind = _WHOLE.get(header.kind)
            if kind is None:
                return None
            return StoreRequest(kind, header.object_id, header.request_id, header.payload_length)
        self._awaiting = None
        if len(message) != header.payload_length:
            raise ProtocolError(
                f"a payload of {len(message)} bytes, {header.payload_length} were announced",
                message,
            )
        kind = RequestKind(header.kind)
        if kind is RequestKind.SET:
            return StoreRequest(kind, header.object_id, header.request_id, payload=message)
        return StoreRequest(
            kind, header.object_id, header.request_id, source_id=_decode_id(message)
        )


def _decode_id(message: Buffer) -> bytes:
    if len(message) != _ID_MESSAGE_BYTES or bytes(message[:16]) != _ID_MESSAGE:
        raise ProtocolError("not an object id", message)
    return _BIG.pack(*_LITTLE.unpack(message[16:]))


def encode_id(object_id: bytes) -> bytes:
    """An object id as the 48 byte message that follows a duplicate request."""
    return _ID_MESSAGE + _LITTLE.pack(*_BIG.unpack(object_id))


def _answer(kind: ResponseKind, request: StoreRequest, length: int = 0) -> bytes:
    return encode_header(StoreHeader(kind, request.object_id, length, request.request_id))


def put_reply(request: StoreRequest) -> list[Buffer]:
    """To a set."""
    return [_answer(ResponseKind.SET_OK, request)]


def got_reply(request: StoreRequest, payload: Buffer) -> list[Buffer]:
    """To a get: not more than it asked for, and no payload message for nothing."""
    view = memoryview(payload).cast("B")[: request.length]
    header = _answer(ResponseKind.GET_OK, request, len(view))
    return [header, view] if len(view) else [header]


def deleted_reply(request: StoreRequest, existed: bool) -> list[Buffer]:
    """To a delete."""
    kind = ResponseKind.DELETE_OK if existed else ResponseKind.DELETE_NOT_EXISTS
    return [_answer(kind, request)]


def duplicated_reply(request: StoreRequest) -> list[Buffer]:
    """To a duplicate."""
    return [_answer(ResponseKind.DUPLICATE_OK, request)]


def info_reply(request: StoreRequest, figures: tuple[int, int, int, int, int, int]) -> list[Buffer]:
    """To an info: ids, unique payloads, bytes, waiting requests, ids waited for, oldest wait."""
    body = _INFO.pack(*figures)
    return [_answer(ResponseKind.INFO_OK, request, len(body)), body]
