"""The public strategies: what they draw is what they say, and shrinks to what is simple."""

from functools import partial
from typing import Any

import pytest
from broken_futures import Noting, quick
from hypothesis import find, given, settings
from hypothesis import strategies as st

from futurefsm.fsm import events as ev
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.table import Kind, Lifecycle
from futurefsm.fsm.testing import strategies, words
from futurefsm.fsm.testing.acts import Acts
from futurefsm.fsm.testing.bench import Bench
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.paths import paths as all_paths
from futurefsm.fsm.testing.programs import Program
from futurefsm.fsm.testing.strategies import (
    Message,
    Path,
    events,
    follow,
    lifecycles,
    messages,
    paths,
    paths_of,
    programs,
    schedules,
    sequences,
)
from futurefsm.fsm.testing.subject import Subject

FEW = settings(max_examples=15, deadline=None)
BOTH = st.sampled_from([CONFIRMED, STRICT])


def first(strategy: Any, condition: Any) -> Any:
    return find(strategy, condition, settings=quick(500, shrink=True))


@FEW
@given(lifecycles(), st.data())
def test_our_future_obeys_every_lifecycle(lifecycle: Lifecycle, data: st.DataObject) -> None:
    """What FutureMachine does, on a table that is drawn as well."""
    make = partial(Noting, lifecycle)
    bench = Bench(Subject(make, lifecycle, effects=lambda future: future.performed))
    acts = Acts(bench.subject)
    everything = [*acts.happenings.values(), *acts.listeners.values(), *acts.questions.values()]
    try:
        future = bench.make()
        for act in data.draw(st.lists(st.sampled_from(everything), max_size=12)):
            act(future)
    finally:
        bench.close()


def test_lifecycles_shrink_to_the_shipped_ones() -> None:
    assert first(lifecycles(), lambda each: True) is CONFIRMED
    assert first(lifecycles(STRICT), lambda each: True) is STRICT
    changed = first(lifecycles(STRICT, edits=3), lambda each: each != STRICT)
    assert changed.name == "strict_variant"
    assert len(set(changed.rows) - set(STRICT.rows)) == 1


@FEW
@given(BOTH.flatmap(lambda each: st.tuples(st.just(each), sequences(each, max_size=5))))
def test_sequences_are_events_in_any_order(drawn: tuple[Lifecycle, list[ev.Event]]) -> None:
    lifecycle, several = drawn
    assert len(several) <= 5
    future: Future[Any] = Future(lifecycle)
    for event in several:
        future.fire(event)  # from the wire: nothing raises


@FEW
@given(events(CONFIRMED, by_user=False))
def test_a_peer_does_not_cancel(event: ev.Event) -> None:
    assert event != ev.CANCEL


@FEW
@given(st.lists(messages(CONFIRMED), max_size=6))
def test_messages_are_ready_to_be_fired(several: list[Message]) -> None:
    future: Future[Any] = Future()
    for message in several:
        row = CONFIRMED.row(future.state, message.event)
        if row.kind is Kind.VIOLATES and message.source == "caller":
            with pytest.raises(words.STANDARD["InvalidStateError"]):
                future.fire(*message)
        else:
            future.fire(*message)


@pytest.mark.parametrize(
    ("event", "kind"),
    [
        ("result_success", words.Value),
        ("result_failed", words.TaskError),
        ("result_worker_died", int),
        ("confirm_failed", type(None)),
    ],
)
def test_a_message_brings_what_belongs_to_it(event: str, kind: type) -> None:
    found = first(
        messages(CONFIRMED, ["wire"]),
        lambda m: m.event == event and isinstance(m.value, kind),
    )
    assert found.source == "wire"


# Paths.


@FEW
@given(BOTH.flatmap(lambda each: st.tuples(st.just(each), paths(each, wrong=False))))
def test_a_legal_path_meets_no_violation(drawn: tuple[Lifecycle, Path]) -> None:
    lifecycle, path = drawn
    met = follow(lifecycle, path)
    assert all(row.kind is not Kind.VIOLATES for _move, row in met)
    assert not any(row.source.settled for _move, row in met), "it ends with what settles it"
    assert not any(move.forced for move in path)
    assert len(path) <= 8


@FEW
@given(paths(CONFIRMED, wrong=True))
def test_what_is_wrong_is_marked(path: Path) -> None:
    assert 1 <= sum(move.forced for move in path) <= 3
    future: Future[Any] = Future()
    for move in path:
        if move.message:
            future.cancel(timeout=0)
        else:
            future.fire(move.event)  # the pump survives


def _is(how: str) -> Any:
    def met(path: Path) -> bool:
        rows = [(move, row) for move, row in follow(CONFIRMED, path) if move.forced]
        said = [move.event for move in path if not move.message]
        return any(
            {
                "duplicate": said.count(move.event) > 1,
                "late": row.source.settled,
                "early": row.kind is Kind.VIOLATES and row.source == CONFIRMED.start,
            }[how]
            for move, row in rows
        )

    return met


@pytest.mark.parametrize("how", ["duplicate", "late", "early"])
def test_every_kind_of_wrong_path_is_drawn(how: str) -> None:
    found = first(paths(CONFIRMED), _is(how))
    assert len(found) <= 3


def test_a_path_may_wait_for_a_request_to_cancel() -> None:
    found = first(
        paths(CONFIRMED, wrong=False),
        lambda path: [str(each) for each in path][-2:] == ["confirm_failed", "result_success"],
    )
    assert [str(each) for each in found] == [
        "submit",
        "await TaskCancel",
        "confirm_failed",
        "result_success",
    ]


def test_paths_shrink_to_silence() -> None:
    assert first(paths(STRICT), lambda path: True) == ()


# Programs and schedules.


@FEW
@given(programs(StandardFutures(), threads=2, calls=1, futures=1, wrong=False))
def test_programs_are_within_their_bounds(program: Program) -> None:
    assert 1 <= len(program.threads) <= 2
    assert all(len(calls) == 1 for calls in program.threads)
    assert program.futures == 1


def test_programs_shrink_to_the_smallest() -> None:
    found = first(programs(StandardFutures()), lambda program: True)
    assert [str(call) for call in found.threads[0]] == ["cancel()"]
    assert len(found.threads) == 1


@FEW
@given(paths_of(StandardFutures()))
def test_paths_of_a_harness_are_those_that_are_proved(path: Path) -> None:
    assert path in all_paths(StandardFutures())


@FEW
@given(schedules(max_size=6, ways=3))
def test_schedules(schedule: tuple[int, ...]) -> None:
    assert len(schedule) <= 6
    assert set(schedule) <= {0, 1, 2}
    assert not schedule or schedule[-1], "what is benign at the end is left out"


def test_schedules_shrink_to_going_on() -> None:
    assert first(schedules(), lambda each: True) == ()
    assert first(schedules(), lambda each: 1 in each[2:]) == (0, 0, 1)


def test_all_names_are_documented() -> None:
    for name in ("lifecycles", "messages", "paths", "programs", "schedules", "sequences"):
        assert getattr(strategies, name).__doc__
