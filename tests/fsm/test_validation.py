"""Every rule of a lifecycle: broken once, and refused with an error that names the row."""

from typing import Any

import pytest
from lifecycle_kit import TELL

from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm import states as st
from futurefsm.fsm.effects import Effect
from futurefsm.fsm.errors import LifecycleError
from futurefsm.fsm.events import Event
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT, VALUE
from futurefsm.fsm.states import State
from futurefsm.fsm.table import Kind, Lifecycle, Row, goes, ignores, violates

GO = Event("go")
A, B, C = State("a"), State("b"), State("c")
SMALL = (goes(A, GO, B), ignores(B, GO))


def refused(*rows: Row, start: State = A, about: str = "anything", **more: Any) -> tuple[str, ...]:
    with pytest.raises(LifecycleError) as caught:
        Lifecycle(more.pop("name", "bad"), start, rows, about=about, **more)
    assert caught.value.problems
    for problem in caught.value.problems:
        assert problem in str(caught.value)
    return caught.value.problems


def derived(base: Lifecycle, *rows: Row, **more: Any) -> tuple[str, ...]:
    with pytest.raises(LifecycleError) as caught:
        base.derive("bad", *rows, **more)
    assert caught.value.lifecycle == "bad"
    return caught.value.problems


def test_a_small_table_holds() -> None:
    assert Lifecycle("small", A, SMALL, about="anything").states == (A, B)


def test_a_missing_pair() -> None:
    [problem] = refused(goes(A, GO, B))
    assert problem.startswith("no row for the pair (b, go)")


def test_a_pair_that_is_there_twice() -> None:
    [problem] = refused(*SMALL, violates(B, GO))
    assert problem == "row (b, go) violation: the pair (b, go) has more than one row"


def test_a_pair_that_is_there_twice_in_a_variant() -> None:
    [problem] = derived(CONFIRMED, *[violates(st.PENDING, ev.RECONNECTED)] * 2)
    assert "(pending, reconnected) has more than one row" in problem


def test_an_unreachable_state() -> None:
    [problem] = refused(*SMALL, goes(C, GO, A))
    assert problem == "row (c, go) → a: state c cannot be reached from a"


def test_a_row_out_of_an_absorbing_state() -> None:
    end = State("end", absorbing=True)
    [problem] = refused(goes(A, GO, end), goes(end, GO, A))
    assert problem == "row (end, go) → a: leads out of end, which is for ever"


def test_a_row_out_of_cancelled() -> None:
    problems = derived(CONFIRMED, goes(st.CANCELLED, ev.RESULT_SUCCESS, st.FINISHED))
    row = "row (cancelled, result_success) → finished: "
    assert f"{row}leads out of cancelled, which is for ever" in problems
    assert f"{row}leads out of cancelled; cancelled never changes" in problems


def test_an_unknown_effect() -> None:
    [problem] = refused(goes(A, GO, B, Effect("shout")), ignores(B, GO))
    assert problem.startswith("row (a, go) → b: unknown effect shout; this lifecycle knows notify")


def test_a_variant_may_know_more_effects() -> None:
    shout = Effect("shout")
    row = ignores(st.PENDING, ev.RECONNECTED, shout)
    assert CONFIRMED.derive("loud", row, effects=[shout]).row("pending", "reconnected") == row


def test_goes_must_move_and_nothing_else_may() -> None:
    [problem] = refused(goes(A, GO, A))
    assert problem == "row (a, go) → a: goes(...) must change the state, and nothing else may"
    [problem] = refused(Row(A, GO, Kind.IGNORES, B), ignores(B, GO))
    assert "goes(...) must change the state" in problem


def test_names_and_rows() -> None:
    assert refused(*SMALL, name="two words") == (
        "its name must be a Python identifier, not 'two words'",
    )
    assert refused() == ("it has no rows",)


def test_parts_of_the_wrong_type() -> None:
    wrong: Any = "pending"
    problems = refused(Row(wrong, wrong, Kind.IGNORES, wrong, (wrong,)), start=wrong)
    assert problems == (
        "start must be a State, not 'pending'",
        "row (pending, pending) -: 'pending' must be a State",
        "row (pending, pending) -: 'pending' must be a Event",
        "row (pending, pending) -: 'pending' must be a State",
        "row (pending, pending) -: 'pending' must be a Effect",
    )


