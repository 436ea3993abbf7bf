"""A way through a system, for people: as text, and as a Mermaid sequence diagram. PURE."""

import textwrap
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from futurefsm.fsm.checker.model import System
from futurefsm.fsm.checker.search import Broken, Graph
from futurefsm.fsm.checker.stepping import (
    ACTION,
    DELIVER,
    LOSE,
    Happened,
    Label,
    Stepper,
    Vector,
)
from futurefsm.fsm.table import Kind

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Beat:
    """One step of a story.

    Attributes:
        label: what it was.
        lane: who did it.
        words: what was done.
        moves: "future: running → cancelled", for each part that a row was taken of.
        sends: (message, from lane, to lane) of what was sent; a lost one has no lane to go to.
    """

    label: Label
    lane: str
    words: str
    moves: tuple[tuple[str, str], ...]
    sends: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class Counterexample:
    """How a property is broken: the shortest way there, and what goes on for ever then.

    Attributes:
        system, property: names.
        words: what should hold.
        beats: the way.
        loop: what then repeats for ever; empty where nothing does.
        stuck: after the way nothing happens any more but calls and faults.
        end: the last state, by names of parts, variables and channels.
    """

    system: str
    property: str
    words: str
    beats: tuple[Beat, ...]
    loop: tuple[Beat, ...]
    stuck: bool
    end: dict[str, Any]
    lanes: tuple[str, ...]

    def __str__(self) -> str:
        return text(self)

    def to_mermaid(self) -> str:
        """As a Mermaid ``sequenceDiagram``."""
        return mermaid(self)


def tell(graph: Graph, broken: Broken) -> Counterexample:
    """Make a story of a broken property."""
    system = graph.system
    teller = _Teller(system)
    way = [(graph.stepper.labels[label], graph.states[there]) for label, there in broken.way]
    loop = [(graph.stepper.labels[label], graph.states[there]) for label, there in broken.loop]
    beats = tuple(teller.beats(way))
    return Counterexample(
        system.name,
        broken.property.name,
        broken.property.words,
        beats,
        tuple(teller.beats(loop)),
        broken.stuck,
        graph.stepper.read(way[-1][1] if way else graph.states[0]),
        system.lanes,
    )


class _Teller:
    """Walks the way again, writing down what happens."""

    def __init__(self, system: System) -> None:
        self._system = system
        self._stepper = Stepper(system, traced=True)
        self._here: Vector = self._stepper.initial
        self._channels = {channel.name: channel for channel in system.channels}
        self._actions = {action.name: action for action in system.actions}

    def beats(self, way: Iterable[tuple[Label, Vector]]) -> Iterable[Beat]:
        for label, there in way:
            yield self._beat(label, there)
            self._here = there

    def _beat(self, label: Label, there: Vector) -> Beat:
        log = self._log_of(label, there)
        if label.kind == ACTION:
            action = self._actions[label.name]
            lane, words = action.lane, action.words
        else:
            channel = self._channels[label.name]
            lane = channel.target
            again = "" if label.kind == DELIVER else " (and it will come again)"
            words = f"{_spoken(label.message)} arrives{again}"
            if label.kind == LOSE:
                words = f"{_spoken(label.message)} is lost on its way to the {channel.target}"
                lane = "network" if "network" in self._system.lanes else lane
        return Beat(label, lane, words, tuple(self._moves(log)), tuple(self._sends(log)))

    def _log_of(self, label: Label, there: Vector) -> list[Happened]:
        """What happens in the step. Steps are tried in turn; one of them is it."""
        stepper = self._stepper
        number = stepper.labels.index(label)
        stepper.log.clear()
        found = stepper.successors(self._here)
        at = found.index((number, there))
        # One log for all steps out of a state; each ends with a mark.
        ends = [-1, *(n for n, each in enumerate(stepper.log) if each.kind == "end")]
        return stepper.log[ends[at] + 1 : ends[at + 1]]

    def _moves(self, log: list[Happened]) -> Iterable[tuple[str, str]]:
        for each in log:
            if each.kind != "row":
                continue
            part = self._system.part(each.name)
            row = part.lifecycle.row(each.target, each.what)
            if row.kind is Kind.VIOLATES:
                yield part.lane, f"{each.name} {row.source}: {each.what} is a violation"
            elif row.target != row.source:
                yield part.lane, f"{each.name} {row.source} → {row.target}"
            else:
                yield part.lane, f"{each.name} stays {row.source}"

    def _sends(self, log: list[Happened]) -> Iterable[tuple[str, str, str]]:
        for each in log:
            if each.kind in ("send", "full"):
                channel = self._channels[each.name]
                target = channel.target if each.kind == "send" else ""
                yield _spoken(each.what), channel.source, target


