"""Faults: switches with names."""

import pytest

from futurefsm.client.testing.switches import ALL, HARSH, LOSSY, NETWORK, NONE, PEERS, ROGUE, Faults


def test_what_production_may_meet_keeps_messages_whole() -> None:
    assert NONE.reliable
    assert NONE.fair
    assert HARSH.reliable
    assert not HARSH.fair
    assert not any(each.reliable for each in (LOSSY, ROGUE, ALL))


@pytest.mark.parametrize("faults", [NONE, HARSH, LOSSY, ROGUE, ALL])
def test_their_text_names_them_again(faults: Faults) -> None:
    text = str(faults)
    assert Faults.named([] if text == "none" else text.split("+")) == faults


def test_an_unknown_fault_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'gravity'.*die, silence"):
        Faults.named(["gravity"])


def test_the_network_and_its_peers_are_all_there_is() -> None:
    assert Faults.named([*NETWORK, *PEERS]) == ALL
    assert not set(NETWORK) & set(PEERS)


def test_both() -> None:
    assert Faults(die=True) | Faults(lose=True) == Faults(die=True, lose=True)
    assert NONE | HARSH == HARSH
