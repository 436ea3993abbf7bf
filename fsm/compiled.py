"""The compiled form of a lifecycle: what the hot path steps through. PURE.

One dictionary look-up a step. Nodes and steps are made once for a lifecycle and shared by all its
futures, so that a future holds one pointer and no step allocates anything.
"""

from typing import TYPE_CHECKING

from futurefsm.fsm import effects as fx
from futurefsm.fsm.states import ANNOUNCED_VIEW, CANCELLED_VIEW, State

if TYPE_CHECKING:
    from futurefsm.fsm.effects import Effect
    from futurefsm.fsm.outcomes import Outcome
    from futurefsm.fsm.table import Lifecycle, Row

_OWN_ERRORS = (fx.WORKER_DIED_ERROR, fx.CONNECTION_LOST_ERROR, fx.CLIENT_CLOSED_ERROR)


class Node:
    """A state of a compiled lifecycle.

    A settled state that can be entered without ANNOUNCE has two nodes, before and after it was
    announced, so that `concurrent.futures`' CANCELLED and CANCELLED_AND_NOTIFIED need no flag.
    """

    __slots__ = (
        "announced",
        "cancel_decided",
        "ended",
        "lifecycle",
        "on",
        "settled",
        "state",
        "view",
    )

    def __init__(self, lifecycle: "Lifecycle", state: State, announced: bool) -> None:
        self.lifecycle = lifecycle
        self.state = state
        self.announced = announced
        self.settled = state.settled
        # Settled, and not cancelled: there is a value or an exception, or there will be.
        self.ended = state.settled and not state.is_cancelled
        self.cancel_decided = state.cancel_decided
        quiet = state.settled and not announced and state.view == ANNOUNCED_VIEW
        self.view = CANCELLED_VIEW if quiet else state.view
        self.on: dict[str, Step] = {}

    def __repr__(self) -> str:
        return f"<Node {self.lifecycle.name}.{self.state}>"


class Step:
    """What one event does in one node.

    Attributes:
        row: the entry of the table that it comes from.
        node: the node afterwards.
        moves: the state changes; the story records it.
        plain: the fast path. It moves, and neither refuses a caller nor tells about a cancel nor
            makes an error of its own; and no way leads back, so that the node alone tells whether
            a future moved meanwhile, and its story stays bounded by itself.
        effects: what the owner of the wire has to do.
        notifies, announces: wake those who wait; tell `wait()` and `as_completed()`.
        offers: the value (True) or the exception (False) of the event is kept; None for neither.
        discards: the value is dropped.
        own_error: the effect that names the error the future makes itself.
    """

    __slots__ = (
        "announces",
        "answer",
        "discards",
        "effects",
        "event",
        "moves",
        "node",
        "notifies",
        "offers",
        "outcome",
        "own_error",
        "plain",
        "row",
        "violates",
        "violates_by_caller",
    )

    def __init__(self, row: "Row", source: Node, node: Node, *, returns: bool) -> None:
        self.row = row
        self.event = row.event
        self.node = node
        self.moves = row.target != row.source
        self.violates = row.kind.value == "violates"
        self.violates_by_caller = self.violates or row.violates_by_caller
        self.effects: tuple[Effect, ...] = tuple(e for e in row.effects if e.performer == fx.WIRE)
        self.notifies = fx.NOTIFY in row.effects
        self.announces = fx.ANNOUNCE in row.effects and not source.announced
        self.offers: bool | None = (
            True
            if fx.OFFER_VALUE in row.effects
            else False
            if fx.OFFER_ERROR in row.effects
            else None
        )
        self.discards = fx.DISCARD_VALUE in row.effects
        self.own_error = next((e for e in row.effects if e in _OWN_ERRORS), None)
        self.answer = row.answer
        self.outcome: Outcome | None = row.outcome
        special = self.violates_by_caller or self.own_error or self.outcome or self.discards
        self.plain = self.moves and not special and not returns

    def __repr__(self) -> str:
        return f"<Step {self.row}>"


def compile_lifecycle(lifecycle: "Lifecycle") -> Node:
    """Compile a checked lifecycle; returns its start node."""
    nodes = {
        (state, announced): Node(lifecycle, state, announced)
        for state in lifecycle.states
        for announced in (False, True)
    }
    returns = _has_loop(lifecycle)
    for row in lifecycle.rows:
        for announced in (False, True):
            after = row.target.settled and (announced or fx.ANNOUNCE in row.effects)
            source = nodes[row.source, announced]
            source.on[row.event] = Step(row, source, nodes[row.target, after], returns=returns)
    return nodes[lifecycle.start, False]


def _has_loop(lifecycle: "Lifecycle") -> bool:
    """Whether a state can be come back to."""
    left = {
        state: {r.target for r in lifecycle.rows if r.source == state} - {state}
        for state in lifecycle.states
    }
    while ends := [state for state, targets in left.items() if not targets & left.keys()]:
        for state in ends:
            del left[state]
    return bool(left)
