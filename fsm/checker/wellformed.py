"""What makes a system one that can be: everything that it names is there. PURE."""

from collections.abc import Iterable

from futurefsm.fsm.checker.model import (
    AlwaysPossible,
    Clear,
    Condition,
    Empty,
    Fire,
    In,
    Invariant,
    Is,
    LeadsTo,
    Not,
    Operation,
    Property,
    Send,
    System,
    When,
)


def problems(system: System) -> Iterable[str]:
    """Everything that is wrong with a system, one phrase each; the same may come twice."""
    names = [
        *(part.name for part in system.parts),
        *(variable.name for variable in system.variables),
        *(channel.name for channel in system.channels),
        *(action.name for action in system.actions),
    ]
    for name in names:
        if names.count(name) > 1:
            yield f"{name} is named twice"
        if not name.isidentifier():
            yield f"{name!r} is no identifier"
    for part in system.parts:
        for does in part.effects.values():
            yield from _strangers(system, does)
    for channel in system.channels:
        for message in channel.messages:
            if (channel.name, message) not in system.deliveries:
                yield f"nobody says what {message} on {channel.name} does"
    for does in system.deliveries.values():
        yield from _strangers(system, does)
    for action in system.actions:
        yield from _unknown(system, action.guard)
        yield from _strangers(system, action.does)
    for each in system.properties:
        for condition in conditions(each):
            yield from _unknown(system, condition)


def conditions(each: Property) -> tuple[Condition, ...]:
    """The conditions of a property."""
    if isinstance(each, Invariant):
        return (each.holds,)
    if isinstance(each, LeadsTo):
        return (each.start, each.goal)
    return (each.goal,) if isinstance(each, AlwaysPossible) else (each.final,)


def _unknown(system: System, condition: Condition) -> Iterable[str]:
    if isinstance(condition, In):
        found = [part for part in system.parts if part.name == condition.part]
        if not found:
            yield f"there is no part {condition.part}"
        for name in condition.states:
            if found and name not in found[0].lifecycle.states:
                yield f"{condition.part} has no state {name}"
    elif isinstance(condition, Is):
        if condition.variable not in {each.name for each in system.variables}:
            yield f"there is no variable {condition.variable}"
    elif isinstance(condition, Empty):
        if condition.channel not in {each.name for each in system.channels}:
            yield f"there is no channel {condition.channel}"
    elif isinstance(condition, Not):
        yield from _unknown(system, condition.of)
    else:
        for each in condition.of:
            yield from _unknown(system, each)


def _strangers(system: System, does: Iterable[Operation]) -> Iterable[str]:
    variables = {each.name for each in system.variables}
    channels = {each.name: each for each in system.channels}
    for each in does:
        if isinstance(each, Fire):
            found = [part for part in system.parts if part.name == each.part]
            if not found:
                yield f"there is no part {each.part}"
            elif each.event not in found[0].lifecycle.events:
                yield f"{each.part} has no event {each.event}"
        elif isinstance(each, Send):
            if each.channel not in channels:
                yield f"there is no channel {each.channel}"
            elif each.message not in channels[each.channel].messages:
                yield f"{each.channel} carries no {each.message}"
        elif isinstance(each, Clear):
            if each.channel not in channels:
                yield f"there is no channel {each.channel}"
        elif isinstance(each, When):
            yield from _unknown(system, each.condition)
            yield from _strangers(system, (*each.then, *each.otherwise))
        elif each.variable not in variables:
            yield f"there is no variable {each.variable}"
