"""A task's value → bytes, in the worker. Light: every worker imports it.

Plain pickle first, because most values need no more and cloudpickle costs tens of milliseconds to
import. What plain pickle refuses (lambdas, classes of ``__main__``) goes to cloudpickle.
"""

from __future__ import annotations

import pickle
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Buffer = bytes | bytearray | memoryview

PROTOCOL = 5


class Gauge:
    """What a pickler writes to: keeps the pieces, and beyond the limit only counts.

    Large bytes inside the value are kept as they are, not copied.
    """

    __slots__ = ("limit", "pieces", "size")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.pieces: list[Any] = []
        self.size = 0

    def write(self, piece: Any) -> int:
        """Called by the pickler."""
        size = memoryview(piece).nbytes
        self.size += size
        if self.size <= self.limit:
            self.pieces.append(piece)
        else:
            self.pieces.clear()
        return size

    @property
    def fits(self) -> bool:
        """Whether all pieces are here."""
        return self.size <= self.limit


def _dump(value: Any, limit: int, codec: Any) -> Gauge:
    gauge = Gauge(limit)
    if codec is not None:
        gauge.write(codec.serialize(value))
        return gauge
    try:
        pickle.Pickler(gauge, PROTOCOL).dump(value)
        return gauge
    except (pickle.PicklingError, AttributeError, TypeError):
        # Functions and classes that nobody can import: by value then.
        gauge = Gauge(limit)
    cloudpickle = import_module("cloudpickle")
    cloudpickle.Pickler(gauge, PROTOCOL).dump(value)
    return gauge


def dump_value(
    value: Any, function: str, limit: int, codec: Any = None
) -> tuple[bool, list[Buffer]]:
    """The pickled value, or the pickled error that says why there is none.

    Args:
        value: what the function returned.
        function: its name, for errors.
        limit: bytes.
        codec: the client's own serializer, or None for cloudpickle.

    Returns:
        whether it is the value, and the pieces of the bytes.
    """
    try:
        gauge = _dump(value, limit, codec)
        if gauge.fits:
            return True, gauge.pieces
        error: Any = None
        size = gauge.size
    except BaseException as failure:
        # Also SystemExit and KeyboardInterrupt out of a __reduce__.
        error, size = failure, 0
    failures = import_module("futurefsm.client.engine.failures")
    if error is None:
        return False, failures.too_large(value, function, size, limit)
    return False, failures.unserializable(value, function, error, limit)
