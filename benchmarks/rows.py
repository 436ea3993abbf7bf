"""What is measured, against whom, and what is wanted. Every row of the page comes from here."""

from dataclasses import dataclass

STDLIB = "concurrent.futures"
POOL = "ProcessPoolExecutor"
FORK_SERVER = "ProcessPoolExecutor, forkserver"
NOTHING = "ours, nothing pending"

# Sides of a package that may be missing: they are left out, and the page says so.
PACKAGES = {
    "transitions": "transitions",
    "python-statemachine": "python-statemachine",
    "Automat": "automat",
    "pebble": "pebble",
    "loky": "loky",
    "Dask": "distributed",
}


@dataclass(frozen=True, slots=True)
class Target:
    """What is wanted of ours beside one peer's.

    Attributes:
        bound: of the ratio ours / theirs; None: nothing is wanted, the row only tells.
        more_by: of the difference instead, in the row's unit.
    """

    bound: float | None = None
    more_by: float | None = None

    def said(self, more_is_better: bool) -> str:
        if self.more_by is not None:
            return f"at most {self.more_by:g} more"
        if self.bound is None:
            return "-"
        return f"{'at least' if more_is_better else 'at most'} {self.bound:.3g} x"


TELLS = Target()
NO_WORSE = Target(1.0)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the page, for each of its peers.

    Attributes:
        name: what `--rows` takes, and the key of its figures.
        what: in words.
        unit: of the figures.
        against: peer → what is wanted. The order is that of the page.
        more_is_better: as for rates.
        side: whose figures are "ours".
        note: what a reader must know to judge it.
    """

    name: str
    what: str
    unit: str
    against: dict[str, Target]
    more_is_better: bool = False
    side: str = "ours"
    note: str = ""


ROWS = (
    Row(
        "life",
        "a future from birth to result, CONFIRMED",
        "µs",
        {STDLIB: Target(0.6)},
        note="lifecycle checked, story kept",
    ),
    Row(
        "life",
        "a future from birth to result, STRICT",
        "µs",
        {STDLIB: Target(0.6)},
        side="ours, STRICT",
    ),
    Row("bytes", "a pending future, by tracemalloc", "bytes", {STDLIB: Target(0.2)}),
    Row(
        "resident",
        "a pending future, by the kernel",
        "bytes",
        {STDLIB: Target(0.2)},
        note="what the process grew by, with all that tracemalloc does not see",
    ),
    Row(
        "event",
        "one event on the compiled table",
        "µs",
        {
            "Automat": Target(0.05),
            "transitions": Target(0.05),
            "python-statemachine": Target(0.05),
        },
        note="an attribute, a dictionary, an attribute: what a future does to find its next state",
    ),
    Row(
        "event",
        "one `Future.fire`",
        "µs",
        {"Automat": TELLS, "transitions": TELLS, "python-statemachine": TELLS},
        side="ours, Future.fire",
        note="the same step with lock, clock and story, which the peers do not have",
    ),
    Row(
        "crowd-result",
        "a million pending, all settled, one waiter in `result()`: time",
        "µs each",
        {STDLIB: NO_WORSE},
    ),
    Row(
        "crowd-result-bytes",
        "a million, one waiter in `result()`: memory at the most",
        "bytes each",
        {STDLIB: Target(0.25)},
    ),
    Row(
        "crowd-wait",
        "a million pending, all settled, one waiter in `wait()`: time",
        "µs each",
        {STDLIB: NO_WORSE},
    ),
    Row(
        "crowd-wait-bytes",
        "a million, one waiter in `wait()`: memory at the most",
        "bytes each",
        {STDLIB: Target(0.25)},
        note="`wait()` takes the locks of all and puts its waiter into each, so a future that "
        "makes these parts when they are needed needs them here",
    ),
    Row(
        "wait",
        "`wait` for 100,000 futures",
        "µs each",
        {STDLIB: NO_WORSE},
        note="`concurrent.futures.wait` itself, with futures that are pending when it begins and "
        "are settled by another thread; so with `as_completed`",
    ),
    Row("as-completed", "`as_completed` of 100,000 futures", "µs each", {STDLIB: NO_WORSE}),
    Row(
        "wake",
        "`result()` wakes in another thread",
        "µs",
        {STDLIB: NO_WORSE},
        note="two threads that answer each other by futures; half of there and back",
    ),
    Row(
        "tasks",
        "empty tasks, submitted one by one",
        "tasks/s",
        {POOL: Target(0.5), "pebble": TELLS, "loky": NO_WORSE, "Dask": NO_WORSE},
        more_is_better=True,
        note="2,000 of them, two workers; until every result is here. Dask gathers its results in "
        "one go",
    ),
    Row(
        "map",
        "a map in chunks of 100",
        "items/s",
        {POOL: NO_WORSE, "pebble": TELLS, "loky": TELLS, "Dask": TELLS},
        more_is_better=True,
        note="20,000 items; Dask has no chunks, so it gets a task for each chunk",
    ),
    Row(
        "trip",
        "one task, there and back, idle engine",
        "µs",
        {POOL: Target(2.0), "pebble": TELLS, "loky": TELLS, "Dask": TELLS},
    ),
    Row(
        "argument",
        "100 MB as an argument",
        "ms",
        {POOL: NO_WORSE, "pebble": NO_WORSE, "loky": NO_WORSE, "Dask": NO_WORSE},
    ),
    Row(
        "result",
        "100 MB as a result",
        "ms",
        {POOL: NO_WORSE, "pebble": NO_WORSE, "loky": NO_WORSE, "Dask": NO_WORSE},
    ),
    Row(
        "argument-array",
        "an array of 100 MB as an argument",
        "ms",
        {POOL: NO_WORSE, "pebble": NO_WORSE, "loky": NO_WORSE, "Dask": NO_WORSE},
    ),
    Row(
        "result-array",
        "an array of 100 MB as a result",
        "ms",
        {POOL: NO_WORSE, "pebble": NO_WORSE, "loky": NO_WORSE, "Dask": NO_WORSE},
        note="of numpy, whose memory every side but pebble's and the pool's own sends as it is",
    ),
    Row(
        "cancel",
        "cancel of a running task, until `cancel()` returns",
        "ms",
        {"pebble": NO_WORSE},
        note="pebble's returns at once, and the task runs on until its pool looks; ours waits for "
        "the confirmation that it has ended; the two rows below compare like with like",
    ),
    Row(
        "cancel-asked",
        "the same where the cancel is only asked for, `cancel(timeout=0)`",
        "ms",
        {"pebble": TELLS},
        note="neither waits for anything: pebble notes the wish, ours moves the future and wakes "
        "the thread that sends it; pebble's `cancel()` has no other form",
    ),
    Row(
        "cancel-gone",
        "cancel of a running task, until nothing runs any more",
        "ms",
        {"pebble": NO_WORSE, "Scaler": NO_WORSE},
        note="Scaler: the 3 s that its workers wait before they kill, as found on a real cluster; "
        "not measured here",
    ),
    Row(
        "idle",
        "idle client, 10,000 pending futures: its processor time",
        "µs/s",
        {NOTHING: Target(more_by=1000.0), POOL: TELLS, "pebble": TELLS},
        note="wanted: nothing for them, and a thousandth of a core counts as nothing; the client's "
        "signs of life, one in two seconds, are in both",
    ),
    Row(
        "idle-wakes",
        "idle client, 10,000 pending futures: how often its threads wake",
        "a second",
        {NOTHING: Target(more_by=1.0), POOL: TELLS, "pebble": TELLS},
    ),
    Row(
        "import",
        "import of `futurefsm.fsm`",
        "ms",
        {STDLIB: Target(more_by=30.0)},
    ),
    Row(
        "start",
        "start of `Client()` until the first result",
        "ms",
        {
            POOL: Target(1.5),
            FORK_SERVER: Target(1.5),
            "pebble": TELLS,
            "loky": TELLS,
            "Dask": TELLS,
        },
        note="the module is imported before; ProcessPoolExecutor and pebble fork this process, "
        "the others start new interpreters; from Python 3.14 on forkserver is what a "
        "ProcessPoolExecutor does on Linux unless told otherwise",
    ),
)

# Figures that nobody measures here: side → row → samples.
STATED: dict[str, dict[str, list[float]]] = {"Scaler": {"cancel-gone": [3000.0]}}
