"""The full targets of the race kit, measured: what `make races` runs.

Each section gives a block of Markdown and says whether its targets were met. Times are those of the
processor (one core), so that a busy machine does not spoil them.
"""

import os
import platform
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import NamedTuple

from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.testing.exploring import explore, prove
from futurefsm.fsm.testing.failure import Failure
from futurefsm.fsm.testing.gallery import bite
from futurefsm.fsm.testing.gallery.asyncio_reports import ASYNCIO_REPORTS, BLOCKED_LOOP
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.exhibits import EXHIBITS, Exhibit
from futurefsm.fsm.testing.gallery.reports import REPORTS
from futurefsm.fsm.testing.harness import Harness, StandardFutures
from futurefsm.fsm.testing.proofs import proved, told
from futurefsm.fsm.testing.rates import judging, running
from futurefsm.fsm.testing.shipped import ConfirmedFutures, StrictFutures

SEEDS = 20
# Within these every bug has to be found, and made small; seconds of one core.
FIND_S = 10.0
SHRINK_S = 30.0
# The smallest counterexample: calls, steps, switches; with one future, and with two.
SIZES = {1: (3, 20, 5), 2: (3, 36, 7)}
# A search stops there.
SCHEDULES = 60_000
RANDOM_SCHEDULES = 100_000
CUT = 800_000  # where "alarms" ends a proof; "proofs" does not
BITE = 0.95
RATES = {"synchronisation": 10_000, "line": 5_000}
# A history of so many operations is held against the table in so many microseconds at most.
OPERATIONS = 12
JUDGING_US = 50

# Twenty-six bugs of one client's history, some in two forms; and what others have reported.
HISTORY: tuple[Exhibit, ...] = (*EXHIBITS, BLOCKED_LOOP)
PUBLIC: tuple[Exhibit, ...] = (*REPORTS, *ASYNCIO_REPORTS)

Say = Callable[[str], None]
# A harness, and the modules whose lines are switch points.
Lot = tuple[Harness, Sequence[str]]


def processor_time() -> float:
    """Seconds of the processor so far, with those of processes that have ended."""
    return sum(os.times()[:4])


class Section(NamedTuple):
    """What a section found. `text`: Markdown; `missed`: targets that were not met, in words."""

    text: str
    missed: tuple[str, ...] = ()


class Hit(NamedTuple):
    """One exhibit under one seed. `size`: calls, preemptions, switches, steps of the smallest."""

    schedules: int
    find_s: float
    shrink_s: float
    check: str
    size: tuple[int, int, int, int]


def hunt(exhibit: Exhibit, seed: int, *, schedules: int = SCHEDULES) -> tuple[Failure, Hit] | None:
    """Find a bug by the check that must catch it, and make it small. None: it was not found."""
    options = {"seed": seed, "checks": exhibit.checks, **exhibit.search}
    began = process_time()
    first = explore(exhibit.broken, schedules=schedules, shrink=False, **options)
    found = process_time() - began
    if first.failure is None:
        return None
    again = explore(exhibit.broken, schedules=schedules, **options)
    both = process_time() - began - found
    failure = again.failure
    if failure is None:
        raise RuntimeError(f"{exhibit.name}: the same seed {seed} did not do the same twice")
    counted = first.failure.counts.schedules
    return failure, Hit(counted, found, max(0.0, both - found), failure.check, failure.size)


def misses(exhibit: Exhibit, hit: Hit) -> list[str]:
    """The targets that one hit does not meet."""
    calls, _, switches, steps = hit.size
    most_calls, most_steps, most_switches = SIZES[exhibit.futures]
    wrong = []
    if hit.check not in exhibit.checks:
        wrong.append(f"caught by {hit.check}")
    if hit.find_s > FIND_S:
        wrong.append(f"found after {hit.find_s:.1f} s")
    if hit.shrink_s > SHRINK_S:
        wrong.append(f"shrunk in {hit.shrink_s:.1f} s")
    if calls > most_calls or steps > most_steps or switches > most_switches:
        wrong.append(f"{calls} calls, {steps} steps, {switches} switches")
    return wrong


