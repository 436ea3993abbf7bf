"""The page `docs/benchmarks.md`."""

from typing import Any

from benchmarks.report import GROWS, Growth, Line
from benchmarks.rows import ROWS

_SIZES = (1_000, 10_000, 100_000, 1_000_000)

# Where the whole grows so much faster than how many, the page says why.
_STEEP = 1.05
_WHY = """\
Memory is linear: the exponents are 1, but for small numbers that find room in what the process
has. Time is linear but for Python's garbage collector, which walks through everything that lives,
again and again while there is more; with `gc.disable()` a life among a million futures costs no
more of the processor than one among a thousand. It costs the standard library's futures more,
because each of them is made of more objects. An exponent of 1 is a steady rate."""


def number(figure: float) -> str:
    """Three figures that mean something, or whole."""
    if figure >= 100:
        return f"{figure:,.0f}"
    return f"{figure:.3g}" if figure >= 0.001 else "0" if figure == 0 else f"{figure:.1e}"


def _table(head: tuple[str, ...], figures: range, rows: list[tuple[str, ...]]) -> list[str]:
    """A Markdown table; the columns of these numbers are figures."""
    rule = tuple("---:" if at in figures else "---" for at in range(len(head)))
    return ["| " + " | ".join(row) + " |" for row in (head, rule, *rows)]


def between(figures: dict[str, float]) -> str:
    """Between what samples lie."""
    return f"{number(figures['least'])}-{number(figures['most'])}" if figures else ""


def cells(line: Line, again: bool) -> tuple[str, ...]:
    row = line.row
    return (
        "" if again else row.what,
        line.peer,
        row.unit + (", more is better" if row.more_is_better else ""),
        number(line.ours["median"]),
        number(line.theirs["median"]),
        number(line.ratio["median"]) if line.ratio else "",
        between(line.ratio),
        line.target.said(row.more_is_better),
        line.verdict,
    )


HEAD = ("what", "peer", "unit", "ours", "theirs", "ratio", "its spread", "target", "it is")


def main_table(lines: list[Line]) -> list[str]:
    rows, last = [], None
    for line in lines:
        rows.append(cells(line, line.row is last))
        last = line.row
    return _table(HEAD, range(3, 7), rows)


def growth_table(grown: list[Growth]) -> list[str]:
    rows = []
    for each in grown:
        what, unit = GROWS[each.row]
        figures = [number(each.points[n]) if n in each.points else "" for n in _SIZES]
        exponent = "" if each.exponent is None else f"{each.exponent:.2f}"
        rows.append((what, each.side, unit, *figures, exponent))
    return _table(
        ("what", "whose", "unit", "10³", "10⁴", "10⁵", "10⁶", "exponent"), range(3, 8), rows
    )


def behind(lines: list[Line]) -> list[str]:
    """What is missed, or worse than a peer, in words."""
    said = []
    for line in lines:
        if line.met is False or line.behind:
            times = f"{number(line.ratio['median'])} x" if line.ratio else "more than nothing"
            wanted = "no target" if line.met is None else line.target.said(line.row.more_is_better)
            kept = "missed" if line.met is False else "met, but behind" if line.met else "behind"
            said.append(f"- {line.row.what} / {line.peer}: {times} ({wanted}): {kept}")
    return said


def _rest(about: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in about["versions"].items())
    return (
        f"{about['memory_gib']} GiB; {about['system']}; load {about['load']} at the start;\n"
        f"Python {about['python']}, {packages}. It took {about['minutes']:.1f} minutes."
    )


def _flaws(about: dict[str, Any]) -> list[str]:
    """What this run has not done as it should."""
    said = [f"- {each}" for each in about.get("failed", [])]
    if about.get("quick"):
        said.append("- Very little was done, to see that it can be: the figures mean nothing.")
    if about["missing"]:
        said.append(f"- Not installed, so left out: {about['missing']}.")
    if about.get("rounds"):
        said.append(
            f"- Made in a hurry: rounds of each row: {about['rounds']}; `make bench` makes 2 to 25."
        )
    return ["", *said] if said else []


def document(
    lines: list[Line], grown: list[Growth], about: dict[str, Any], plots: dict[str, str]
) -> str:
    """The page, in Markdown."""
    judged = [line for line in lines if line.met is not None]
    met = sum(line.met is True for line in judged)
    notes = {row.what: row.note for row in ROWS if row.note}
    late = behind(lines)
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench`; do not edit. Ours and its peers side by side in one run: the",
            "sides take turns, in changing order, each turn in a process of its own. A figure is",
            "the median of its rounds; a ratio is ours divided by theirs, and its spread is from",
            "the least to the most of the rounds. Ratios can be compared with those of other",
            "machines, roughly; figures cannot.",
            "",
            f"{about['date']}; {about['processor']}, {about['cores']} cores, {_rest(about)}",
            *_flaws(about),
            "",
            f"{met} of {len(judged)} targets are met.",
            "",
            *main_table(lines),
            "",
            '"Close" is a target that some of the rounds meet and others miss. What the rows mean:',
            "",
            *(f"- {what}: {note}." for what, note in notes.items()),
            "",
            "## Where ours is behind",
            "",
            *(late or ["Nowhere."]),
            "",
            *(f"![{what}]({path})\n" for path, what in list(plots.items())[:1]),
            "## How it grows",
            "",
            "From a thousand to a million, each figure for one of them: where they are the same in",
            "every column, the whole is linear. The exponent is that of the whole cost, from the",
            "first column to the last: 1 is linear, 2 would be quadratic. A cell is empty where it",
            "would have taken the whole run beyond ten minutes.",
            "",
            *growth_table(grown),
            "",
            *(_WHY.splitlines() if any((each.exponent or 0) > _STEEP for each in grown) else []),
            "",
            *(f"![{what}]({path})\n" for path, what in list(plots.items())[1:]),
        ]
    )
