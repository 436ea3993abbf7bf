"""From figures to lines, and from lines to the page and the file of figures."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.driver import Figures
from benchmarks.measuring import ratios, spread
from benchmarks.rows import NOTHING, ROWS, Row, Target


@dataclass(frozen=True, slots=True)
class Line:
    """A row beside one peer.

    Attributes:
        ours, theirs, ratio: {"median", "least", "most"}; the ratio is empty where theirs is 0.
        met: whether the target is; None: there is none.
        behind: ours is worse than theirs.
        close: some rounds say otherwise than the median does of the target.
    """

    row: Row
    peer: str
    target: Target
    ours: dict[str, float]
    theirs: dict[str, float]
    ratio: dict[str, float]
    met: bool | None
    behind: bool
    close: bool

    @property
    def verdict(self) -> str:
        said = {True: "met", False: "**missed**", None: ""}[self.met]
        more = (said, "but close" if self.close else "", "behind" if self.behind else "")
        return ", ".join(each for each in more if each)


def lines(figures: Figures, rows: Iterable[Row] = ROWS) -> Iterator[Line]:
    """The lines for which there are figures."""
    for row in rows:
        ours = figures.get((0, row.side, row.name))
        for peer, target in row.against.items():
            theirs = figures.get((0, peer, row.name))
            if ours and theirs:
                yield _line(row, peer, target, ours, theirs)


def _line(row: Row, peer: str, target: Target, ours: list[float], theirs: list[float]) -> Line:
    mine, its, ratio = spread(ours), spread(theirs), ratios(ours, theirs)
    more = row.more_is_better
    met = None
    if target.more_by is not None:
        met = mine["median"] - its["median"] <= target.more_by
    elif target.bound is not None and ratio:
        met = ratio["median"] >= target.bound if more else ratio["median"] <= target.bound
    # Ours beside ours, for what something adds, is no race.
    behind = peer != NOTHING and _worse(mine["median"], its["median"], more)
    bound = target.bound
    close = bound is not None and bool(ratio) and ratio["least"] <= bound <= ratio["most"]
    return Line(row, peer, target, mine, its, ratio, met, behind, close)


def _worse(ours: float, theirs: float, more_is_better: bool) -> bool:
    return ours < theirs if more_is_better else ours > theirs


@dataclass(frozen=True, slots=True)
class Growth:
    """How one side's figures of a row grow.

    Attributes:
        points: how many → the median of its figure, each for one.
        exponent: of the whole cost: 1 is linear. None: one point is no line.
    """

    row: str
    side: str
    points: dict[int, float]
    exponent: float | None


# Rows of the growth table: what it says, and the unit; rates are shown as they are.
GROWS = {
    "kept": ("a life, all futures kept", "µs each"),
    "resident": ("a pending future, by the kernel", "bytes each"),
    "many": ("one event of each of so many machines", "µs each"),
    "crowd-result": ("pending, settled, one waiter in `result()`", "µs each"),
    "crowd-result-bytes": ("one waiter in `result()`: memory at the most", "bytes each"),
    "crowd-wait": ("pending, settled, one waiter in `wait()`", "µs each"),
    "crowd-wait-bytes": ("one waiter in `wait()`: memory at the most", "bytes each"),
    "wait": ("`wait`", "µs each"),
    "as-completed": ("`as_completed`", "µs each"),
    "tasks": ("tasks, one by one", "tasks/s"),
    "map": ("a map in chunks of 100", "items/s"),
}


def growths(figures: Figures) -> Iterator[Growth]:
    """How rows grow, in the order of the table; of each, ours first."""
    for row in GROWS:
        sides = dict.fromkeys(side for n, side, name in figures if n and name == row)
        for side in sides:
            points = {
                n: spread(samples)["median"]
                for (n, whose, name), samples in sorted(figures.items())
                if n and samples and whose == side and name == row
            }
            if points:
                yield Growth(row, side, points, _exponent(points, rate=_is_rate(row)))


def _is_rate(row: str) -> bool:
    return GROWS[row][1].endswith("/s")


def _exponent(points: dict[int, float], *, rate: bool) -> float | None:
    """The slope of the whole cost over how many, from the first to the last, both logarithmic."""
    (few, first), (many, last) = min(points.items()), max(points.items())
    if few == many or first <= 0 or last <= 0:
        return None
    change = math.log(first / last) if rate else math.log(last / first)
    return 1 + change / math.log(many / few)


def as_data(
    found: list[Line], grown: list[Growth], figures: Figures, about: dict[str, Any]
) -> dict[str, Any]:
    """All of it, for the file of figures."""
    return {
        "about": about,
        "lines": [
            {
                "row": line.row.name,
                "what": line.row.what,
                "unit": line.row.unit,
                "more_is_better": line.row.more_is_better,
                "side": line.row.side,
                "peer": line.peer,
                "target": line.target.said(line.row.more_is_better),
                "ours": line.ours,
                "theirs": line.theirs,
                "ratio": line.ratio,
                "met": line.met,
                "behind": line.behind,
                "close": line.close,
            }
            for line in found
        ],
        "growth": [asdict(each) for each in grown],
        "samples": [
            {"n": n, "side": side, "row": row, "figures": samples}
            for (n, side, row), samples in figures.items()
        ],
    }
