"""What a pump may do: paths of events, made from a lifecycle's table. PURE.

A legal path is one that a correct peer can take: it ends with the first event that settles the
future, whatever the users do; before that it may go round, where the table does (a task that is
tried again). The others go on after that: a duplicate, a late answer, an event
after the end. A correct future survives them all; the table says how.
"""

from collections.abc import Iterable, Iterator, Sequence

from futurefsm.fsm import effects as fx
from futurefsm.fsm.events import CANCEL, CANCEL_TIMED_OUT, SUBMIT, Event
from futurefsm.fsm.table import Kind, Lifecycle
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.programs import Move

Path = tuple[Move, ...]

TASK_CANCEL = "TaskCancel"


def deliverable(harness: Harness) -> tuple[Event, ...]:
    """The events that a pump can bring to the futures of a harness."""
    wanted = harness.deliverable
    return tuple(
        event
        for event in harness.lifecycle.events
        if not event.by_user and event != CANCEL_TIMED_OUT and (wanted is None or event in wanted)
    )


def legal(harness: Harness) -> Iterator[Path]:
    """Paths of a correct peer, for one future: silence, each way to settle, refusals before it."""
    lifecycle, events = harness.lifecycle, deliverable(harness)
    head: Path = (Move(SUBMIT),) if SUBMIT in events else ()
    yield head
    asked = _asked(lifecycle) if harness.messages else None
    started = _after(lifecycle, lifecycle.start, head)
    for event in events:
        if event == SUBMIT:
            continue
        if _settles(lifecycle, started, event):
            yield (*head, Move(event))
    if head:
        # An executor may skip the start, where the table lets it.
        for event in events:
            if event != SUBMIT and _settles(lifecycle, str(lifecycle.start), event):
                yield (Move(event),)
    for way in _round(lifecycle, events, started):
        yield (*head, *way)
        state = _after(lifecycle, started, way)
        for event in events:
            if _settles(lifecycle, state, event):
                yield (*head, *way, Move(event))
    if asked is None:
        return
    wait = (*head, Move.await_(TASK_CANCEL))
    answers = [e for e in events if e != SUBMIT and _settles(lifecycle, asked, e)]
    for event in answers:
        yield (*wait, Move(event))
    for event in events:
        row = lifecycle.row(asked, event)
        if row.kind is Kind.IGNORES and (row.outcome is not None or row.effects):
            # It stays open: a refusal, a link that comes back. Every answer may follow.
            for answer in answers:
                yield (*wait, Move(event), Move(answer))


def _round(
    lifecycle: Lifecycle, events: Iterable[Event], state: str, taken: frozenset[str] = frozenset()
) -> Iterator[Path]:
    """Moves that do not settle it, each at most once."""
    for event in events:
        if event not in taken and _moves(lifecycle, state, event):
            target = lifecycle.row(state, event).target
            if not target.settled:
                yield (Move(event),)
                for way in _round(lifecycle, events, str(target), taken | {event}):
                    yield (Move(event), *way)


def illegal(harness: Harness) -> Iterator[Path]:
    """Paths that go on after the end, or begin before the start: duplicates, late ones."""
    lifecycle, events = harness.lifecycle, deliverable(harness)
    head: Path = (Move(SUBMIT),) if SUBMIT in events else ()
    started = _after(lifecycle, lifecycle.start, head)
    settling = [e for e in events if e != SUBMIT and _settles(lifecycle, started, e)]
    for event in settling:
        for late in events:
            yield (*head, Move(event), Move(late, forced=True))
    for event in events:
        if head and not _moves(lifecycle, started, event):
            # What nobody asked for: it stays open.
            yield (*head, Move(event, forced=True))
    for late in events:
        if head and late != SUBMIT:
            # Before it was sent, and again when it was.
            yield (Move(late), *head, Move(late, forced=True))
    if harness.messages and (asked := _asked(lifecycle)) is not None:
        wait = (*head, Move.await_(TASK_CANCEL))
        for event in events:
            if not _moves(lifecycle, asked, event):
                yield (*wait, Move(event, forced=True))
        for event in (e for e in events if e != SUBMIT and _settles(lifecycle, asked, e)):
            for late in events:
                yield (*wait, Move(event), Move(late, forced=True))


def paths(harness: Harness, *, wrong: bool = True) -> tuple[Path, ...]:
    """All of them, each once; `wrong`: with those that a correct peer never takes."""
    found: Iterable[Path] = legal(harness)
    if wrong:
        found = (*found, *illegal(harness))
    return tuple(dict.fromkeys(_plain(path) for path in found))


def early(harness: Harness, path: Sequence[Move]) -> int:
    """How many moves of a path are made before the threads start."""
    starts = harness.submitted and bool(path) and path[0].event == SUBMIT
    return 1 if starts else 0


def of_future(path: Path, number: int) -> Path:
    """The same path for another future."""
    return tuple(move._replace(future=number) for move in path)


def _plain(path: Path) -> Path:
    """Names in the place of events: a program is plain data."""
    return tuple(move._replace(event=str(move.event)) for move in path)


def _after(lifecycle: Lifecycle, state: str, path: Path) -> str:
    for move in path:
        state = lifecycle.row(state, move.event).target
    return str(state)


def _moves(lifecycle: Lifecycle, state: str, event: str) -> bool:
    return lifecycle.row(state, event).kind is Kind.GOES


def _settles(lifecycle: Lifecycle, state: str, event: str) -> bool:
    row = lifecycle.row(state, event)
    return row.kind is Kind.GOES and row.target.settled


def _asked(lifecycle: Lifecycle) -> str | None:
    """The state in which a cancel was sent and its answer is owed; None: there is none."""
    for row in lifecycle.rows:
        if row.event == CANCEL and fx.SEND_CANCEL in row.effects:
            return str(row.target)
    return None
