"""A lifecycle as a real `transitions.Machine`: to check, to ask, to draw. Never to own futures.

The only file that imports transitions (`diagram.py` borrows its engines through this one). A model
costs far more than a future and is kept alive by its machine, so models are for looking at a
table; futures step through its compiled form, and tests prove that both agree.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from transitions import Machine, MachineError
from transitions.extensions import GraphMachine

from futurefsm.fsm.states import State
from futurefsm.fsm.table import Kind, Row, checked

if TYPE_CHECKING:
    from futurefsm.fsm.events import Event
    from futurefsm.fsm.table import Lifecycle

Engine = Literal["mermaid", "graphviz"]

__all__ = ["Engine", "LifecycleMachine", "MachineError", "Model", "graph_machine"]


class Model:
    """One thing that a machine drives.

    Its machine adds ``state``, ``trigger(event)`` and, for each event, a method of that name; an
    event that is a violation in its state raises ``MachineError``.
    """

    state: str

    def __repr__(self) -> str:
        return f"<Model {self.state}>"


class LifecycleMachine(Machine):
    """A lifecycle as a `transitions.Machine`.

    ``goes`` rows are transitions, ``ignores`` rows internal transitions (they leave no state and
    enter none), ``violates`` rows are not there, so that they raise ``MachineError``. All of
    `transitions` works on it: ``get_triggers``, ``get_transitions``, ``add_model``, callbacks.

    >>> from futurefsm.fsm.lifecycles import CONFIRMED
    >>> machine = CONFIRMED.machine()
    >>> with machine.driving() as model:
    ...     for event in ("submit", "cancel", "result_success"):
    ...         _ = model.trigger(event)
    ...     model.state
    'cancelled'
    """

    lifecycle: "Lifecycle"

    def __init__(self, lifecycle: "Lifecycle") -> None:
        self.lifecycle = checked(lifecycle)
        super().__init__(
            model=None,
            states=[_state(state) for state in lifecycle.states],
            initial=str(lifecycle.start),
            transitions=[_transition(row) for row in lifecycle.rows if _is_allowed(row)],
            auto_transitions=False,
            name=lifecycle.name,
        )
        # An event that is a violation everywhere has no transition, but it is an event.
        for event in map(str, lifecycle.events):
            if event not in self.events:
                self.events[event] = self._create_event(event, self)

    @contextmanager
    def driving(self, state: str | None = None) -> "Iterator[Any]":
        """A `Model` that begins in `state`, by default the start; forgotten at the end.

        Raises:
            ValueError: the lifecycle has no such state.
        """
        model = Model()
        self.add_model(model, initial=None if state is None else str(state))
        try:
            yield model
        finally:
            self.remove_model(model)

    def allowed(self, state: str) -> "tuple[Event, ...]":
        """The events that are no violation in a state, in the order of the table."""
        triggers = set(self.get_triggers(str(state)))
        return tuple(event for event in self.lifecycle.events if event in triggers)

    def moves(self, state: str) -> "dict[Event, State]":
        """The reachable transitions of a state: event → where it leads."""
        named = {str(each): each for each in self.lifecycle.states}
        return {
            event: named[transition.dest]
            for event in self.allowed(state)
            for transition in self.get_transitions(str(event), str(state))
            if transition.dest is not None
        }

    def reachable(self, state: str | None = None) -> frozenset[State]:
        """Every state that can be reached from one, itself included; by default from the start."""
        seen: set[State] = set()
        named = {str(each): each for each in self.lifecycle.states}
        left = [named[str(self.lifecycle.start if state is None else state)]]
        while left:
            here = left.pop()
            if here not in seen:
                seen.add(here)
                left += self.moves(here).values()
        return frozenset(seen)


def graph_machine(
    lifecycle: "Lifecycle",
    engine: Engine,
    title: str,
    labels: Mapping[Row, str],
    styles: Mapping[str, Mapping[str, str]],
) -> GraphMachine:
    """A machine of transitions' drawing kind, with one transition for each row in `labels`.

    Args:
        engine: "mermaid" or "graphviz".
        labels: what to write on the arrow of a row; rows that are not in it are not drawn.
        styles: style name → attributes, in addition to the engine's own.
    """

    # transitions reads the styles from the class.
    known: dict[str, Any] = dict(GraphMachine.style_attributes)
    drawing: Any = type(
        "Drawing",
        (GraphMachine,),
        {"style_attributes": {**known, "node": {**known["node"], **styles}}},
    )
    machine: GraphMachine = drawing(
        states=[_state(state) for state in lifecycle.states],
        initial=str(lifecycle.start),
        transitions=[{**_transition(row), "label": label} for row, label in labels.items()],
        auto_transitions=False,
        graph_engine=engine,
        title=title,
    )
    return machine


def _state(state: State) -> dict[str, Any]:
    return {"name": str(state), "final": state.absorbing}


def _is_allowed(row: Row) -> bool:
    return row.kind is not Kind.VIOLATES


def _transition(row: Row) -> dict[str, Any]:
    dest = str(row.target) if row.kind is Kind.GOES else None
    return {"trigger": str(row.event), "source": str(row.source), "dest": dest}
