"""The systems that ship, and those that are made for a lifecycle of somebody's own. PURE."""

from futurefsm.fsm import events as ev
from futurefsm.fsm.checker import client_rules, client_side, scheduler_rules, scheduler_side
from futurefsm.fsm.checker.client_side import (
    ANSWERS,
    BYTES,
    CANCELS,
    CLOSED,
    FUTURE,
    KNOWN,
    OBJECT,
    QUEUED,
    REQUESTS,
    VALUE,
    WAITING,
    WRONG,
    Facts,
)
from futurefsm.fsm.checker.model import (
    ALWAYS,
    Action,
    AlwaysPossible,
    Assign,
    Channel,
    Condition,
    Fire,
    LeadsTo,
    ModelError,
    Operation,
    System,
    When,
    every,
    state,
    value,
)
from futurefsm.fsm.lifecycles import CONFIRMED, SCHEDULER, STRICT
from futurefsm.fsm.lifecycles import VALUE as VALUE_TABLE
from futurefsm.fsm.states import PENDING_VIEW
from futurefsm.fsm.table import Kind, Lifecycle

LANES = ("you", "client", "network", "scheduler", "worker", "store")

MEANT, STORE, BREAKS, ANY_ORDER = "meant", "store", "breaks", "any_order"
SCALER, SCALER_BREAKS, SCALER_ORDER = "scaler", "scaler_breaks", "scaler_order"
ALONE, ROGUE = "alone", "rogue"

SCENES = {
    MEANT: "a scheduler as the protocol means it",
    STORE: "the same; the object store repeats its answers",
    BREAKS: "a scheduler as it is meant; messages are lost, the link breaks and comes back",
    ANY_ORDER: "a scheduler as it is meant; messages overtake each other and are repeated",
    SCALER: "Scaler's scheduler, as it behaves",
    SCALER_BREAKS: "Scaler's; messages are lost, the link breaks and comes back",
    SCALER_ORDER: "Scaler's; messages overtake each other",
    ALONE: "an executor in the same process",
    ROGUE: "a peer that says anything at any time",
}
"""Name → what it is."""


def system(
    scene: str,
    lifecycle: Lifecycle = CONFIRMED,
    *,
    value_lifecycle: Lifecycle = VALUE_TABLE,
    scheduler: Lifecycle = SCHEDULER,
) -> System:
    """One future, its value, and the others of a scene.

    Args:
        scene: one of `SCENES`.
        lifecycle: the future's.
        value_lifecycle: the value's, where the scene has an object store.
        scheduler: the task's, where the scheduler is not Scaler's.

    Raises:
        ModelError: a lifecycle lacks a state or an event that the scene needs.
        KeyError: there is no such scene.
    """
    if scene == ALONE:
        return _alone(lifecycle)
    if scene == ROGUE:
        return _rogue(lifecycle, value_lifecycle)
    return _with_scheduler(scene, lifecycle, value_lifecycle, scheduler)


def systems_for(lifecycle: Lifecycle) -> tuple[System, ...]:
    """All systems that a lifecycle can be a part of, by what it is about.

    Raises:
        ModelError: it is about something that no scene has.
    """
    if lifecycle.about == "future":
        return tuple(system(scene, lifecycle) for scene in SCENES)
    if lifecycle.about == "value":
        scenes = (MEANT, STORE, BREAKS, ANY_ORDER, ROGUE)
        return tuple(system(scene, value_lifecycle=lifecycle) for scene in scenes)
    if lifecycle.about == "task":
        return tuple(system(scene, scheduler=lifecycle) for scene in (MEANT, BREAKS, ANY_ORDER))
    raise ModelError(
        f"lifecycle {lifecycle.name!r} is about a {lifecycle.about}: it can be checked as a part "
        "of a System of your own; futures, values and tasks have systems that ship"
    )


def shipped() -> tuple[System, ...]:
    """Every system of every lifecycle that ships."""
    return (*systems_for(CONFIRMED), *systems_for(STRICT))


