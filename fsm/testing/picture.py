"""A failure as text for a terminal: at most 40 lines of 100 columns. PURE.

Lanes as Lincheck draws them: one column for each thread, time downwards, one row for each step; at
the right the state of the table and the line of the code. A failure that is too long for the screen
is drawn closer: what the bars of the lanes say already is not said in words, steps of one thread
that follow each other share a row, then the first steps are left out, and it says so. The HTML page
has all of them.
"""

import textwrap
from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from futurefsm.fsm.testing.scene import ENDLESS, Item, Row, Scene, scene

LINES_MAX = 40
# The last part of a command that is broken has at least so many characters.
_TAIL = 8
WIDTH = 100

# Glyphs of a lane beside a step of another one, by (holds a lock, waits).
_BARS = {(False, False): "│", (True, False): "┃", (False, True): "┊", (True, True): "┇"}
_LEGEND = "┃ holds a lock   ┊ waits   ┇ waits and holds a lock"
_DITTO = ":"
_MARKS = {"trouble": "!! ", "stuck": "✗ "}
# Columns: of the numbers of steps; of a lane, at most and at least.
_NUMBER = 5
_LANE_MAX = 22
_LANE_MIN = 8
_LAST_MIN = 22
_WHERE_MAX = 20


def picture(failure: Any, *, lines: int = LINES_MAX, width: int = WIDTH) -> str:
    """Draw a failure.

    Args:
        failure: `futurefsm.fsm.testing.Failure`, or anything that `scene` can read.
        lines: at most so many; at least 25.
        width: at most so many columns; at least 80.
    """
    return render(scene(failure), lines=lines, width=width)


def render(shown: Scene, *, lines: int = LINES_MAX, width: int = WIDTH) -> str:
    """Draw a scene; see `picture`."""
    head = _head(shown, width)
    foot = _foot(shown, width)
    return "\n".join([*head, *_lanes(shown, lines - len(head) - len(foot), width), *foot])


def _head(shown: Scene, width: int) -> list[str]:
    """What broke, how it was found, what ran."""
    title = f"RACE  {shown.check}: " if shown.check else "RACE  "
    found = _wrapped(title + shown.words, width, then="      ", most=4)
    found += _wrapped("; ".join(shown.facts), width, first="      ", then="      ", most=2)
    if shown.program:
        found += _wrapped(" | ".join(shown.program), width, first="      ", then="      ", most=3)
    return found


def _foot(shown: Scene, width: int) -> list[str]:
    """Who is blocked, the stories, how to run it again."""
    tales = [_tale(tale.future, tale.states) for tale in shown.tales]
    found: list[str] = []
    for title, sentences in (("Also:", shown.also), ("Blocked:", shown.blocked), ("Story:", tales)):
        for number, sentence in enumerate(sentences[:4]):
            first = f"{title:<9}" if number == 0 else " " * 9
            found += _wrapped(sentence, width, first=first, then=" " * 11, most=2)
        if len(sentences) > 4:
            found.append(f"{'':9}and {len(sentences) - 4} more")
    return found + _again(shown.replay, width) if shown.replay else found


def _tale(future: str, states: tuple[tuple[int, str], ...]) -> str:
    said = [f"{state} (step {number})" if number else state for number, state in states]
    return f"{future}: " + " → ".join(said)


def _again(command: str, width: int) -> list[str]:
    """The command, broken as a shell and Python read it: what is copied can be run."""
    first = f"Replay:  {command}"
    if len(first) <= width:
        return [first]
    before, _, option = command.rpartition(" ")
    found = [f"Replay:  {before} \\"]
    # A backslash at the very end joins the next line, where that begins in the first column.
    while len(option) > width:
        # pytest loses a last line of four characters or less.
        cut = width - 1 if len(option) >= width + _TAIL else width - _TAIL
        found.append(option[:cut] + "\\")
        option = option[cut:]
    return [*found, option]


def _wrapped(words: str, width: int, *, first: str = "", then: str, most: int) -> list[str]:
    """Words in lines; what does not fit into `most` of them ends in " ...", visibly."""
    return textwrap.wrap(
        words,
        width,
        initial_indent=first,
        subsequent_indent=then,
        max_lines=most,
        placeholder=" ...",
        break_on_hyphens=False,
    )


class _Columns(NamedTuple):
    """Where columns begin: each lane, the state, the source line."""

    lanes: tuple[int, ...]
    state: int
    where: int
    end: int


def _lanes(shown: Scene, room: int, width: int) -> list[str]:
    """The steps, in at most `room` lines, with blank lines around them where there is room."""
    rows: Sequence[Row] = shown.rows
    columns = _columns(shown, rows, width)
    drawn = _drawn(shown, rows, columns)
    if _height(drawn) + 1 > room:
        rows = [_without_releases(row) for row in rows]
        columns = _columns(shown, rows, width)
        rows = _joined(rows, columns)
        drawn = _drawn(shown, rows, columns)
    header = _header(shown, columns)
    if _height(drawn) + 1 > room:
        kept = len(drawn)
        if ENDLESS in shown.facts:
            # How it came to go round matters most: what follows is the same again.
            while _height(drawn[:kept]) + 2 > room or _repeats(rows, kept):
                kept -= 1
            last = shown.rows[-1].number
            note = f"     … and so on, up to step {last}; --race-report=DIR shows all"
            return [header, *chain(*drawn[:kept]), note]
        while _height(drawn[-kept:]) + 2 > room:
            kept -= 1
        # The end matters most: what led to it is on the page.
        missing = rows[len(rows) - kept - 1].number
        note = f"     … steps 1 to {missing} are not shown; --race-report=DIR shows all"
        return [header, note, *chain(*drawn[-kept:])]
    found = [header, *chain(*drawn)]
    if any(row.holding or row.waiting for row in shown.rows) and len(found) + 3 <= room:
        found.append(f"{'':{_NUMBER}}{_LEGEND}")
    if len(found) < room:
        found.append("")
    if len(found) < room:
        found.insert(0, "")
    return found