def test_twins() -> None:
    """One name for two things: which of them a future met would be chance."""
    other_b = State("b", settled=True)
    assert refused(goes(A, GO, B), ignores(other_b, GO)) == ("two different states are called b",)
    other_go = Event("go", by_user=True)
    assert refused(goes(A, GO, B), ignores(B, other_go), ignores(B, GO))[0] == (
        "two different events are called go"
    )
    twin = Effect("notify", performer=fx.WIRE)
    [problem] = refused(goes(A, GO, B, twin), ignores(B, GO))
    assert problem == "two different effects are called notify"


def test_every_problem_is_listed_at_once() -> None:
    problems = derived(
        CONFIRMED,
        goes(st.RUNNING, ev.RESULT_SUCCESS, st.FINISHED, fx.OFFER_VALUE),
        goes(st.CANCELLED, ev.RECONNECTED, st.PENDING),
        ignores(st.PENDING, ev.RECONNECTED, Effect("shout")),
        violates(st.RUNNING, Event("new")),
    )
    text = "\n".join(problems)
    for part in (
        "(running, result_success) → finished: settles without the effect notify",
        "(running, result_success) → finished: finishes without announce",
        "(cancelled, reconnected) → pending: leads out",
        "unknown effect shout",
        "no row for the pair (pending, new)",
        "no row for the pair (finished, new)",
    ):
        assert part in text