def _with_scheduler(
    scene: str, lifecycle: Lifecycle, value_lifecycle: Lifecycle, scheduler: Lifecycle
) -> System:
    """A client with one future, a scheduler, a worker and an object store."""
    facts = Facts.of(lifecycle)
    real = scene in (SCALER, SCALER_BREAKS, SCALER_ORDER)
    breaks = scene in (BREAKS, SCALER_BREAKS)
    # What reaches a Scaler twice, it runs twice: nobody promises anything of that.
    faulty, overtakes = scene == ANY_ORDER, scene in (ANY_ORDER, SCALER_ORDER)
    parts, channels, deliveries, actions = (
        scheduler_side.scalers()
        if real
        else scheduler_side.ours(scheduler, faulty=faulty, evicts=breaks)
    )
    # Where a result can come twice its client compares names before it deletes.
    dedups = scene != MEANT
    # The store and the link do not meddle with each other: they are looked at one at a time.
    fetches = scene in (MEANT, STORE, SCALER, SCALER_ORDER)
    properties = [*client_rules.wired_properties(facts), *client_rules.peer_properties(facts)]
    if not real:
        properties += scheduler_rules.our_properties()
    return System(
        name=f"{lifecycle.name}_{scene}",
        title=SCENES[scene],
        scene=scene,
        lanes=LANES,
        parts=(
            client_side.future_part(lifecycle, wired=True, dedups=dedups),
            client_side.value_part(value_lifecycle, dedups=dedups),
            *parts,
        ),
        variables=(*client_side.VARIABLES, *scheduler_side.VARIABLES),
        channels=(
            *scheduler_side.client_channels(reorders=overtakes, duplicates=faulty, loses=breaks),
            *client_rules.store_channels(faulty=scene == STORE),
            *channels,
        ),
        deliveries={
            **client_rules.client_deliveries(lifecycle, value_lifecycle, dedups=dedups),
            **deliveries,
        },
        actions=(
            *client_rules.user_actions(lifecycle, facts, fetches=fetches),
            *client_rules.client_actions(
                lifecycle,
                facts,
                breaks=breaks,
                doubts=breaks or faulty,
                ends=scene not in (MEANT, STORE),
            ),
            *(client_rules.store_actions(value_lifecycle) if fetches else ()),
            *actions,
        ),
        properties=tuple(properties),
    )


def _alone(lifecycle: Lifecycle) -> System:
    """An executor in this process: it calls the future's methods, nothing is under way."""
    facts = Facts.of(lifecycle)
    settled = state(FUTURE, *facts.settled)
    # An executor may end a future that it has not announced to be running, where the table lets it.
    skips = [
        str(each)
        for each in lifecycle.states
        if each.view == PENDING_VIEW
        and (lifecycle.standard_repr or lifecycle.row(each, ev.RESULT_SUCCESS).kind is Kind.GOES)
    ]
    owes = state(FUTURE, *facts.running, *skips)
    actions = [
        Action(
            "submit",
            "client",
            "set_running_or_notify_cancel()",
            every(value(QUEUED, 1), state(FUTURE, str(lifecycle.start), *facts.cancelled)),
            (Assign(QUEUED, 0), *client_rules.fire(lifecycle, FUTURE, ev.SUBMIT)),
            fair=True,
        )
    ]
    words = {
        ev.RESULT_SUCCESS: "set_result()",
        ev.RESULT_FAILED: "set_exception()",
        ev.RESULT_WORKER_DIED: "its worker is dead",
        ev.DISCONNECT: "the executor is shut down",
        ev.CONNECTION_LOST: "the executor is broken",
    }
    for event, said in words.items():
        ends = event in (ev.DISCONNECT, ev.CONNECTION_LOST)
        where = value(CLOSED, 0) if ends else every(owes, value(CLOSED, 0))
        close = (Assign(CLOSED, 1),) if ends else ()
        does = (*close, *client_rules.fire(lifecycle, FUTURE, event))
        actions.append(Action(str(event), "client", said, where, does, fair=not ends))
    if lifecycle.standard_repr:
        actions.append(_second_result(lifecycle))
    return System(
        name=f"{lifecycle.name}_{ALONE}",
        title=SCENES[ALONE],
        scene=ALONE,
        lanes=("you", "client"),
        parts=(client_side.future_part(lifecycle, wired=False, dedups=False),),
        variables=client_side.VARIABLES,
        actions=(
            *client_rules.user_actions(lifecycle, facts, wired=False, fetches=False),
            *actions,
        ),
        properties=(
            *client_rules.local_properties(facts),
            LeadsTo("Settles", ALWAYS, settled, "on every fair run"),
            LeadsTo(
                "Told", settled, value("announced", 1), "wait() hears of it, on every fair run"
            ),
            AlwaysPossible("Can settle", settled, "from everywhere, without its user's help"),
        ),
    )


