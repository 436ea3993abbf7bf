"""What the demo says. Every figure comes from a clock, a story or a result."""

from collections.abc import Collection, Sequence
from pathlib import Path

from futurefsm.client import trace
from futurefsm.client.demo.corpus import Corpus
from futurefsm.client.demo.fates import (
    Entry,
    Fate,
    answer_times,
    contradictions,
    fate,
    tally,
)
from futurefsm.client.demo.screen import WIDTH, Screen
from futurefsm.client.demo.stages import (
    PHOTO_READ,
    PHOTO_TASKS,
    PHOTO_UNWANTED,
    SECOND_READING_S,
    STAGES,
    Parsed,
    PhotoFinish,
    Raced,
)

# Below this share of its cores' time, a run needs a word of explanation.
_SHARE_EXPECTED = 0.85
_NAMES_SHOWN = 3
_IMPORTS_SHOWN = 7

_HOW_IT_IS_KNOWN = (
    "From the futures' own stories. A story says that a cancel was confirmed, not whether the",
    "task had begun. So each task, as its first act, adds its number to a file: what is called",
    "'running' above is in that file; what is called 'queued' is not, although all is over.",
)


def opening(screen: Screen, corpus: Corpus, workers: int, cores: int) -> None:
    size = corpus.size / 1e6
    screen.line(f"futurefsm demo: {len(corpus.files):,} Python files, {size:.1f} MB")
    screen.line(f"  in {corpus.root}")
    screen.line(f"  {_count(workers, 'worker process')}, {_count(cores, 'core')}")


def started(screen: Screen, seconds: float) -> None:
    screen.line(f"  engine and workers up after {seconds:.2f} s (not in the figures below)")


def parsed(screen: Screen, found: Parsed) -> None:
    facts = found.facts
    screen.line(
        f"  {facts.files:,} files, {facts.lines:,} lines, {facts.classes:,} classes, "
        f"{facts.functions:,} functions, {facts.async_functions:,} of them async"
    )
    imports = ", ".join(f"{name} {n:,}" for name, n in facts.imports.most_common(_IMPORTS_SHOWN))
    _fact(screen, "most imported", imports or "nothing")
    _measure(screen, "longest function", "lines", facts.longest_function)
    _measure(screen, "deepest nesting", "blocks", facts.deepest)
    _measure(screen, "largest file", "lines", facts.largest_file)
    if not facts.unreadable:
        _fact(screen, "does not parse", "none")
    for name, why in facts.unreadable[:_NAMES_SHOWN]:
        _fact(screen, "does not parse", f"{name}: {why}")
    if (more := len(facts.unreadable) - _NAMES_SHOWN) > 0:
        _fact(screen, "", f"and {more:,} more")


def _fact(screen: Screen, label: str, text: str) -> None:
    screen.line(f"  {label:<16}  {shorten(text, WIDTH - 20)}")


def _measure(screen: Screen, label: str, unit: str, found: tuple[int, str]) -> None:
    _fact(screen, label, f"{found[0]:,} {unit}: {found[1]}" if found[0] else "-")


def shorten(text: str, width: int) -> str:
    """One line of at most so many columns."""
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"


def compared(screen: Screen, parallel: Parsed, serial: Parsed, workers: int, cores: int) -> None:
    ratio = serial.seconds / parallel.seconds
    screen.line()
    screen.line(
        f"  {parallel.seconds:.2f} s in {_count(parallel.tasks, 'task')} on "
        f"{_count(workers, 'worker')}; {serial.seconds:.2f} s one after another in this process: "
        f"{ratio:.2f} times as fast"
    )
    used = min(workers, cores)
    share = parallel.facts.cpu_seconds / (parallel.seconds * used)
    alone = serial.facts.cpu_seconds / serial.seconds
    if min(share, alone) < _SHARE_EXPECTED:
        screen.line(
            f"  (the tasks got {share:.0%} of {_count(used, 'core')}, the other run {alone:.0%} of "
            f"one; on an idle machine both get nearly all)"
        )
    if parallel.facts == serial.facts:
        screen.line("  both ways gave the same answers")
    else:
        screen.line("  THE TWO WAYS GAVE DIFFERENT ANSWERS (did a file change in between?)")


