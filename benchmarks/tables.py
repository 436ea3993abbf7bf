"""One event of one machine that goes round: the same table for every library."""

from collections.abc import Callable
from typing import Any, Protocol

from benchmarks.measuring import seconds
from futurefsm.fsm.compiled import Node
from futurefsm.fsm.effects import ANNOUNCE, NOTIFY, OFFER_VALUE
from futurefsm.fsm.events import CANCEL, RESULT_SUCCESS, SUBMIT
from futurefsm.fsm.future import Future
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.states import FINISHED, PENDING, RUNNING
from futurefsm.fsm.table import Lifecycle, goes, ignores

Act = Callable[[int], None]


class _Thing:
    """What has a state, as each library's machine or model has."""

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node


def _round() -> Lifecycle:
    return Lifecycle(
        "round",
        PENDING,
        (
            goes(PENDING, SUBMIT, RUNNING, why="there"),
            ignores(RUNNING, SUBMIT, why="it is there"),
            ignores(FINISHED, SUBMIT, why="it is over"),
            goes(RUNNING, CANCEL, PENDING, why="and back"),
            ignores(PENDING, CANCEL, why="it is back"),
            ignores(FINISHED, CANCEL, why="it is over"),
            # Never taken here: a future's lifecycle must have an end.
            goes(PENDING, RESULT_SUCCESS, FINISHED, OFFER_VALUE, NOTIFY, ANNOUNCE, why="the end"),
            goes(RUNNING, RESULT_SUCCESS, FINISHED, OFFER_VALUE, NOTIFY, ANNOUNCE, why="the end"),
            ignores(FINISHED, RESULT_SUCCESS, why="it is over"),
        ),
    )


def table() -> Act:
    """The step of the compiled table: what a future does to find its next state."""
    thing = _Thing(_round().compiled)

    def act(n: int) -> None:
        for _ in range(n // 2):
            thing.node = thing.node.on[SUBMIT].node
            thing.node = thing.node.on[CANCEL].node

    return act


def fired() -> Act:
    """`Future.fire`: that step, under the future's lock, with its story; two for each future."""

    def act(n: int) -> None:
        for future in [Future(CONFIRMED) for _ in range(n // 2)]:
            future.fire("submit")
            future.fire("result_success")

    return act


def with_transitions() -> Act:
    import transitions

    class Model:
        go: Callable[[], bool]
        back: Callable[[], bool]

    thing = Model()
    transitions.Machine(
        thing,
        states=["pending", "running"],
        initial="pending",
        transitions=[
            ["go", "pending", "running"],
            {"trigger": "go", "source": "running", "dest": None},
            ["back", "running", "pending"],
            {"trigger": "back", "source": "pending", "dest": None},
        ],
        auto_transitions=False,
    )
    return _calling(thing)


def with_statemachine() -> Act:
    from statemachine import State, StateMachine

    class Round(StateMachine):  # type: ignore[misc]
        pending = State(initial=True)
        running = State()
        go = pending.to(running) | running.to.itself(internal=True)
        back = running.to(pending) | pending.to.itself(internal=True)

    return _calling(Round())


def with_automat() -> Act:
    from automat import TypeMachineBuilder

    class Inputs(Protocol):
        def go(self) -> None: ...
        def back(self) -> None: ...

    class Core:
        pass

    builder = TypeMachineBuilder(Inputs, Core)
    pending, running = builder.state("pending"), builder.state("running")
    pending.upon(Inputs.go).to(running).returns(None)
    running.upon(Inputs.go).to(running).returns(None)
    running.upon(Inputs.back).to(pending).returns(None)
    pending.upon(Inputs.back).to(pending).returns(None)
    return _calling(builder.build()(Core()))


def _calling(thing: Any) -> Act:
    def act(n: int) -> None:
        for _ in range(n // 2):
            thing.go()
            thing.back()

    return act


MADE: dict[str, Callable[[], Act]] = {
    "ours": table,
    "ours, Future.fire": fired,
    "transitions": with_transitions,
    "python-statemachine": with_statemachine,
    "Automat": with_automat,
}
_acts: dict[str, Act] = {}
# So many times as often as the others, so that all take about as long.
_OFTEN = {"ours": 20, "ours, Future.fire": 2}


def event(side: str, n: int) -> dict[str, float]:
    """µs for one event."""
    if side not in _acts:
        _acts[side] = MADE[side]()
        _acts[side](100)
    n *= _OFTEN.get(side, 1)
    return {"event": seconds(lambda: _acts[side](n)) / n * 1e6}


def many(side: str, n: int) -> dict[str, float]:
    """µs for one event, when `n` machines have one after the other."""
    start = _round().compiled
    things = [_Thing(start) for _ in range(n)]

    def act() -> None:
        for thing in things:
            thing.node = thing.node.on[SUBMIT].node

    return {"many": seconds(act) / n * 1e6}
