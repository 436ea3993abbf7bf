"""The kit's own bite: how many mutants of a correct future it kills.

A mutant is killed when a check fails, or when it cannot even be used. What survives is named: it is
either the same program in other words, or something that the kit should have seen.
"""

import builtins
import inspect
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import FrameType, ModuleType
from typing import Any, NamedTuple

from futurefsm.fsm import core, future, lock, rare
from futurefsm.fsm.checker.bite import Jaws
from futurefsm.fsm.events import CANCEL_TIMED_OUT, RECONNECTED
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.states import PENDING, RUNNING
from futurefsm.fsm.table import Lifecycle, Row, goes
from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.failure import Report
from futurefsm.fsm.testing.gallery import manager, reference
from futurefsm.fsm.testing.gallery.clients import HeardFutures
from futurefsm.fsm.testing.gallery.kept import SCHEDULES, kept
from futurefsm.fsm.testing.gallery.mutation import source_mutants, table_mutants
from futurefsm.fsm.testing.gallery.ours import FedByCaller, FsmFutures
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.onloop import OnLoop
from futurefsm.fsm.testing.programs import Program
from futurefsm.fsm.testing.threads import installed
from futurefsm.fsm.testing.threads.lines import HOOK, line, with_points

# Functions whose edits no schedule can tell from the original are left out: what only prints, and
# what only Ctrl-C reaches. A comment says why.
_REFERENCE = (
    "_ask _call _delete _discard _ended _fail _fetch _learn _load _may_wait _settle _tell "
    "_tell_waiter _wait_or_raise _wait_settled add_done_callback cancel cancelled exception "
    "on_confirm on_connection_lost on_disconnect on_reconnected on_result on_submit "
    "on_worker_died result"
)
_MANAGER = "_close _all _find _hand_over _waits create deliver disconnect submit"
# Not `__repr__`, `describe`, `story`: they print. Not `_interrupted`: only Ctrl-C goes there.
_CORE = (
    "_call_back _call_one _follow _fresh_rare _keep _learn _made_rare _own_error _put_rare _raised "
    "_refuse _take_special _take_told _tell _took_special _waiters done fire"
)
_RARE = "allow_until allowed append each learn remove stayed take"
_LOCK = "enlist sleep wake"
_FUTURE = (
    "_awaited_result _ended _must_not_wait _outcome_of_task _wait_or_raise _wait_settled "
    "_wait_until add_done_callback cancel cancelled exception result running set_cancel_confirmed "
    "set_exception set_result set_running_or_notify_cancel"
)


# Why nobody can see a difference.
_AGAIN = "it is looked at again under the lock"
_NO_FACT = "refining by no fact changes nothing"
_NOTHING = "performs nothing"
_DEADLINE = "nobody asks for the deadline of what has settled"
_LATER = "the deadline is that of the latest cancel, also a moment later"
_EITHER = "what it says was true at the test; a settled state is read under the lock"
_WHOLE = "the lock is re-entrant, and a wait lets go of all of it"
_TWICE = "who is woken twice looks twice"
_IN_VAIN = "a bed that nobody sleeps on any more is woken in vain"
_ROUND = "the way round it gives the same"
_RETURNS = "the second half only returns"
_CLOSED = "nothing is added once it is closed"

