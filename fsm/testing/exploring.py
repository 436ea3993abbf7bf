"""explore, prove, replay: point the race kit at a future class.

explore(MyFutures()).check()              # without Hypothesis
print(prove(MyFutures(), threads=2))      # every schedule within a bound
test_races = races(MyFutures())           # a Hypothesis test
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle, islice
from multiprocessing.sharedctypes import RawValue
from random import Random
from time import perf_counter
from typing import Any, NamedTuple

from futurefsm.fsm.testing.drawing import Drawer, every, every_call
from futurefsm.fsm.testing.failure import (
    Counts,
    Failure,
    NotDeterministic,
    Proof,
    Report,
    Trouble,
)
from futurefsm.fsm.testing.fit import (
    at_least_one,
    not_negative,
    path_of,
    runnable,
    several,
    several_of,
)
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.jobs import shared
from futurefsm.fsm.testing.paths import paths as all_paths
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.search.again import confirmed
from futurefsm.fsm.testing.search.hybrid import Bad, hybrid
from futurefsm.fsm.testing.search.icb import Bounded, following
from futurefsm.fsm.testing.search.smallest import Found, smallest
from futurefsm.fsm.testing.stage import Stage
from futurefsm.fsm.testing.threads.steps import Run

Path = Sequence[Move]

# Behind every program.
_NONE = 1 << 62


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
    lines: Collection[str] = (),
    **options: Any,
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
        lines: names of modules whose every line is a point where another thread may go on.
        options: for `drawing.Drawer`, which draws the programs: `threads`, `calls`, `futures`,
            `wrong`.

    Raises:
        NotDeterministic: a failing schedule does not fail twice in the same way.
    """
    stage = Stage(harness, only=_set(checks), backend=backend, lines=lines)
    counts = stage.counts
    began = perf_counter()
    chance = Random(seed)
    at_least_one(schedules=schedules)
    not_negative(preemptions=preemptions)
    # Programs that somebody chose get no calls that he did not.
    calls = every_call(harness) if programs is None else ()
    if programs is not None:
        written = several("programs", programs, "Program")
        programs = (runnable(harness, program) for program in written)
    source = _endless(programs, Drawer(harness, **options), chance)
    with stage.open():
        failure = None
        while failure is None and counts.schedules < schedules:
            left = schedules - counts.schedules
            program = next(source)
            for bad in hybrid(stage, program, chance, search, preemptions, left):
                failure = failure_of(stage, bad, shrink=shrink, seed=seed, known=calls)
                break
    counts.seconds = perf_counter() - began
    return Report(counts, failure)


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
    lines: Collection[str] = (),
    known: Sequence[Call] | None = None,
    jobs: int = 1,
) -> Proof:
    """Run every schedule of every program within the bounds.

    Args:
        threads: at most so many users' threads, beside the pump's.
        calls: so many calls in each.
        preemptions: at most so many preemptions.
        paths: what the pump does; None: all that the lifecycle's table gives.
        limit: stop after so many schedules; the proof then says that it is not complete.
        known: the calls that programs are made of; None: all that the harness has, in all forms.
        checks, backend, lines: as for `explore`.
        jobs: so many processes share the programs (where the system can fork).

    Raises:
        Failure: one of them breaks a check.
    """
    stage = Stage(harness, only=_set(checks), backend=backend, lines=lines)
    counts = stage.counts
    began = perf_counter()
    at_least_one(threads=threads, calls=calls)
    forms = every_call(harness) if known is None else several_of(harness, known)
    chosen = _chosen(harness, paths)
    at_least_one(paths=len(chosen), known=len(forms))
    not_negative(preemptions=preemptions, limit=limit)
    # Of the first program that failed, known to all processes.
    first = RawValue("q", _NONE)

    def part(number: int) -> _Part:
        source = every(harness, threads=threads, calls_each=calls, chosen=chosen, known=forms)
        mine = islice(enumerate(source), number, None, jobs)
        share = None if limit is None else (limit + jobs - 1 - number) // jobs
        with stage.open():
            return _part(stage, mine, preemptions, share, first)

    parts = shared(part, jobs)
    for other in parts[1:]:
        counts.merge(other.counts)
    counts.seconds = perf_counter() - began
    bads = sorted((each.place, each.bad) for each in parts if each.bad is not None)
    if bads:
        with stage.open():
            raise failure_of(stage, bads[0][1], shrink=True, seed=None, known=forms)
    complete = all(each.complete for each in parts)
    return Proof(counts, threads, calls, preemptions, len(chosen), complete)


