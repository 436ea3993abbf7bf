"""What tests of lifecycles share: ways to a state, a future that takes notes, random lifecycles."""

from collections import deque
from typing import Any

from hypothesis import strategies as hs

from futurefsm.fsm import events as ev
from futurefsm.fsm import states as st
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.effects import (
    ANNOUNCE,
    DISCARD_VALUE,
    NOTIFY,
    OFFER_ERROR,
    OFFER_VALUE,
    SEND_CANCEL,
    SEND_TASK,
    WORKER_DIED_ERROR,
)
from futurefsm.fsm.events import Event
from futurefsm.fsm.future import Future
from futurefsm.fsm.states import State
from futurefsm.fsm.table import Lifecycle, Row, goes, ignores, violates

TELL = (NOTIFY, ANNOUNCE)


def way(lifecycle: Lifecycle, state: str) -> list[Event]:
    """The shortest list of events that leads from the start to a state."""
    found: dict[State, list[Event]] = {lifecycle.start: []}
    left = deque(found)
    while left:
        here = left.popleft()
        if here == state:
            return found[here]
        for event in lifecycle.events:
            there = lifecycle.row(here, event).target
            if there not in found:
                found[there] = [*found[here], event]
                left.append(there)
    raise AssertionError(f"no way to {state}")


def brought(future: Any, state: str) -> Any:
    """The future, moved to a state by events from the wire."""
    for event in way(future.lifecycle, state):
        future.fire(event, ValueError("failed") if event == ev.RESULT_FAILED else "value")
    assert future.state == state
    return future


def ping_pong() -> Lifecycle:
    """A lifecycle that can go on for ever."""
    hit, end = Event("hit"), Event("result_success")
    far = State("far", view=st.RUNNING_VIEW)
    return Lifecycle(
        "ping_pong",
        st.PENDING,
        (
            goes(st.PENDING, hit, far),
            goes(far, hit, st.PENDING),
            violates(st.FINISHED, hit),
            goes(st.PENDING, end, st.FINISHED, OFFER_VALUE, *TELL),
            goes(far, end, st.FINISHED, OFFER_VALUE, *TELL),
            violates(st.FINISHED, end),
        ),
    )


class CountingWaiter:
    """In the place of those of `concurrent.futures.wait`."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def add_result(self, _future: Any) -> None:
        self.told.append("result")

    def add_exception(self, _future: Any) -> None:
        self.told.append("exception")

    def add_cancelled(self, _future: Any) -> None:
        self.told.append("cancelled")


class Noting(Future[Any]):
    """Notes what it is asked to perform, and the violations."""

    def __init__(self, lifecycle: Lifecycle | None = None) -> None:
        super().__init__(lifecycle)
        self.performed: list[str] = []
        self.violations: list[tuple[str, str]] = []

    def perform(self, step: Step, value: Any) -> None:
        assert not self._lock._is_owned(), "performed under the lock"
        self.performed += step.effects

    def violated(self, step: Step, source: str) -> None:
        assert not self._lock._is_owned(), "told of a violation under the lock"
        self.violations.append((str(step.event), source))


@hs.composite
def machines(draw: Any) -> Lifecycle:
    """Random lifecycles about anything: total, every state reachable."""
    states = [State(f"s{i}", settled=draw(hs.booleans())) for i in range(draw(hs.integers(2, 6)))]
    events = [Event(f"e{i}") for i in range(draw(hs.integers(2, 5)))]
    table: dict[tuple[State, Event], Row] = {}
    for i, state in enumerate(states[1:], 1):
        # One arrow from an earlier state, so that it can be reached.
        free = [(s, e) for s in states[:i] for e in events if (s, e) not in table]
        source, event = draw(hs.sampled_from(free))
        table[source, event] = goes(source, event, state)
    for state in states:
        for event in events:
            if (state, event) not in table:
                table[state, event] = draw(_other_rows(states, state, event))
    return Lifecycle("random", states[0], table.values(), about="anything")


def _other_rows(states: list[State], state: State, event: Event) -> Any:
    away = [goes(state, event, target) for target in states if target != state]
    return hs.sampled_from([*away, ignores(state, event), violates(state, event)])


@hs.composite
def future_lifecycles(draw: Any) -> Lifecycle:
    """Random lifecycles that a Future can obey, with the events of `concurrent.futures`."""
    waits = [st.PENDING, st.RUNNING, st.CANCEL_REQUESTED]
    events = [ev.SUBMIT, ev.CANCEL, ev.RESULT_SUCCESS, ev.RESULT_FAILED, ev.RESULT_WORKER_DIED]
    fixed = [
        goes(st.PENDING, ev.SUBMIT, st.RUNNING, SEND_TASK),
        goes(st.RUNNING, ev.CANCEL, st.CANCEL_REQUESTED, SEND_CANCEL),
        goes(st.RUNNING, ev.RESULT_SUCCESS, st.FINISHED, OFFER_VALUE, *TELL),
        goes(st.CANCEL_REQUESTED, ev.RESULT_SUCCESS, st.CANCELLED, *TELL),
    ]
    table = {(row.source, row.event): row for row in fixed}
    for state in [*waits, st.CANCELLED, st.FINISHED]:
        for event in events:
            if (state, event) not in table:
                table[state, event] = draw(hs.sampled_from(_allowed(waits, state, event)))
    return Lifecycle("random", st.PENDING, table.values())


def _allowed(waits: list[State], state: State, event: Event) -> list[Row]:
    rows = [ignores(state, event), violates(state, event)]
    if state == st.FINISHED and event.by_user:
        rows.append(goes(state, event, st.CANCELLED, DISCARD_VALUE))
    if state in waits:
        rows.append(goes(state, event, st.CANCELLED, *TELL))
        if not state.cancel_decided:
            rows += [goes(state, event, s) for s in waits if s != state]
            gives = {ev.RESULT_SUCCESS: OFFER_VALUE, ev.RESULT_FAILED: OFFER_ERROR}
            given = gives.get(event, WORKER_DIED_ERROR)
            rows.append(goes(state, event, st.FINISHED, given, *TELL))
    return rows
