"""Logs that no check can tell apart are judged once. PURE.

A check compares times only where one thing ended before another began, and never asks when some
kinds of records came. So which of two calls began first, when nothing lies between, is no matter.
"""

from collections.abc import Collection
from typing import Any

from futurefsm.fsm.testing import history as h

Records = tuple[tuple[Any, ...], ...]

_BEGIN, _END, _TIMELESS, _MOVED = range(4)
_GROUPS = {
    h.CALL: _BEGIN,
    h.DELIVER: _BEGIN,
    h.ANSWER: _END,
    h.DELIVERED: _END,
    h.SENT: _TIMELESS,
    h.OFFERED: _TIMELESS,
    h.WAITED: _TIMELESS,
    h.STATE: _MOVED,
}


def likeness(log: Records, settled: Collection[str | None]) -> tuple[Records, Records, Records]:
    """What logs have in common that every check judges alike, as far as nothing is wrong.

    Args:
        log: what was seen of a run.
        settled: names of settled states: only of a move out of one is asked what came before it.

    Returns:
        the records whose order matters, neighbouring begins and ends sorted; those that have no
        time; the states, in order.
    """
    ordered: list[tuple[Any, ...]] = []
    timeless: list[tuple[Any, ...]] = []
    states: list[tuple[Any, ...]] = []
    last: dict[int, str | None] = {}
    for record in log:
        group = _GROUPS.get(record[0])
        if group is None:
            ordered.append(record)
        elif group == _TIMELESS:
            timeless.append(record)
        elif group == _MOVED:
            _, future, state = record
            (ordered if last.get(future) in settled else states).append(record)
            last[future] = state
        else:
            place, whose = len(ordered), record[:2]
            while place and _GROUPS.get(ordered[place - 1][0]) == group:
                if ordered[place - 1][:2] <= whose:
                    break
                place -= 1
            ordered.insert(place, record)
    return tuple(ordered), tuple(timeless), tuple(states)