def _repeats(rows: Sequence[Row], kept: int) -> bool:
    """Whether the last of so many rows says, once more, what the three above it say."""
    last = [row._replace(number=0) for row in rows[max(0, kept - 4) : kept]]
    return len(last) == 4 and all(row == last[0] for row in last)


def _without_releases(row: Row) -> Row:
    kept = tuple(item for item in row.items if item.kind != "release")
    return row._replace(items=kept or row.items)


def _height(drawn: list[list[str]]) -> int:
    return sum(map(len, drawn))


def _columns(shown: Scene, rows: Sequence[Row], width: int) -> _Columns:
    """Lanes as wide as they can be without breaking more lines than they must."""
    where = min(max((len(row.where) for row in rows), default=0), _WHERE_MAX)
    states = [_state(row.states, shown) for row in rows] + [_state_title(shown)]
    state = max(map(len, states))
    at_where = width - where - 1 if where else width
    at_state = at_where - state - 2 if state else at_where
    longest = max((len(lane.name) + 2 for lane in shown.lanes), default=0)
    most = (at_state - _NUMBER - _LAST_MIN) // max(len(shown.lanes) - 1, 1)
    most = max(_LANE_MIN, min(_LANE_MAX, most))
    best, least = None, 0
    for share in range(most, min(max(longest, _LANE_MIN), most) - 1, -1):
        starts = tuple(_NUMBER + share * index for index in range(len(shown.lanes)))
        columns = _Columns(starts, at_state, at_where, width)
        height = sum(len(_pieces(row, columns)) for row in rows)
        if best is None or height < least:
            best, least = columns, height
    assert best is not None
    return best


def _state_title(shown: Scene) -> str:
    if len(shown.tales) == 1:
        return shown.tales[0].future
    return "states" if shown.tales else ""


def _state(states: tuple[tuple[str, str], ...], shown: Scene) -> str:
    """ "cancelled", or "2: cancelled" where there are several futures."""
    if len(shown.tales) == 1:
        return states[-1][1] if states else ""
    return ", ".join(f"{future.removeprefix('future ')}: {state}" for future, state in states)


def _header(shown: Scene, columns: _Columns) -> str:
    """The names of the lanes and of the columns."""
    line = _Line(columns.end)
    for lane, start in zip(shown.lanes, columns.lanes, strict=True):
        line.put(start, lane.name)
    line.put(columns.state, _state_title(shown))
    return str(line)


class _Line:
    """One line of the screen, written by columns."""

    def __init__(self, width: int) -> None:
        self.cells = [" "] * width

    def put(self, column: int, words: str) -> None:
        for index, char in enumerate(words[: max(len(self.cells) - column, 0)], column):
            self.cells[index] = char

    def __str__(self) -> str:
        return "".join(self.cells).rstrip()


def _words(items: Sequence[Item]) -> str:
    return ", ".join(_MARKS.get(item.kind, "") + item.text for item in items)


def _pieces(row: Row, columns: _Columns) -> list[str]:
    """The words of a row, broken where its lane and those at its right have no more room."""
    room = max(columns.state - columns.lanes[row.lane] - 3, 12)
    return _broken(_words(row.items), room)


@lru_cache(1024)
def _broken(words: str, room: int) -> list[str]:
    return textwrap.wrap(words, room, break_on_hyphens=False) or [""]


def _drawn(shown: Scene, rows: Sequence[Row], columns: _Columns) -> list[list[str]]:
    """Each row as one line, or more where its words need them."""
    spans = shown.spans
    found = []
    for row in rows:
        start = columns.lanes[row.lane]
        block = []
        for count, piece in enumerate(_pieces(row, columns)):
            line = _Line(columns.end)
            for lane, begin in enumerate(columns.lanes):
                if lane != row.lane and row.number in spans[lane]:
                    line.put(begin, _BARS[lane in row.holding, lane in row.waiting])
            if count == 0:
                line.put(0, f"{row.number:>3}")
                if columns.state < columns.where:
                    line.put(columns.state, _state(row.states, shown) or _DITTO)
                line.put(columns.where + 1 if row.where else columns.where, _fitted(row.where))
            # The lane's own bar, then the words, over the lanes at its right.
            line.put(start, _BARS[row.lane in row.holding, False])
            line.put(start + 1, f" {piece} ")
            block.append(str(line))
        found.append(block)
    return found


def _fitted(where: str) -> str:
    """ "file.py:12"; of a name that is too long, its end."""
    return where if len(where) <= _WHERE_MAX else "…" + where[1 - _WHERE_MAX :]


def _joined(rows: Sequence[Row], columns: _Columns) -> list[Row]:
    """Steps of one lane that follow each other share a row, while their words fit into a line."""
    found: list[Row] = []
    for row in rows:
        last = found[-1] if found else None
        if last is not None and last.lane == row.lane and not (last.states and row.states):
            joined = row._replace(items=last.items + row.items, states=last.states + row.states)
            if len(_pieces(joined, columns)) == 1:
                found[-1] = joined
                continue
        found.append(row)
    return found
