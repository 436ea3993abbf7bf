"""How each row is measured: by which function, of whom, how often."""

from dataclasses import dataclass

from benchmarks.rows import FORK_SERVER, NOTHING, POOL, STDLIB


@dataclass(frozen=True, slots=True)
class Job:
    """Rows that are measured together, by one function.

    Attributes:
        does: "module:function" below `benchmarks`; called with a side and how many.
        n: how many; 0: only for the growth.
        rows: which figures it gives.
        sides: whose.
        rounds: how often each side has its turn.
        together: all sides in one process, which is kept; else a fresh one for each turn.
        quick_n: how many for `--quick`.
        sizes: how many for the growth, for which `grow_rounds` are enough.
    """

    does: str
    n: int
    rows: tuple[str, ...]
    sides: tuple[str, ...]
    rounds: int
    together: bool = False
    quick_n: int = 100
    sizes: tuple[int, ...] = ()
    grow_rounds: int = 3


_BOTH = ("ours", STDLIB)
_POOLS = ("ours", POOL, "pebble", "loky", "Dask")

_TO_A_MILLION = (1_000, 10_000, 100_000, 1_000_000)

JOBS = (
    Job(
        "futures:life",
        20_000,
        ("life",),
        ("ours", "ours, STRICT", STDLIB),
        rounds=25,
        together=True,
    ),
    Job("futures:kept", 0, ("kept",), _BOTH, rounds=3, sizes=_TO_A_MILLION),
    Job(
        "futures:size",
        100_000,
        ("bytes", "resident"),
        _BOTH,
        rounds=5,
        sizes=_TO_A_MILLION,
        grow_rounds=1,
    ),
    Job(
        "tables:event",
        4_000,
        ("event",),
        ("ours", "ours, Future.fire", "transitions", "python-statemachine", "Automat"),
        rounds=15,
        together=True,
    ),
    Job("tables:many", 0, ("many",), ("ours",), rounds=3, sizes=_TO_A_MILLION),
    Job(
        "futures:crowd_in_result",
        1_000_000,
        ("crowd-result", "crowd-result-bytes"),
        _BOTH,
        rounds=3,
        sizes=_TO_A_MILLION,
    ),
    Job(
        "futures:crowd_in_wait",
        1_000_000,
        ("crowd-wait", "crowd-wait-bytes"),
        _BOTH,
        rounds=3,
        sizes=_TO_A_MILLION,
    ),
    Job(
        "futures:waits",
        100_000,
        ("wait", "as-completed"),
        _BOTH,
        rounds=5,
        sizes=_TO_A_MILLION,
    ),
    Job("futures:wake", 3_000, ("wake",), _BOTH, rounds=25, together=True),
    Job(
        "engine:through",
        2_000,
        ("tasks", "map", "trip"),
        _POOLS,
        # What takes microseconds depends on which core each process has got: many short lives.
        rounds=8,
        quick_n=50,
    ),
    Job(
        "engine:through",
        2_000,
        ("argument", "result", "argument-array", "result-array"),
        _POOLS,
        rounds=5,
        quick_n=50,
    ),
    Job(
        "engine:starting",
        1,
        ("start",),
        ("ours", POOL, FORK_SERVER, "pebble", "loky", "Dask"),
        rounds=5,
        quick_n=1,
    ),
    Job(
        "engine:cancels",
        5,
        ("cancel", "cancel-asked", "cancel-gone"),
        ("ours", "pebble"),
        rounds=5,
        quick_n=1,
    ),
    Job(
        "engine:idle",
        10_000,
        ("idle", "idle-wakes"),
        ("ours", NOTHING, POOL, "pebble"),
        rounds=2,
        quick_n=20,
    ),
    Job("starts:imports", 1, ("import",), _BOTH, rounds=15, together=True, quick_n=1),
    Job(
        "engine:growing_map",
        0,
        ("map",),
        ("ours", POOL),
        rounds=1,
        sizes=_TO_A_MILLION,
        grow_rounds=1,
    ),
    # The last: where it takes too long, a million is left out.
    Job(
        "engine:growing_tasks",
        0,
        ("tasks",),
        ("ours", POOL),
        rounds=1,
        sizes=_TO_A_MILLION,
        grow_rounds=1,
    ),
)