def raced(screen: Screen, race: Raced) -> None:
    if race.second_readings:
        slow = _count(race.second_readings, "slow one")
        screen.line(
            f"  {race.scans:,} scans, and in front of them {slow}: a large file again and again for"
        )
        screen.line(
            f"  {SECOND_READING_S:.0f} s, so that a worker is busy when the race is decided"
        )
    if race.winner is None:
        screen.line(f"  not found in any of {race.scans:,} files, after {race.seconds:.2f} s")
        what = "what still ran"
    else:
        name, line = race.hits[0]
        screen.line(f"  found: {name} in {race.winner}:{line}, after {race.seconds:.2f} s")
        what = "the rest"
    screen.line(
        f"  {what}, {_count(race.open_at_win, 'future')}, cancelled and settled within "
        f"{race.settle_seconds * 1e3:,.0f} ms"
    )


def photo_finish(screen: Screen, photo: PhotoFinish) -> None:
    rounds = f"{_count(photo.rounds, 'time')} " if photo.rounds > 1 else ""
    screen.line(
        f"  {rounds}{PHOTO_TASKS:,} tasks of a millisecond; after {PHOTO_READ} results all the "
        f"others are cancelled while more"
    )
    screen.line(
        f"  results arrive; so are {PHOTO_UNWANTED} of the {PHOTO_READ}, which have finished and "
        f"are not wanted any more"
    )
    screen.line(
        f"  then an accident: a worker is killed in the middle of its task; its future says, "
        f"{photo.accident_seconds * 1e3:,.0f} ms later:"
    )
    screen.line(f"    {shorten(photo.accident, WIDTH - 4)}")


def fates(screen: Screen, entries: Sequence[Entry], begun: Collection[int]) -> None:
    counts = tally(entries, begun)
    always = (
        Fate.FINISHED,
        Fate.FAILED,
        Fate.CANCELLED_QUEUED,
        Fate.CANCELLED_RUNNING,
        Fate.TOO_LATE,
        Fate.AFTER_FINISH,
    )
    rows = [
        [
            each.value,
            *(_number(counts[each][stage]) for stage in STAGES),
            _number(counts[each].total()),
        ]
        for each in Fate
        if counts[each] or each in always
    ]
    totals = [sum(counts[each][stage] for each in Fate) for stage in STAGES]
    rows.append(["all", *map(_number, totals), _number(sum(totals))])
    screen.table(["", *STAGES, "all"], rows)
    screen.line()
    for text in _HOW_IT_IS_KNOWN:
        screen.line(f"  {text}")
    for each, label in ((Fate.CANCELLED_QUEUED, "queued"), (Fate.CANCELLED_RUNNING, "running")):
        n, middle, longest = answer_times(entries, begun, each)
        if n:
            screen.line(
                f"  Cancel of a {label} task confirmed after {middle * 1e3:,.1f} ms "
                f"(median of {n:,}), at most {longest * 1e3:,.1f} ms."
            )
    if wrong := contradictions(entries, begun):
        screen.line(
            f"  CONTRADICTION: {len(wrong)} tasks have a result but never noted their start"
        )


def write_diagrams(
    screen: Screen, path: Path, entries: Sequence[Entry], begun: Collection[int]
) -> None:
    """The diagram with counts, and one future of each fate as a sequence, in one Markdown file."""
    futures = [entry.future for entry in entries]
    parts = [
        "# What the futures of the demo went through",
        f"```mermaid\n{trace.state_diagram(futures)}\n```",
    ]
    shown: set[Fate] = set()
    for entry in entries:
        ended = fate(entry.future, entry.index in begun)
        if ended not in shown:
            shown.add(ended)
            diagram = trace.sequence_diagram(entry.future, name=f"task {entry.index}")
            parts.append(f"## One that was: {ended.value}\n\n```mermaid\n{diagram}\n```")
    screen.line()
    try:
        path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    except OSError as error:
        screen.line(f"The diagrams could not be written to {path}: {error.strerror}")
        return
    screen.line(f"The same in Mermaid, and one future of each kind as a sequence: {path}")


def _number(n: int) -> str:
    return f"{n:,}" if n else "-"


def _count(n: int, noun: str) -> str:
    if n == 1:
        return f"1 {noun}"
    return f"{n:,} {noun}es" if noun.endswith("s") else f"{n:,} {noun}s"
