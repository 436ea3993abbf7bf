"""What futures need of their client: the agent, and what stands for it in tests, have it all."""

import pytest

from futurefsm.client.agent import Agent
from futurefsm.client.home import Here, Home, Phase
from futurefsm.client.testing.party import Party
from tests.client.desk import Desk


@pytest.mark.parametrize("kind", [Agent, Party, Desk])
def test_all_homes_have_it_all(kind: type) -> None:
    methods = {name for name, what in vars(Home).items() if callable(what) and name[0] != "_"}
    assert methods <= set(dir(kind))
    assert "want" in methods


def test_the_names() -> None:
    assert [each.value for each in Phase] == ["none", "stored", "owed", "here", "loading", "made"]
    assert Here(3).value == 3
