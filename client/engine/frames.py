"""The private pipe between the engine and one of its workers: the shape of its messages. PURE.

Loaded by every worker before anything else, so it imports only `struct` and `marshal`. Both ends
run the same interpreter, hence marshal towards the worker. Towards the engine only fixed structs:
user code can write into that pipe, and garbage must not be able to hurt the engine.

Engine to worker: `TO_WORKER` (length of head, length of body), the head (a marshalled `Run` tuple),
then the payloads of the objects that the worker does not hold, one behind the other.
Worker to engine: `TO_ENGINE`, then the payload.
"""

from __future__ import annotations

import marshal
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MAGIC = 0x4D534646

TO_WORKER = struct.Struct("<IIQ")
"""magic, bytes of the head, bytes of the body."""

TO_ENGINE = struct.Struct("<IHHIQdQd")
"""magic, kind, stream of a LOG, sequence number, bytes of payload, seconds, peak bytes, cpu s"""

READY, VALUE, ERROR, LOG, HANDED = 1, 2, 3, 4, 5
"""Kinds of messages to the engine: booted; the task returned; it raised; it wrote a text; it
returned, and the value was handed over (`handover.py`), by the task's sequence number."""

ABSENT = -1
"""A size that says: the payload is not in this message, you hold it."""


def aside(size: int) -> int:
    """A size that says: so many bytes were handed over, by the task's sequence number. And back."""
    return -2 - size


# One object of a task: (key in the worker's cache, bytes in the body or ABSENT, keep it).
Part = tuple[bytes, int, bool]
# (sequence number, serializer or None, function, arguments, keys to forget, priority, send what it
# writes). Without a function the message only says what to forget.
Run = tuple[int, Part | None, Part | None, tuple[Part, ...], tuple[bytes, ...], int, bool]


def run_head(run: Run, body_bytes: int) -> bytes:
    """The header and the head of a message to a worker; the body follows."""
    head = marshal.dumps(run)
    return TO_WORKER.pack(MAGIC, len(head), body_bytes) + head


def parse_head(head: Any) -> Run:
    """What `run_head` wrote, from the head alone."""
    run: Run = marshal.loads(head)
    return run


def answer_header(
    kind: int, sequence: int, size: int, seconds: float = 0.0, peak: int = 0, cpu: float = 0.0
) -> bytes:
    """The fixed part of a message to the engine; `size` bytes of payload follow."""
    return TO_ENGINE.pack(MAGIC, kind, 0, sequence, size, seconds, peak, cpu)


def log_header(sequence: int, stream: int, size: int) -> bytes:
    """The fixed part of a LOG; `stream` is 0 for stdout and 1 for stderr."""
    return TO_ENGINE.pack(MAGIC, LOG, stream, sequence, size, 0.0, 0, 0.0)