def gallery(
    exhibits: Iterable[Exhibit],
    seeds: Sequence[int],
    say: Say = print,
    *,
    schedules: int = SCHEDULES,
) -> Section:
    """Every exhibit under every seed, in so many schedules at most."""
    header = (
        "bug",
        "what a user sees",
        "check",
        "found",
        "schedules until found: median, most",
        "found in (most)",
        "shrunk in (most)",
        "largest: calls / steps / switches",
    )
    rows, missed = [], []
    for exhibit in exhibits:
        hits: list[Hit] = []
        for seed in seeds:
            done = hunt(exhibit, seed, schedules=schedules)
            if done is None:
                missed.append(f"{exhibit.name}: not found with seed {seed}")
                continue
            hits.append(done[1])
            missed += [
                f"{exhibit.name}, seed {seed}: {wrong}" for wrong in misses(exhibit, hits[-1])
            ]
        rows.append(_row(exhibit, hits, len(seeds)))
        say(" | ".join(rows[-1]))
    return Section(table(header, rows), tuple(missed))


def _row(exhibit: Exhibit, hits: Sequence[Hit], seeds: int) -> list[str]:
    name = exhibit.number
    if exhibit.source:
        name = f"[{name}]({exhibit.source})"
    checks = ", ".join(dict.fromkeys(hit.check for hit in hits)) or ", ".join(exhibit.checks)
    row = [name, exhibit.title, checks, f"{len(hits)} of {seeds}"]
    if not hits:
        return [*row, "", "", "", ""]
    counts = sorted(hit.schedules for hit in hits)
    largest = [max(hit.size[i] for hit in hits) for i in (0, 3, 2)]
    return [
        *row,
        f"{counts[len(counts) // 2]:,}, {counts[-1]:,}",
        f"{max(hit.find_s for hit in hits):.2f} s",
        f"{max(hit.shrink_s for hit in hits):.2f} s",
        " / ".join(map(str, largest)),
    ]


def corrected() -> list[Harness]:
    """The gallery's classes with the bug taken out, each once."""
    found: dict[str, Harness] = {}
    for exhibit in (*HISTORY, *PUBLIC):
        found.setdefault(f"{type(exhibit.right).__name__}: {exhibit.right.name}", exhibit.right)
    return list(found.values())


def baselines() -> list[Harness]:
    """Futures that are right: the standard library's, and ours under both lifecycles."""
    return [StandardFutures(), ConfirmedFutures(), StrictFutures()]


def _closely() -> list[Lot]:
    """Our own future, line by line."""
    lines = ("futurefsm.fsm.core", "futurefsm.fsm.future")
    return [(ConfirmedFutures(), lines), (StrictFutures(), lines)]


def alarms(
    proven: Sequence[Harness],
    lots: Sequence[Harness],
    *,
    schedules: int = RANDOM_SCHEDULES,
    also: Sequence[Lot] = (),
    limit: int | None = None,
    jobs: int = 1,
    say: Say = print,
) -> Section:
    """Nothing may be found in what is right.

    Args:
        proven: every program of two threads and one call, every path, two preemptions.
        lots: so many schedules by lot of each.
        also: others by lot, with the modules whose lines are switch points.
        limit: of a proof; None: all.
        jobs: so many processes share a proof.
    """
    rows, missed = [], []
    for harness in proven:
        began = processor_time()
        try:
            proof = prove(harness, threads=2, calls=1, preemptions=2, limit=limit, jobs=jobs)
        except Failure as failure:
            missed.append(f"{harness.name}: {failure.check}: {failure.words}")
            continue
        spent = processor_time() - began
        counts = proof.counts
        bound = "every program of 2 threads and 1 call, every path, 2 preemptions"
        if not proof.complete:
            bound += ", cut off"
        rows.append(_alarm_row(harness, bound, counts.schedules, counts.programs, spent))
        say(" | ".join(rows[-1]))
    for harness, lines in (*((each, ()) for each in lots), *also):
        began = process_time()
        report = explore(harness, schedules=schedules, lines=lines)
        if report.failure is not None:
            missed.append(f"{harness.name}: {report.failure.check}: {report.failure.words}")
            continue
        spent = process_time() - began
        counts = report.counts
        bound = "by lot, line by line" if lines else "by lot"
        rows.append(_alarm_row(harness, bound, counts.schedules, counts.programs, spent))
        say(" | ".join(rows[-1]))
    return Section(
        table(("future", "bound", "schedules", "programs", "alarms", "seconds"), rows),
        tuple(missed),
    )