# Mutants that are the same program in other words, or whose difference nobody can see but in the
# words of an error, in time or in memory: the whole name → why. They are left out, and counted.
EQUIVALENT = {
    # Our Future.
    "core.py guard left out in _made_rare: if rare is None:": _AGAIN,
    "lock.py double call in enlist: waiters.append((bed, met))": _TWICE,
    "lock.py guard left out in sleep: if not woken:": "who was woken is in no list",
    "lock.py case left out in sleep: if not woken:": _IN_VAIN,
    "core.py not caught in fire: try: (3)": "KeyError either way; its words differ",
    "future.py case left out in result: if node.ended:": _ROUND,
    "future.py case left out in result: if self._exception is None and self._node is node:": _ROUND,
    "core.py case left out in fire: if after is not None:": "the slow path does the same",
    "core.py guard left out in _learn: if step.outcome is not None:": _NO_FACT,
    "core.py guard left out in _took_special: if step.moves:": "the story it makes is not kept",
    "core.py guard left out in _took_special: if step.discards:": "held for a moment longer",
    "core.py guard left out in fire: if step.effects:": _NOTHING,
    "core.py guard left out in _follow: if waiters is not None:": "tells nobody",
    "core.py guard left out in _follow: if step.effects:": _NOTHING,
    "core.py guard left out in _follow: if callbacks:": "calls nobody",
    "future.py guard left out in cancel: if not self._node.settled:": _DEADLINE,
    "future.py split lock in _wait_until: with lock:": _RETURNS,
    "future.py guard left out in add_done_callback: if not self._node.settled:": _AGAIN,
    "core.py guard left out in fire: if self._rare is not None or self._waiting is not None or "
    "lock._waiters:": "with nobody to be told it tells nobody",
    "core.py guard left out in _take_told: if step.notifies:": "who is woken in vain looks again",
    "future.py case left out in _wait_until: if timeout is not None and timeout != timeout:": (
        "the queue it sleeps on raises ValueError too; its words differ"
    ),
    "future.py case left out in _wait_until: if met():": _AGAIN,
    "future.py case left out in _wait_until: if met(): (3)": _AGAIN,
    # The gallery's.
    "manager.py act under lock in create: with self._lock:": "the same return, under the lock",
    "manager.py split lock in _close: with self._lock:": _CLOSED,
    "reference.py split lock in cancelled: with self._condition:": _LATER,
    "reference.py test before lock in cancelled: with self._condition:": _EITHER,
    "reference.py act under lock in cancelled: with self._condition:": _WHOLE,
    "reference.py guard left out in _settle: if fact is not None:": _NO_FACT,
    "reference.py drop call in _settle: self._done_callbacks.clear()": "it settles once",
    "reference.py split lock in _wait_settled: with self._condition:": _RETURNS,
}


# What survives, and why: the whole name → a phrase. Nobody is let off by it.
_CTRL_C = "only Ctrl-C between two lines shows it, and none comes here"
_SLEEPS_AGAIN = "who is woken in vain looks, and sleeps again"
SURVIVORS = {
    "lock.py guard left out in wake: if met():": _SLEEPS_AGAIN,
    "lock.py double call in wake: asleep.append(one)": _TWICE,
    "core.py not caught in fire: try: (2)": _CTRL_C,
    "core.py drop call in fire: self._interrupted(after, value, won, told)": _CTRL_C,
    "manager.py guard left out in disconnect: if future._may_wait():": (
        "nobody disconnects on the agent's thread"
    ),
}


def reason(survivor: str) -> str:
    """Why a mutant survives, as far as somebody has looked."""
    return SURVIVORS.get(survivor, "not seen")


@dataclass(frozen=True, slots=True)
class Target:
    """A mutant, ready to be tried.

    Attributes:
        name: what was done.
        harnesses: makes what the kit is pointed at, with the primitives installed; a mutant is
            killed where any of them fails.
        also: another tool, which says what it noticed; it is asked where the kit sees nothing.
        closer: the same ways, with every line of the edited module a switch point; tried where
            nothing was seen without.
        kept: the programs that are run beside those by lot, of each way.
    """

    name: str
    harnesses: Callable[[], Iterable[Harness]]
    also: Callable[[], str | None] | None = None
    closer: Callable[[], Iterable[Harness]] | None = None
    kept: Callable[[Harness], Iterable[Program]] = lambda harness: ()


Targets = Callable[[], Iterable[Target]]

_AGAIN_ROW = goes(RUNNING, RECONNECTED, PENDING, why="the scheduler has lost it: sent anew")
# Its futures can go round, so that no step takes the fast path; and no cancel is told to time out.
LOOPED = Lifecycle(
    "looped",
    CONFIRMED.start,
    [row for row in CONFIRMED.derive("again", _AGAIN_ROW).rows if row.event != CANCEL_TIMED_OUT],
)


