"""Which rows of the lifecycles simulated worlds visit, and which they cannot, with the reason."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from futurefsm.fsm.compiled import Node
from futurefsm.fsm.table import Lifecycle, Row

_NO_RECONNECT = "the client does not reconnect yet: a lost link is lost for good"
_ONCE_SENT = "the client fires `submit` once for each future"
_FORGOTTEN = "the scheduler forgets a task that ended: its next message finds `unknown`"
_ALWAYS_FORCED = "this client always asks by force"
_BOOK = "the scheduler keeps the book of who has which task, and asks nobody else"
_ONE_FETCH = "the client asks once, at once when it is offered, and is answered once"

_TIMED = "cancel_timed_out"
_STRICT_STATES = ("pending", "running", "cancelled", "finished")
_CONFIRMED_STATES = (*_STRICT_STATES, "cancel_requested")
_HANDED_OUT_RUNNING = "a cancel() that waits has moved it before"
_STRICT_NEVER_WAITS = "no cancel() waits for what cannot be cancelled"
_DECIDED = "every way out of cancel_requested leads to cancelled"
_OFFERED = "what is offered is wanted in the same step"
_OVER = "then the task is forgotten, and its value with it"


def _because(lifecycle: str, why: str, *pairs: str) -> dict[tuple[str, str, str], str]:
    """`pairs`: a state, then events."""
    made: dict[tuple[str, str, str], str] = {}
    for pair in pairs:
        state, *events = pair.split()
        made |= {(lifecycle, state, event): why for event in events}
    return made


UNREACHABLE: dict[tuple[str, str, str], str] = {
    **_because("confirmed", _ONCE_SENT, "running submit", "cancel_requested submit"),
    **_because(
        "confirmed", _HANDED_OUT_RUNNING, *(f"{s} {_TIMED}" for s in ("pending", "running"))
    ),
    **_because("confirmed", _DECIDED, f"finished {_TIMED}"),
    **_because("confirmed", _NO_RECONNECT, *(f"{s} reconnected" for s in _CONFIRMED_STATES)),
    **_because("strict", _ONCE_SENT, "running submit"),
    **_because("strict", _STRICT_NEVER_WAITS, *(f"{s} {_TIMED}" for s in _STRICT_STATES)),
    **_because("strict", _NO_RECONNECT, *(f"{s} reconnected" for s in _STRICT_STATES)),
    **_because("value", _OFFERED, "offered offer bytes fetch_failed discard"),
    **_because(
        "value",
        _ONE_FETCH,
        "none want bytes fetch_failed",
        "fetching offer want",
        "discarded offer want discard",
    ),
    **_because(
        "value",
        _OVER,
        "loaded offer want bytes fetch_failed",
        "lost offer want bytes fetch_failed discard",
    ),
    **_because(
        "scheduler",
        _FORGOTTEN,
        "ended task assign cancel_forced cancel_gentle worker_done worker_died no_worker",
        "ended never_begun client_gone",
    ),
    **_because(
        "scheduler",
        _BOOK,
        "unknown assign worker_done worker_died never_begun no_worker client_gone",
        "queued worker_done worker_died never_begun",
        "assigned assign",
        "canceling assign",
    ),
    **_because(
        "scheduler",
        _ALWAYS_FORCED,
        *(f"{state} cancel_gentle" for state in ("unknown", "queued", "assigned", "canceling")),
    ),
}
"""(lifecycle, state, event) → why no world can visit that row."""


class _Counting(dict[str, Any]):
    """A node's table that counts what is looked up."""

    def __init__(self, node: Node, counts: "Counter[tuple[str, str, str]]") -> None:
        super().__init__(node.on)
        self._node = node
        self._counts = counts

    def __getitem__(self, event: str) -> Any:
        step = super().__getitem__(event)
        self._counts[self._node.lifecycle.name, str(self._node.state), str(event)] += 1
        return step


class _CountingPairs(dict[Any, Any]):
    """A lifecycle's table that counts what is looked up for settled futures."""

    def __init__(self, lifecycle: Lifecycle, counts: "Counter[tuple[str, str, str]]") -> None:
        super().__init__(lifecycle._by_pair)
        self._name = lifecycle.name
        self._counts = counts

    def __getitem__(self, pair: tuple[Any, Any]) -> Any:
        row = super().__getitem__(pair)
        if row.source.settled:
            self._counts[self._name, str(row.source), str(row.event)] += 1
        return row


def _nodes(lifecycle: Lifecycle) -> list[Node]:
    found = {id(lifecycle.compiled): lifecycle.compiled}
    todo = [lifecycle.compiled]
    while todo:
        for step in todo.pop().on.values():
            if id(step.node) not in found:
                found[id(step.node)] = step.node
                todo.append(step.node)
    return list(found.values())


@contextmanager
def visiting(*lifecycles: Lifecycle) -> Iterator["Counter[tuple[str, str, str]]"]:
    """Count each step that anything takes in these lifecycles until it is left.

    Yields:
        (lifecycle, state, event) → how often.
    """
    counts: Counter[tuple[str, str, str]] = Counter()
    nodes = [node for lifecycle in lifecycles for node in _nodes(lifecycle)]
    before = [(node.on, node.ways) for node in nodes]
    for node in nodes:
        # Nobody takes a common way meanwhile, where no table is asked.
        node.ways = {source: dict.fromkeys(node.on) for source in node.ways}
        node.on = _Counting(node, counts)
    tables = [lifecycle._by_pair for lifecycle in lifecycles]
    for lifecycle in lifecycles:
        # What comes for a future that is forgotten is looked up here.
        lifecycle.__dict__["_by_pair"] = _CountingPairs(lifecycle, counts)
    try:
        yield counts
    finally:
        for lifecycle, table in zip(lifecycles, tables, strict=True):
            lifecycle.__dict__["_by_pair"] = table
        for node, (on, ways) in zip(nodes, before, strict=True):
            node.on, node.ways = on, ways


def unvisited(lifecycle: Lifecycle, counts: "Counter[tuple[str, str, str]]") -> list[Row]:
    """Rows that nobody took and that have no reason not to be."""
    missing = [row for row in lifecycle.rows if not counts[_key(lifecycle, row)]]
    return [row for row in missing if _key(lifecycle, row) not in UNREACHABLE]


def wrongly_unreachable(counts: "Counter[tuple[str, str, str]]") -> list[tuple[str, str, str]]:
    """Rows that have a reason not to be taken, and were."""
    return [key for key in UNREACHABLE if counts[key]]


def _key(lifecycle: Lifecycle, row: Row) -> tuple[str, str, str]:
    return lifecycle.name, str(row.source), str(row.event)
