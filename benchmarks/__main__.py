"""Ours beside its peers: `make bench`, or

    python -m benchmarks [--quick] [--rows tasks,trip] [--rounds 3] [--out FOLDER]

The whole of it writes docs/benchmarks.md, docs/benchmarks.json and the plots; a part of it, or a
quick one, only prints, unless it is told where to write.
"""

import argparse
import compileall
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import page, report
from benchmarks.child import run
from benchmarks.driver import ROOT, measured, missing, turn
from benchmarks.jobs import JOBS
from benchmarks.measuring import machine, versions
from benchmarks.rows import PACKAGES

# The whole should end within ten minutes, with the page and its pictures.
_MINUTES = 9.7
_PRINTED = "{:58} {:22} {:>10} {:>10} {:>8} {:>15}  {:16} {}"


def asked() -> argparse.Namespace:
    """The command line; `out` is None where nothing is to be written."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    known = list(dict.fromkeys(row for job in JOBS for row in job.rows))
    add = parser.add_argument
    add("--rows", type=_names, default=[], help=f"only these, with commas: {', '.join(known)}")
    add("--rounds", type=int, help="so many, instead of each row's own")
    add("--quick", action="store_true", help="very little: figures mean nothing")
    add("--here", action="store_true", help="all in this process, for profilers; disturbs itself")
    add("--minutes", type=float, default=_MINUTES, help="leave out what would take longer")
    add("--no-growth", action="store_true", help="not how it grows")
    add("--without", type=_names, default=[], help="leave these sides out, with commas")
    add("--out", type=Path, help="write the page, the figures and the plots there")
    add("--again", type=Path, help="measure nothing: the page anew from such a file of figures")
    options = parser.parse_args()
    if unknown := set(options.rows) - set(known):
        parser.error(f"no such rows: {', '.join(sorted(unknown))}")
    part = options.rows or options.without or options.no_growth
    if options.out is None and not (part or options.quick or options.here):
        options.out = ROOT / "docs"
    return options


def _names(text: str) -> list[str]:
    return [each for each in text.split(",") if each]


def main() -> int:
    options = asked()
    if options.again is not None:
        again(options.again, options.out)
        return 0
    # As pip does with all that it installs, the peers too: else a start would be that of a checkout
    # in which a file was changed.
    for room in ("fsm", "protocol", "client", "futurefsm"):
        compileall.compile_dir(ROOT / room, quiet=2)
    absent = missing()
    for side, package in absent.items():
        print(f"{package} is not installed: {side} is left out", file=sys.stderr)
    began = time.monotonic()
    failed: list[str] = []
    about: dict[str, Any] = machine()

    def told(what: str) -> None:
        if what.startswith("FAILED"):
            failed.append(what.partition("\n")[0])
        print(f"[{time.monotonic() - began:5.0f} s] {what}", file=sys.stderr, flush=True)

    # So that the turn that runs then is ended as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by a signal"))
    figures = measured(
        options.rows,
        without={*absent, *options.without},
        rounds=options.rounds,
        quick=options.quick,
        growth=not options.no_growth,
        told=told,
        turn=run if options.here else turn,
        budget_s=60 * options.minutes,
    )
    about |= {
        "versions": versions(dict.fromkeys(["futurefsm", *PACKAGES.values()])),
        "missing": ", ".join(absent.values()),
        "failed": failed,
        "minutes": (time.monotonic() - began) / 60,
        "rounds": options.rounds,
        "quick": options.quick,
    }
    lines, grown = list(report.lines(figures)), list(report.growths(figures))
    show(lines, grown)
    if options.out is not None:
        write(options.out, lines, grown, figures, about)
    return 1 if failed else 0


def again(file: Path, out: Path) -> None:
    """Write page and pictures from the figures of an earlier run."""
    data = json.loads(file.read_text())
    figures = {(each["n"], each["side"], each["row"]): each["figures"] for each in data["samples"]}
    lines, grown = list(report.lines(figures)), list(report.growths(figures))
    write(out, lines, grown, figures, data["about"])


def show(lines: list[report.Line], grown: list[report.Growth]) -> None:
    """Print what was found."""
    print(_PRINTED.format("", "peer", "ours", "theirs", "ratio", "spread", "target", ""))
    last = None
    for line in lines:
        what, peer, _, *cells = page.cells(line, line.row is last)
        print(_PRINTED.format(what, peer, *cells))
        last = line.row
    if grown:
        print()
        for text in page.growth_table(grown):
            print(text)


def write(
    out: Path,
    lines: list[report.Line],
    grown: list[report.Growth],
    figures: Any,
    about: dict[str, Any],
) -> None:
    """The page, the figures, the plots."""
    from benchmarks import plots  # matplotlib takes its time

    out.mkdir(parents=True, exist_ok=True)
    try:
        drawn = plots.drawn(out, lines, grown)
    except ImportError as error:
        print(f"no pictures: {error}", file=sys.stderr)
        drawn = {}
    data = report.as_data(lines, grown, figures, about)
    (out / "benchmarks.json").write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    (out / "benchmarks.md").write_text(page.document(lines, grown, about, drawn))


if __name__ == "__main__":
    sys.exit(main())
