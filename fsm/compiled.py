"""The compiled form of a lifecycle: what the hot path steps through. PURE.

One look-up a step. Nodes and steps are made once for a lifecycle and shared by all its futures, so
that a future holds one pointer and no step allocates anything.
"""

from typing import TYPE_CHECKING, Any

from futurefsm.fsm import effects as fx
from futurefsm.fsm.states import ANNOUNCED_VIEW, CANCELLED_VIEW, State
from futurefsm.fsm.story import CALLER, CLIENT, WIRE

if TYPE_CHECKING:
    from futurefsm.fsm.effects import Effect
    from futurefsm.fsm.outcomes import Outcome
    from futurefsm.fsm.table import Lifecycle, Row

_SOURCES = (CALLER, WIRE, CLIENT)
# Steps whose times fit into one number.
_COMMON_MAX = 2
_OWN_ERRORS = (fx.WORKER_DIED_ERROR, fx.CONNECTION_LOST_ERROR, fx.CLIENT_CLOSED_ERROR)


class Node:
    """A state of a compiled lifecycle.

    A settled state that can be entered without ANNOUNCE has two nodes, before and after it was
    announced, so that `concurrent.futures`' CANCELLED and CANCELLED_AND_NOTIFIED need no flag. And
    one more for each common way into a state, so that futures which went it share its steps: to
    running, and from there to finished, by any source.

    Attributes:
        on: event → step, for every event.
        ways: source → event → the node on the common way, to which that step leads; None where
            there is none: the step is not plain, or it was another way that led here.
        moves: the steps of the common way that led here, and their sources; () where none did.
        step: the last of these.
        first: it is the only one.
    """

    __slots__ = (
        "announced",
        "cancel_decided",
        "ended",
        "first",
        "lifecycle",
        "moves",
        "on",
        "settled",
        "state",
        "step",
        "view",
        "ways",
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
        self.ways: dict[str, dict[str, Node | None]] = {}
        self.moves: tuple[tuple[Step, str], ...] = ()
        self.first = False
        self.step: Any = None

    def on_way(self, step: "Step", source: str, before: "Node") -> "Node":
        """This node, for those who came on a common way."""
        node = Node(self.lifecycle, self.state, self.announced)
        node.on, node.step, node.moves = self.on, step, (*before.moves, (step, source))
        node.first = not before.moves
        return node

    def __repr__(self) -> str:
        return f"<Node {self.lifecycle.name}.{self.state}>"


class Step:
    """What one event does in one node.

    Attributes:
        row: the entry of the table that it comes from.
        node: the node afterwards.
        moves: the state changes; the story records it.
        plain: fit for a common way. It moves, and neither refuses a caller nor tells about a
            cancel nor makes an error of its own; and no way leads back, so that its story stays
            bounded by itself.
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
    for node in nodes.values():
        node.ways = dict.fromkeys(_SOURCES, dict.fromkeys(lifecycle.events))
    start = nodes[lifecycle.start, False]
    _lay_ways(start)
    return start


def _lay_ways(node: Node) -> None:
    """The nodes of the common ways that go on from here."""
    node.ways = {source: dict.fromkeys(node.on) for source in _SOURCES}
    if len(node.moves) < _COMMON_MAX:
        for source, way in node.ways.items():
            for event, step in node.on.items():
                if step.plain:
                    way[event] = after = step.node.on_way(step, source, node)
                    _lay_ways(after)


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
