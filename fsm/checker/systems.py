"""The systems that ship, and those that are made for a lifecycle of somebody's own. PURE."""

from futurefsm.fsm.checker import client_rules, client_side, scheduler_side
from futurefsm.fsm.checker.client_side import Facts
from futurefsm.fsm.checker.model import (
    System,
)
from futurefsm.fsm.lifecycles import CONFIRMED, SCHEDULER, VALUE
from futurefsm.fsm.table import Lifecycle

LANES = ("you", "client", "network", "scheduler", "worker", "store")

MEANT, BREAKS, ANY_ORDER, SCALER, SCALER_BREAKS = (
    "meant",
    "breaks",
    "any_order",
    "scaler",
    "scaler_breaks",
)
# With a scheduler: name → title. Without one there are `alone` and `rogue`.
SCENES = {
    MEANT: "a scheduler as the protocol means it",
    BREAKS: "the same; the link loses messages, breaks and comes back",
    ANY_ORDER: "the same; messages overtake each other and are repeated",
    SCALER: "Scaler's scheduler, as it behaves",
    SCALER_BREAKS: "the same; the link loses messages, breaks and comes back",
}
ALONE, ROGUE = "alone", "rogue"


def with_scheduler(
    scene: str,
    lifecycle: Lifecycle = CONFIRMED,
    *,
    value_lifecycle: Lifecycle = VALUE,
    scheduler: Lifecycle = SCHEDULER,
) -> System:
    """A client with one future, a scheduler, a worker and an object store.

    Args:
        scene: one of `SCENES`.
        lifecycle: the future's.
        value_lifecycle: the value's.
        scheduler: the task's, where the scheduler is not Scaler's.

    Raises:
        ModelError: the lifecycle lacks a state or an event that the scene needs.
        KeyError: there is no such scene.
    """
    title = SCENES[scene]
    facts = Facts.of(lifecycle)
    real = scene in (SCALER, SCALER_BREAKS)
    breaks = scene in (BREAKS, SCALER_BREAKS)
    faulty = scene == ANY_ORDER
    parts, channels, deliveries, actions = (
        scheduler_side.scalers()
        if real
        else scheduler_side.ours(scheduler, faulty=faulty, evicts=breaks)
    )
    # A network that repeats and overtakes, or a scheduler that runs a task again, brings a second
    # result: then its client compares names.
    dedups = faulty or real or breaks
    properties = [*client_rules.wired_properties(facts), *client_rules.peer_properties(facts)]
    if not real and not faulty:
        properties += scheduler_side.our_properties()
    return System(
        name=f"{lifecycle.name}_{scene}",
        title=title,
        lanes=LANES,
        parts=(
            client_side.future_part(lifecycle, wired=True, dedups=dedups),
            client_side.value_part(value_lifecycle, dedups=dedups),
            *parts,
        ),
        variables=(*client_side.VARIABLES, *scheduler_side.VARIABLES),
        channels=(
            *scheduler_side.client_channels(reorders=faulty, duplicates=faulty, loses=breaks),
            *client_rules.store_channels(faulty=faulty),
            *channels,
        ),
        deliveries={
            **client_rules.client_deliveries(lifecycle, value_lifecycle, dedups=dedups),
            **deliveries,
        },
        actions=(
            *client_rules.user_actions(lifecycle, facts, wired=True),
            *client_rules.client_actions(
                lifecycle, facts, breaks=breaks, ends=breaks or faulty or real
            ),
            *client_rules.store_actions(value_lifecycle),
            *actions,
        ),
        properties=tuple(properties),
    )
