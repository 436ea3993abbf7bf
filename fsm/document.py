"""A lifecycle as a Markdown table, for the documentation. PURE."""

from typing import TYPE_CHECKING

from futurefsm.fsm.effects import in_words
from futurefsm.fsm.table import Kind, Row, checked

if TYPE_CHECKING:
    from futurefsm.fsm.table import Lifecycle


def to_markdown(lifecycle: "Lifecycle", *, reasons: bool = True) -> str:
    """The table (events down, states across), and below it why each entry is what it is.

    Args:
        reasons: whether to list the reasons.
    """
    text = table(lifecycle)
    return f"{text}\n{reason_list(lifecycle)}" if reasons else text


def table(lifecycle: "Lifecycle") -> str:
    """One line for an event, one column for a state."""
    states = checked(lifecycle).states
    lines = [_line(r"event \ state", *states), _line(*["---"] * (len(states) + 1))]
    for event in lifecycle.events:
        cells = (cell(lifecycle.row(state, event)) for state in states)
        lines.append(_line(f"`{event}`", *cells))
    return "\n".join(lines) + "\n"


def cell(row: Row) -> str:
    """One entry: "→ running: send task", "-", "- : delete result", "violation"."""
    if row.kind is Kind.VIOLATES:
        return "violation"
    text = f"→ {row.target}" if row.kind is Kind.GOES else "-"
    told = in_words(row.effects)
    if told:
        text += f"{':' if row.kind is Kind.GOES else ' :'} {', '.join(told)}"
    if row.answer is False:
        text += "; False"
    if row.violates_by_caller:
        text += " (violation when set by a caller)"
    return text


def reason_list(lifecycle: "Lifecycle") -> str:
    """Every entry with its reason, by event; entries that share a reason share a line."""
    lines = []
    for event in lifecycle.events:
        shared: dict[str, list[str]] = {}
        for state in lifecycle.states:
            row = lifecycle.row(state, event)
            shared.setdefault(f"{cell(row)}: {row.why}", []).append(state)
        lines.append(f"- `{event}`")
        lines += [f"  - {', '.join(where)}: {what}" for what, where in shared.items()]
    return "\n".join(lines) + "\n"


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
