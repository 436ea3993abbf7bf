"""A system as a Promela model, for SPIN: an independent tool must come to the same numbers. PURE.

Each step of the system is one `d_step`, so SPIN stores the states that the search finds and no
others. Each class of fair steps is a process of its own, for SPIN's weak fairness is that of
processes; all others (calls, faults, timers) are choices of one process that may also do nothing
for ever.

`-o2` because SPIN would forget a variable that nothing reads, and so store fewer states. How to run
a model in `m.pml`::

    spin -o2 -a m.pml && gcc -O1 -DNOREDUCE -DNFAIR=12 -o pan pan.c
    ./pan -N reachable           # the number of states
    ./pan -a -N once             # an invariant
    ./pan -a -f -N settles       # a property of fair runs
"""

import re
from collections.abc import Iterable

from futurefsm.fsm.checker.model import (
    AlwaysPossible,
    Assign,
    Channel,
    Clear,
    Condition,
    Count,
    Empty,
    Every,
    Fire,
    In,
    Invariant,
    Is,
    LeadsTo,
    Look,
    NoDeadlock,
    Not,
    Operation,
    Part,
    Send,
    System,
    When,
)
from futurefsm.fsm.table import Kind


def to_promela(system: System) -> str:
    """The model's text. A property that no formula of linear time says is left out: what is always
    possible."""
    return _Writer(system).text()


def claim(name: str) -> str:
    """What a property is called in the model: "One TaskCancel" is `one_taskcancel`."""
    return re.sub(r"\W+", "_", name.lower())


