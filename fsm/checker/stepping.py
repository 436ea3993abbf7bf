"""A system as Python: what can happen in a state, and what comes of it. PURE.

Source text is generated from the system and compiled once, because a check takes millions of steps.
A state of the system is a tuple: the states of the parts, the variables, then what is under way on
each channel, all as small numbers.
"""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from futurefsm.fsm.checker.model import (
    Action,
    Assign,
    Channel,
    Clear,
    Condition,
    Count,
    Empty,
    Every,
    Fire,
    In,
    Is,
    Look,
    Not,
    Operation,
    Part,
    Send,
    System,
)
from futurefsm.fsm.table import Kind

Vector: TypeAlias = tuple[Any, ...]
Predicate: TypeAlias = Callable[[Vector], bool]

ACTION, DELIVER, REPEAT, LOSE = "action", "deliver", "repeat", "lose"


class Label(NamedTuple):
    """What a step was: an action, or what happened to a message of a channel.

    Attributes:
        kind: `ACTION`, `DELIVER`, `REPEAT` (delivered, and delivered again later) or `LOSE`.
        name: of the action or channel.
        message: of the channel.
        fair: the class of steps that must come if they can for ever; None where it need not.
    """

    kind: str
    name: str
    message: str
    fair: str | None


class Happened(NamedTuple):
    """One thing of a step, for stories: a row was taken, a message sent, lost, or did not fit."""

    kind: str
    name: str
    what: str
    target: str


class Stepper:
    """A compiled system.

    Args:
        system: what to compile.
        traced: steps write down what happens; slower.

    Attributes:
        initial: the first state.
        labels: what can happen, in the order of their numbers.
        successors: state → list of (number of a label, state afterwards).
        hits: numbers of the rows that were taken so far; `rows` has them by number.
        full: channels on which a message did not fit, so far.
        log: what happened since it was last emptied, where `traced`.
    """

    initial: Vector
    labels: tuple[Label, ...]
    successors: Callable[[Vector], list[tuple[int, Vector]]]

    def __init__(self, system: System, *, traced: bool = False) -> None:
        self.system = system
        self.hits: set[int] = set()
        self.full: set[str] = set()
        self.log: list[Happened] = []
        self.rows: list[tuple[str, str, str]] = []
        writer = _Writer(system, self.rows, traced)
        self.initial = writer.initial()
        space: dict[str, Any] = {
            "hits": self.hits,
            "full": self.full,
            "log": self.log,
            "Happened": Happened,
        }
        exec(compile(writer.source(), f"<system {system.name}>", "exec"), space)
        self.successors = space["successors"]
        self.labels = tuple(writer.labels)
        self._writer = writer

    def predicate(self, condition: Condition) -> Predicate:
        """A condition as a function of a state."""
        found: Predicate = eval(f"lambda v: {self._writer.condition(condition)}")
        return found

    def state_of(self, vector: Vector, part: str) -> str:
        """The name of a part's state."""
        index = self._writer.at[part]
        return str(self.system.parts[index].lifecycle.states[vector[index]])

    def read(self, vector: Vector) -> dict[str, Any]:
        """A state with names: parts, variables and channels."""
        found: dict[str, Any] = {
            part.name: self.state_of(vector, part.name) for part in self.system.parts
        }
        for variable in self.system.variables:
            number = vector[self._writer.at[variable.name]]
            found[variable.name] = variable.names[number] if variable.names else number
        for channel in self.system.channels:
            under_way = vector[self._writer.at[channel.name]]
            found[channel.name] = tuple(channel.messages[number] for number in under_way)
        return found