def _chosen(harness: Harness, paths: Iterable[Path] | None) -> tuple[tuple[Move, ...], ...]:
    if paths is None:
        return all_paths(harness)
    given = several("paths", paths, "paths, each a list of Move")
    return tuple(path_of(harness, each) for each in given)


class _Part(NamedTuple):
    """What came of a part of the programs. `bad`: of the program at `place`, the first there."""

    counts: Counts
    complete: bool
    place: int = 0
    bad: Bad | None = None


def _part(
    stage: Stage,
    programs: Iterable[tuple[int, Program]],
    preemptions: int,
    limit: int | None,
    first: Any,
) -> _Part:
    """Every schedule of some programs, as long as no earlier one has failed."""
    counts = stage.counts
    for place, program in programs:
        if limit is not None and counts.schedules >= limit:
            return _Part(counts, complete=False)
        if place > first.value:
            break
        search = Bounded(preemptions)
        while (schedule := search.next()) is not None:
            shown = stage.run(program, following(schedule))
            if shown.troubles:
                first.value = min(place, first.value)
                bad = Bad(Found.of(program, shown.run), shown.troubles)
                return _Part(counts, complete=True, place=place, bad=bad)
            search.learn(shown.run)
    return _Part(counts, complete=True)


def replay(
    harness: Harness, token: str, *, backend: str | None = None, lines: Collection[str] = ()
) -> Run:
    """Run what a token says, in detail.

    Args:
        backend: of the engine; a token is good for both.
        lines: as they were when the token was made.

    Returns:
        the run, where nothing is wrong with it any more.

    Raises:
        Failure: a check fails.
        TokenError: nothing fails, but the code under test performs other operations than it did,
            so that this means little; or it is no token.
    """
    from futurefsm.fsm.testing import tokens

    told = tokens.decode(token)
    called = {call.name for calls in told.program.threads for call in calls}
    if strangers := sorted(called - set(harness.calls)):
        raise tokens.TokenError(
            f"this replay token calls {strangers[0]}(), which {harness.name} does not have: is it "
            "the token of another test?"
        )
    stage = Stage(harness, backend=backend, lines=lines)
    with stage.open():
        shown = stage.run(told.program, following(told.choices), detailed=True)
        names = [ended.name for ended in shown.run.ended]
        differs = tokens.difference(told, shown.run.steps, names)
        if shown.troubles:
            failure = failure_of(stage, Bad(Found.of(told.program, shown.run), shown.troubles))
            failure.counts = Counts()  # nothing was searched
            if differs:
                failure.add_note(f"The token does not quite fit any more: {differs}.")
            raise failure
    if differs:
        raise tokens.TokenError(
            f"this replay token does not fit any more: {differs}. Nothing broke on the way; to "
            "know whether the race is gone, run the test without a token."
        )
    return shown.run


def failure_of(
    stage: Stage,
    bad: Bad,
    *,
    shrink: bool = False,
    seed: int | None = None,
    known: Iterable[Call] = (),
) -> Failure:
    """What is told of a schedule that went wrong: small, run ten times, and once in detail.

    Args:
        known: calls that may take the place of others where that makes it smaller.
    """
    check, found = bad.troubles[0].check, bad.found
    counts = replace(stage.counts)
    confirmed(stage, found.program, found.schedule)
    if shrink:
        found = smallest(stage, found, check, known=known)
        confirmed(stage, found.program, found.schedule)
    shown = stage.run(found.program, following(found.schedule), detailed=True)
    if not any(trouble.check == check for trouble in shown.troubles):
        raise NotDeterministic(
            f"the schedule {list(found.schedule)} breaks {check!r}, but not where its lines are "
            f"looked at\n{found.program}"
        )
    # The check that failed heads the list, also where the small one breaks others as well.
    troubles = sorted(shown.troubles, key=lambda trouble: trouble.check != check)
    failure = Failure(
        troubles,
        found.program,
        found.schedule,
        shown.run,
        shown.seen,
        stage.harness,
        counts,
        seed=seed,
        stories=shown.stories,
    )
    failure.lines = stage.lines
    return failure


def _set(names: Iterable[str] | None) -> frozenset[str] | None:
    if names is None:
        return None
    return frozenset([names] if isinstance(names, str) else several("checks", names, "names"))


def _endless(
    programs: Iterable[Program] | None, drawer: Drawer, chance: Random
) -> Iterator[Program]:
    if programs is not None:
        yield from cycle(programs)
        raise ValueError("programs is empty: there is nothing to try")
    while True:
        yield drawer.draw(chance.randrange)


__all__ = [
    "Failure",
    "NotDeterministic",
    "Proof",
    "Report",
    "Trouble",
    "explore",
    "prove",
    "replay",
]
