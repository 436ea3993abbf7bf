"""Paths of the pump, made from the table."""

from futurefsm.fsm.events import RESULT_FAILED
from futurefsm.fsm.lifecycles import STRICT
from futurefsm.fsm.states import PENDING, RUNNING
from futurefsm.fsm.table import goes
from futurefsm.fsm.testing.harness import StandardFutures
from futurefsm.fsm.testing.paths import deliverable, early, illegal, legal, of_future, paths
from futurefsm.fsm.testing.programs import Move
from futurefsm.fsm.testing.shipped import ConfirmedFutures, StrictFutures


def said(path: tuple[Move, ...]) -> str:
    return " ".join(str(move).removeprefix("await ") for move in path)


def test_a_pump_of_the_standard_library_knows_three_events() -> None:
    assert [str(e) for e in deliverable(StandardFutures())] == [
        "submit",
        "result_success",
        "result_failed",
    ]


def test_legal_paths_of_the_standard_library() -> None:
    found = {" ".join(str(m.event) for m in path) for path in legal(StandardFutures())}
    assert found == {
        "submit",
        "submit result_success",
        "submit result_failed",
        "result_success",
        "result_failed",
    }


def test_a_path_may_go_round_where_the_table_does() -> None:
    class Retried(StandardFutures):
        lifecycle = STRICT.derive(
            "retried", goes(RUNNING, RESULT_FAILED, PENDING, why="it is tried again")
        )

    found = {" ".join(str(m.event) for m in path) for path in legal(Retried())}
    again = "submit result_failed"
    assert found >= {again, f"{again} submit", f"{again} submit result_success"}
    assert max(found, key=len) == f"{again} submit result_success"


def test_a_cancel_is_answered_refused_or_overtaken() -> None:
    found = {said(path) for path in paths(ConfirmedFutures(), wrong=False)}
    assert "submit" in found
    assert "submit TaskCancel confirm_canceled" in found
    assert "submit TaskCancel confirm_failed result_success" in found
    assert "submit TaskCancel reconnected confirm_not_found" in found
    assert "submit connection_lost" in found


def test_illegal_paths_go_on_after_the_end_and_begin_before_the_start() -> None:
    found = {" ".join(str(m) for m in path) for path in paths(ConfirmedFutures())}
    assert "submit result_success result_success" in found
    assert "submit await TaskCancel confirm_canceled result_failed" in found
    assert "confirm_canceled submit confirm_canceled" in found


def test_what_comes_after_the_end_is_forced() -> None:
    late = [path[-1] for path in illegal(StandardFutures())]
    assert all(move.forced for move in late)


def test_paths_are_there_once_and_plain_data() -> None:
    found = paths(StrictFutures())
    assert len(set(found)) == len(found)
    assert all(type(move.event) is str for path in found for move in path)


def test_every_row_of_the_pumps_events_is_on_a_path() -> None:
    """Each event is delivered in each state that can be reached without the users."""
    lifecycle = ConfirmedFutures.lifecycle
    seen = set()
    for path in paths(ConfirmedFutures()):
        state = str(lifecycle.start)
        for move in path:
            if move.event == "await":
                state = str(lifecycle.row(state, "cancel").target)
            else:
                row = lifecycle.row(state, move.event)
                seen.add((str(row.source), str(row.event)))
                state = str(row.target)
    events = deliverable(ConfirmedFutures())
    every = {(str(row.source), str(row.event)) for row in lifecycle.rows if row.event in events}
    assert every == seen


def test_a_future_that_is_handed_out_running_starts_early() -> None:
    path = (Move("submit"), Move("result_success"))
    assert early(ConfirmedFutures(), path) == 1
    assert early(ConfirmedFutures(), path[1:]) == 0
    assert early(StandardFutures(), path) == 0


def test_a_path_can_be_that_of_another_future() -> None:
    assert of_future((Move("submit"),), 1) == (Move("submit", 1),)


def test_who_sends_no_cancel_gets_no_answer_to_one() -> None:
    class Chatty(StrictFutures):
        messages = True

    found = [move for path in paths(Chatty()) for move in path]
    assert not [move for move in found if move.event == "await"]
