"""Invariants have names, sentences, and an error class each."""

from futurefsm.client.testing import invariants as inv
from futurefsm.client.testing.world import World


def test_each_invariant_has_a_class_of_its_own() -> None:
    assert set(inv.KINDS) == set(inv.INVARIANTS)
    assert len(set(inv.KINDS.values())) == len(inv.INVARIANTS)
    assert set(inv.UNLESS) <= set(inv.INVARIANTS)


def test_a_broken_one_says_which_and_tells_the_story() -> None:
    broken = World(tape=bytes([255])).broken(inv.SETTLES, "it sleeps")
    assert isinstance(broken, inv.KINDS[inv.SETTLES])
    text = str(broken)
    assert text.startswith("Settles: it sleeps\n")
    assert inv.INVARIANTS[inv.SETTLES][:60] in text
    assert 'futurefsm.client.testing.replay("' in text
