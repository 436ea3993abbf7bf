"""The demo's three stages: parse everything, race a search, finish in the middle of a cancel.

Each submits real tasks to the client and keeps every future, so that afterwards all can be asked
what became of them.
"""

import time
import zlib
from collections.abc import Callable
from concurrent.futures import as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from futurefsm.client.demo import work
from futurefsm.client.demo.corpus import Corpus, SourceFile
from futurefsm.client.demo.fates import Entry, Fate, tally
from futurefsm.client.demo.screen import Screen
from futurefsm.fsm.errors import WorkerDiedError

if TYPE_CHECKING:
    from futurefsm.client.client import Client
    from futurefsm.client.future import Future

PARSE, RACE, PHOTO = "parse", "race", "photo finish"
STAGES = (PARSE, RACE, PHOTO)

# A second reading goes over its file again and again for so long, so that a worker is certainly
# busy with one when the search is decided.
SECOND_READING_S = 30.0
# How long one request to cancel many futures waits for all answers.
ANSWERS_S = 10.0
# A task of the first stage parses about so much.
BATCH_BYTES = 96_000
PHOTO_TASKS = 200
PHOTO_READ = 30
PHOTO_UNWANTED = 10
PHOTO_TASK_S = 0.001
PHOTO_ROUNDS = 5


@dataclass(slots=True)
class Run:
    """One run of the demo: the client, and every future that it gave."""

    client: "Client"
    screen: Screen
    notes: str
    workers: int
    entries: list[Entry] = field(default_factory=list)

    def submit(self, stage: str, fn: Callable[..., Any], *args: Any) -> "Future[Any]":
        """Submit `fn(*args, notes, number)`; the task notes its start under that number."""
        index = len(self.entries)
        future = self.client.submit(fn, *args, self.notes, index)
        self.entries.append(Entry(index, stage, future))
        return future

    def begun(self) -> frozenset[int]:
        """The tasks that have left their note."""
        return frozenset(map(int, Path(self.notes).read_bytes().split()))


@dataclass(slots=True)
class Parsed:
    """What the first stage found, in how many tasks, and how long it took."""

    facts: work.Facts = field(default_factory=work.Facts)
    tasks: int = 0
    seconds: float = 0.0


def parse(run: Run, corpus: Corpus) -> Parsed:
    """Every file, in groups that keep a worker busy for some hundredths of a second."""
    parsed = Parsed()
    root = str(corpus.root)
    began = time.perf_counter()
    sizes: dict[Any, int] = {}
    with run.screen.progress("parsing, kB", corpus.size // 1000) as advance:
        for names, size in corpus.batches(BATCH_BYTES):
            sizes[run.submit(PARSE, work.examine, root, names)] = size // 1000
        for future in as_completed(sizes):
            parsed.facts.add(future.result())
            advance(sizes[future])
    parsed.seconds = time.perf_counter() - began
    parsed.tasks = len(sizes)
    return parsed


def parse_serially(screen: Screen, corpus: Corpus) -> Parsed:
    """The same job, with the same function, one group after another in this process."""
    parsed = Parsed()
    root = str(corpus.root)
    began = time.perf_counter()
    with screen.progress("the same, one after another, kB", corpus.size // 1000) as advance:
        for names, size in corpus.batches(BATCH_BYTES):
            parsed.facts.add(work.examine(root, names))
            advance(size // 1000)
            parsed.tasks += 1
    parsed.seconds = time.perf_counter() - began
    return parsed


def _first_line(error: Exception) -> str:
    text = str(error).partition("\n")[0]
    return f"{type(error).__name__}: {text}"


@dataclass(slots=True)
class Raced:
    """What the second stage found. `winner` is None where nothing matches."""

    scans: int = 0
    second_readings: int = 0
    winner: str | None = None
    hits: list[work.Hit] = field(default_factory=list)
    seconds: float = 0.0
    open_at_win: int = 0
    settle_seconds: float = 0.0


def race(run: Run, corpus: Corpus, pattern: str) -> Raced:
    """Search all files for a definition; the first worker that finds it ends the search."""
    # In an order of its own, the same on every machine, so that the winner is not simply in the
    # largest file.
    order = sorted(corpus.files, key=lambda file: zlib.crc32(file.name.encode()))
    # Few, so that most workers search; none where there is only one worker.
    raced = Raced(scans=len(order), second_readings=min(run.workers - 1, 1 + run.workers // 4))
    began = time.perf_counter()
    slow: set[Any] = set()
    scans: dict[Any, SourceFile] = {}
    with run.screen.progress("searching, files", len(order)) as advance:
        for file in corpus.files[: raced.second_readings]:
            args = (corpus.path(file), pattern, SECOND_READING_S)
            slow.add(run.submit(RACE, work.find_slowly, *args))
        raced.second_readings = len(slow)
        for file in order:
            scans[run.submit(RACE, work.find_definition, corpus.path(file), pattern)] = file
        for future in as_completed(scans):
            advance(1)
            if hits := future.result():
                raced.winner, raced.hits = scans[future].name, hits
                break
    raced.seconds = time.perf_counter() - began
    rest = [future for future in (*slow, *scans) if not future.done()]
    raced.open_at_win = len(rest)
    began = time.perf_counter()
    run.client.cancel(rest, timeout=ANSWERS_S)
    raced.settle_seconds = time.perf_counter() - began
    return raced


@dataclass(slots=True)
class PhotoFinish:
    """What the third stage did, and how the accident was told."""

    rounds: int = 0
    tasks: int = 0
    accident: str = ""
    accident_seconds: float = 0.0


def photo_finish(run: Run) -> PhotoFinish:
    """Cancel short tasks while their results stream in, so that some requests meet a task that has
    just ended; then let one worker be killed."""
    photo = PhotoFinish()
    while photo.rounds < PHOTO_ROUNDS:
        photo.rounds += 1
        photo.tasks += PHOTO_TASKS
        _one_photo_finish(run)
        if tally(run.entries, run.begun())[Fate.TOO_LATE][PHOTO]:
            break
    began = time.perf_counter()
    try:
        run.submit(PHOTO, work.kill_own_process).result()
    except WorkerDiedError as error:
        photo.accident = _first_line(error)
    photo.accident_seconds = time.perf_counter() - began
    return photo


def _one_photo_finish(run: Run) -> None:
    futures: list[Any] = [run.submit(PHOTO, work.busy, PHOTO_TASK_S) for _ in range(PHOTO_TASKS)]
    read: list[Any] = []
    for future in as_completed(futures):
        future.result()
        read.append(future)
        if len(read) == PHOTO_READ:
            break
    # Some of those that are read, which have surely finished, and all that are not.
    kept = set(read[PHOTO_UNWANTED:])
    run.client.cancel([each for each in futures if each not in kept], timeout=ANSWERS_S)