# The rules of futures: each breaks one entry of a shipped table.
BROKEN = {
    "settles without notify": (
        CONFIRMED,
        goes(st.RUNNING, ev.RESULT_SUCCESS, st.FINISHED, fx.OFFER_VALUE, fx.ANNOUNCE),
        "settles without the effect notify: waiters would sleep for ever",
    ),
    "notifies twice": (
        CONFIRMED,
        goes(st.FINISHED, ev.CANCEL, st.CANCELLED, fx.DISCARD_VALUE, fx.NOTIFY),
        "names notify but does not settle: callbacks would run twice",
    ),
    "notifies where nothing moves": (
        CONFIRMED,
        ignores(st.CANCELLED, ev.CANCEL, fx.NOTIFY),
        "names notify but does not settle: callbacks would run twice",
    ),
    "announces too early": (
        CONFIRMED,
        goes(st.RUNNING, ev.CANCEL, st.CANCEL_REQUESTED, fx.ANNOUNCE),
        "names announce but is not settled",
    ),
    "finishes unannounced": (
        CONFIRMED,
        goes(st.RUNNING, ev.RESULT_SUCCESS, st.FINISHED, fx.OFFER_VALUE, fx.NOTIFY),
        "finishes without announce: wait() would sleep for ever",
    ),
    "takes cancel's word back": (
        CONFIRMED,
        goes(st.CANCEL_REQUESTED, ev.RESULT_SUCCESS, st.FINISHED, fx.OFFER_VALUE, *TELL),
        "leaves cancel_requested, where cancel() has said True, uncancelled",
    ),
    "takes cancel's word back by waiting on": (
        CONFIRMED,
        goes(st.CANCEL_REQUESTED, ev.CONFIRM_FAILED, st.RUNNING),
        "leaves cancel_requested, where cancel() has said True, uncancelled",
    ),
    "finishes with nothing": (
        CONFIRMED,
        goes(st.RUNNING, ev.RESULT_SUCCESS, st.FINISHED, *TELL),
        "finishes without a value or an error",
    ),
    "finishes with two things": (
        CONFIRMED,
        goes(st.RUNNING, ev.RESULT_SUCCESS, st.FINISHED, fx.OFFER_VALUE, fx.OFFER_ERROR, *TELL),
        "finishes without a value or an error, or with more than one",
    ),
    "cancels with a value": (
        CONFIRMED,
        goes(st.RUNNING, ev.DISCONNECT, st.CANCELLED, fx.OFFER_VALUE, *TELL),
        "offer_value for a future that is cancelled",
    ),
    "offers where nothing settles": (
        CONFIRMED,
        ignores(st.FINISHED, ev.RESULT_SUCCESS, fx.OFFER_VALUE),
        "offer_value where nothing settles",
    ),
    "unsettles": (
        CONFIRMED,
        goes(st.FINISHED, ev.CANCEL, st.PENDING),
        "a settled future would become unsettled",
    ),
    "is unsettled by the wire": (
        CONFIRMED,
        goes(st.FINISHED, ev.CONFIRM_CANCELED, st.CANCELLED, fx.DISCARD_VALUE),
        "only the user's own event may change a settled future",
    ),
    "keeps what nobody can ask for": (
        CONFIRMED,
        goes(st.FINISHED, ev.CANCEL, st.CANCELLED),
        "cancels without discard_value: the value would never be let go",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_rules_of_futures(name: str) -> None:
    base, row, problem = BROKEN[name]
    assert any(each.startswith(f"row {row}: {problem}") for each in derived(base, row))


def test_a_cancel_that_is_never_announced() -> None:
    problems = derived(STRICT, ignores(st.CANCELLED, ev.SUBMIT, answer=False))
    what = "settles without announce, and no row of its target has it"
    assert problems == (f"row (pending, cancel) → cancelled: {what}",)


def test_a_second_finish() -> None:
    better = State("better", view=st.FINISHED_VIEW, settled=True)
    rows = [ignores(better, event) for event in CONFIRMED.events]
    problems = derived(CONFIRMED, goes(st.FINISHED, ev.CANCEL, better), *rows)
    assert problems == (
        "row (finished, cancel) → better: a finished future may only become cancelled",
    )


def test_a_cancelled_state_that_forgot_to_be_absorbing() -> None:
    soft = State("soft", view=st.ANNOUNCED_VIEW, settled=True)
    rows = [ignores(soft, e) for e in CONFIRMED.events if e != ev.CANCEL]
    problems = derived(
        CONFIRMED,
        *rows,
        goes(st.PENDING, ev.CANCEL, soft, *TELL),
        goes(soft, ev.CANCEL, st.CANCELLED),
    )
    assert problems == (
        "row (soft, cancel) → cancelled: leads out of soft; cancelled never changes",
    )


def lone(state: State) -> tuple[str, ...]:
    """The problems of a future with one state more."""
    rows = [ignores(state, e) for e in CONFIRMED.events if e != ev.DISCONNECT]
    return derived(
        CONFIRMED,
        *rows,
        goes(st.PENDING, ev.RECONNECTED, state),
        goes(state, ev.DISCONNECT, st.CANCELLED, *TELL),
    )


def test_views() -> None:
    assert "state odd has no view for concurrent.futures" in lone(State("odd"))
    text = "\n".join(lone(State("odd", view=st.CANCELLED_VIEW)))
    assert "state odd: its view must be CANCELLED_AND_NOTIFIED" in text
    text = "\n".join(lone(State("odd", view=st.FINISHED_VIEW)))
    assert "state odd: its view FINISHED contradicts settled=False" in text
    text = "\n".join(lone(State("odd", view=st.RUNNING_VIEW, settled=True)))
    assert "state odd: its view RUNNING contradicts settled=True" in text


def test_a_state_from_which_nothing_settles() -> None:
    trap = State("trap", view=st.RUNNING_VIEW)
    rows = [ignores(trap, event) for event in CONFIRMED.events]
    problems = derived(CONFIRMED, *rows, goes(st.PENDING, ev.RECONNECTED, trap))
    assert problems == ("from state trap no settled state can be reached: a wait would never end",)


def test_a_future_that_can_never_settle() -> None:
    row = ignores(st.PENDING, ev.SUBMIT)
    assert refused(row, start=st.PENDING, about="future") == (
        "no state is settled, so no wait could ever end",
    )


def test_a_future_that_begins_settled() -> None:
    row = ignores(st.CANCELLED, ev.SUBMIT)
    assert refused(row, start=st.CANCELLED, about="future") == (
        "it starts in cancelled, which is settled: nobody would be told",
    )


def test_the_rules_of_futures_are_for_futures() -> None:
    assert VALUE.about == "value"
    assert all(state.view is None for state in VALUE.states)
