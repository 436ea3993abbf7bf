"""The demo from its first line to its last."""

import os
import tempfile
import time
from concurrent.futures import wait
from dataclasses import dataclass
from pathlib import Path

from futurefsm.client import trace
from futurefsm.client.client import Client
from futurefsm.client.demo import corpus as corpora
from futurefsm.client.demo import report, stages, work
from futurefsm.client.demo.screen import Screen
from futurefsm.fsm.lifecycles import CONFIRMED

# Two files of the standard library have one.
DEFAULT_PATTERN = r"^Future\.set_result$"


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line chose.

    Attributes:
        path: the folder to read; None for the standard library.
        find: a regular expression for names of definitions.
        workers: worker processes; None for one a core, but two at least: a race needs two.
        diagram: where to write the diagrams; None for nowhere.
    """

    path: Path | None = None
    find: str = DEFAULT_PATTERN
    workers: int | None = None
    diagram: Path | None = None


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(options: Options, screen: Screen) -> None:
    """Run it.

    Raises:
        UsageError: an option cannot be used; nothing was started.
    """
    pattern = corpora.checked_pattern(options.find)
    corpus = corpora.collect(options.path)
    workers = options.workers or max(cores(), 2)
    report.opening(screen, corpus, workers, cores())
    with tempfile.TemporaryDirectory(prefix="futurefsm-demo-") as folder:
        notes = Path(folder, "started")
        notes.touch()
        began = time.perf_counter()
        client = Client(workers=workers)
        try:
            this = stages.Run(client, screen, str(notes), workers)
            _start(this)
            report.started(screen, time.perf_counter() - began)
            corpus.warm()
            _stages(this, corpus, pattern, options)
        except BaseException:
            # What still runs is of no use to anybody; do not wait for it.
            client.disconnect()
            raise
        client.shutdown()


def _start(run: stages.Run) -> None:
    """Let every worker do something, so that no stage pays for the start of the processes."""
    warm = [run.client.submit(work.ready) for _ in range(run.workers)]
    wait(warm)
    for future in warm:
        future.result()


def _stages(run: stages.Run, corpus: corpora.Corpus, pattern: str, options: Options) -> None:
    screen = run.screen
    screen.heading("1  Parse every file, and count what is in it")
    parsed = stages.parse(run, corpus)
    report.parsed(screen, parsed)
    serial = stages.parse_serially(screen, corpus)
    report.compared(screen, parsed, serial, run.workers, cores())

    screen.heading(f"2  Race: where is a definition that matches {pattern}?")
    report.raced(screen, stages.race(run, corpus, pattern))

    screen.heading("3  Photo finish: cancel tasks at the moment when they end")
    report.photo_finish(screen, stages.photo_finish(run))

    begun = run.begun()
    screen.heading("What became of the futures")
    report.fates(screen, run.entries, begun)
    screen.heading(f"The lifecycle {CONFIRMED.name!r}, and how many futures took each arrow")
    futures = [entry.future for entry in run.entries]
    counts = trace.transition_counts(futures)
    arrows = trace.render(CONFIRMED, counts, untaken=False)
    screen.line(f"{arrows} (`futurefsm diagram` has them all)")
    if options.diagram is not None:
        report.write_diagrams(screen, options.diagram, run.entries, begun)