def _second_result(lifecycle: Lifecycle) -> Action:
    """`concurrent.futures`: a second `set_result()` raises. It must not be swallowed."""
    swallows = [
        str(each)
        for each in lifecycle.states
        for row in (lifecycle.row(each, ev.RESULT_SUCCESS), lifecycle.row(each, ev.RESULT_FAILED))
        if each.settled and row.kind is not Kind.VIOLATES and not row.violates_by_caller
    ]
    settled = state(FUTURE, *(str(each) for each in lifecycle.states if each.settled))
    does: tuple[Operation, ...] = ()
    if swallows:
        does = (When(state(FUTURE, *swallows), (Assign(WRONG, 1),)),)
    return Action("result_again", "client", "set_result(), a second time", settled, does)


def _rogue(lifecycle: Lifecycle, value_lifecycle: Lifecycle) -> System:
    """Every event at any time. What a client owes to its user holds all the same."""
    facts = Facts.of(lifecycle)
    is_open = value(CLOSED, 0)
    came = client_rules.client_deliveries(lifecycle, value_lifecycle, dedups=True)
    actions = list(client_rules.user_actions(lifecycle, facts, fetches=True))

    def at_any_time(name: str, words: str, does: tuple[Operation, ...]) -> None:
        actions.append(Action(name, "network", words, is_open, does))

    for (channel, message), does in came.items():
        if channel == ANSWERS:
            # Whatever it says is there is there.
            stored: tuple[Operation, ...] = (
                (Assign(OBJECT, 1),) if message.startswith("TaskResult_") else ()
            )
            first: Condition = every(value(KNOWN, 0), value(OBJECT, 0))
            at_any_time(message, f"{message} arrives", (When(first, stored), *does))
        elif channel == BYTES:
            at_any_time("bytes_", "bytes arrive", does)
    failed = client_rules.fire(value_lifecycle, VALUE, ev.FETCH_FAILED)
    at_any_time("value_fetch_failed", "the fetch fails", failed)
    offered = (Assign(KNOWN, 1), *client_rules.fire(value_lifecycle, VALUE, ev.OFFER))
    at_any_time("value_offer", "an object is offered", offered)
    for event, before in (
        (ev.SUBMIT, (Assign(QUEUED, 0),)),
        (ev.CANCEL_TIMED_OUT, (Assign(WAITING, 0),)),
        (ev.RECONNECTED, (Assign(CANCELS, 0),)),
        (ev.DISCONNECT, (Assign(CLOSED, 1),)),
        (ev.CONNECTION_LOST, (Assign(CLOSED, 1),)),
    ):
        if event in lifecycle.events:
            at_any_time(f"any_{event}", f"{event}", (*before, Fire(FUTURE, event)))
    sink = {(REQUESTS, message): () for message in client_side.REQUEST_MESSAGES}
    parts = (
        client_side.future_part(lifecycle, wired=True, dedups=True, blames=False),
        client_side.value_part(value_lifecycle, dedups=True, blames=False),
    )
    return System(
        name=f"{lifecycle.name}_{ROGUE}",
        title=SCENES[ROGUE],
        scene=ROGUE,
        lanes=("you", "client", "network", "store"),
        parts=parts,
        variables=client_side.VARIABLES,
        channels=(
            Channel(REQUESTS, "client", "network", client_side.REQUEST_MESSAGES, 0, loses=True),
            Channel("gets", "client", "store", ("get",), 0, loses=True),
        ),
        deliveries={**sink, ("gets", "get"): ()},
        actions=tuple(actions),
        properties=client_rules.rogue_properties(facts),
        correct=False,
    )
