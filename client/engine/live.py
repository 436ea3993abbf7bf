"""What a task writes to `sys.stdout` and `sys.stderr`, sent to its client at once. In the worker.

Each write becomes one message in the worker's pipe, before the task's answer. Bytes that go past
Python's streams (a child process, `sys.stdout.buffer`) go where the worker's own output goes.
"""

from __future__ import annotations

import io
import os
import sys
from _thread import allocate_lock, get_ident

from futurefsm.client.engine import frames

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from futurefsm.client.engine.results import Buffer

PIECE_CHARS = 256 * 1024
"""A longer write is sent in pieces."""


class Gate:
    """Lets whole messages into the pipe, one after the other, whichever thread they come from.

    Args:
        fd: the pipe.
        write: writes all of a message, blocking.
    """

    def __init__(self, fd: int, write: Callable[[int, Sequence[Buffer]], None]) -> None:
        self._fd = fd
        self._write = write
        self._lock = allocate_lock()
        self._holder = 0
        self._pid = os.getpid()

    def send(self, parts: Sequence[Buffer]) -> bool:
        """Write a message; False, and nothing written, where that would mix it with another.

        That is so in a forked child, and in a signal handler that interrupted a write.
        """
        if os.getpid() != self._pid or self._holder == get_ident():
            return False
        with self._lock:
            self._holder = get_ident()
            try:
                self._write(self._fd, parts)
            finally:
                self._holder = 0
        return True


class LiveStream(io.TextIOBase):
    """Stands for one of the two streams while a task runs. Threads may go on using it afterwards:
    what comes late is dropped by the engine.

    Args:
        gate: to the engine.
        number: 0 for stdout, 1 for stderr.
        sequence: the run's number.
        original: the stream that this one replaces; may be None.
    """

    def __init__(self, gate: Gate, number: int, sequence: int, original: Any) -> None:
        self._gate = gate
        self._number = number
        self._sequence = sequence
        self._original = original

    def write(self, text: str) -> int:
        """Send a text; returns its length. Raises `TypeError` for what is no text."""
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        for at in range(0, len(text), PIECE_CHARS):
            piece = text[at : at + PIECE_CHARS]
            data = piece.encode("utf-8", "replace")
            header = frames.log_header(self._sequence, self._number, len(data))
            if not self._gate.send((header, data)) and self._original is not None:
                self._original.write(piece)
        return len(text)

    def writable(self) -> bool:
        """Always."""
        return True

    def flush(self) -> None:
        """What went past this stream; a write is on its way when it returns."""
        if self._original is not None:
            self._original.flush()

    def fileno(self) -> int:
        """Of the replaced stream, for children that inherit it."""
        if self._original is None:
            raise io.UnsupportedOperation("fileno")
        return int(self._original.fileno())

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """What a text travels as."""
        return "utf-8"

    @property
    def errors(self) -> str:  # type: ignore[override]
        """What becomes of half a surrogate pair."""
        return "replace"

    @property
    def buffer(self) -> Any:
        """The replaced stream's: bytes are not sent."""
        return self._original.buffer


class Live:
    """The streams of one task: ``with Live(gate, sequence): ...``."""

    def __init__(self, gate: Gate, sequence: int) -> None:
        self._gate = gate
        self._sequence = sequence
        self._before: tuple[Any, Any] = (None, None)

    def __enter__(self) -> None:
        self._before = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = (
            LiveStream(self._gate, number, self._sequence, original)
            for number, original in enumerate(self._before)
        )

    def __exit__(self, *_: object) -> None:
        sys.stdout, sys.stderr = self._before