class _Writer:
    """Writes the source of one system."""

    def __init__(self, system: System, rows: list[tuple[str, str, str]], traced: bool) -> None:
        self.system = system
        self.traced = traced
        self.labels: list[Label] = []
        self._rows = rows
        self._lines: list[str] = []
        names = [part.name for part in system.parts]
        names += [variable.name for variable in system.variables]
        names += [channel.name for channel in system.channels]
        self.at = {name: index for index, name in enumerate(names)}
        self._number = {
            part.name: {str(state): n for n, state in enumerate(part.lifecycle.states)}
            for part in system.parts
        }
        self._bound = {variable.name: variable.bound for variable in system.variables}
        self._channel = {channel.name: channel for channel in system.channels}

    def initial(self) -> Vector:
        parts = [self._number[p.name][str(p.lifecycle.start)] for p in self.system.parts]
        variables = [variable.start for variable in self.system.variables]
        return (*parts, *variables, *(() for _ in self.system.channels))

    def condition(self, condition: Condition) -> str:
        """A condition over the list or tuple `v`."""
        if isinstance(condition, In):
            numbers = [self._number[condition.part][name] for name in condition.states]
            return self._one_of(condition.part, numbers)
        if isinstance(condition, Is):
            return self._one_of(condition.variable, list(condition.values))
        if isinstance(condition, Empty):
            return f"(not v[{self.at[condition.channel]}])"
        if isinstance(condition, Not):
            return f"(not {self.condition(condition.of)})"
        word, none = (" and ", "True") if isinstance(condition, Every) else (" or ", "False")
        return f"({word.join(map(self.condition, condition.of)) or none})"

    def _one_of(self, name: str, numbers: list[int]) -> str:
        if len(numbers) == 1:
            return f"(v[{self.at[name]}] == {numbers[0]})"
        return f"(v[{self.at[name]}] in {tuple(numbers)})"

    def source(self) -> str:
        for part in self.system.parts:
            for event in part.lifecycle.events:
                self._event(part, event)
        self._put(0, "def successors(s):")
        self._put(1, "v = s")
        self._put(1, "found = []")
        for action in self.system.actions:
            self._action(action)
        for channel in self.system.channels:
            self._deliveries(channel)
        self._put(1, "return found")
        return "\n".join(self._lines)

    def _put(self, depth: int, line: str) -> None:
        self._lines.append("    " * depth + line)

    def _event(self, part: Part, event: str) -> None:
        """One function for an event of a part: look up the row, move, do the rest."""
        at = self.at[part.name]
        self._put(0, f"def {part.name}_{event}(v):")
        word = "if"
        for state, number in self._number[part.name].items():
            row = part.lifecycle.row(state, event)
            self._put(1, f"{word} v[{at}] == {number}:")
            word = "elif"
            self._put(2, f"hits.add({len(self._rows)})")
            self._rows.append((part.name, state, event))
            self._log(2, "row", part.name, event, state)
            if row.kind is Kind.VIOLATES:
                if part.blame is not None:
                    self._put(2, f"v[{self.at[part.blame]}] = 1")
                continue
            if row.target != row.source:
                self._put(2, f"v[{at}] = {self._number[part.name][str(row.target)]}")
            self._operations(2, part.effects.get((state, event), ()))

    def _log(self, depth: int, kind: str, name: str, what: str, target: str = "") -> None:
        if self.traced:
            happened = ", ".join(map(repr, (kind, str(name), str(what), str(target))))
            self._put(depth, f"log.append(Happened({happened}))")

    def _operations(self, depth: int, operations: tuple[Operation, ...]) -> None:
        for each in operations:
            self._operation(depth, each)

    def _operation(self, depth: int, each: Operation) -> None:
        if isinstance(each, Fire):
            self._put(depth, f"{each.part}_{each.event}(v)")
        elif isinstance(each, Send):
            self._send(depth, self._channel[each.channel], each.message)
        elif isinstance(each, Assign):
            self._put(depth, f"v[{self.at[each.variable]}] = {each.value}")
        elif isinstance(each, Count):
            at, bound = self.at[each.variable], self._bound[each.variable]
            self._put(depth, f"if v[{at}] < {bound}: v[{at}] += 1")
        elif isinstance(each, Look):
            at = self.at[each.variable]
            self._put(depth, f"v[{at}] = {each.after}[v[{at}]]")
        elif isinstance(each, Clear):
            at = self.at[each.channel]
            self._log(depth, "clear", each.channel, "")
            self._put(depth, f"v[{at}] = ()")
        else:
            self._put(depth, f"if {self.condition(each.condition)}:")
            self._operations(depth + 1, each.then)
            self._put(depth + 1, "pass")
            if each.otherwise:
                self._put(depth, "else:")
                self._operations(depth + 1, each.otherwise)
                self._put(depth + 1, "pass")

    def _send(self, depth: int, channel: Channel, message: str) -> None:
        at, number = self.at[channel.name], channel.messages.index(message)
        longer = f"v[{at}] + ({number},)"
        if channel.reorders:
            # Whatever order they came in, the same messages are the same state.
            longer = f"tuple(sorted({longer}))"
        if channel.is_set:
            self._put(depth, f"if {number} in v[{at}]:")
            self._put(depth + 1, "pass")
            self._put(depth, f"elif len(v[{at}]) < {channel.capacity}:")
        else:
            self._put(depth, f"if len(v[{at}]) < {channel.capacity}:")
        self._put(depth + 1, f"v[{at}] = {longer}")
        self._log(depth + 1, "send", channel.name, message)
        self._put(depth, "else:")
        # What may be lost anyway may be lost here.
        self._put(depth + 1, "pass" if channel.loses else f"full.add({channel.name!r})")
        self._log(depth + 1, "full", channel.name, message)

    def _action(self, action: Action) -> None:
        label = Label(ACTION, action.name, "", action.name if action.fair else None)
        self._put(1, f"if {self.condition(action.guard)}:")
        self._transition(2, label, None, action.does)

    def _transition(
        self, depth: int, label: Label, take: str | None, does: tuple[Operation, ...]
    ) -> None:
        number = len(self.labels)
        self.labels.append(label)
        self._put(depth, "v = list(s)")
        if take is not None:
            self._put(depth, f"v[{self.at[label.name]}] = {take}")
        self._operations(depth, does)
        self._log(depth, "end", "", "")
        self._put(depth, f"found.append(({number}, tuple(v)))")
        self._put(depth, "v = s")

    def _deliveries(self, channel: Channel) -> None:
        self._put(1, f"c = s[{self.at[channel.name]}]")
        self._put(1, "if c:")
        for number, message in enumerate(channel.messages):
            if channel.reorders:
                self._put(2, f"if {number} in c:")
                self._put(3, f"at = c.index({number})")
                take = "c[:at] + c[at + 1:]"
            else:
                self._put(2, f"if c[0] == {number}:")
                take = "c[1:]"
            fair = f"{channel.name} {message}" if channel.reorders else channel.name
            does = self.system.deliveries[channel.name, message]
            self._transition(3, Label(DELIVER, channel.name, message, fair), take, does)
            if channel.duplicates:
                self._transition(3, Label(REPEAT, channel.name, message, None), None, does)
            if channel.loses:
                self._transition(3, Label(LOSE, channel.name, message, None), take, ())
