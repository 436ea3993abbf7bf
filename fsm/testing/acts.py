"""All that can be done with a future of a class, by name; the sweep does each thing once."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

from futurefsm.fsm.testing.bench import Act, Bench
from futurefsm.fsm.testing.callbacks import KINDS
from futurefsm.fsm.testing.compared import Compared
from futurefsm.fsm.testing.model import ways
from futurefsm.fsm.testing.subject import Subject

# About so many ways are swept; longer ones only where there are few.
_WAYS = 200
# The audience of two has a bystander.
_BYSTANDER = 2

_QUESTIONS: dict[str, Act] = {
    "result": Compared.result,
    "exception": Compared.exception,
    "cancelled": Compared.cancelled,
    "result, as long as it takes": partial(Compared.result, wait=True),
    "exception, as long as it takes": partial(Compared.exception, wait=True),
    "repr": Compared.repr,
}
_CALLBACK = "callback that does {!r}"
_CALLBACKS: dict[str, Act] = {
    _CALLBACK.format(kind): partial(Compared.add_callback, kind=kind) for kind in KINDS
}
_CANCELS = _CALLBACK.format("cancel")
# What is asked again where there were listeners.
_LAST: tuple[Act, ...] = (Compared.result, Compared.exception, Compared.cancelled)
_WAITERS: dict[str, Act] = {"waiter": Compared.watch}
_TOGETHER: dict[str, Act] = {
    "wait for it": lambda future: future.bench.wait([future]),
    "as_completed of it": lambda future: future.bench.as_completed([future]),
    "wait for all": lambda future: future.bench.wait(future.bench.futures),
    "wait for the first": lambda f: f.bench.wait(f.bench.futures, "FIRST_COMPLETED"),
    "wait for an exception": lambda f: f.bench.wait(f.bench.futures, "FIRST_EXCEPTION"),
    "as_completed of all": lambda future: future.bench.as_completed(future.bench.futures),
}


class Acts:
    """What can be done with the futures of a class.

    Attributes:
        states: those that a future can be brought to, by name, the start first.
        happenings: messages, calls of an executor, cancels. The simplest first.
        listeners: what adds callbacks and waiters.
        questions: what a user asks.
    """

    def __init__(self, subject: Subject) -> None:
        probe = subject.make()
        watched = subject.tells_waiters(probe)
        self.states = tuple(map(str, ways(subject.lifecycle, subject.usable(probe))))
        self.happenings = _happenings(subject, probe)
        self.listeners: dict[str, Act] = {**_CALLBACKS, **(_WAITERS if watched else {})}
        self.questions: dict[str, Act] = {**_QUESTIONS, **(_TOGETHER if watched else {})}


def sweep(subject: Subject, patience_s: float) -> Counter[tuple[str, str]]:
    """From every state, everything that can happen, with and without listeners; more listeners
    then, and every question. Short ways first, so that what differs is told by one.

    Returns:
        how often each row was met, as (state, event).

    Raises:
        Differs: the future does not do what its table says.
    """
    acts = Acts(subject)
    met: Counter[tuple[str, str]] = Counter()
    bench = Bench(subject, patience_s)
    try:
        for state, way, listeners in _ways(acts):
            bench.fresh()
            if len(listeners) == _BYSTANDER:
                # Nothing that happens to one future may be heard of by another.
                bench.make(None, listeners)
            future = bench.make(state, listeners)
            for happen in way:
                happen(future)
            for act in (*listeners, *(_LAST if listeners else acts.questions.values())):
                act(future)
            met.update(future.model.used)
    finally:
        bench.close()
    return met


def _ways(acts: Acts) -> Iterator[tuple[str, tuple[Act, ...], tuple[Act, ...]]]:
    """(state, what happens then, who listens from the beginning)."""
    happenings = tuple(acts.happenings.values())
    count = len(acts.states)
    depth = 0
    while depth <= 1 or count * len(happenings) ** depth <= _WAYS:
        paths = product(happenings, repeat=depth)
        yield from product(acts.states, paths, _audiences(acts))
        depth += 1


def _audiences(acts: Acts) -> list[tuple[Act, ...]]:
    """Nobody; all but who would cancel it; who would, and one behind him."""
    cancels = acts.listeners[_CANCELS]
    others = tuple(act for act in acts.listeners.values() if act is not cancels)
    return [(), others, (cancels, others[0])]


def _happenings(subject: Subject, probe: Any) -> dict[str, Act]:
    """All that can happen to a future, by name. The simplest first: failures shrink to them."""
    found: dict[str, Act] = {}
    for name in subject.methods(probe):
        found[name] = partial(Compared.method, name=name)
    if "cancel" in subject.lifecycle.events:
        found["cancel"] = Compared.cancel
        if subject.takes_timeout(probe):
            found["cancel, wait a moment"] = partial(Compared.cancel, wait=True)
    for event in subject.wire_events(probe):
        found[f"{event} from the wire"] = partial(Compared.deliver, event=event)
    if subject.is_ours(probe):
        for event in map(str, subject.lifecycle.events):
            found[f"{event} from a caller"] = partial(Compared.fire, event=event)
    return found
