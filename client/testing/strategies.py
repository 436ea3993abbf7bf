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

from futurefsm.client.testing.parts import PRODUCTION, Parts
from futurefsm.client.testing.switches import (
    ALL,
    HARSH,
    LOSSY,
    NETWORK,
    NONE,
    PEERS,
    ROGUE,
    Faults,
)
from futurefsm.client.testing.world import World
from futurefsm.fsm.table import Lifecycle
from futurefsm.protocol.messages import (
    CancelConfirmType,
    Message,
    TaskCancelConfirm,
    TaskResult,
    TaskResultType,
)


def tapes(max_size: int = 200) -> st.SearchStrategy[bytes]:
    """Tapes of at most so many choices. Hypothesis prefers short ones, so long ones are offered,
    too; they shrink to short ones."""
    return st.binary(max_size=max_size) | st.binary(min_size=max_size // 2, max_size=max_size)


def faults(*among: Faults) -> st.SearchStrategy[Faults]:
    """One of these sets of faults; by default of those that this package names."""
    return st.sampled_from(among or (NONE, HARSH, LOSSY, ROGUE, ALL))


def networks(*among: str) -> st.SearchStrategy[Faults]:
    """What the network does wrong: any of "cut", "reorder", "duplicate" and "lose" together.

    Args:
        among: only these, by name.
    """
    return _any_of(among or NETWORK)


def peers(*among: str) -> st.SearchStrategy[Faults]:
    """What scheduler, workers and users' threads do wrong, as `networks`: "die", "silence",
    "preempt", "starve", "overtake", "rogue"."""
    return _any_of(among or PEERS)


def _any_of(names: tuple[str, ...]) -> st.SearchStrategy[Faults]:
    Faults.named(names)  # an unknown name is refused here, not in an example
    return st.lists(st.sampled_from(names), unique=True).map(Faults.named)


def replies(task_id: bytes, *objects: bytes) -> st.SearchStrategy[Message]:
    """What a scheduler may say of a task: each kind of confirmation and of result, wrong ones too.

    Args:
        objects: ids of objects that a result may name; it may also name none.
    """
    confirms = st.builds(TaskCancelConfirm, st.just(task_id), st.sampled_from(CancelConfirmType))
    named = [(), *((each,) for each in objects)]
    results = st.builds(
        TaskResult,
        st.just(task_id),
        st.sampled_from(TaskResultType),
        st.just(b""),
        st.sampled_from(named),
    )
    return confirms | results


def worlds(
    *lifecycles: Lifecycle,
    clients: int = 3,
    workers: int = 4,
    among: tuple[Faults, ...] = (),
    max_size: int = 200,
    network: st.SearchStrategy[Faults] | None = None,
    peers: st.SearchStrategy[Faults] | None = None,
    parts: Parts = PRODUCTION,
) -> st.SearchStrategy[World]:
    """Worlds, not yet run.

    Args:
        lifecycles: one of these; by default CONFIRMED and STRICT.
        clients, workers: at most so many, at least one.
        among: one of these sets of faults; by default of those that this package names.
        max_size: choices of a tape.
        network, peers: what may go wrong with each, in the place of `among`; one that is not given
            does nothing wrong.
        parts: what the world is made of: a tracker of your own, for one.
    """
    from futurefsm.fsm.lifecycles import CONFIRMED, STRICT

    wrong = faults(*among)
    if network is not None or peers is not None:
        given = [st.just(NONE) if each is None else each for each in (network, peers)]
        wrong = st.builds(Faults.__or__, *given)
    return st.builds(
        World,
        st.sampled_from(lifecycles or (CONFIRMED, STRICT)),
        st.integers(1, clients),
        st.integers(1, workers),
        wrong,
        tapes(max_size),
        parts=st.just(parts),
        logs=st.just(False),
    )
