"""Strategies for Hypothesis."""

import pytest
from hypothesis import given, settings

from futurefsm.client.testing.strategies import faults, networks, peers, replies, tapes, worlds
from futurefsm.client.testing.switches import HARSH, NETWORK, NONE, PEERS, Faults
from futurefsm.client.testing.world import World
from futurefsm.client.tracker import Tracker
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.protocol.messages import Message


@given(tapes(5))
def test_tapes_are_bytes(tape: bytes) -> None:
    assert len(tape) <= 5


@given(faults(NONE, HARSH))
def test_faults_are_drawn_from_those_named(each: Faults) -> None:
    assert each in (NONE, HARSH)


@given(worlds(STRICT, clients=2, workers=3, among=(HARSH,), max_size=20))
@settings(max_examples=30, deadline=None)
def test_worlds_are_ready_to_run(world: World) -> None:
    assert world.lifecycle is STRICT
    assert 1 <= len(world.parties) <= 2
    assert 1 <= world.workers <= 3
    assert world.faults == HARSH
    world.run()


@given(networks())
def test_a_network_does_wrong_what_networks_do(each: Faults) -> None:
    assert not any(getattr(each, name) for name in PEERS)


@given(peers("die", "starve"))
def test_peers_do_wrong_what_they_are_allowed(each: Faults) -> None:
    assert not any(getattr(each, name) for name in (*NETWORK, "silence", "rogue"))


def test_unknown_faults_are_refused() -> None:
    with pytest.raises(ValueError, match="gravity"):
        networks("gravity")


@given(worlds(network=networks("cut"), peers=peers("die"), clients=1, workers=1, max_size=60))
@settings(max_examples=30, deadline=None)
def test_worlds_of_a_network_and_peers(world: World) -> None:
    assert str(world.faults) in ("none", "die", "cut", "die+cut")
    world.run()


@given(worlds(peers=peers("preempt"), max_size=20))
@settings(max_examples=10, deadline=None)
def test_a_network_that_is_not_drawn_is_fair(world: World) -> None:
    assert world.faults in (NONE, Faults(preempt=True))


@given(replies(b"task", b"object"))
def test_a_tracker_bears_every_reply(message: Message) -> None:
    tracker = Tracker(b"me", None, CONFIRMED)  # type: ignore[arg-type]
    tracker.received(message, 0.0)
    assert all(type(each).__name__ for each in tracker.take())


def test_names_of_the_package_are_what_they_say() -> None:
    """No module of the same name stands before a function."""
    import futurefsm.client.testing as face

    for name in face.__all__:
        assert not isinstance(getattr(face, name), type(face)), name
