"""The engine's end of the pipe to one worker: never blocks, copies nothing that is large.

Imports no transport: the pipe is private, and only one answer at a time can be on its way.
"""

import socket
from collections.abc import Callable
from typing import Any, NamedTuple

from futurefsm.client.engine import frames
from futurefsm.client.engine.results import Buffer
from futurefsm.protocol.piggyback import Payload as Payload

_SCRATCH = 65536
_TURN = 8 * 1024 * 1024
"""Bytes read from one worker before the others get their turn."""

_IOV = 64
# Seconds. The wire has numbers up to 3e38.
_LONGEST_S = 1e30
_KINDS = (frames.READY, frames.VALUE, frames.ERROR, frames.LOG, frames.HANDED)


class PipeBroken(Exception):
    """What came through the pipe is no answer: user code wrote into it, or the worker is sick."""


class Answer(NamedTuple):
    """What a worker said. `payload` is a pickled value, for `ERROR` an exception, for `LOG` a text
    that was written to `stream` (0 stdout, 1 stderr)."""

    kind: int
    sequence: int
    seconds: float
    peak_bytes: int
    cpu_seconds: float
    payload: Payload
    stream: int = 0


class Pipe:
    """Sends runs and receives answers through a non-blocking socket.

    Args:
        sock: the engine's end; owned from here on.
        max_payload: bytes; an answer that announces more is refused.
        take: what the worker has handed over, by number and size; None where it has not.

    Attributes:
        ended: the worker closed its end: it is dead, about to die, or has lost its way.
    """

    __slots__ = ("_body", "_filled", "_header", "_max", "_out", "_take", "ended", "sock")

    def __init__(
        self,
        sock: socket.socket,
        max_payload: int,
        take: Callable[[int, int], Payload | None] | None = None,
    ) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.ended = False
        self._max = max_payload
        self._take = take
        self._out: list[memoryview] = []
        self._header: tuple[int, int, int, float, int, float, int] | None = None
        self._body: Any = bytearray()
        self._filled = 0

    def send(self, *parts: Buffer) -> None:
        """Queue the parts, uncopied, and write what the socket takes now."""
        if len(parts) == 1 and not self._out:
            # Nearly always, and nearly always there is room for all of it.
            whole = memoryview(parts[0]).cast("B")
            try:
                sent = self.sock.send(whole)
            except OSError:
                sent = 0  # `flush` knows what to do
            if sent == whole.nbytes:
                return
            parts = (whole[sent:],)
        self._out += [memoryview(part).cast("B") for part in parts if len(part)]
        self.flush()

    @property
    def wants_write(self) -> bool:
        """Whether `flush` should be called when the socket can take more."""
        return bool(self._out)

    def flush(self) -> None:
        """Write what the socket takes. A worker that is gone is noticed by its death, not here."""
        out = self._out
        while out:
            try:
                sent = self.sock.sendmsg(out[:_IOV])
            except (BlockingIOError, InterruptedError):
                return
            except OSError:
                out.clear()
                return
            at = 0
            while at < len(out) and sent >= out[at].nbytes:
                sent -= out[at].nbytes
                at += 1
            del out[:at]
            if sent:
                out[0] = out[0][sent:]

    def receive(self, *, everything: bool = False) -> list[Answer]:
        """The answers that are complete.

        Args:
            everything: read until the socket is empty (the worker is dead), not only its turn.

        Raises:
            PipeBroken: nothing sensible can come any more.
        """
        answers: list[Answer] = []
        budget = _TURN
        while budget > 0 or everything:
            try:
                count = self._step(answers)
                budget -= count
                if count < _SCRATCH and not everything and self._header is None:
                    # Most answers come whole: asking for more would cost a system call to hear no.
                    break
            except BlockingIOError:
                break
            except (EOFError, OSError):
                self.ended = True
                break
        return answers

    def _step(self, answers: list[Answer]) -> int:
        """One read; returns its bytes, raises `EOFError` at the end."""
        if self._header is not None:
            with memoryview(self._body) as view, view[self._filled :] as rest:
                count = self.sock.recv_into(rest)
            if not count:
                raise EOFError
            self._filled += count
            if self._filled == self._header[2]:
                kind, sequence, _, seconds, peak, cpu, stream = self._header
                answers.append(Answer(kind, sequence, seconds, peak, cpu, self._body, stream))
                self._header, self._body = None, bytearray()
            return count
        data = self.sock.recv(_SCRATCH)
        if not data:
            raise EOFError
        # A header may arrive in pieces in theory; `_body` holds them until it is whole.
        if self._body:
            data = bytes(self._body) + data
            self._body = bytearray()
        at = 0
        while self._header is None and len(data) - at >= frames.TO_ENGINE.size:
            at = self._open(data, at, answers)
        if at < len(data):
            if self._header is not None:
                raise PipeBroken("more bytes than were announced")
            self._body = bytearray(data[at:])
        return len(data)

    def _open(self, data: bytes, at: int, answers: list[Answer]) -> int:
        """Read a header and the part of its payload that is here; returns where that ends. Nearly
        always all of it is here."""
        magic, kind, stream, sequence, size, seconds, peak, cpu = frames.TO_ENGINE.unpack_from(
            data, at
        )
        # What the wire has no number for would be found out when the task has ended already.
        timed = abs(seconds) + abs(cpu) < _LONGEST_S
        if magic != frames.MAGIC or kind not in _KINDS or not timed:
            raise PipeBroken("this is no answer")
        if size > self._max:
            raise PipeBroken(f"an answer of {size:,} bytes; the limit is {self._max:,}")
        at += frames.TO_ENGINE.size
        if kind == frames.HANDED:
            handed = None if self._take is None else self._take(sequence, size)
            if handed is None:
                raise PipeBroken("nothing was handed over")
            answers.append(Answer(frames.VALUE, sequence, seconds, peak, cpu, handed))
            return at
        end: int = at + size
        if end <= len(data):
            answers.append(Answer(kind, sequence, seconds, peak, cpu, data[at:end], stream))
            return end
        self._header = (kind, sequence, size, seconds, peak, cpu, stream)
        self._filled = len(data) - at
        self._body = bytearray(size)
        self._body[: self._filled] = data[at:]
        return len(data)

    def close(self) -> None:
        """Close the socket; what was not sent is dropped."""
        self._out.clear()
        self.sock.close()