def _alarm_row(
    harness: Harness, bound: str, schedules: int, programs: int, spent: float
) -> list[str]:
    name = f"{type(harness).__name__}: {harness.name}"
    if type(harness).__name__ == harness.name:
        name = harness.name
    return [name, bound, f"{schedules:,}", f"{programs:,}", "0", f"{spent:.0f}"]


_RATED: tuple[tuple[Harness, tuple[str, ...]], ...] = (
    (StandardFutures(), ("concurrent.futures._base",)),
    (ConfirmedFutures(), ("futurefsm.fsm.future",)),
)


def rates(*, schedules: int = 20_000, histories: int = 200, say: Say = print) -> Section:
    """Schedules a second with all checks on: every program of two threads, as `prove` runs them."""
    rows, missed = [], []
    for level, wanted in RATES.items():
        for harness, modules in _RATED:
            lines = modules if level == "line" else ()
            rate, steps = running(harness, schedules, lines)
            rows.append([harness.name, level, f"{rate:,.0f}", f"{steps:.1f}", f"{wanted:,}"])
            say(" | ".join(rows[-1]))
            if rate < wanted:
                missed.append(f"{harness.name} at {level} level: {rate:,.0f} schedules a second")
    header = ("future", "level", "schedules a second", "steps of each", "wanted")
    text, slow = linearizable(histories, say)
    return Section(f"{table(header, rows)}\n\n{text}", (*missed, *slow))


