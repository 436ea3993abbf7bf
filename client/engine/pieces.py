"""A pickle in pieces: what is large in a value is kept as it is, and written once, to where it
goes.

An ordinary pickle for whoever loads it. The pickler hands large bytes over as they are, but copies
the memory of arrays first; here that memory takes part itself. Light: every worker imports it.
"""

from __future__ import annotations

import copyreg
import pickle
import sys
from struct import Struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

PROTOCOL = 5

ARRAY_BYTES = 256 * 1024
"""An array with less memory is copied by the pickler."""

# What a pickler hands over as it is has at least so many bytes; stand-ins have just so many.
_HANDED_OVER = 64 * 1024

_LONG = Struct("<cQ")
# What comes in front of a stand-in, and the code of its kind for any length (PEP 574, PEP 3154).
_FRONT: dict[type, tuple[bytes, bytes]] = {
    bytes: (Struct("<cI").pack(b"B", _HANDED_OVER), b"\x8e"),
    bytearray: (_LONG.pack(b"\x96", _HANDED_OVER), b"\x96"),
}

_TABLE: Any = pickle.Pickler.__dict__["dispatch_table"]


class Pieces:
    """What a pickler writes to: keeps the pieces, and beyond the limit only counts.

    They refer to the value's own memory: to be used before anybody can change that.

    Args:
        limit: bytes.
    """

    __slots__ = ("_stand_ins", "limit", "pieces", "size")

    def __init__(self, limit: int = sys.maxsize) -> None:
        self.limit = limit
        self.pieces: list[Any] = []
        self.size = 0
        # By identity: what the pickler will hand over, and whose place it takes.
        self._stand_ins: dict[int, tuple[Any, memoryview]] = {}

    def write(self, piece: Any) -> int:
        """Called by the pickler."""
        found = self._stand_ins.pop(id(piece), None) if self._stand_ins else None
        if found is None:
            return self._add(piece, memoryview(piece).nbytes)
        stand_in, memory = found
        front, kind = _FRONT[type(stand_in)]
        self._instead(front, _LONG.pack(kind, memory.nbytes))
        self._add(memory, memory.nbytes)
        return len(stand_in)

    def _add(self, piece: Any, size: int) -> int:
        self.size += size
        if self.size <= self.limit:
            self.pieces.append(piece)
        else:
            self.pieces.clear()
        return size

    def _instead(self, front: bytes, right: bytes) -> None:
        """Say in front of what comes next how long it is."""
        self.size += len(right) - len(front)
        if self.pieces:
            before = self.pieces[-1]
            assert before[-len(front) :] == front, "the pickler says first what it hands over"
            self.pieces[-1] = before[: -len(front)] + right

    @property
    def fits(self) -> bool:
        """Whether all pieces are here."""
        return self.size <= self.limit

    def dump(self, value: Any, make: Callable[..., Any] = pickle.Pickler) -> None:
        """Pickle a value into pieces.

        Args:
            make: the class of the pickler.
        """
        pickler = make(self, PROTOCOL)
        # Where nobody has loaded it there are no arrays.
        kind = getattr(sys.modules.get("numpy"), "ndarray", None)
        if kind is not None and kind not in copyreg.dispatch_table:
            ours = {kind: self._array}
            table = getattr(pickler, "dispatch_table", None)
            # cloudpickle's is a `ChainMap`, an attribute of its class, which hides the pickler's; a
            # plain pickler has none of its own.
            all_ = {**copyreg.dispatch_table, **ours} if table is None else table.new_child(ours)
            _TABLE.__set__(pickler, all_)
        pickler.dump(value)

    def _array(self, array: Any) -> Any:
        """As the array would be pickled by itself, but for its memory."""
        function, arguments, *rest = array.__reduce_ex__(PROTOCOL)
        return function, tuple(map(self._memory, arguments)), *rest

    def _memory(self, part: Any) -> Any:
        if type(part) is not pickle.PickleBuffer:
            return part
        memory = part.raw()
        if memory.nbytes < ARRAY_BYTES:
            return part
        stand_in = bytes(_HANDED_OVER) if memory.readonly else bytearray(_HANDED_OVER)
        self._stand_ins[id(stand_in)] = stand_in, memory
        return stand_in
