"""Stories as text and diagrams. Bare futures with fired events: no client is needed."""

import pytest

from futurefsm.client import trace
from futurefsm.fsm import events as ev
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED, LIFECYCLES, STRICT
from futurefsm.fsm.story import MOVES_MAX
from futurefsm.fsm.table import Kind


def made(*events: str) -> Future[int]:
    future: Future[int] = Future()
    for event in events:
        future.fire(event)
    return future


def mixture() -> list[Future[int]]:
    return [
        *[made(ev.SUBMIT, ev.RESULT_SUCCESS) for _ in range(5)],
        *[made(ev.SUBMIT, ev.CANCEL, ev.CONFIRM_CANCELED) for _ in range(3)],
        made(ev.SUBMIT, ev.CANCEL, ev.RESULT_SUCCESS),
        made(ev.SUBMIT, ev.RESULT_SUCCESS, ev.CANCEL),
        made(ev.SUBMIT, ev.CANCEL, ev.CANCEL, ev.CANCEL),
        made(ev.CANCEL),
        made(),
    ]


def test_counts_are_by_the_state_that_was_left() -> None:
    assert trace.transition_counts(mixture()) == {
        ("pending", "submit"): 11,
        ("pending", "cancel"): 1,
        ("running", "result_success"): 6,
        ("running", "cancel"): 5,
        ("cancel_requested", "confirm_canceled"): 3,
        ("cancel_requested", "result_success"): 1,
        ("finished", "cancel"): 1,
    }


def test_events_that_did_not_move_are_counted_apart() -> None:
    assert trace.stay_counts(mixture()) == {"cancel": 2}


def test_a_forgotten_beginning_is_not_invented() -> None:
    from futurefsm.fsm.effects import ANNOUNCE, NOTIFY, OFFER_VALUE
    from futurefsm.fsm.events import Event
    from futurefsm.fsm.states import FINISHED_VIEW, PENDING_VIEW, State
    from futurefsm.fsm.table import Lifecycle, goes, ignores

    a, b = State("a", view=PENDING_VIEW), State("b", view=PENDING_VIEW)
    end = State("end", view=FINISHED_VIEW, settled=True)
    tick, stop = Event("tick"), Event("stop")
    loop = Lifecycle(
        "loop",
        a,
        (
            goes(a, tick, b),
            goes(b, tick, a),
            ignores(end, tick),
            goes(a, stop, end, OFFER_VALUE, NOTIFY, ANNOUNCE),
            goes(b, stop, end, OFFER_VALUE, NOTIFY, ANNOUNCE),
            ignores(end, stop),
        ),
    )
    future: Future[int] = Future(loop)
    for _ in range(MOVES_MAX + 8):
        future.fire(tick)
    counts = trace.transition_counts([future])
    assert counts.total() == MOVES_MAX - 1
    assert "forgotten" in trace.sequence_diagram(future)


def test_the_text_has_each_arrow_taken_with_its_count() -> None:
    text = trace.render(CONFIRMED, trace.transition_counts(mixture()))
    lines = text.splitlines()
    assert any("submit ─" in line and " 11 ──▶ running" in line for line in lines)
    assert any("confirm_canceled ─" in line and " 3 ──▶ cancelled" in line for line in lines)
    assert "■ cancelled: 6 are here" in lines
    assert "■ finished: 5 are here" in lines
    assert "● cancel_requested: 1 are here" in lines
    assert "running ─disconnect→ cancelled" in text
    short = trace.render(CONFIRMED, trace.transition_counts(mixture()), untaken=False)
    assert short.splitlines()[-1] == "not taken: 13 of 20 arrows"


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_text_fits_for_every_lifecycle(lifecycle, width) -> None:  # type: ignore[no-untyped-def]
    arrows = [row for row in lifecycle.rows if row.kind is Kind.GOES]
    counts = {(row.source, row.event): 1_234_567 for row in arrows}
    for given in (counts, {}):
        text = trace.render(lifecycle, given, width=width)
        assert max(map(len, text.splitlines())) <= width
        assert all(state in text for state in lifecycle.states)
    assert trace.render(lifecycle, counts).count("──▶") == len(arrows)


def test_a_count_for_an_arrow_that_does_not_exist_is_refused() -> None:
    with pytest.raises(KeyError, match="no arrow cancel out of running"):
        trace.render(STRICT, {("running", "cancel"): 1})


def test_the_sequence_diagram_of_one_future() -> None:
    future = made(ev.SUBMIT, ev.CANCEL, ev.CANCEL, ev.CONFIRM_CANCELED)
    lines = trace.sequence_diagram(future, name="task 7").splitlines()
    assert lines[0] == "sequenceDiagram"
    assert "    participant future as task 7" in lines
    assert "    Note over future: pending" in lines
    moves = [line.split(": ")[1].split(" (")[0] for line in lines if "->>" in line]
    assert moves == ["submit", "cancel", "confirm_canceled"]
    assert lines[-1] == "    Note over future: cancel x1 did not move it"


def test_the_diagram_of_a_future_that_did_nothing() -> None:
    assert trace.sequence_diagram(made()).splitlines() == [
        "sequenceDiagram",
        "    participant future as future",
        "    Note over future: pending",
    ]


def test_the_state_diagram_carries_the_counts() -> None:
    diagram = trace.state_diagram(mixture())
    assert "stateDiagram-v2" in diagram
    assert any("submit" in line and "11" in line for line in diagram.splitlines())


def test_the_story_as_text_says_what_is_known_of_a_cancel() -> None:
    text = trace.story_text(made(ev.SUBMIT, ev.CANCEL, ev.RESULT_SUCCESS), name="task 7")
    assert text.startswith("task 7: cancelled\nStory: pending → running → cancel_requested")
    assert "too_late" in text
    assert "cancel:" not in trace.story_text(made(ev.SUBMIT))


def test_ways_are_counted() -> None:
    assert trace.paths(mixture())["pending → running → finished"] == 5