def _spoken(message: str) -> str:
    """A message as people name it: `TaskResult_success` is "TaskResult (success)"."""
    kind, _, rest = message.partition("_")
    return f"{kind} ({rest.replace('_', ' ')})" if rest else kind


def text(story: Counterexample) -> str:
    """The story as text, at most 100 columns wide."""
    headline = f"{story.property} does not hold in {story.system}: {story.words}"
    lines = textwrap.wrap(headline, _WIDTH, subsequent_indent="    ")
    wide = max((len(lane) for lane in story.lanes), default=0)
    lines += _lines(story.beats, wide, 1)
    if story.loop:
        lines.append("then for ever:")
        lines += _lines(story.loop, wide, len(story.beats) + 1)
    elif story.stuck:
        lines.append("then nothing more has to happen: only calls and faults are left")
    lines += _wrapped("at the end: ", [f"{name}={_shown(what)}" for name, what in _facts(story)])
    return "\n".join(lines)


def _facts(story: Counterexample) -> Iterable[tuple[str, Any]]:
    """What is not as it was at first is worth a word: states, and what is not 0 or empty."""
    dull = (0, (), "nothing", "none")
    return ((name, what) for name, what in story.end.items() if what not in dull)


def _shown(what: Any) -> str:
    return " ".join(what) if isinstance(what, tuple) else str(what)


def _lines(beats: tuple[Beat, ...], wide: int, first: int) -> Iterable[str]:
    for number, beat in enumerate(beats, first):
        yield f"{number:4}  {beat.lane:{wide}}  {beat.words}"
        follows = [move for _, move in beat.moves]
        for message, _, target in beat.sends:
            follows.append(f"sends {message}" if target else f"{message} does not fit, and is lost")
        yield from _wrapped(" " * (8 + wide), follows, " " * (8 + wide))


def _wrapped(lead: str, pieces: list[str], indent: str = "    ") -> Iterable[str]:
    line = lead
    for number, piece in enumerate(pieces):
        part = piece + ("; " if number < len(pieces) - 1 else "")
        if len(line) + len(part.rstrip()) > _WIDTH and line.strip():
            yield line.rstrip()
            line = indent
        line += part
    if line.strip():
        yield line.rstrip()


def mermaid(story: Counterexample) -> str:
    """The story as a Mermaid ``sequenceDiagram``."""
    used = {beat.lane for beat in (*story.beats, *story.loop)}
    for beat in (*story.beats, *story.loop):
        used |= {lane for lane, _ in beat.moves}
        used |= {lane for _, source, target in beat.sends for lane in (source, target) if lane}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {lane}" for lane in story.lanes if lane in used]
    lines += _arrows(story.beats, story.lanes)
    if story.loop:
        lines.append("    loop for ever")
        lines += ["    " + line for line in _arrows(story.loop, story.lanes)]
        lines.append("    end")
    over = [lane for lane in story.lanes if lane in used]
    if over:
        span = over[0] if len(over) == 1 else f"{over[0]},{over[-1]}"
        lines.append(f"    Note over {span}: {story.property} does not hold")
    return "\n".join(lines) + "\n"


def _arrows(beats: tuple[Beat, ...], lanes: tuple[str, ...]) -> Iterable[str]:
    for beat in beats:
        label = beat.label
        # Where moves happen tells who receives; a call arrives at the first of them.
        target = beat.moves[0][0] if beat.moves else beat.lane
        if label.kind == ACTION:
            yield f"    {beat.lane}->>{target}: {beat.words}"
        elif label.kind == LOSE:
            yield f"    {beat.lane}--x{beat.lane}: {beat.words}"
        else:
            yield f"    Note over {beat.lane}: {beat.words}"
        for lane, move in beat.moves:
            yield f"    Note over {lane}: {move}"
        for message, source, goes in beat.sends:
            if goes:
                yield f"    {source}-){goes}: {message}"
            else:
                yield f"    {source}-x{source}: {message} does not fit"
