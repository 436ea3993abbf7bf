"""Strategies for Hypothesis (extra: testing): lifecycles, events, messages, paths, programs.

    @given(lifecycles())
    def test_my_tool_works_on_any_table(lifecycle): ...

    @given(paths(CONFIRMED, wrong=True))
    def test_my_pump_survives(path): ...

What is simple is drawn as the smallest, so failures shrink to the shipped tables, to the shortest
paths, to the fewest calls and to schedules without a preemption.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from hypothesis import strategies as st

from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm.events import Event
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.states import State
from futurefsm.fsm.story import CALLER, CLIENT, WIRE
from futurefsm.fsm.table import Kind, Lifecycle, Row
from futurefsm.fsm.testing import words
from futurefsm.fsm.testing.drawing import Drawer
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.paths import TASK_CANCEL
from futurefsm.fsm.testing.paths import paths as paths_of_harness
from futurefsm.fsm.testing.programs import Move, Program
from futurefsm.fsm.testing.variants import variant

Path = tuple[Move, ...]
Draw = st.DrawFn

# What goes wrong on an illegal path.
WRONGS = ("duplicate", "late", "early", "misplaced")


class Message(NamedTuple):
    """One thing that may be fired at a future.

    Attributes:
        event: an event of the lifecycle, by name.
        value: what comes with it: a `words.Value`, a `words.TaskError`, an exit code, or None.
        source: "wire", "client" or "caller".
    """

    event: str
    value: Any
    source: str


@st.composite
def lifecycles(draw: Draw, *bases: Lifecycle, edits: int = 5) -> Lifecycle:
    """Valid lifecycles of futures, derived from others by exchanging entries, dividing states and
    leaving out events.

    Args:
        bases: what to derive from, drawn themselves too; by default CONFIRMED and STRICT.
        edits: at most so many differences.
    """
    base = draw(st.sampled_from(bases or (CONFIRMED, STRICT)))
    return variant(base, draw(st.integers(0, edits)), lambda n: draw(st.integers(0, n - 1)))


def events(lifecycle: Lifecycle, *, by_user: bool = True) -> st.SearchStrategy[Event]:
    """One event of a lifecycle; `by_user`: also those that only its user fires."""
    return st.sampled_from([e for e in lifecycle.events if by_user or not e.by_user])


def sequences(
    lifecycle: Lifecycle, *, by_user: bool = True, max_size: int = 12
) -> st.SearchStrategy[list[Event]]:
    """Events in any order, however wrong: a table has an answer to all of them."""
    return st.lists(events(lifecycle, by_user=by_user), max_size=max_size)


@st.composite
def messages(
    draw: Draw, lifecycle: Lifecycle, sources: Sequence[str] = (WIRE, CLIENT, CALLER)
) -> Message:
    """An event with what comes with it and where it comes from, ready for `Future.fire`.

    Args:
        sources: from where.
    """
    event = draw(events(lifecycle))
    return Message(str(event), draw(_values(lifecycle, event)), draw(st.sampled_from(sources)))


def _values(lifecycle: Lifecycle, event: Event) -> st.SearchStrategy[Any]:
    effects = {e for row in lifecycle.rows if row.event == event for e in row.effects}
    numbers = st.integers(1, 9)
    if fx.OFFER_VALUE in effects:
        return st.builds(words.Value, numbers)
    if fx.OFFER_ERROR in effects:
        return st.builds(words.TaskError, numbers)
    if fx.WORKER_DIED_ERROR in effects:
        return st.sampled_from([None, 1, -9])
    return st.none()


# Paths.


@st.composite
def paths(
    draw: Draw, lifecycle: Lifecycle, *, wrong: bool | None = None, max_size: int = 8
) -> Path:
    """What a pump does with one future, drawn from the table.

    A legal path is one that a correct peer can take: it starts the task, may wait for a request to
    cancel, says what leaves the future open (a refusal), and ends with what settles it. On a wrong
    one something is said twice, after the end, before the start, or where it does not belong; what
    is wrong is marked as `forced`.

    Args:
        wrong: True for wrong ones only, False for legal ones only; by default both.
        max_size: a legal path has at most so many moves; a wrong one up to three more.
    """
    legal = _legal(draw, lifecycle, max_size)
    disturb = draw(st.booleans()) if wrong is None else wrong
    if not disturb:
        return tuple(legal)
    path = list(legal)
    for _ in range(draw(st.integers(1, 3))):
        _disturb(draw, lifecycle, path, draw(st.sampled_from(WRONGS)))
    return tuple(path)


def _legal(draw: Draw, lifecycle: Lifecycle, max_size: int) -> list[Move]:
    state, awaited = lifecycle.start, False
    path: list[Move] = []
    while not state.settled and len(path) < max_size:
        moves: list[Move | None] = [None]
        rows = [lifecycle.row(state, event) for event in lifecycle.events]
        moves += [Move(str(row.event)) for row in rows if _may_come(row)]
        asks = ev.CANCEL in lifecycle.events and lifecycle.row(state, ev.CANCEL)
        if not awaited and asks and fx.SEND_CANCEL in asks.effects:
            moves.append(Move.await_(TASK_CANCEL))
        # To stop is the simplest: the peer says nothing more.
        move = draw(st.sampled_from(moves))
        if move is None:
            break
        path.append(move)
        event = ev.CANCEL if move.message else move.event
        awaited = awaited or bool(move.message)
        state = lifecycle.row(state, event).target
    return path


def _may_come(row: Row) -> bool:
    """Whether a correct peer may say it: it moves the future, or it tells something."""
    if row.event.by_user or row.event == ev.CANCEL_TIMED_OUT:
        return False
    return row.kind is Kind.GOES or bool(
        row.kind is Kind.IGNORES and (row.outcome is not None or row.effects)
    )


def _disturb(draw: Draw, lifecycle: Lifecycle, path: list[Move], how: str) -> None:
    wire = [e for e in lifecycle.events if not e.by_user and e != ev.CANCEL_TIMED_OUT]
    said = [move for move in path if not move.message]
    if how == "duplicate" and said:
        move = draw(st.sampled_from(said))
        place = draw(st.integers(path.index(move) + 1, len(path)))
    else:
        move = Move(str(draw(st.sampled_from(wire))))
        place = {"late": len(path), "early": 0}.get(how, -1)
        if place < 0:
            place = draw(st.integers(0, len(path)))
    path.insert(place, move._replace(forced=True))


def follow(lifecycle: Lifecycle, path: Path) -> list[tuple[Move, Row]]:
    """What each move of a path meets in the table, if the users do no more than it awaits."""
    state: State = lifecycle.start
    met = []
    for move in path:
        row = lifecycle.row(state, ev.CANCEL if move.message else move.event)
        met.append((move, row))
        state = row.target
    return met


# Programs and schedules, for `races` and for `replay`.


def paths_of(harness: Harness, *, wrong: bool = True) -> st.SearchStrategy[Path]:
    """Those paths that `prove` runs all of; `wrong`: also what a correct peer never does."""
    return st.sampled_from(paths_of_harness(harness, wrong=wrong))


@st.composite
def programs(
    draw: Draw,
    harness: Harness,
    *,
    threads: int = 3,
    calls: int = 2,
    futures: int = 2,
    wrong: bool = True,
) -> Program:
    """What the users' threads call, what the pump does, and what goes wrong beside.

    Args:
        threads, calls, futures: at most so many (of calls: in each thread).
        wrong: also what a correct peer never does.
    """
    drawer = Drawer(harness, threads=threads, calls=calls, futures=futures, wrong=wrong)
    return drawer.draw(lambda n: draw(st.integers(0, n - 1)))


def schedules(max_size: int = 40, ways: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    """Choices of a scheduler: 0 goes on with the same thread, and behind its end all are 0.

    Args:
        max_size: choices at most.
        ways: each is below this number; a choice that is not there is taken round the corner.
    """
    return st.lists(st.integers(0, ways - 1), max_size=max_size).map(_without_zeros)


def _without_zeros(choices: list[int]) -> tuple[int, ...]:
    """The same schedule: what is left out at the end is benign anyhow."""
    while choices and not choices[-1]:
        choices = choices[:-1]
    return tuple(choices)
