"""Diagrams of a lifecycle, in Mermaid and in Graphviz' DOT, drawn by transitions' own engines.

The text depends on the table and the options alone, so a generated file can be compared. No `dot`
program is needed to make it; DOT needs the Python package ``graphviz``.
"""

import importlib.util
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from futurefsm.fsm.effects import in_words
from futurefsm.fsm.machine import Engine, graph_machine
from futurefsm.fsm.table import Kind, Row, checked

if TYPE_CHECKING:
    from futurefsm.fsm.table import Lifecycle

Counts = Mapping[tuple[str, str], int]

# The engines join the labels of parallel arrows with this; each gets a line of its own instead.
_JOINED = " | "

_SETTLED = {"fillcolor": "#d9ead3", "color": "#274e13", "peripheries": "2"}
# Mermaid has no double border; its `color` is the text's.
_SETTLED_MERMAID = {"fillcolor": "#d9ead3", "color": "#274e13", "stroke-width": "3px"}


def to_mermaid(
    lifecycle: "Lifecycle",
    *,
    counts: Counts | None = None,
    effects: bool = False,
    stays: bool = False,
) -> str:
    """The diagram as a Mermaid ``stateDiagram-v2``. Settled states have a thick border.

    Args:
        counts: (state, event) → how often; written on the arrows. What is not in it was never.
        effects: write what each arrow asks somebody to do.
        stays: draw the rows that do not move, too, as arrows to themselves.
    """
    labels = _labels(lifecycle, counts, effects, stays)
    title = f"title: {lifecycle.name}"
    source = _drawn(lifecycle, "mermaid", title, labels, _SETTLED_MERMAID)
    ends = [f"  {state} --> [*]" for state in lifecycle.states if state.absorbing]
    return "\n".join([source.replace(_JOINED, "<br/>"), *ends, ""])


def to_dot(
    lifecycle: "Lifecycle",
    *,
    counts: Counts | None = None,
    effects: bool = False,
    stays: bool = False,
) -> str:
    """The diagram in Graphviz' DOT. Settled states have a double border.

    Args: as for `to_mermaid`.

    Raises:
        ModuleNotFoundError: the Python package ``graphviz`` is not installed.
    """
    if importlib.util.find_spec("graphviz") is None:
        raise ModuleNotFoundError(
            "DOT diagrams need the Python package graphviz: pip install graphviz", name="graphviz"
        )
    labels = _labels(lifecycle, counts, effects, stays)
    return _drawn(lifecycle, "graphviz", lifecycle.name, labels, _SETTLED).replace(_JOINED, r"\n")


def _labels(
    lifecycle: "Lifecycle", counts: Counts | None, effects: bool, stays: bool
) -> dict[Row, str]:
    return {
        row: _label(row, counts, effects)
        for row in checked(lifecycle).rows
        if row.kind is Kind.GOES or (stays and row.kind is Kind.IGNORES)
    }


def _label(row: Row, counts: Counts | None, effects: bool) -> str:
    label = str(row.event)
    if counts is not None:
        label += f" x{counts.get((row.source, row.event), 0)}"
    if effects and row.effects:
        label += f" / {', '.join(in_words(row.effects))}"
    return label


def _drawn(
    lifecycle: "Lifecycle",
    engine: Engine,
    title: str,
    labels: Mapping[Row, str],
    settled: Mapping[str, str],
) -> str:
    machine = graph_machine(lifecycle, engine, title, labels, {"settled": settled})
    graph = machine.model_graphs[id(machine)]
    # A fresh machine paints its own state as the active one.
    graph.reset_styling()
    for state in lifecycle.states:
        if state.settled or state.absorbing:
            graph.set_node_style(str(state), "settled")
    get_graph: Callable[[], Any] = graph.get_graph
    return str(get_graph().source)
