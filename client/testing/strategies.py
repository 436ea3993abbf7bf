"""Strategies for Hypothesis (extra: testing).

    @given(worlds())
    def test_my_lifecycle(setting_and_tape): ...

or, to choose the rest yourself:

    @given(tapes())
    def test_my_lifecycle(tape):
        World(MINE, clients=2, workers=2, faults=HARSH, tape=tape).run()

Hypothesis draws one string of bytes for each example, so drawing costs nothing, and a failure
shrinks to the shortest story.
"""

from hypothesis import strategies as st

from futurefsm.client.testing.faults import ALL, HARSH, LOSSY, NONE, ROGUE, Faults
from futurefsm.client.testing.world import World
from futurefsm.fsm.table import Lifecycle


def tapes(max_size: int = 200) -> st.SearchStrategy[bytes]:
    """Tapes of at most so many choices. Hypothesis prefers short ones, so long ones are offered,
    too; they shrink to short ones."""
    return st.binary(max_size=max_size) | st.binary(min_size=max_size // 2, max_size=max_size)


def faults(*among: Faults) -> st.SearchStrategy[Faults]:
    """One of these sets of faults; by default of those that this package names."""
    return st.sampled_from(among or (NONE, HARSH, LOSSY, ROGUE, ALL))


def worlds(
    *lifecycles: Lifecycle,
    clients: int = 3,
    workers: int = 4,
    among: tuple[Faults, ...] = (),
    max_size: int = 200,
) -> st.SearchStrategy[World]:
    """Worlds, not yet run.

    Args:
        lifecycles: one of these; by default CONFIRMED and STRICT.
        clients, workers: at most so many, at least one.
        among: one of these sets of faults; by default of those that this package names.
        max_size: choices of a tape.
    """
    from futurefsm.fsm.lifecycles import CONFIRMED, STRICT

    return st.builds(
        World,
        st.sampled_from(lifecycles or (CONFIRMED, STRICT)),
        st.integers(1, clients),
        st.integers(1, workers),
        faults(*among),
        tapes(max_size),
        logs=st.just(False),
    )