class _Writer:
    def __init__(self, system: System) -> None:
        self._system = system
        self._bound = {variable.name: variable.bound for variable in system.variables}
        self._channels = {channel.name: channel for channel in system.channels}
        self._lines: list[str] = []

    def text(self) -> str:
        system = self._system
        self._put(0, f"/* {system.name}: {system.title}. Made by futurefsm; see promela.py. */")
        for part in system.parts:
            self._put(0, "")
            for number, name in enumerate(part.lifecycle.states):
                self._put(0, f"#define {part.name}_is_{name} {number}")
            self._put(0, f"byte {part.name} = {part.name}_is_{part.lifecycle.start};")
        self._put(0, "")
        self._put(0, "hidden byte idle;")
        for variable in system.variables:
            self._put(0, f"byte {variable.name} = {variable.start};")
        for channel in system.channels:
            for number, message in enumerate(channel.messages):
                self._put(0, f"#define {channel.name}_{message} {number}")
            if channel.capacity:
                self._put(0, f"chan {channel.name} = [{channel.capacity}] of {{ byte }};")
        for part in _fired_first(system):
            for event in part.lifecycle.events:
                self._event(part, event)
        self._processes()
        self._claims()
        return "\n".join(self._lines) + "\n"

    def _put(self, depth: int, line: str) -> None:
        self._lines.append("  " * depth + line)

    # Conditions.

    def _condition(self, condition: Condition) -> str:
        if isinstance(condition, In):
            return _either(
                f"{condition.part} == {condition.part}_is_{name}" for name in condition.states
            )
        if isinstance(condition, Is):
            return _either(f"{condition.variable} == {number}" for number in condition.values)
        if isinstance(condition, Empty):
            channel = self._channels[condition.channel]
            return f"(len({condition.channel}) == 0)" if channel.capacity else "(true)"
        if isinstance(condition, Not):
            return f"(!{self._condition(condition.of)})"
        if isinstance(condition, Every):
            return f"({' && '.join(map(self._condition, condition.of)) or 'true'})"
        return _either(map(self._condition, condition.of))

    # Steps.

    def _event(self, part: Part, event: str) -> None:
        self._put(0, "")
        self._put(0, f"inline {part.name}_{event}() {{")
        self._put(1, "if")
        for state in part.lifecycle.states:
            row = part.lifecycle.row(state, event)
            lines: list[str] = []
            if row.kind is Kind.VIOLATES:
                if part.blame is not None:
                    lines.append(f"{part.blame} = 1")
            else:
                if row.target != row.source:
                    lines.append(f"{part.name} = {part.name}_is_{row.target}")
                lines += self._operations(part.effects.get((str(state), str(event)), ()))
            self._put(1, f":: ({part.name} == {part.name}_is_{state}) -> {_joined(lines)}")
        self._put(1, "fi")
        self._put(0, "}")

    def _operations(self, operations: Iterable[Operation]) -> list[str]:
        return [self._operation(each) for each in operations]

    def _operation(self, each: Operation) -> str:
        if isinstance(each, Fire):
            return f"{each.part}_{each.event}()"
        if isinstance(each, Send):
            return self._send(self._channels[each.channel], each.message)
        if isinstance(each, Assign):
            return f"{each.variable} = {each.value}"
        if isinstance(each, Count):
            name = each.variable
            return f"if :: ({name} < {self._bound[name]}) -> {name}++ :: else -> skip fi"
        if isinstance(each, Look):
            name = each.variable
            ways = " ".join(
                f":: ({name} == {n}) -> {name} = {after}" for n, after in enumerate(each.after)
            )
            return f"if {ways} fi"
        if isinstance(each, Clear):
            # What is under way is taken off, one message after the other. Not in a loop: where a
            # step ends with one, SPIN makes a state of that.
            channel = self._channels[each.channel]
            gone = " ".join(
                f":: {each.channel}?{each.channel}_{message}" for message in channel.messages
            )
            one = f"if {gone} :: (len({each.channel}) == 0) -> skip fi"
            return "; ".join([one] * channel.capacity) or "skip"
        then, otherwise = self._operations(each.then), self._operations(each.otherwise)
        condition = self._condition(each.condition)
        return f"if :: {condition} -> {_joined(then)} :: else -> {_joined(otherwise)} fi"

    def _send(self, channel: Channel, message: str) -> str:
        if not channel.capacity:
            return "skip"
        name, what = channel.name, f"{channel.name}_{message}"
        put = f"{name}!!{what}" if channel.reorders else f"{name}!{what}"
        put = f"if :: (len({name}) < {channel.capacity}) -> {put} :: else -> skip fi"
        if channel.is_set:
            put = f"if :: {name}??[{what}] -> skip :: else -> {put} fi"
        return put

    # Processes.

    def _processes(self) -> None:
        free: list[str] = []
        for action in self._system.actions:
            does = _joined(self._operations(action.does))
            step = f"d_step {{ {self._condition(action.guard)} -> {does} }}"
            if action.fair:
                self._process(f"does_{action.name}", [step])
            else:
                free.append(step)
        for channel in self._system.channels:
            if not channel.capacity:
                continue
            deliver: list[str] = []
            for message in channel.messages:
                name, what = channel.name, f"{channel.name}_{message}"
                does = _joined(self._operations(self._system.deliveries[channel.name, message]))
                many = "??" if channel.reorders else "?"
                deliver.append(f"d_step {{ {name}{many}{what} -> {does} }}")
                if channel.reorders:
                    self._process(f"delivers_{channel.name}_{message}", [deliver.pop()])
                if channel.duplicates:
                    free.append(f"d_step {{ {name}{many}<{what}> -> {does} }}")
                if channel.loses:
                    free.append(f"d_step {{ {name}{many}{what} -> skip }}")
            if deliver:
                self._process(f"delivers_{channel.name}", deliver)
        # SPIN refuses a loop that does nothing at all.
        self._process("free_", [*free, "idle = 0"])

    def _process(self, name: str, steps: list[str]) -> None:
        self._put(0, "")
        self._put(0, f"active proctype {name}() {{")
        self._put(1, "do")
        for step in steps:
            self._put(1, f":: {step}")
        self._put(1, "od")
        self._put(0, "}")

    # Properties.

    def _claims(self) -> None:
        self._put(0, "")
        # SPIN never looks without a claim where there are some; this one adds no states of its own.
        self._put(0, "ltl reachable { [] true }")
        for each in self._system.properties:
            name = claim(each.name)
            if isinstance(each, Invariant):
                formula = f"[] {self._condition(each.holds)}"
            elif isinstance(each, LeadsTo):
                start, goal = self._condition(each.start), self._condition(each.goal)
                formula = f"[] ({start} -> <> {goal})"
            elif isinstance(each, NoDeadlock):
                formula = f"[] ({self._can_go_on()} || {self._condition(each.final)})"
            else:
                assert isinstance(each, AlwaysPossible)
                continue
            self._put(0, f"ltl {name} {{ {formula} }}")

    def _can_go_on(self) -> str:
        """A fair step can happen."""
        guards = [self._condition(action.guard) for action in self._system.actions if action.fair]
        guards += [
            f"(len({channel.name}) > 0)" for channel in self._system.channels if channel.capacity
        ]
        return _either(guards)


def _either(conditions: Iterable[str]) -> str:
    return f"({' || '.join(conditions) or 'false'})"


def _joined(lines: list[str]) -> str:
    return "; ".join(lines) or "skip"


def _fired_first(system: System) -> list[Part]:
    """The parts in such an order that each stands behind those whose events it fires."""
    found: list[Part] = []

    def add(part: Part) -> None:
        for does in part.effects.values():
            for name in _fires(does):
                add(system.part(name))
        if part not in found:
            found.append(part)

    for part in system.parts:
        add(part)
    return found


def _fires(does: Iterable[Operation]) -> Iterable[str]:
    for each in does:
        if isinstance(each, Fire):
            yield each.part
        elif isinstance(each, When):
            yield from _fires((*each.then, *each.otherwise))
