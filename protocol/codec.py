"""Messages to bytes and back. The only file that imports pycapnp.

None of its objects gets out, but to the two halves of the codec (`codec_write`, `codec_read`),
which fill its builders and copy from its readers.

Reading trusts nothing. The segment table is checked here, before pycapnp sees a byte. The
traversal limit is the number of words present: every pointer is read exactly once, so an honest
message never needs more, and one whose pointers overlap or loop is refused early. Lists whose
elements could be announced for less than they cost as values are held to the bytes present.

Writing refuses what does not fit in few comparisons and leaves the explanation to `fields`.
"""

import os
from dataclasses import dataclass
from operator import attrgetter
from struct import Struct, unpack_from
from typing import Any, cast

from futurefsm.protocol.errors import ProtocolError

try:
    os.getcwd()
except OSError as gone:  # pragma: no cover - the test needs a process of its own
    # pycapnp would not raise, it would abort the process.
    raise ImportError(
        "pycapnp cannot be loaded: this process's current directory was deleted; os.chdir() first"
    ) from gone

import capnp

from futurefsm.protocol.codec_read import READERS
from futurefsm.protocol.codec_write import WRITERS
from futurefsm.protocol.fields import explain
from futurefsm.protocol.messages import Message
from futurefsm.protocol.shapes import Shapes


@dataclass(frozen=True, slots=True)
class Limits:
    """What `decode` accepts.

    Attributes:
        max_bytes: of one message.
        max_segments: of one message; a sender that grows its buffers by doubling needs few.
        nesting: depth of pointers. The schema itself needs seven.
    """

    max_bytes: int = 256 * 2**20
    max_segments: int = 512
    nesting: int = 16


DEFAULT = Limits()

_schema = capnp.load(
    os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema", "message.capnp"), imports=[]
)
_Message = _schema.Message
_TABLE = Struct("<II")


def encode(message: Message) -> bytes:
    """The bytes of one message.

    Raises:
        TypeError: not a message, or a field of a wrong type; the error names message and field.
        ValueError: a field out of range, too long, or at odds with another; named likewise.
    """
    return _SHAPES.write(message) or _encoded(message)


def _encoded(message: Message) -> bytes:
    entry = _ENCODERS.get(message.__class__)
    if entry is not None:
        field, words, put = entry
        try:
            root = _Message.new_message(words(message))
            put(root._init_by_field(field), message)
            return cast(bytes, root.to_bytes())
        except Exception:
            explain(message)
            raise  # nothing wrong with the message: out of memory
    explain(message)
    raise AssertionError("a message kind without an encoder")


def decode(data: bytes | bytearray | memoryview, limits: Limits = DEFAULT) -> Message:
    """The message in these bytes, which must be exactly one.

    Raises:
        ProtocolError: for anything that is not one whole message of a kind that a client and a
            scheduler exchange. Whatever the bytes are, no other exception comes out.
    """
    if data.__class__ is not bytes:
        data = _copied(data, limits)
    if limits is DEFAULT and (known := _SHAPES.read(data)) is not None:
        return known
    segments = _segments(data, limits)
    words = len(data) >> 3
    try:
        root = _Message.from_segments(segments, words, limits.nesting)
        kind = _kind(root)
        entry = _DECODERS.get(kind)
        if entry is None:
            reason = f"a message of kind {kind}, which no client and no server here reads"
        else:
            field, take = entry
            message: Message = take(root._get_by_field(field), words)
            if limits is DEFAULT:
                _SHAPES.came(message, data)
            return message
    except ProtocolError as error:
        reason = error.reason
    # pycapnp raises KjException, RuntimeError, ValueError, UnicodeDecodeError and IndexError,
    # and promises none of them: whatever it thinks of these bytes, it is about these bytes.
    except Exception as error:
        reason = _reason(error)
    # Raised outside of `except`: the cause would keep readers and buffers alive.
    raise ProtocolError(reason, data)


# -- before pycapnp sees a byte


def _copied(data: object, limits: Limits) -> bytes:
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"decode needs bytes, not {type(data).__name__}")
    view = memoryview(data)
    if view.nbytes > limits.max_bytes:
        raise ProtocolError(f"a message of {view.nbytes} bytes, {limits.max_bytes} are allowed")
    return bytes(view)


def _segments(data: bytes, limits: Limits) -> list[bytes | memoryview]:
    size = len(data)
    if size > limits.max_bytes:
        raise ProtocolError(f"a message of {size} bytes, {limits.max_bytes} are allowed", data)
    if size & 7 or size < 16:
        raise ProtocolError(f"{size} bytes are not a whole number of words, at least two", data)
    last, words = _TABLE.unpack_from(data)
    if last == 0:
        if words != (size >> 3) - 1:
            raise ProtocolError(
                f"the segment table announces {words} words, {(size >> 3) - 1} are there", data
            )
        # A copy of few bytes is quicker than a view of them.
        return [data[8:]] if size < 4096 else [memoryview(data)[8:]]
    return _many_segments(data, last + 1, limits)


def _many_segments(data: bytes, count: int, limits: Limits) -> list[bytes | memoryview]:
    if count > limits.max_segments:
        raise ProtocolError(f"{count} segments, {limits.max_segments} are allowed", data)
    start = (4 + 4 * count + 7) & ~7
    if start > len(data):
        raise ProtocolError(f"a segment table of {count} entries is cut off", data)
    lengths = unpack_from(f"<{count}I", data, 4)
    present = (len(data) - start) >> 3
    if sum(lengths) != present:
        raise ProtocolError(
            f"the segment table announces {sum(lengths)} words, {present} are there", data
        )
    view = memoryview(data)
    segments: list[bytes | memoryview] = []
    for length in lengths:
        segments.append(view[start : start + 8 * length])
        start += 8 * length
    return segments


def _kind(root: Any) -> str:
    try:
        return cast(str, root._which_str())
    except capnp.KjException:  # it speaks of a type without a union
        raise ProtocolError("a message of an unknown kind") from None


def _reason(error: Exception) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "a text that is not UTF-8"
    # "capnp/layout.c++:2240: failed: expected condition [values]; what it means": keep the end.
    line = str(error).partition("\n")[0].rpartition("failed: ")[2]
    if "unboundedSize" in line:  # its explanation ends at the byte that is no zero
        return "a text without its final zero"
    return f"not readable: {(line.partition('; ')[2] or line or type(error).__name__)[:200]}"


# -- the schema's own handles, looked up once: by name each access costs twice as much


def _fields(struct: str) -> list[Any]:
    schema = attrgetter(struct)(_schema).schema
    return [schema.fields[name] for name in schema.fieldnames]


def _member(kind: type) -> str:
    return kind.__name__[0].lower() + kind.__name__[1:]


_ENCODERS = {
    kind: (_Message.schema.fields[_member(kind)], words, make(_fields))
    for kind, (words, make) in WRITERS.items()
}
_DECODERS = {
    _member(kind): (_Message.schema.fields[_member(kind)], make(_fields))
    for kind, make in READERS.items()
}

_SHAPES = Shapes(_encoded)
