"""The two pictures of the page, as SVG."""

from pathlib import Path
from typing import Any

from benchmarks.report import GROWS, Growth, Line

_OURS, _THEIRS, _MISSED = "#0b6fa4", "#8a8a8a", "#c0392b"


def drawn(out: Path, lines: list[Line], grown: list[Growth]) -> dict[str, str]:
    """Draw what there is; file name → what it shows."""
    import matplotlib as mpl

    mpl.use("svg")
    # Text stays text, and the same figures give the same file.
    mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "futurefsm", "font.size": 9})
    made = {}
    compared = [line for line in lines if line.ratio and line.ratio["least"] > 0]
    if compared:
        _ratios(compared, out / "benchmarks-ratios.svg")
        made["benchmarks-ratios.svg"] = "How many times as good as each peer, with the targets"
    if any(len(each.points) > 1 for each in grown):
        _growth(grown, out / "benchmarks-growth.svg")
        made["benchmarks-growth.svg"] = "The cost of each, from a thousand to a million"
    return made


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None})
    # Lines of SVG end in spaces, which nobody wants in a diff.
    text = "\n".join(line.rstrip() for line in path.read_text().splitlines())
    path.write_text(text + "\n")


def advantage(line: Line) -> tuple[float, float, float]:
    """How many times as good ours is: the median, and between what it lies."""
    ratio = line.ratio
    if line.row.more_is_better:
        return ratio["median"], ratio["least"], ratio["most"]
    return 1 / ratio["median"], 1 / ratio["most"], 1 / ratio["least"]


def _ratios(lines: list[Line], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.5, 0.24 * len(lines) + 1.3), layout="constrained")
    axes = figure.subplots()
    for place, line in enumerate(reversed(lines)):
        middle, least, most = advantage(line)
        colour = _MISSED if line.met is False else _OURS if line.met else _THEIRS
        axes.plot([least, most], [place, place], color=colour, linewidth=2, alpha=0.4)
        axes.plot([middle], [place], "o", color=colour, markersize=5)
        bound = line.target.bound
        if bound is not None:
            wanted = bound if line.row.more_is_better else 1 / bound
            axes.plot([wanted], [place], "|", color="black", markersize=10)
    axes.set_xscale("log")
    axes.axvline(1, color="#bbbbbb", linewidth=1, zorder=0)
    axes.set_yticks(range(len(lines)))
    axes.set_yticklabels([f"{_plain(line.row.what)} / {line.peer}" for line in reversed(lines)])
    axes.set_ylim(-0.7, len(lines) - 0.3)
    axes.set_xlabel("times as good as the peer\n| is the target, red misses it, grey has none")
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.grid(axis="x", color="#eeeeee")
    axes.set_axisbelow(True)
    _save(figure, path)


def _growth(grown: list[Growth], path: Path) -> None:
    from matplotlib.figure import Figure

    rows = [row for row in GROWS if any(each.row == row for each in grown)]
    columns = 3
    high = -(-len(rows) // columns)
    figure = Figure(figsize=(9.5, 2.3 * high + 0.4), layout="constrained")
    panels = figure.subplots(high, columns, squeeze=False)
    for panel in panels.flat[len(rows) :]:
        panel.set_visible(False)
    for panel, row in zip(panels.flat, rows, strict=False):
        for each in grown:
            if each.row == row:
                colour = _OURS if each.side == "ours" else _THEIRS
                values = list(each.points.values())
                panel.plot(list(each.points), values, "o-", color=colour, label=each.side, ms=3)
        panel.set_xscale("log")
        panel.minorticks_off()
        panel.set_ylim(bottom=0)
        what, unit = GROWS[row]
        panel.set_title(_title(what), fontsize=8)
        panel.set_ylabel(unit, fontsize=8)
        panel.tick_params(labelsize=7)
        panel.grid(color="#eeeeee")
        panel.legend(fontsize=7)
    _save(figure, path)


def _plain(what: str) -> str:
    """Without Markdown."""
    return what.replace("`", "")


def _title(what: str) -> str:
    """In two lines, where it is long."""
    text = _plain(what)
    cut = text.rfind(" ", 0, 40)
    return text if len(text) < 42 else f"{text[:cut]}\n{text[cut + 1 :]}"
