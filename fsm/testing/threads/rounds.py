"""Sees code that goes round for ever: it works, comes to no switch point, and nothing changes.

While no other thread may go on, a loop that comes back to where it was, with everything as it was,
comes back there for ever. That is seen from outside, some times a second: the frames, their local
variables, and the fields of these. What computes changes some of that; a loop that changes only
what lies deeper looks the same, hence the long look (`watchdog.ROUND`).
"""

import dis
from types import FrameType
from typing import Any, Final

# Instructions with which a loop begins anew.
_JUMPS: Final = frozenset(number for name, number in dis.opmap.items() if "JUMP_BACKWARD" in name)
# More of a thing is not looked at.
_MOST: Final = 50

# A frame: its address, its code, what it has, the place in its code.
_Seen = tuple[int, Any, Any, int]


class Rounds:
    """What a thread was at, at the last looks."""

    def __init__(self) -> None:
        # The frames that were there, and the same, at every look; the outermost first.
        self._frames: list[_Seen] = []
        self._looks = 0
        # The innermost of them has come back to where it was.
        self._back = False

    def forget(self) -> None:
        """It has come to a switch point."""
        self._frames, self._looks, self._back = [], 0, False

    def look(self, frame: FrameType | None) -> int:
        """To be called while it works. Returns at how many looks it was going round."""
        now = _stack(frame)
        if not self._frames:
            self._frames = now
            return 0
        before = self._frames
        same = 0
        while same < min(len(before), len(now)) and before[same][:3] == now[same][:3]:
            same += 1
            if before[same - 1][3] != now[same - 1][3]:
                break  # what it calls now is another call, even where it looks the same
        if not same:
            self.forget()
            return 0
        if same < len(before):
            # What it was at has ended, or changed: it is not that which goes round.
            self._back = False
        last = now[same - 1]
        self._back = self._back or last[3] < before[same - 1][3] or _jumps(last)
        self._frames = now[:same]
        self._looks += 1
        return self._looks if self._back else 0


def _jumps(seen: _Seen) -> bool:
    _, code, _, place = seen
    return place >= 0 and code.co_code[place] in _JUMPS


def _stack(frame: FrameType | None) -> list[_Seen]:
    found: list[_Seen] = []
    while frame is not None:
        found.append((id(frame), frame.f_code, _has(frame), frame.f_lasti))
        frame = frame.f_back
    found.reverse()
    return found


def _has(frame: FrameType) -> Any:
    """What a frame has, as a thing to compare."""
    return [(name, _seen(value), _fields(value)) for name, value in list(frame.f_locals.items())]


def _seen(value: Any) -> Any:
    """A value as it is seen from outside. Numbers come and go at one place in memory."""
    kind = type(value)
    if kind is int or kind is float:
        return value
    return len(value) if kind in (str, bytes, bytearray, dict, set, list) else id(value)


def _fields(thing: Any) -> Any:
    """What is in a thing, not deeper. None of its own code runs."""
    if type(thing) in (list, tuple):
        return [_seen(each) for each in thing[:_MOST]]
    try:
        fields = object.__getattribute__(thing, "__dict__")
    except AttributeError:
        return None
    if type(fields) is not dict or len(fields) > _MOST:
        return None
    return [(name, _seen(value)) for name, value in fields.copy().items()]
