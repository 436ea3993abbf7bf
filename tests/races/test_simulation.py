"""Races between users, network, scheduler and workers, in a simulated world.

Hypothesis decides each delivery, call and fault; every invariant is checked after every step.
"""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from futurefsm.client.testing.strategies import tapes
from futurefsm.client.testing.switches import ALL, HARSH, LOSSY, NONE, ROGUE, Faults
from futurefsm.client.testing.world import World
from futurefsm.fsm import effects as fx
from futurefsm.fsm import states
from futurefsm.fsm.events import CANCEL, CONFIRM_FAILED
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT
from futurefsm.fsm.outcomes import BY_SCHEDULER, REFUSED
from futurefsm.fsm.table import Lifecycle, goes, ignores

# A user's own variant: what finished stays finished, and a refusal is taken for an answer.
LENIENT = CONFIRMED.derive(
    "lenient",
    ignores(states.FINISHED, CANCEL, why="what is finished stays so", answer=False),
    goes(
        states.CANCEL_REQUESTED,
        CONFIRM_FAILED,
        states.CANCELLED,
        fx.NOTIFY,
        fx.ANNOUNCE,
        why="refused: its result will be thrown away",
        outcome=REFUSED,
    ),
    goes(
        states.RUNNING,
        CONFIRM_FAILED,
        states.CANCELLED,
        fx.NOTIFY,
        fx.ANNOUNCE,
        why="the scheduler gave up",
        outcome=BY_SCHEDULER,
    ),
)

MODES = {"none": NONE, "harsh": HARSH, "lossy": LOSSY, "rogue": ROGUE, "all": ALL}


@pytest.mark.parametrize("faults", MODES.values(), ids=MODES)
@pytest.mark.parametrize("lifecycle", [CONFIRMED, STRICT, LENIENT], ids=lambda each: each.name)
@settings(max_examples=200, deadline=None)
@given(clients=st.integers(1, 3), workers=st.integers(1, 4), tape=tapes(300))
def test_every_invariant_holds(
    lifecycle: Lifecycle, faults: Faults, clients: int, workers: int, tape: bytes
) -> None:
    World(lifecycle, clients, workers, faults, tape, logs=False).run()


@settings(max_examples=100, deadline=None)
@given(tape=tapes(200))
def test_real_bytes(tape: bytes) -> None:
    World(CONFIRMED, 2, 2, ALL, tape, encode=True, logs=False).run()
