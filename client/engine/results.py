"""A task's value → bytes, in the worker. Light: every worker imports it.

Plain pickle first, because most values need no more and cloudpickle costs tens of milliseconds to
import. What plain pickle refuses (lambdas, classes of ``__main__``) goes to cloudpickle.
"""

from __future__ import annotations

import pickle
from importlib import import_module

from futurefsm.client.engine.pieces import PROTOCOL as PROTOCOL
from futurefsm.client.engine.pieces import Pieces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

Buffer = bytes | bytearray | memoryview


def _dump(value: Any, limit: int, codec: Any) -> Pieces:
    made = Pieces(limit)
    if codec is not None:
        made.write(codec.serialize(value))
        return made
    try:
        pickle.Pickler(made, PROTOCOL).dump(value)
        return made
    except (pickle.PicklingError, AttributeError, TypeError):
        # Functions and classes that nobody can import: by value then.
        made = Pieces(limit)
    import_module("cloudpickle").Pickler(made, PROTOCOL).dump(value)
    return made


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
        made = _dump(value, limit, codec)
        if made.fits:
            return True, made.pieces
        error: Any = None
        size = made.size
    except BaseException as failure:
        # Also SystemExit and KeyboardInterrupt out of a __reduce__.
        error, size = failure, 0
    failures = import_module("futurefsm.client.engine.failures")
    if error is None:
        return False, failures.too_large(value, function, size, limit)
    return False, failures.unserializable(value, function, error, limit)
