"""A lifecycle as a real `transitions.Machine`."""

import gc
import weakref

import pytest
import transitions

from futurefsm.fsm.events import Event
from futurefsm.fsm.lifecycles import CONFIRMED, LIFECYCLES, STRICT
from futurefsm.fsm.machine import LifecycleMachine, MachineError
from futurefsm.fsm.table import Kind, Lifecycle, violates


def test_it_is_a_machine_of_transitions() -> None:
    machine = CONFIRMED.machine()
    assert isinstance(machine, LifecycleMachine)
    assert isinstance(machine, transitions.Machine)
    assert machine.lifecycle is CONFIRMED
    assert list(machine.states) == list(CONFIRMED.states)
    assert machine.initial == "pending"
    assert machine.models == []
    assert [name for name, state in machine.states.items() if state.final] == ["cancelled"]


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda each: each.name)
def test_every_row_is_there_once(lifecycle: Lifecycle) -> None:
    machine = lifecycle.machine()
    for row in lifecycle.rows:
        found = machine.get_transitions(str(row.event), str(row.source))
        dests = [transition.dest for transition in found]
        expected = {Kind.GOES: [str(row.target)], Kind.IGNORES: [None], Kind.VIOLATES: []}
        assert dests == expected[row.kind], row


def test_driving() -> None:
    machine = CONFIRMED.machine()
    with machine.driving() as model:
        assert repr(model) == "<Model pending>"
        assert model.submit()
        assert model.trigger("reconnected"), "an ignored event is an internal transition"
        assert model.state == "running"
        with pytest.raises(MachineError):
            model.trigger("submit")
        assert model.is_running()
    assert machine.models == []
    with machine.driving("cancel_requested") as model:
        model.confirm_failed()
        assert model.state == "cancel_requested"
    with pytest.raises(ValueError, match="nowhere"), machine.driving("nowhere"):
        pass


def test_a_model_is_forgotten() -> None:
    machine = CONFIRMED.machine()
    with machine.driving() as model:
        gone = weakref.ref(model)
    del model
    gc.collect()
    assert gone() is None


def test_internal_transitions_enter_no_state() -> None:
    machine = CONFIRMED.machine()
    entered: list[str] = []
    machine.get_state("running").add_callback("enter", lambda: entered.append("running"))
    with machine.driving() as model:
        model.trigger("submit")
        model.trigger("reconnected")
    assert entered == ["running"]


def test_asking() -> None:
    machine = STRICT.machine()
    assert machine.allowed("pending")[:3] == ("submit", "cancel", "result_success")
    assert "confirm_canceled" not in machine.allowed("pending")
    assert machine.moves("running")["disconnect"] == "finished"
    assert "cancel" not in machine.moves("running")
    assert machine.moves("cancelled") == {}
    assert machine.reachable() == {"pending", "running", "cancelled", "finished"}
    assert machine.reachable("running") == {"running", "finished"}
    assert machine.reachable("cancelled") == {"cancelled"}
    assert set(machine.get_triggers("cancelled")) <= {str(e) for e in STRICT.events}


def test_an_event_that_is_a_violation_everywhere() -> None:
    never = Event("never")
    machine = CONFIRMED.derive("n", *(violates(s, never) for s in CONFIRMED.states)).machine()
    assert machine.allowed("pending") == CONFIRMED.machine().allowed("pending")
    with machine.driving() as model, pytest.raises(MachineError):
        model.trigger("never")
