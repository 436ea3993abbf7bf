"""Make a failure small: fewest calls, then preemptions, then switches, then steps."""

from collections.abc import Iterator
from time import perf_counter
from typing import NamedTuple

from futurefsm.fsm.testing.paths import of_future
from futurefsm.fsm.testing.programs import AWAIT, Call, Program
from futurefsm.fsm.testing.search.icb import Bounded, Schedule, following
from futurefsm.fsm.testing.stage import Stage
from futurefsm.fsm.testing.threads.steps import Run

# A candidate gets so many schedules to fail in; when none fails any more, all get more.
_TRIES = (600, 4000)
# Schedules to look for one with fewer switches.
_POLISH = 3000


class Found(NamedTuple):
    """A program and a schedule under which a check fails."""

    program: Program
    schedule: Schedule
    size: tuple[int, int, int]

    @classmethod
    def of(cls, program: Program, run: Run) -> "Found":
        """What a run was; its size: preemptions, switches, steps."""
        return cls(program, tuple(run.choices), (run.preemptions, run.switches, len(run.raw)))


def smallest(
    stage: Stage, found: Found, check: str, *, seconds: float = 20.0, deepest: int = 3
) -> Found:
    """The smallest failure of the same check that was found in time.

    Args:
        seconds: stop after so long, by the wall clock; what was found by then is right, but it may
            not be the smallest.
        deepest: at most so many preemptions are tried, where the failure needs no more.
    """
    end = perf_counter() + seconds
    bound = max(deepest, min(found.size[0], deepest + 1))
    for tries in _TRIES:
        found = _smaller(stage, found, check, bound, tries, end)
    return fewest(stage, found, check, bound=bound, end=end)


def _smaller(stage: Stage, found: Found, check: str, bound: int, tries: int, end: float) -> Found:
    """The first simpler program that still fails, and so on."""
    smaller = True
    while smaller:
        smaller = False
        for program in simpler(found.program):
            if perf_counter() > end:
                return found
            if (other := _fails(stage, program, check, bound, found, tries)) is not None:
                found, smaller = other, True
                break
    return found


def _fails(
    stage: Stage, program: Program, check: str, bound: int, old: Found, tries: int
) -> Found | None:
    """Whether a simpler program still fails, by a few schedules with few preemptions."""
    shown = stage.run(program, following(old.schedule))
    if any(trouble.check == check for trouble in shown.troubles):
        return Found.of(program, shown.run)
    search = Bounded(bound)
    for _ in range(tries):
        schedule = search.next()
        if schedule is None:
            return None
        shown = stage.run(program, following(schedule))
        if any(trouble.check == check for trouble in shown.troubles):
            return Found.of(program, shown.run)
        search.learn(shown.run)
    return None


def fewest(
    stage: Stage,
    found: Found,
    check: str,
    *,
    bound: int = 2,
    end: float | None = None,
    tries: int = _POLISH,
) -> Found:
    """The same program, with fewer preemptions, switches, steps.

    Args:
        bound: at most so many preemptions are tried.
        end: stop then, by `perf_counter`.
        tries: at most so many schedules are tried.
    """
    search = Bounded(min(bound, found.size[0]))
    for _ in range(tries):
        schedule = search.next()
        if schedule is None or (end is not None and perf_counter() > end):
            break
        run, _, troubles, _ = stage.run(found.program, following(schedule))
        search.learn(run)
        if run.preemptions > found.size[0]:
            break
        if any(trouble.check == check for trouble in troubles):
            found = min(found, Found.of(found.program, run), key=lambda each: each.size)
    return found


def simpler(program: Program) -> Iterator[Program]:
    """Programs with less in them: the greatest steps first."""
    threads = program.threads
    if program.futures > 1:
        yield from _fewer_futures(program)
    for number in range(len(threads)):
        if len(threads) > 1:
            yield program._replace(threads=threads[:number] + threads[number + 1 :])
    for number, calls in enumerate(threads):
        for place in range(len(calls)):
            if len(calls) > 1:
                left = calls[:place] + calls[place + 1 :]
                yield _with_thread(program, number, left)
    for fault in program.faults:
        yield program._replace(faults=tuple(f for f in program.faults if f != fault))
    yield from _shorter_paths(program)
    for number, calls in enumerate(threads):
        for place, call in enumerate(calls):
            for plain in _plainer(call):
                yield _with_thread(program, number, (*calls[:place], plain, *calls[place + 1 :]))


def _with_thread(program: Program, number: int, calls: tuple[Call, ...]) -> Program:
    threads = program.threads
    return program._replace(threads=(*threads[:number], calls, *threads[number + 1 :]))


def _fewer_futures(program: Program) -> Iterator[Program]:
    """Only one of the futures."""
    for kept in range(program.futures):
        path = tuple(move for move in program.path if move.future == kept)
        before = sum(move.future == kept for move in program.path[: program.early])
        threads = tuple(
            tuple(call._replace(future=0) for call in calls if call.on_all or call.future == kept)
            for calls in program.threads
        )
        threads = tuple(calls for calls in threads if calls)
        if threads:
            yield Program(threads, of_future(path, 0), program.faults, 1, before)


def _shorter_paths(program: Program) -> Iterator[Program]:
    for place in reversed(range(program.early, len(program.path))):
        path = program.path[:place] + program.path[place + 1 :]
        yield program._replace(path=path)
        if program.path[place].event == AWAIT and place + 1 < len(program.path):
            # The wait with what was awaited.
            yield program._replace(path=program.path[:place] + program.path[place + 2 :])


def _plainer(call: Call) -> Iterator[Call]:
    if call.how:
        yield call._replace(how="")
    if call.timeout is not None:
        yield call._replace(timeout=None)
