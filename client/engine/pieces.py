"""A pickle in pieces: what is large in a value is kept as it is, and copied once, to where it goes.

Light: every worker imports it.
"""

from __future__ import annotations

import pickle
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PROTOCOL = 5


class Pieces:
    """What a pickler writes to: keeps the pieces, and beyond the limit only counts.

    A pickler hands large bytes over uncopied, and the memory of arrays. So the pieces are the
    value's own memory: to be used before anybody can change that. Other memory is copied at once,
    for a class may lend the same to all of its objects, one after the other.

    Args:
        limit: bytes.
    """

    __slots__ = ("limit", "pieces", "size")

    def __init__(self, limit: int = sys.maxsize) -> None:
        self.limit = limit
        self.pieces: list[Any] = []
        self.size = 0

    def write(self, piece: Any) -> int:
        """Called by the pickler."""
        if type(piece) is pickle.PickleBuffer:
            # Plain bytes, whatever the dimensions and the order of the array are.
            piece = piece.raw()
            array = getattr(sys.modules.get("numpy"), "ndarray", ())
            if not (piece.readonly or isinstance(piece.obj, array)):
                piece = bytes(piece)
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