def linearizable(histories: int, say: Say) -> Section:
    """How long one check against the table takes, of histories of that many operations.

    Args:
        histories: so many different ones of each future, of three threads with two calls each.
    """
    rows, missed = [], []
    for harness, _ in _RATED:
        spent = judging(harness, histories, OPERATIONS)
        middle, most = spent[len(spent) // 2], spent[-1]
        row = [harness.name, f"{OPERATIONS}", f"{len(spent)}", f"{middle:.0f} µs", f"{most:.0f} µs"]
        rows.append([*row, f"{JUDGING_US} µs"])
        say(" | ".join(rows[-1]))
        if most > JUDGING_US:
            missed.append(f"{harness.name}: linearizable in {most:.0f} µs")
    header = ("future", "operations", "histories", "linearizable: median", "most", "wanted")
    return Section(table(header, rows), tuple(missed))


def bites(*, every: int = 1, schedules: int = 6000, say: Say = print) -> Section:
    """Mutants that a program makes, and how many the kit kills. `every`: only one of so many."""
    groups: dict[str, list[bite.Target | None]] = {
        "the gallery's future and manager": list(bite.reference_targets()),
        "our Future": list(bite.future_targets()),
        "the table CONFIRMED": list(bite.table_targets(CONFIRMED)),
        "the table STRICT": list(bite.table_targets(STRICT)),
    }
    done: dict[str, bite.Bite] = {}
    for name, targets in groups.items():
        done[name] = bite.bite(targets[::every], schedules=schedules)
        say(" | ".join(_bite_row(name, done[name])))
    return bitten(done)


def bitten(done: Mapping[str, bite.Bite]) -> Section:
    """What came of mutants, in words: a row for each subject, and the names that matter."""
    header = (
        *("mutants of", "tried", "killed", "share", "refused by the table", "equivalent"),
        "killed line by line only",
    )
    text = table(header, [_bite_row(name, each) for name, each in done.items()])
    text += bite.named(done)
    weak = [name for name, each in done.items() if each.share < BITE]
    return Section(text, tuple(f"bite on {name}: {done[name].share:.1%}" for name in weak))


def _bite_row(name: str, done: bite.Bite) -> list[str]:
    tried = len(done.killed) + len(done.survivors)
    counts = (f"{tried}", f"{len(done.killed)}", f"{done.share:.1%}")
    others = (done.refused, done.equivalent, len(done.closely))
    return [name, *counts, *(str(each or "") for each in others)]


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines: list[Sequence[str]] = [header, ["---"] * len(header), *rows]
    cells = [[cell.replace("|", "\\|") for cell in line] for line in lines]
    return "\n".join("| " + " | ".join(line) + " |" for line in cells)


TITLES = {
    "gallery": "Bugs of one client's history",
    "reports": "Reports of other projects",
    "alarms": "False alarms",
    "proofs": "Proofs to the end",
    "rates": "Rates",
    "bite": "Bite",
}
_PAGE = """# Results of the race kit

Written by `make races`; do not edit. Times are processor time of one core.
"""


def run(
    names: Iterable[str],
    page: Path | None,
    *,
    seeds: int = SEEDS,
    quick: bool = False,
    jobs: int = 1,
    also: Sequence[Lot] = (),
) -> tuple[str, ...]:
    """Run sections and write them into the page. Returns the targets that were missed.

    Args:
        names: of `TITLES`.
        page: where the results go; a section that was not run keeps its text. None: nowhere.
        quick: a small part of everything, to see that it works.
        jobs: so many processes share a proof.
        also: more that is right, for "alarms".
    """
    numbers = range(2 if quick else seeds)
    size = 300 if quick else RANDOM_SCHEDULES
    limit = 300 if quick else None
    cut = 300 if quick else CUT
    rights = [*baselines(), ClientFutures(), ClientFutures(delayed=True)]
    do: dict[str, Callable[[], Section]] = {
        "gallery": lambda: gallery(HISTORY, numbers),
        "reports": lambda: gallery(PUBLIC, numbers),
        "alarms": lambda: alarms(
            baselines(),
            [*rights, *corrected()],
            schedules=size,
            also=[*_closely(), *also],
            limit=cut,
            jobs=jobs,
        ),
        "proofs": lambda: Section(*told(*proved(baselines(), limit=limit), table)),
        "rates": lambda: rates(schedules=100, histories=5) if quick else rates(),
        "bite": lambda: bites(every=60, schedules=100) if quick else bites(),
    }
    missed: list[str] = []
    for name in names:
        print(f"== {TITLES[name]}")
        section = do[name]()
        missed += section.missed
        if page is not None:
            write(page, name, section)
    return tuple(missed)


def write(page: Path, name: str, section: Section) -> None:
    """Put a section into the page, in the place of what it said before."""
    before = page.read_text() if page.exists() else _PAGE
    known = dict(re.findall(r"<!-- section: (\w+) -->\n(.*?)<!-- /section -->", before, re.DOTALL))
    made = f"CPython {platform.python_version()}, {platform.system()} {platform.machine()}."
    missed = "".join(f"- missed: {each}\n" for each in section.missed)
    known[name] = f"## {TITLES[name]}\n\n{made}\n\n{section.text}\n" + (missed and f"\n{missed}")
    blocks = [
        f"\n<!-- section: {each} -->\n{known[each]}<!-- /section -->\n"
        for each in TITLES
        if each in known
    ]
    page.write_text(_PAGE + "".join(blocks))
