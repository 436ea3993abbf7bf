"""Programs drawn by lot, whoever draws: `random`, or Hypothesis. PURE.

Everything is drawn through one function, `lot(n)`, a number from 0 to n - 1. The smaller a number,
the simpler what it stands for; so what shrinks numbers shrinks programs.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations_with_replacement, product

from futurefsm.fsm.testing.fit import at_least_one
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.paths import Path, early, of_future, paths
from futurefsm.fsm.testing.programs import AWAIT, Call, Program

Lot = Callable[[int], int]

TIMEOUT_S = 1.0
# Callbacks that do it need a call of the harness, or a second future.
_CANCELS, _CANCELS_NEXT = "cancels", "cancels next"


def every_call(harness: Harness, *, futures: int = 1) -> tuple[Call, ...]:
    """Every call that a program of a harness can have, on its first future."""
    found: list[Call] = []
    for name in harness.calls:
        found.append(Call(name))
        if name in harness.timed:
            found.append(Call(name, TIMEOUT_S))
        if name in harness.asking:
            found.append(Call(name, 0.0))
        if name == "add_done_callback":
            found += [Call(name, how=how) for how in _callbacks(harness, futures)]
        if name == "wait" and futures > 1:
            found.append(Call(name, how="first"))
    return tuple(found)


def _callbacks(harness: Harness, futures: int) -> Iterator[str]:
    for how in harness.callbacks:
        if how in (_CANCELS, _CANCELS_NEXT) and "cancel" not in harness.calls:
            continue
        if how != _CANCELS_NEXT or futures > 1:
            yield how


class Drawer:
    """Draws programs of a harness.

    Args:
        threads, calls, futures: at most so many (of calls: in each thread).
        wrong: also what a correct peer never does.
    """

    def __init__(
        self,
        harness: Harness,
        *,
        threads: int = 3,
        calls: int = 2,
        futures: int = 2,
        wrong: bool = True,
    ) -> None:
        at_least_one(threads=threads, calls=calls, futures=futures)
        self._harness = harness
        self._threads = threads
        self._calls = calls
        self._futures = futures
        self._paths = _grouped(harness, wrong)
        self._known = {n: _by_name(every_call(harness, futures=n)) for n in (1, 2)}

    def draw(self, lot: Lot) -> Program:
        """One program."""
        harness = self._harness
        # Two threads in half of the cases; two futures in a quarter.
        threads = min(self._threads, (1, 2, 2, 3)[lot(4)])
        futures = min(self._futures, (1, 1, 1, 2)[lot(4)])
        known = self._known[futures]
        several: list[tuple[Call, ...]] = []
        for _ in range(threads):
            number = (1, 1, 2)[lot(3)] if self._calls > 1 else 1
            thread: list[Call] = []
            for _ in range(number):
                made = [*thread, *(call for calls in several for call in calls)]
                if made and lot(4) == 3:
                    # The same call twice is the classic.
                    thread.append(made[lot(len(made))])
                    continue
                forms = known[lot(len(known))]
                call = forms[lot(len(forms))]
                if futures > 1 and not call.on_all:
                    call = call._replace(future=lot(futures))
                thread.append(call)
            several.append(tuple(thread))
        path, before = self._path(lot, futures)
        faults = tuple(fault for fault in harness.faults if lot(4) == 3)
        return Program(tuple(several), path, faults, futures, before)

    def _path(self, lot: Lot, futures: int) -> tuple[Path, int]:
        chosen = [self._one(lot) for _ in range(futures)]
        starts = [early(self._harness, path) for path in chosen]
        owned = [of_future(path, number) for number, path in enumerate(chosen)]
        before = [move for path, n in zip(owned, starts, strict=True) for move in path[:n]]
        rest = [list(path[n:]) for path, n in zip(owned, starts, strict=True)]
        merged = []
        while any(rest):
            alive = [each for each in rest if each]
            merged.append(alive[lot(len(alive))].pop(0))
        return (*before, *merged), len(before)

    def _one(self, lot: Lot) -> Path:
        """A path for one future."""
        group = self._paths[lot(len(self._paths))]
        return group[lot(len(group))]


def _by_name(known: Sequence[Call]) -> list[list[Call]]:
    """The forms of each call together, so that none is rare for the others having many; cancel
    comes three times, for without it there are few races."""
    forms: dict[str, list[Call]] = {}
    for call in known:
        forms.setdefault(call.name, []).append(call)
    return [*forms.values(), *[forms["cancel"]] * 2] if "cancel" in forms else [*forms.values()]


def _grouped(harness: Harness, wrong: bool) -> list[Sequence[Path]]:
    """Paths in groups, each as often as it deserves: silence, plain ends, answers to a cancel, and
    what a correct peer never does."""
    good = paths(harness, wrong=False)
    answering = [path for path in good if any(move.event == AWAIT for move in path)]
    plain = [path for path in good[1:] if path not in answering]
    bad = [path for path in paths(harness) if path not in good] if wrong else []
    groups = [good[:1], plain, plain, answering, answering, answering, bad, bad]
    return [group for group in groups if group]


def every(
    harness: Harness,
    *,
    threads: int,
    calls_each: int,
    chosen: Sequence[Path],
    known: Sequence[Call] | None = None,
) -> Iterator[Program]:
    """Every program with at most so many threads of at most so many calls each, on one future.

    Programs that differ in the order of their threads only are the same.
    """
    some = every_call(harness) if known is None else tuple(known)
    bodies = [body for n in range(1, calls_each + 1) for body in product(some, repeat=n)]
    for path in chosen:
        before = early(harness, path)
        for number in range(1, threads + 1):
            for several in combinations_with_replacement(bodies, number):
                yield Program(several, tuple(path), (), 1, before)
                for fault in harness.faults:
                    yield Program(several, tuple(path), (fault,), 1, before)
