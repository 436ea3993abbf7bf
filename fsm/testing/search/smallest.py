"""Make a failure small: fewest calls, then preemptions, then switches, then steps.

First what can be left out is left out. What remains may still be a long way round: where `done()`
needs two results to show what `cancel()` shows with one, nothing can be left out. So at the end
each call is exchanged for each other one that the harness has.
"""

from collections.abc import Iterable, Iterator, Sequence
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
# The same for a program with another call in it: there are many.
_EXCHANGES = 100


class Found(NamedTuple):
    """A program and a schedule under which a check fails."""

    program: Program
    schedule: Schedule
    size: tuple[int, int, int]

    @classmethod
    def of(cls, program: Program, run: Run) -> "Found":
        """What a run was; its size: preemptions, switches, steps."""
        return cls(program, tuple(run.choices), (run.preemptions, run.switches, len(run.raw)))

    @property
    def weight(self) -> tuple[int, ...]:
        """What is smaller is better: futures, calls, preemptions, switches, steps, moves."""
        program = self.program
        return (program.futures, program.calls, *self.size, len(program.path))


def smallest(
    stage: Stage,
    found: Found,
    check: str,
    *,
    known: Iterable[Call] = (),
    seconds: float = 20.0,
    deepest: int = 3,
) -> Found:
    """The smallest failure of the same check that was found in time.

    Args:
        known: calls that may take the place of others.
        seconds: stop after so long, by the wall clock; what was found by then is right, but it may
            not be the smallest.
        deepest: at most so many preemptions are tried, where the failure needs no more.
    """
    end = perf_counter() + seconds
    bound = max(deepest, min(found.size[0], deepest + 1))
    several, last = tuple(known), None
    while found != last:
        last = found
        for tries in _TRIES:
            found = _smaller(stage, found, check, bound, tries, end)
        found = fewest(stage, found, check, bound=bound, end=end)
        found = _exchanged(stage, found, check, several, bound, end)
    return found


def _exchanged(
    stage: Stage, found: Found, check: str, known: Sequence[Call], bound: int, end: float
) -> Found:
    """The first program with another call that fails in fewer steps, or the one given."""
    for program in exchanges(found.program, known):
        if perf_counter() > end:
            break
        # With as many calls it is no smaller where it needs more preemptions.
        most = bound if program.calls < found.program.calls else found.size[0]
        other = _fails(stage, program, check, most, found, _EXCHANGES)
        if other is not None:
            other = fewest(stage, other, check, bound=most, end=end, tries=_EXCHANGES)
            if other.weight < found.weight:
                return other
    return found


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
    yield from _fewer_calls(program)
    for fault in program.faults:
        yield program._replace(faults=tuple(f for f in program.faults if f != fault))
    yield from _shorter_paths(program)
    for number, calls in enumerate(threads):
        for place, call in enumerate(calls):
            for plain in _plainer(call):
                yield _with_thread(program, number, (*calls[:place], plain, *calls[place + 1 :]))


def exchanges(program: Program, known: Sequence[Call]) -> Iterator[Program]:
    """Programs with another call in the place of one: beside that with one call less, with a
    shorter path, or as they are."""
    for shorter in (*_fewer_calls(program), *_shorter_paths(program), program):
        for number, calls in enumerate(shorter.threads):
            for place, call in enumerate(calls):
                for other in known:
                    other = other._replace(future=0 if other.on_all else call.future)
                    if other != call:
                        changed = (*calls[:place], other, *calls[place + 1 :])
                        yield _with_thread(shorter, number, changed)


def _fewer_calls(program: Program) -> Iterator[Program]:
    """Without one of the threads, or one of the calls."""
    threads = program.threads
    for number in range(len(threads)):
        if len(threads) > 1:
            yield program._replace(threads=threads[:number] + threads[number + 1 :])
    for number, calls in enumerate(threads):
        for place in range(len(calls)):
            if len(calls) > 1:
                left = calls[:place] + calls[place + 1 :]
                yield _with_thread(program, number, left)


def _with_thread(program: Program, number: int, calls: tuple[Call, ...]) -> Program:
    threads = program.threads
    return program._replace(threads=(*threads[:number], calls, *threads[number + 1 :]))


def _fewer_futures(program: Program) -> Iterator[Program]:
    """Only one of the futures: with its own calls, or with all of them (a call on one future may
    touch the others, as `disconnect` does)."""
    for kept in range(program.futures):
        path = tuple(move for move in program.path if move.future == kept)
        before = sum(move.future == kept for move in program.path[: program.early])
        own = tuple(
            tuple(call for call in calls if call.on_all or call.future == kept)
            for calls in program.threads
        )
        for threads in dict.fromkeys((tuple(calls for calls in own if calls), program.threads)):
            if threads:
                moved = tuple(tuple(c._replace(future=0) for c in calls) for calls in threads)
                yield Program(moved, of_future(path, 0), program.faults, 1, before)


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
