"""The tape: where a simulated world reads its choices from. PURE.

One string of bytes decides everything. Reading past its end gives 0, and 0 is always the benign
choice, so that a shorter or a smaller tape is a simpler story: what shrinks a tape shrinks a story.
"""


class Tape:
    """Bytes that are read as choices.

    Args:
        data: the choices; empty decides everything benignly.
    """

    __slots__ = ("data", "position", "size")

    def __init__(self, data: bytes = b"") -> None:
        self.data = data
        self.position = 0
        self.size = len(data)

    @property
    def ended(self) -> bool:
        """Every byte was read."""
        return self.position >= self.size

    def next(self) -> int:
        """The next byte, 0..255; 0 past the end."""
        position = self.position
        if position >= self.size:
            return 0
        self.position = position + 1
        return self.data[position]

    def choose(self, n: int) -> int:
        """One of `n` choices, 0..n-1. A choice of one reads nothing."""
        return self.next() % n if n > 1 else 0

    def rarely(self) -> bool:
        """True for one byte in four; False past the end."""
        return self.next() >= 192
