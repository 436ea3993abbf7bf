"""The Markdown table of a lifecycle."""

import pytest

from futurefsm.fsm.document import cell, to_markdown
from futurefsm.fsm.lifecycles import CONFIRMED, LIFECYCLES, STRICT
from futurefsm.fsm.table import Lifecycle


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
def test_one_line_an_event_one_column_a_state(lifecycle: Lifecycle) -> None:
    text, _, reasons = to_markdown(lifecycle).partition("\n\n")
    header, rule, *lines = [line.strip("|").split("|") for line in text.splitlines()]
    assert [part.strip() for part in header] == [r"event \ state", *lifecycle.states]
    assert {part.strip() for part in rule} == {"---"}
    assert [line[0].strip(" `") for line in lines] == list(lifecycle.events)
    assert {len(line) for line in [header, rule, *lines]} == {len(lifecycle.states) + 1}
    for row in lifecycle.rows:
        assert row.why in reasons


def test_cells() -> None:
    def confirmed(state: str, event: str) -> str:
        return cell(CONFIRMED.row(state, event))

    assert confirmed("pending", "submit") == "→ running: send task"
    assert confirmed("running", "submit") == "violation"
    assert confirmed("running", "reconnected") == "-"
    assert confirmed("cancelled", "result_success") == "- : delete result"
    assert confirmed("cancel_requested", "result_success") == "→ cancelled: delete result, notify"
    assert cell(STRICT.row("running", "cancel")) == "-; False"
    assert cell(STRICT.row("finished", "result_success")) == "- (violation when set by a caller)"


def test_reasons_are_optional_and_shared() -> None:
    assert to_markdown(CONFIRMED, reasons=False).count("\n") == len(CONFIRMED.events) + 2
    text = to_markdown(CONFIRMED)
    assert "- `disconnect`\n  - pending: → cancelled: notify: it never left\n" in text
    assert "  - cancelled, finished: -: the future has settled; nothing is owed any more\n" in text
