"""explore, prove, races, replay: point the race kit at a future class.

explore(MyFutures()).check()              # without Hypothesis
print(prove(MyFutures(), threads=2))      # every schedule within a bound
test_races = races(MyFutures())           # a Hypothesis test
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from futurefsm.fsm.testing.failure import Failure, NotDeterministic, Proof, Report, Trouble
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.programs import Move, Program

Path = Sequence[Move]


def explore(
    harness: Harness,
    *,
    schedules: int = 2000,
    preemptions: int = 2,
    seed: int = 0,
    search: str = "hybrid",
    programs: Iterable[Program] | None = None,
    checks: Iterable[str] | None = None,
    shrink: bool = True,
    backend: str | None = None,
) -> Report:
    """Run many schedules of many programs; stop at the first that breaks a check.

    Args:
        harness: what is tested.
        schedules: how many schedules at most.
        preemptions: how many preemptions at most (where `search` bounds them).
        seed: the same seed does the same.
        search: "hybrid", "icb", "random", "pct", "pos".
        programs: those to run, over and over; None: drawn from the harness.
        checks: names of checks (`checks.ORDER`); None: all.
        shrink: make a failure small before it is reported.
        backend: "greenlets", "pooled", or None for the faster one that is installed.

    Raises:
        NotDeterministic: a failing schedule does not fail twice in the same way.
    """
    raise NotImplementedError


def prove(
    harness: Harness,
    *,
    threads: int = 2,
    calls: int = 1,
    preemptions: int = 2,
    paths: Iterable[Path] | None = None,
    checks: Iterable[str] | None = None,
    limit: int | None = None,
    backend: str | None = None,
) -> Proof:
    """Run every schedule of every program within the bounds.

    Args:
        threads: at most so many users' threads, beside the pump's.
        calls: so many calls in each.
        preemptions: at most so many preemptions.
        paths: what the pump does; None: all that the lifecycle's table gives.
        limit: stop after so many schedules; the proof then says that it is not complete.

    Raises:
        Failure: one of them breaks a check.
    """
    raise NotImplementedError


def races(
    harness: Harness,
    *,
    schedules: int = 2000,
    preemptions: int = 2,
    checks: Iterable[str] | None = None,
    **options: Any,
) -> Callable[[], None]:
    """A Hypothesis test: it draws the program, the messages, the faults and the schedule.

    The database, ``@reproduce_failure`` and ``@settings`` work as with any test of Hypothesis.
    """
    raise NotImplementedError


__all__ = [
    "Failure",
    "NotDeterministic",
    "Proof",
    "Report",
    "Trouble",
    "explore",
    "prove",
    "races",
]
