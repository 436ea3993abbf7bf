"""The compiled table against the table, and against the transitions machine."""

import pytest
from hypothesis import given
from hypothesis import strategies as hs
from lifecycle_kit import future_lifecycles, machines, ping_pong, way

from futurefsm.fsm.compiled import Node
from futurefsm.fsm.lifecycles import CONFIRMED, LIFECYCLES, STRICT
from futurefsm.fsm.machine import MachineError
from futurefsm.fsm.states import RUNNING
from futurefsm.fsm.table import Lifecycle


def nodes(lifecycle: Lifecycle) -> set[Node]:
    seen: set[Node] = set()
    left = [lifecycle.compiled]
    while left:
        node = left.pop()
        if node not in seen:
            seen.add(node)
            left += (step.node for step in node.on.values())
    return seen


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
def test_every_node_has_every_row(lifecycle: Lifecycle) -> None:
    for node in nodes(lifecycle):
        assert list(node.on) == list(lifecycle.events) or set(node.on) == set(lifecycle.events)
        for event, step in node.on.items():
            row = lifecycle.row(node.state, event)
            assert step.row is row
            assert step.node.state == row.target
            assert step.moves == (row.source != row.target)
            assert {*step.effects} == {e for e in row.effects if e.performer == "wire"}


def test_a_state_has_two_nodes_only_where_it_can_be_unannounced() -> None:
    assert len(nodes(CONFIRMED)) == 5
    assert len(nodes(STRICT)) == 5
    quiet = STRICT.compiled.on["cancel"].node
    assert (quiet.view, quiet.announced) == ("CANCELLED", False)
    told = quiet.on["submit"].node
    assert (told.view, told.announced) == ("CANCELLED_AND_NOTIFIED", True)
    assert not told.on["submit"].announces, "once"
    assert told.on["submit"].node is told


def test_common_ways() -> None:
    """Whoever comes to a state by the same plain steps from the same sources is at one node."""
    ways = CONFIRMED.compiled.ways
    running = ways["caller"]["submit"]
    assert running is not None
    assert running is not ways["wire"]["submit"]
    assert (running.state, running.moves) == (RUNNING, ((running.step, "caller"),))
    assert running.on is CONFIRMED.compiled.on["submit"].node.on
    assert (running.first, ways["wire"]["cancel"]) == (True, None)
    finished = running.ways["wire"]["result_failed"]
    assert finished is not None
    assert (finished.settled, finished.first) == (True, False)
    assert finished.moves == ((running.step, "caller"), (finished.step, "wire"))
    assert {*finished.ways["caller"].values()} == {None}, "a third time would not fit"
    assert set(finished.ways) == {"caller", "wire", "client"}
    assert {*running.on["cancel"].node.ways["wire"].values()} == {None}
    looped = ping_pong().compiled
    assert [*looped.ways["wire"].items()] == [(event, None) for event in looped.on]


def test_the_fast_path_is_for_tables_without_loops() -> None:
    assert CONFIRMED.compiled.on["submit"].plain
    assert not CONFIRMED.compiled.on["cancel"].plain, "an outcome is learnt"
    assert not CONFIRMED.compiled.on["reconnected"].plain
    assert not any(step.plain for node in nodes(ping_pong()) for step in node.on.values())


def test_reprs() -> None:
    assert repr(CONFIRMED.compiled) == "<Node confirmed.pending>"
    assert repr(CONFIRMED.compiled.on["submit"]) == "<Step (pending, submit) → running>"


def agree(lifecycle: Lifecycle, events: list[str]) -> None:
    """One walk, in both; a violation moves neither."""
    node = lifecycle.compiled
    machine = lifecycle.machine()
    with machine.driving() as model:
        for event in events:
            step = node.on[event]
            node = step.node
            if step.violates:
                with pytest.raises(MachineError):
                    model.trigger(event)
            else:
                assert model.trigger(event)
            assert model.state == node.state, (event, step)


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
@given(data=hs.data())
def test_shipped_lifecycles_agree_with_transitions(
    lifecycle: Lifecycle, data: hs.DataObject
) -> None:
    agree(lifecycle, data.draw(hs.lists(hs.sampled_from(lifecycle.events), max_size=30)))


@given(lifecycle=machines() | future_lifecycles(), data=hs.data())
def test_random_lifecycles_agree_with_transitions(
    lifecycle: Lifecycle, data: hs.DataObject
) -> None:
    agree(lifecycle, data.draw(hs.lists(hs.sampled_from(lifecycle.events), max_size=30)))


@given(lifecycle=machines())
def test_transitions_reaches_every_state_of_a_valid_lifecycle(lifecycle: Lifecycle) -> None:
    machine = lifecycle.machine()
    assert machine.reachable() == set(lifecycle.states)
    for state in lifecycle.states:
        agree(lifecycle, [*way(lifecycle, state)])


def test_states_are_shared_not_copied() -> None:
    assert CONFIRMED.compiled.on["submit"].node.state is RUNNING
