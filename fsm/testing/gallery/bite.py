"""The kit's own bite: how many mutants of a correct future it kills.

A mutant is killed when a check fails, or when it cannot even be used. What survives is named: it is
either the same program in other words, or something that the kit should have seen.
"""

import builtins
import inspect
import signal
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import FrameType, ModuleType
from typing import Any

from futurefsm.fsm import core, future, rare
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.exploring import explore
from futurefsm.fsm.testing.gallery import manager, reference
from futurefsm.fsm.testing.gallery.clients import ClientFutures
from futurefsm.fsm.testing.gallery.mutation import source_mutants, table_mutants
from futurefsm.fsm.testing.gallery.ours import FsmFutures
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.threads import installed

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
    "_call_back _call_one _condition _follow _keep _made_rare _own_error _raised _refuse "
    "_take_special _tell _took_special done fire running"
)
_RARE = "allow_until allowed learn stayed take"
_FUTURE = (
    "_ended _must_not_wait _outcome_of_task _wait_or_raise _wait_settled _wait_until "
    "add_done_callback cancel cancelled exception result set_cancel_confirmed set_exception "
    "set_result set_running_or_notify_cancel"
)


# Mutants that are the same program in other words, or differ in what no schedule shows: part of a
# name → why. They are left out, and counted.
EQUIVALENT = {
    ") is ignored": "from the wire a violation, too, moves nothing; only a count differs",
    "violations += ": "a count that only its owner reads",
    ".stayed(": "a count for the story",
    "if step.moves": "what the story keeps",
    "if not step.moves": "a count for the story",
    "rare.forgotten": "a count for the story",
    "if len(story) == ": "a count for the story",
    "act under lock in _took_special": "deletes a local name under the lock",
    "guard left out in _follow: if waiters": "a loop over nobody",
    "guard left out in _follow: if callbacks": "a loop over nobody",
    "guard left out in _follow: if step.effects": "a loop over nothing",
    "in _tell: if self._node.state.is_cancelled": "wait() treats the ways to end alike",
    "in _tell: if self._raised()": "wait() treats the ways to end alike",
    "in _tell_waiter: if ": "wait() treats the ways to end alike",
    "_done_callbacks.clear()": "it settles once",
    "split lock in cancelled": "the second half reads one field",
    "split lock in _wait_settled": "the second half returns",
    "if not self._node.settled: in add_done_callback": "looked at again under the lock",
    "in _may_wait: if asyncio": "no loop runs here; bug 20 shows it",
    "in deliver: if future is not None": "no message is for nobody here",
    "in _wait_or_raise: if self._node.settled": "the wait looks first, too",
}


@dataclass(frozen=True, slots=True)
class Target:
    """A mutant, ready to be tried. `harnesses` makes what the kit is pointed at; a mutant is killed
    where any of them fails. It runs with the primitives installed."""

    name: str
    harnesses: Callable[[], Iterable[Harness]]


Targets = Callable[[], Iterable[Target]]


@dataclass
class Bite:
    """What came of a set of mutants.

    Attributes:
        killed: name → the check that failed first, or the error.
        survivors: names.
        refused: so many were refused by the table's own validation, before anything ran.
        equivalent: so many are the same program in other words (`EQUIVALENT`).
    """

    killed: dict[str, str] = field(default_factory=dict)
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
        yield Target(mutant.name, partial(_clients, mutant.source, None))
    for mutant in source_mutants(inspect.getsource(manager), "manager.py", _MANAGER.split()):
        yield Target(mutant.name, partial(_clients, None, mutant.source))


def _clients(future_text: str | None, manager_text: str | None) -> Iterator[Harness]:
    fresh: dict[str, ModuleType] = {}
    made = _fresh("futurefsm.fsm.testing.gallery.reference", future_text, fresh)
    managing = _fresh("futurefsm.fsm.testing.gallery.manager", manager_text, fresh)
    for delayed, submitted in ((False, True), (True, True), (False, False)):
        harness = ClientFutures(made.ClientFuture, managing.Manager, delayed=delayed)
        harness.submitted = submitted
        yield harness


def future_targets() -> Iterator[Target]:
    """Mutants of `futurefsm.fsm.Future`, in all three files of it."""
    for module, names in ((core, _CORE), (rare, _RARE), (future, _FUTURE)):
        file = module.__name__.split(".")[-1]
        for mutant in source_mutants(inspect.getsource(module), f"{file}.py", names.split()):
            yield Target(mutant.name, partial(_ours, {module.__name__: mutant.source}))


def _ours(edited: dict[str, str]) -> Iterator[Harness]:
    fresh: dict[str, ModuleType] = {}
    for name in ("rare", "core", "future"):
        full = f"futurefsm.fsm.{name}"
        made = _fresh(full, edited.get(full), fresh)
    for lifecycle in (CONFIRMED, STRICT):
        yield FsmFutures(lifecycle, made.Future)


def table_targets(lifecycle: Lifecycle) -> Iterator[Target | None]:
    """Mutants of a lifecycle, given to our Future and held against the right one. None: refused by
    its own validation."""
    for mutant in table_mutants(lifecycle):
        if mutant.lifecycle is None:
            yield None
        else:
            yield Target(mutant.name, partial(_with_table, lifecycle, mutant.lifecycle))


def _with_table(lifecycle: Lifecycle, table: Lifecycle) -> Iterator[Harness]:
    yield FsmFutures(lifecycle, table=table)


def _fresh(name: str, text: str | None, fresh: dict[str, ModuleType]) -> ModuleType:
    """A second copy of a module, in memory only; its imports of others in `fresh` lead to those."""
    real_import = builtins.__import__

    def importing(asked: str, *rest: Any, **options: Any) -> Any:
        return fresh.get(asked) or real_import(asked, *rest, **options)

    real = __import__("sys").modules[name]
    module = ModuleType(f"{name}_edited")
    module.__file__ = real.__file__
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": importing}
    source = inspect.getsource(real) if text is None else text
    exec(compile(source, str(real.__file__), "exec"), module.__dict__)
    fresh[name] = module
    return module


class TooLong(BaseException):
    """A mutant goes round for ever where nothing can switch."""


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    """Raises TooLong in the main thread after so many seconds; elsewhere it does nothing."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def too_long(number: int, frame: FrameType | None) -> None:
        raise TooLong

    before = signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def try_one(
    target: Target, *, schedules: int = 4000, seed: int = 0, seconds: float = 60.0
) -> str | None:
    """What killed a mutant: a check, or an error; None: it survived.

    Args:
        schedules: so many for each way to use it.
        seconds: after so many it counts as hanging.
    """
    try:
        with _at_most(seconds), installed():
            for harness in target.harnesses():
                report = explore(harness, schedules=schedules, seed=seed, shrink=False)
                if report.failure is not None:
                    return report.failure.check
    except TooLong:
        return "hangs"
    except Exception as error:
        return type(error).__name__
    return None


def bite(targets: Iterable[Target | None], **options: Any) -> Bite:
    """Try mutants, one after the other. `options`: those of `try_one`."""
    done = Bite()
    for target in targets:
        if target is None:
            done.refused += 1
            continue
        if any(part in target.name for part in EQUIVALENT):
            done.equivalent += 1
            continue
        how = try_one(target, **options)
        if how is None:
            done.survivors.append(target.name)
        else:
            done.killed[target.name] = how
    return done
