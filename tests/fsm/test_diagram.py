"""Diagrams: right, deterministic, and readable by the tools they are for."""

import importlib.util
import re
from typing import Any

import pytest

from futurefsm.fsm.diagram import to_dot, to_mermaid
from futurefsm.fsm.lifecycles import CONFIRMED, LIFECYCLES, STRICT
from futurefsm.fsm.table import Kind, Lifecycle

DOT_ARROW = re.compile(r'(\w+) -> (\w+) \[label=(?:"(.+?)"|(\w+))\]')
ARROW = re.compile(r"^  (\w+) --> (\w+): (.+)$", re.MULTILINE)


def mermaid_arrows(text: str) -> set[tuple[str, str, str]]:
    """(source, target, label) of each event."""
    return {
        (source, target, label)
        for source, target, labels in ARROW.findall(text)
        for label in labels.split("<br/>")
    }


def dot_arrows(text: str) -> set[tuple[str, str, str]]:
    return {
        (source, target, label)
        for source, target, quoted, plain in DOT_ARROW.findall(text)
        for label in (quoted or plain).split(r"\n")
    }


def arrows(lifecycle: Lifecycle, *kinds: Kind) -> set[tuple[str, str, str]]:
    return {
        (str(row.source), str(row.target), str(row.event))
        for row in lifecycle.rows
        if row.kind in kinds
    }


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
def test_every_move_is_an_arrow_and_nothing_else(lifecycle: Lifecycle) -> None:
    assert mermaid_arrows(to_mermaid(lifecycle)) == arrows(lifecycle, Kind.GOES)
    assert dot_arrows(to_dot(lifecycle)) == arrows(lifecycle, Kind.GOES)


def test_what_stays_can_be_drawn() -> None:
    expected = arrows(STRICT, Kind.GOES, Kind.IGNORES)
    for found in (
        mermaid_arrows(to_mermaid(STRICT, stays=True)),
        dot_arrows(to_dot(STRICT, stays=True)),
    ):
        assert {(s, t, label.removesuffix(" [internal]")) for s, t, label in found} == expected


@pytest.mark.parametrize("draw", [to_mermaid, to_dot])
def test_counts_and_effects(draw: Any) -> None:
    counts = {("pending", "submit"): 12, ("running", "cancel"): 3}
    text = draw(CONFIRMED, counts=counts, effects=True)
    assert "submit x12 / send task" in text
    assert "cancel x3 / send cancel" in text
    assert "disconnect x0 / notify" in text
    assert "announce" not in text, "one act, to a reader"
    assert "x12" not in draw(CONFIRMED)
    assert "cancel / send cancel" in draw(CONFIRMED, effects=True)


@pytest.mark.parametrize("draw", [to_mermaid, to_dot])
@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
def test_the_text_depends_on_the_table_alone(lifecycle: Lifecycle, draw: Any) -> None:
    assert draw(lifecycle) == draw(lifecycle.derive(lifecycle.name))


def test_mermaid_marks_start_and_settled_states() -> None:
    lines = [line.strip() for line in to_mermaid(CONFIRMED).splitlines()]
    assert lines[:4] == ["---", "title: confirmed", "---", "stateDiagram-v2"]
    assert "[*] --> pending" in lines
    assert "cancelled --> [*]" in lines
    assert "finished --> [*]" not in lines, "its user may still cancel it"
    settled = [line.split()[1] for line in lines if line.startswith("Class ") and "settled" in line]
    assert settled == ["cancelled", "finished"]
    assert any(line.startswith("classDef s_settled ") for line in lines)
    assert not any("active" in line and line.startswith("Class ") for line in lines)


def test_dot_marks_settled_states() -> None:
    text = to_dot(CONFIRMED)
    assert text.startswith("digraph confirmed {")
    doubled = re.findall(r"^\t(\w+) \[.*peripheries=2\]$", text, re.MULTILINE)
    assert doubled == ["cancelled", "finished"]


def test_dot_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match="pip install graphviz"):
        to_dot(CONFIRMED)
