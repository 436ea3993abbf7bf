"""The tables against an oracle that was typed by hand, from the requirement and not from the code.

A cell: `!` violation; `-` stays; `>state` moves; then `: effects`, `=T`/`=F` what the call returns,
`@outcome` what is learnt of a cancel, `?` forbidden to a caller in this process. "tell" means both
notify and announce.
"""

import re
from typing import Any

import pytest

from futurefsm.fsm.lifecycles import CONFIRMED, LIFECYCLES, SCHEDULER, STRICT, VALUE
from futurefsm.fsm.table import Kind, Lifecycle, Row

ORACLES = {
    "confirmed": """
event              | pending | running | cancel_requested | cancelled | finished
submit             | >running: send_task =T | ! | ! | - =F | !
cancel             | >cancelled: tell =T @never_sent | >cancel_requested: send_cancel =T @unanswered | - =T | - =T | >cancelled: discard_value =T @after_finish
cancel_timed_out   | ! | - | - | - | -
confirm_canceled   | ! | >cancelled: tell @by_scheduler | >cancelled: tell @confirmed | - | -
confirm_not_found  | ! | >cancelled: tell @by_scheduler | >cancelled: tell @not_found | - | -
confirm_failed     | ! | - | - @refused | - | -
result_success     | ! | >finished: offer_value tell | >cancelled: delete_result tell @too_late | -: delete_result @too_late | -
result_failed      | ! | >finished: offer_error tell | >cancelled: delete_result tell @too_late | -: delete_result @too_late | -
result_worker_died | ! | >finished: worker_died_error tell | >cancelled: tell @worker_died | - | -
disconnect         | >cancelled: tell @never_sent | >cancelled: tell @disconnected | >cancelled: tell @disconnected | - | -
connection_lost    | >finished: connection_lost_error tell | >finished: connection_lost_error tell | >cancelled: tell @connection_lost | - | -
reconnected        | - | - | -: send_cancel | - | -
""",
    "strict": """
event              | pending | running | cancelled | finished
submit             | >running: send_task =T | ! | -: announce =F | !
cancel             | >cancelled: notify =T @never_sent | - =F | - =T | - =F
confirm_canceled   | ! | - | - | -
confirm_not_found  | ! | - | - | -
confirm_failed     | ! | - | - | -
result_success     | >finished: offer_value tell | >finished: offer_value tell | -: delete_result ? | - ?
result_failed      | >finished: offer_error tell | >finished: offer_error tell | -: delete_result ? | - ?
result_worker_died | >finished: worker_died_error tell | >finished: worker_died_error tell | - | -
disconnect         | >cancelled: tell @never_sent | >finished: client_closed_error tell | - | -
connection_lost    | >finished: connection_lost_error tell | >finished: connection_lost_error tell | - | -
reconnected        | - | - | - | -
cancel_timed_out   | - | - | - | -
""",
    "value": """
event        | none | offered | fetching | loaded | discarded | lost
offer        | >offered | - | - | - | -: delete_object | -
want         | - | >fetching: get_object | - | - | - | -
bytes        | ! | ! | >loaded: delete_object | - | -: delete_object | -
fetch_failed | - | - | >lost | - | - | -
discard      | >discarded | >discarded: delete_object | >discarded | >discarded | - | -
""",
    "scheduler": """
event         | unknown | queued | assigned | canceling | ended
task          | >queued: enqueue | - | - | - | -
assign        | ! | >assigned: dequeue run | ! | ! | !
cancel_forced | -: confirm_not_found | >ended: dequeue confirm_canceled | >canceling: kill_worker | - | -: confirm_not_found
cancel_gentle | -: confirm_not_found | >ended: dequeue confirm_canceled | -: confirm_failed | - | -: confirm_not_found
worker_done   | ! | ! | >ended: send_result | >ended: send_result | -
worker_died   | ! | ! | >ended: send_worker_died | >ended: confirm_canceled | -
never_begun   | ! | ! | >queued: enqueue | >ended: confirm_canceled | -
no_worker     | ! | >ended: dequeue send_result | - | - | -
client_gone   | - | >ended: dequeue confirm_canceled | >canceling: kill_worker | - | -
""",
}  # fmt: skip

CELL = re.compile(
    r"(?P<kind>!|-|>(?P<target>\w+))(?::(?P<effects>[\w ]+?))?"
    r"(?: =(?P<answer>[TF]))?(?: @(?P<outcome>\w+))?(?P<caller> \?)?"
)


def oracle(name: str) -> dict[tuple[str, str], Any]:
    header, *lines = ORACLES[name].strip().splitlines()
    states = [part.strip() for part in header.split("|")[1:]]
    expected = {}
    for line in lines:
        event, *cells = (part.strip() for part in line.split("|"))
        assert len(cells) == len(states), line
        for state, cell in zip(states, cells, strict=True):
            expected[state, event] = meaning(state, cell)
    return expected


def meaning(state: str, cell: str) -> Any:
    match = CELL.fullmatch(cell)
    assert match, cell
    effects = " ".join((match["effects"] or "").split()).replace("tell", "notify announce").split()
    return {
        "kind": {"!": "violates", "-": "ignores"}.get(match["kind"], "goes"),
        "target": match["target"] or state,
        "effects": effects,
        "answer": {"T": True, "F": False, None: None}[match["answer"]],
        "outcome": match["outcome"],
        "violates_by_caller": bool(match["caller"]),
    }


def entry(row: Row) -> Any:
    return {
        "kind": row.kind.value,
        "target": str(row.target),
        "effects": [str(effect) for effect in row.effects],
        "answer": row.answer,
        "outcome": None if row.outcome is None else str(row.outcome),
        "violates_by_caller": row.violates_by_caller,
    }


def test_every_lifecycle_has_an_oracle() -> None:
    assert {each.name for each in LIFECYCLES} == set(ORACLES)
    assert LIFECYCLES == (CONFIRMED, STRICT, VALUE, SCHEDULER)


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
def test_the_table_is_what_the_requirement_says(lifecycle: Lifecycle) -> None:
    expected = oracle(lifecycle.name)
    found = {(str(row.source), str(row.event)): entry(row) for row in lifecycle.rows}
    assert found.keys() == expected.keys()
    assert {k: v for k, v in found.items() if v != expected[k]} == {}


STATES = {
    # state: (view, settled, absorbing, cancel_decided)
    "pending": ("PENDING", False, False, False),
    "running": ("RUNNING", False, False, False),
    "cancel_requested": ("RUNNING", False, False, True),
    "cancelled": ("CANCELLED_AND_NOTIFIED", True, True, False),
    "finished": ("FINISHED", True, False, False),
}


@pytest.mark.parametrize("lifecycle", [CONFIRMED, STRICT], ids=lambda each: each.name)
def test_the_states_of_futures(lifecycle: Lifecycle) -> None:
    for state in lifecycle.states:
        facts = (state.view, state.settled, state.absorbing, state.cancel_decided)
        assert facts == STATES[state], state
    assert lifecycle.start == "pending"


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
def test_every_row_has_a_reason(lifecycle: Lifecycle) -> None:
    assert [row for row in lifecycle.rows if not row.why] == []
    assert {row.kind for row in lifecycle.rows} == set(Kind)
    for state in lifecycle.states:
        assert state.means
    for event in lifecycle.events:
        assert event.comes_from


def test_strict_has_no_request_to_cancel() -> None:
    assert "cancel_requested" not in STRICT.states
    assert STRICT.standard_repr
    assert not CONFIRMED.standard_repr
