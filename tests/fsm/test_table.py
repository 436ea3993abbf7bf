"""Rows and lifecycles as values: frozen, equal, copied, derived."""

import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from lifecycle_kit import TELL

from futurefsm.fsm import events as ev
from futurefsm.fsm import states as st
from futurefsm.fsm.diagram import to_dot, to_mermaid
from futurefsm.fsm.document import to_markdown
from futurefsm.fsm.errors import LifecycleError
from futurefsm.fsm.events import Event
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, LIFECYCLES, STRICT
from futurefsm.fsm.machine import LifecycleMachine
from futurefsm.fsm.states import State
from futurefsm.fsm.table import Lifecycle, goes, ignores, violates

A, B, GO = State("a"), State("b"), Event("go")


def test_rows_print_as_the_errors_name_them() -> None:
    assert str(goes(A, GO, B)) == "(a, go) → b"
    assert str(ignores(A, GO)) == "(a, go) -"
    assert str(violates(A, GO)) == "(a, go) violation"


def test_rows_are_frozen() -> None:
    with pytest.raises(AttributeError):
        goes(A, GO, B).target = A  # type: ignore[misc]


def test_a_lifecycle_is_frozen() -> None:
    with pytest.raises(AttributeError, match=r"derive\(\) makes a variant"):
        CONFIRMED.rows = ()
    assert len(CONFIRMED.rows) == len(CONFIRMED.states) * len(CONFIRMED.events)


def test_repr() -> None:
    assert repr(CONFIRMED) == "<Lifecycle confirmed: 5 states, 12 events, 60 rows>"


def test_row() -> None:
    assert CONFIRMED.row("running", "cancel").target == "cancel_requested"
    with pytest.raises(KeyError, match=r"'confirmed' has no entry for \(running, dance\)"):
        CONFIRMED.row("running", "dance")


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies(lifecycle: Lifecycle, copied: object) -> None:
    other = copied(lifecycle)  # type: ignore[operator]
    assert other == lifecycle
    assert hash(other) == hash(lifecycle)
    assert other.states == lifecycle.states
    assert [state.settled for state in other.states] == [s.settled for s in lifecycle.states]
    assert (other.effects, other.about) == (lifecycle.effects, lifecycle.about)
    assert other.standard_repr == lifecycle.standard_repr


def test_equality() -> None:
    rows = CONFIRMED.rows
    assert Lifecycle("confirmed", st.PENDING, rows[::-1]) == CONFIRMED
    assert Lifecycle("other", st.PENDING, rows) != CONFIRMED
    assert Lifecycle("confirmed", st.PENDING, rows, standard_repr=True) != CONFIRMED
    assert CONFIRMED != STRICT
    assert CONFIRMED != "confirmed"
    small = [goes(A, GO, B), ignores(B, GO)]
    one = Lifecycle("small", A, small, about="x")
    end = State("b", absorbing=True)
    two = Lifecycle("small", A, [goes(A, GO, end), ignores(end, GO)], about="x")
    assert one != two, "a state equals its name; a lifecycle is more than names"


def test_derive_replaces_in_place_and_adds() -> None:
    row = ignores(st.RUNNING, ev.DISCONNECT, why="left running")
    variant = CONFIRMED.derive("lazy", row)
    assert variant.row("running", "disconnect") is row
    assert [str(r)[:20] for r in variant.rows] == [str(r)[:20] for r in CONFIRMED.rows]
    assert variant.events == CONFIRMED.events
    assert CONFIRMED.row("running", "disconnect") is not row
    assert variant != CONFIRMED


def test_derive_with_a_new_state_and_event() -> None:
    paused, pause = State("paused", view=st.RUNNING_VIEW), Event("pause", by_user=True)
    others = [violates(s, pause) for s in CONFIRMED.states if s != "running"]
    variant = CONFIRMED.derive(
        "pausing",
        goes(st.RUNNING, pause, paused),
        *others,
        ignores(paused, pause),
        goes(paused, ev.DISCONNECT, st.CANCELLED, *TELL),
        *(ignores(paused, e) for e in CONFIRMED.events if e != ev.DISCONNECT),
    )
    future: Future[int] = Future(variant)
    future.fire("submit")
    future.fire("pause")
    assert future.state == "paused"
    assert future.running()
    assert variant.machine().reachable() == set(variant.states)
    assert "paused" in variant.to_mermaid()


def test_derive_without() -> None:
    variant = CONFIRMED.derive("short", without=[ev.RECONNECTED])
    assert "reconnected" not in variant.events
    assert len(variant.rows) == 55
    with pytest.raises(LifecycleError, match="no row for the pair"):
        CONFIRMED.derive("bad", without=[st.CANCEL_REQUESTED])
    with pytest.raises(LifecycleError, match="'confirmed' has no state or event reconected"):
        CONFIRMED.derive("bad", without=["reconected"])


def test_tools_are_methods() -> None:
    assert CONFIRMED.machine().lifecycle is CONFIRMED
    assert "x7" in CONFIRMED.to_mermaid({("pending", "submit"): 7})
    assert "x7" in CONFIRMED.to_dot({("pending", "submit"): 7})
    assert "| `submit` |" in CONFIRMED.to_markdown()


@pytest.mark.parametrize("take", [Future, to_mermaid, to_dot, to_markdown, LifecycleMachine])
@pytest.mark.parametrize("given", [3, "strict"])
def test_what_is_no_lifecycle_is_told_so(take: Callable[[Any], Any], given: object) -> None:
    with pytest.raises(TypeError, match=f"a Lifecycle is wanted, not {given!r}"):
        take(given)