@dataclass
class Bite:
    """What came of a set of mutants.

    Attributes:
        killed: name → the check that failed first, or the error.
        closely: names of those that were killed line by line only.
        survivors: names.
        refused: so many were refused by the table's own validation, before anything ran.
        equivalent: so many are the same program in other words (`EQUIVALENT`).
    """

    killed: dict[str, str] = field(default_factory=dict)
    closely: list[str] = field(default_factory=list)
    survivors: list[str] = field(default_factory=list)
    refused: int = 0
    equivalent: int = 0

    @property
    def share(self) -> float:
        """Killed, of those that ran."""
        tried = len(self.killed) + len(self.survivors)
        return len(self.killed) / tried if tried else 1.0


def reference_targets() -> Iterator[Target]:
    """Mutants of the gallery's correct future and of its manager."""
    for mutant in source_mutants(inspect.getsource(reference), "reference.py", _REFERENCE.split()):
        ours = partial(_clients, mutant.source, None)
        yield Target(mutant.name, ours, closer=partial(ours, lines=True), kept=kept)
    for mutant in source_mutants(inspect.getsource(manager), "manager.py", _MANAGER.split()):
        ours = partial(_clients, None, mutant.source)
        yield Target(mutant.name, ours, closer=partial(ours, lines=True), kept=kept)


def _clients(
    future_text: str | None, manager_text: str | None, *, lines: bool = False
) -> Iterator[Harness]:
    fresh: dict[str, ModuleType] = {}
    made = _fresh("futurefsm.fsm.testing.gallery.reference", future_text, fresh, lines=lines)
    managing = _fresh("futurefsm.fsm.testing.gallery.manager", manager_text, fresh, lines=lines)
    for delayed, submitted in ((False, True), (True, True), (False, False)):
        harness = HeardFutures(made.ClientFuture, managing.Manager, delayed=delayed)
        harness.submitted = submitted
        yield harness
    # On a loop a cancel must not wait, and asyncio asks a future in several steps.
    yield OnLoop(HeardFutures(made.ClientFuture, managing.Manager, delayed=True))


def future_targets() -> Iterator[Target]:
    """Mutants of `futurefsm.fsm.Future`, in all four files of it."""
    for module, names in ((core, _CORE), (rare, _RARE), (lock, _LOCK), (future, _FUTURE)):
        file = module.__name__.split(".")[-1]
        for mutant in source_mutants(inspect.getsource(module), f"{file}.py", names.split()):
            ours = partial(_ours, {module.__name__: mutant.source})
            yield Target(mutant.name, ours, closer=partial(ours, lines=True))


def _ours(edited: dict[str, str], *, lines: bool = False) -> Iterator[Harness]:
    fresh: dict[str, ModuleType] = {}
    for name in ("rare", "lock", "core", "future"):
        full = f"futurefsm.fsm.{name}"
        made = _fresh(full, edited.get(full), fresh, lines=lines)
    yield from _all_ways(CONFIRMED, made.Future)
    yield from _all_ways(STRICT, made.Future)
    yield FsmFutures(LOOPED, made.Future)
    yield FsmFutures(LOOPED, made.Future, worn=True)


def _all_ways(
    lifecycle: Lifecycle, future: type[future.Future[Any]], table: Lifecycle | None = None
) -> Iterator[Harness]:
    """Our Future fed by messages, by an executor, and with its values in an object store."""
    yield FsmFutures(lifecycle, future, table)
    yield FedByCaller(lifecycle, future, table)
    yield FsmFutures(lifecycle, future, table, stored=True)


def table_targets(lifecycle: Lifecycle) -> Iterator[Target | None]:
    """Mutants of a lifecycle, given to our Future and held against the right one; and to the
    checker. None: refused by its own validation."""
    jaws = Jaws(lifecycle)
    for mutant in table_mutants(lifecycle):
        if mutant.lifecycle is None:
            yield None
        else:
            ways = partial(_all_ways, lifecycle, future.Future, mutant.lifecycle)
            yield Target(mutant.name, ways, partial(_checked, jaws, mutant.row))


def _checked(jaws: Jaws, row: Row) -> str | None:
    killer = jaws.killer(row)
    return killer and f"checker: {killer}"


