"""A small line plot as SVG: powers of ten to the right, plain numbers upwards from zero."""

from html import escape
from math import ceil, log10

_COLOURS = ("#1b6ca8", "#c1552c", "#3f8f4f", "#7a4fa3")
_WIDTH, _HEIGHT = 620, 320
_LEFT, _RIGHT, _TOP, _BOTTOM = 50, 130, 40, 45

Point = tuple[float, float]


class Plot:
    """One picture.

    Args:
        title: above it.
        across: what the horizontal axis counts.
    """

    def __init__(self, title: str, across: str) -> None:
        self._title = title
        self._across = across
        self._lines: list[tuple[str, list[Point]]] = []

    def line(self, name: str, points: list[Point]) -> None:
        """One more line; without points there is none."""
        if points:
            self._lines.append((name, points))

    def svg(self) -> str:
        """The picture."""
        every = [point for _, points in self._lines for point in points]
        first = round(log10(min(x for x, _ in every)))
        last = max(first + 1, ceil(log10(max(x for x, _ in every))))
        top = _round_up(max(y for _, y in every))
        wide, high = _WIDTH - _LEFT - _RIGHT, _HEIGHT - _TOP - _BOTTOM

        def place(x: float, y: float) -> Point:
            across = (log10(x) - first) / (last - first)
            return _LEFT + across * wide, _TOP + (1 - y / top) * high

        head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" '
        parts = [
            head + 'font-family="sans-serif" font-size="12">',
            f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
            _text(_LEFT, 20, self._title, size=14),
            _text(_LEFT + wide / 2, _HEIGHT - 8, self._across, anchor="middle"),
        ]
        for tick in range(5):
            x, y = place(10**first, top * tick / 4)
            parts.append(
                f'<path d="M{x:.1f} {y:.1f}H{x + wide:.1f}" stroke="#ddd"/>'
                + _text(x - 6, y + 4, f"{top * tick / 4:g}", anchor="end")
            )
        for power in range(first, last + 1):
            x, y = place(10**power, 0)
            parts.append(_text(x, y + 16, f"{10**power:,}", anchor="middle"))
        for number, (name, points) in enumerate(self._lines):
            colour = _COLOURS[number % len(_COLOURS)]
            placed = [place(*point) for point in points]
            way = "L".join(f"{x:.1f} {y:.1f}" for x, y in placed)
            parts.append(f'<path d="M{way}" fill="none" stroke="{colour}" stroke-width="2"/>')
            parts += [
                f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in placed
            ]
            x, y = placed[-1]
            parts.append(_text(x + 8, y + 4, name, colour=colour))
        return "\n".join([*parts, "</svg>"]) + "\n"


def _text(
    x: float, y: float, text: str, *, anchor: str = "start", size: int = 12, colour: str = "#333"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" '
        f'fill="{colour}">{escape(text)}</text>'
    )


def _round_up(value: float) -> float:
    """To 1, 2, 4 or 8 times a power of ten."""
    power = 10.0 ** int(log10(value))
    return next(each * power for each in (1, 2, 4, 8, 10, 20) if each * power >= value)
