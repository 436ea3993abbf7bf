"""The two opaque byte fields of tasks: flags on the way out, a profile on the way back. PURE.

Both are big-endian without padding. A real Scaler's worker dies of a `Task.metadata` with another
length or a negative priority, and takes the next worker with it: hence the checks.
"""

import struct
from dataclasses import dataclass

from futurefsm.protocol.errors import ProtocolError

_FLAGS = struct.Struct(">?i?")
_PROFILE = struct.Struct(">fQf")

PRIORITY_MAX = 0x7FFFFFFF
"""The most urgent that a task can be."""


@dataclass(frozen=True, slots=True)
class TaskFlags:
    """`Task.metadata`.

    Attributes:
        profiling: ask for a profile (a Scaler sends one in any case).
        priority: larger is more urgent; 0 to 2**31 - 1.
        stream_output: send what the task prints as `TaskLog` messages.
    """

    profiling: bool = False
    priority: int = 0
    stream_output: bool = False

    def pack(self) -> bytes:
        """The 6 bytes. Raises `ValueError` for a priority that a worker does not survive."""
        if not 0 <= self.priority <= PRIORITY_MAX:
            raise ValueError(f"priority must lie between 0 and 2147483647, not {self.priority}")
        return _FLAGS.pack(self.profiling, self.priority, self.stream_output)

    @classmethod
    def unpack(cls, data: bytes) -> "TaskFlags":
        """From 6 bytes, or none (all defaults). Raises `ProtocolError`."""
        if not data:
            return cls()
        if len(data) != _FLAGS.size:
            raise ProtocolError(f"task flags of {len(data)} bytes instead of 6", data)
        profiling, priority, stream_output = _FLAGS.unpack(data)
        if priority < 0:
            raise ProtocolError(f"negative task priority {priority}", data)
        return cls(profiling, priority, stream_output)


def profile_bytes(seconds: float, peak_bytes: int, cpu_seconds: float) -> bytes:
    """`Profile.pack` of these figures, for who makes one for every task."""
    try:
        return _PROFILE.pack(seconds, peak_bytes, cpu_seconds)
    except (struct.error, OverflowError) as error:
        what = Profile(seconds, peak_bytes, cpu_seconds)
        raise ValueError(f"{what!r} does not fit the wire: {error}") from None


@dataclass(frozen=True, slots=True)
class Profile:
    """`TaskResult.metadata`: what the task cost.

    Attributes:
        seconds: wall clock time.
        peak_bytes: growth of the memory peak.
        cpu_seconds: processor time.
    """

    seconds: float = 0.0
    peak_bytes: int = 0
    cpu_seconds: float = 0.0

    def pack(self) -> bytes:
        """The 16 bytes; the two times lose precision (float32).

        Raises `ValueError` for figures that do not fit.
        """
        return profile_bytes(self.seconds, self.peak_bytes, self.cpu_seconds)

    @classmethod
    def unpack(cls, data: bytes) -> "Profile":
        """From 16 bytes, or none (all zero). Raises `ProtocolError`."""
        if not data:
            return cls()
        if len(data) != _PROFILE.size:
            raise ProtocolError(f"a task profile of {len(data)} bytes instead of 16", data)
        return cls(*_PROFILE.unpack(data))