def _fresh(
    name: str, text: str | None, fresh: dict[str, ModuleType], *, lines: bool = False
) -> ModuleType:
    """A second copy of a module, in memory only; its imports of others in `fresh` lead to those.

    Args:
        text: its source, edited; None: as it is.
        lines: the lines of what was edited are switch points.
    """
    real_import = builtins.__import__

    def importing(asked: str, *rest: Any, **options: Any) -> Any:
        return fresh.get(asked) or real_import(asked, *rest, **options)

    real = __import__("sys").modules[name]
    module = ModuleType(f"{name}_edited")
    module.__file__ = real.__file__
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": importing}
    source = inspect.getsource(real) if text is None else text
    path = str(real.__file__)
    module.__dict__[HOOK] = line
    marked = lines and text is not None
    code = with_points(source, path) if marked else compile(source, path, "exec")
    exec(code, module.__dict__)
    fresh[name] = module
    return module


class TooLong(BaseException):
    """A mutant goes round for ever where nothing can switch."""


@contextmanager
def _at_most(seconds: float) -> Iterator[Callable[[], None]]:
    """Raises TooLong in the main thread after so many seconds of the processor: on a busy machine
    a mutant is not taken for one that hangs. Elsewhere it does nothing. Gives what starts the
    seconds anew."""
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return

    def anew() -> None:
        signal.setitimer(signal.ITIMER_VIRTUAL, seconds)

    def too_long(number: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGVTALRM, too_long)
    anew()
    try:
        yield anew
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


class Tried(NamedTuple):
    """What came of one mutant. `how`: what killed it: a check, or an error; None: it survived.
    `closely`: it took every line of the edited module as a switch point."""

    how: str | None
    closely: bool = False


def try_one(target: Target, **options: Any) -> str | None:
    """What killed a mutant: a check, or an error; None: it survived. `options`: as for `tried`."""
    return tried(target, **options).how


def tried(target: Target, *, schedules: int = 4000, seed: int = 0, seconds: float = 90.0) -> Tried:
    """Try one mutant.

    Args:
        schedules: so many for each way to use it.
        seconds: after so many of one way, of the processor, it counts as hanging.
    """
    closely = False
    try:
        with _at_most(seconds) as anew, installed():
            for ways, closely in ((target.harnesses, False), (target.closer or list, True)):
                for harness in ways():
                    anew()  # who survives them all has done nothing wrong by it
                    for each in _explored(harness, target, schedules, seed):
                        if each.failure is not None:
                            return Tried(each.failure.check, closely)
    except TooLong:
        return Tried("hangs", closely)
    except Exception as error:
        return Tried(type(error).__name__, closely)
    return Tried(target.also() if target.also is not None else None)


def _explored(harness: Harness, target: Target, schedules: int, seed: int) -> Iterator[Report]:
    yield explore(harness, schedules=schedules, seed=seed, shrink=False)
    for program in target.kept(harness):
        yield explore(
            harness, schedules=SCHEDULES, seed=seed, shrink=False, search="pct", programs=[program]
        )


def bite(targets: Iterable[Target | None], **options: Any) -> Bite:
    """Try mutants, one after the other. `options`: those of `tried`."""
    done = Bite()
    for target in targets:
        if target is None:
            done.refused += 1
            continue
        if target.name in EQUIVALENT:
            done.equivalent += 1
            continue
        how, closely = tried(target, **options)
        if how is None:
            done.survivors.append(target.name)
            continue
        done.killed[target.name] = how
        if closely:
            done.closely.append(target.name)
    return done


def named(done: Mapping[str, Bite]) -> str:
    """Lists of who survived and why, and of who was killed line by line only and by what."""
    alive = [(name, each, reason(each)) for name, one in done.items() for each in one.survivors]
    closely = [(name, each, one.killed[each]) for name, one in done.items() for each in one.closely]
    text = ""
    for title, listed in (("What survived", alive), ("What was killed line by line only", closely)):
        if listed:
            lines = [f"- {name}: `{each}`: {why}" for name, each, why in listed]
            text += f"\n\n{title}:\n\n" + "\n".join(lines)
    return text
