"""Side-by-side ratios: `make bench`, or `python benchmarks/run.py [--quick]`.

Both sides of a line run in the same process, in rounds that take turns, so that a busy machine is
unfair to neither. What is printed is the median round and the ratio of the medians; figures of
different runs or machines cannot be compared, ratios can, roughly.
"""

import argparse
import concurrent.futures
import gc
import platform
import sys
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

from futurefsm.client.client import Client
from futurefsm.fsm.events import RESULT_SUCCESS, SUBMIT
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the report; `ratio` is ours divided by theirs."""

    what: str
    unit: str
    ours: float
    theirs: float
    less_is_better: bool = True

    @property
    def ratio(self) -> float:
        return self.ours / self.theirs


@dataclass(frozen=True, slots=True)
class Size:
    """How much is done: rounds, repetitions a round, tasks a round."""

    rounds: int
    repeats: int
    tasks: int


FULL = Size(rounds=15, repeats=20_000, tasks=2_000)
QUICK = Size(rounds=3, repeats=500, tasks=50)


def in_turns(rounds: int, *sides: Callable[[], float]) -> list[float]:
    """The median of what each side returns, over rounds in which all take turns."""
    figures: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, its in zip(sides, figures, strict=True):
            its.append(side())
    return [median(its) for its in figures]


def timed(repeats: int, act: Callable[[int], None]) -> Callable[[], float]:
    """Microseconds for one repetition of `act(repeats)`, which repeats by itself."""

    def side() -> float:
        gc.collect()
        gc.disable()
        try:
            began = time.perf_counter()
            act(repeats)
            return (time.perf_counter() - began) / repeats * 1e6
        finally:
            gc.enable()

    return side


def live(made: Callable[[], concurrent.futures.Future[int]]) -> Callable[[int], None]:
    """From birth to result, in one thread."""

    def act(repeats: int) -> None:
        for _ in range(repeats):
            future = made()
            future.set_running_or_notify_cancel()
            future.set_result(1)
            future.result()

    return act


def lives(size: Size) -> list[Line]:
    theirs = timed(size.repeats, live(concurrent.futures.Future))
    lines = []
    for lifecycle in (CONFIRMED, STRICT):
        ours = timed(size.repeats, live(lambda which=lifecycle: Future(which)))  # type: ignore[misc]
        mine, other = in_turns(size.rounds, ours, theirs)
        what = f"future, birth to result, {lifecycle.name} / concurrent.futures"
        lines.append(Line(what, "µs", mine, other))
    return lines


def bytes_each(made: Callable[[], object], count: int) -> float:
    """Bytes of a pending future, by tracemalloc."""
    made()
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = [made() for _ in range(count)]
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        return (after - before - sys.getsizeof(kept)) / count
    finally:
        tracemalloc.stop()


def sizes(size: Size) -> list[Line]:
    ours = bytes_each(Future, size.repeats)
    theirs = bytes_each(concurrent.futures.Future, size.repeats)
    return [Line("pending future / concurrent.futures", "bytes", ours, theirs)]


def steps(size: Size) -> list[Line]:
    """Two steps of the lifecycle: by the compiled table, and by a `transitions.Machine`."""
    start = CONFIRMED.compiled
    machine = CONFIRMED.machine()

    def table(repeats: int) -> None:
        for _ in range(repeats):
            start.on[SUBMIT].node.on[RESULT_SUCCESS].node  # noqa: B018

    few = max(size.repeats // 20, 20)
    with machine.driving() as model:

        def judge(repeats: int) -> None:
            for _ in range(repeats):
                model.trigger("submit")
                model.trigger("result_success")
                machine.set_state(str(CONFIRMED.start), model)

        mine, other = in_turns(size.rounds, timed(size.repeats, table), timed(few, judge))
    return [Line("two steps, compiled table / transitions", "µs", mine, other)]


def rates(size: Size) -> list[Line]:
    """Tasks a second that do nothing, on two workers, all submitted at once."""

    def through(executor: concurrent.futures.Executor) -> Callable[[], float]:
        def side() -> float:
            began = time.perf_counter()
            futures = [executor.submit(abs, -1) for _ in range(size.tasks)]
            concurrent.futures.wait(futures)
            return size.tasks / (time.perf_counter() - began)

        side()
        return side

    # The pool first: it forks, which a process with threads should not do.
    with concurrent.futures.ProcessPoolExecutor(2) as pool:
        theirs = through(pool)
        with Client(workers=2) as client:
            mine, other = in_turns(max(size.rounds // 3, 1), through(client), theirs)
    what = "tasks through Client / ProcessPoolExecutor"
    return [Line(what, "tasks/s", mine, other, less_is_better=False)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds: figures mean nothing")
    size = QUICK if parser.parse_args().quick else FULL
    print(f"Python {platform.python_version()}, {platform.machine()}, {size.rounds} rounds")
    print(f"{'':60} {'ours':>12} {'theirs':>12}  ratio")
    for measure in (lives, sizes, steps, rates):
        for line in measure(size):
            better = "" if line.less_is_better else "  (more is better)"
            print(
                f"{line.what:60} {line.ours:12,.2f} {line.theirs:12,.2f}  {line.ratio:6.3f} "
                f"{line.unit}{better}",
                flush=True,
            )


if __name__ == "__main__":
    main()
