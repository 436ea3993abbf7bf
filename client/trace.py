"""Stories of futures as text and as diagrams: one future's way, or the traffic of many.

PURE: functions over stories. No threading, time, sockets or files; whoever calls prints.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Protocol

from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.outcomes import Outcome
from futurefsm.fsm.states import State
from futurefsm.fsm.story import CALLER, CLIENT, WIRE, Story
from futurefsm.fsm.table import Kind, Lifecycle, Row

# (state before, event) → how often futures took that arrow.
Counts = Mapping[tuple[str, str], int]

# Who fires an event, as a participant of a sequence diagram.
_PARTICIPANTS = {
    CALLER: "your code",
    CLIENT: "the client's timers and its end",
    WIRE: "the scheduler",
}


class HasStory(Protocol):
    """What is looked at: any `futurefsm.fsm.Future` has it."""

    @property
    def story(self) -> Story: ...
    @property
    def state(self) -> State: ...
    @property
    def cancel_outcome(self) -> Outcome | None: ...


def transition_counts(futures: Iterable[HasStory]) -> Counter[tuple[str, str]]:
    """How often each arrow was taken.

    Args:
        futures: any number of them; only their stories are read, so it may be asked at any time.

    Returns:
        (state before, event) → count. Events that did not move a future are not in it.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for future in futures:
        story = future.story
        # Where the oldest moves were forgotten, nobody knows what the first one left.
        before: str | None = None if story.forgotten else str(story.start)
        for move in story:
            if before is not None:
                counts[before, str(move.event)] += 1
            before = str(move.state)
    return counts


def stay_counts(futures: Iterable[HasStory]) -> Counter[str]:
    """How often each event arrived without moving its future."""
    counts: Counter[str] = Counter()
    for future in futures:
        counts.update(future.story.stays)
    return counts


def render(lifecycle: Lifecycle, counts: Counts, *, width: int = 100, untaken: bool = True) -> str:
    """The lifecycle's arrows with counts, as text for a terminal.

    Args:
        lifecycle: whose arrows.
        counts: as `transition_counts` gives them.
        width: columns; at least 60.
        untaken: whether to name the arrows that nothing took; else they are counted.

    Raises:
        KeyError: `counts` names an arrow that the lifecycle does not have.
    """
    arrows = _arrows(lifecycle, counts)
    width = max(width, 60)
    widest_target = max(len(row.target) for row in arrows)
    line = min(width, 78) - widest_target - 8
    blocks: list[str] = []
    others: list[str] = []
    for state in lifecycle.states:
        taken = [(row, n) for row in arrows if row.source == state and (n := _count(row, counts))]
        others += [
            f"{row.source} ─{row.event}→ {row.target}"
            for row in arrows
            if row.source == state and not _count(row, counts)
        ]
        blocks.append(_headline(lifecycle, state, counts))
        for row, n in taken:
            number = f" {n:,} "
            dashes = "─" * max(3, line - len(row.event) - len(number) - 2)
            blocks.append(f"    {row.event} {dashes}{number}──▶ {row.target}")
    if others and untaken:
        blocks += _wrapped("not taken: ", others, width)
    elif others:
        blocks.append(f"not taken: {len(others)} of {len(arrows)} arrows")
    return "\n".join(blocks)


def _arrows(lifecycle: Lifecycle, counts: Counts) -> list[Row]:
    arrows = [row for row in lifecycle.rows if row.kind is Kind.GOES]
    known = {(str(row.source), str(row.event)) for row in arrows}
    for pair in counts:
        if (str(pair[0]), str(pair[1])) not in known:
            raise KeyError(f"{lifecycle!r} has no arrow {pair[1]} out of {pair[0]}")
    return arrows


def _count(row: Row, counts: Counts) -> int:
    return counts.get((str(row.source), str(row.event)), 0)


def _headline(lifecycle: Lifecycle, state: State, counts: Counts) -> str:
    """A state, and how many futures are still in it as far as the arrows tell."""
    if state == lifecycle.start:
        return f"● {state}"
    rows = [row for row in lifecycle.rows if row.kind is Kind.GOES]
    came = sum(_count(row, counts) for row in rows if row.target == state)
    left = sum(_count(row, counts) for row in rows if row.source == state)
    mark = "■" if state.settled or state.absorbing else "●"
    return f"{mark} {state}: {came - left:,} are here" if came > left else f"{mark} {state}"


def _wrapped(lead: str, items: list[str], width: int) -> list[str]:
    """Items after one another, broken between items only."""
    lines = [lead]
    for index, item in enumerate(items):
        piece = item + ("" if index == len(items) - 1 else ", ")
        if len(lines[-1]) + len(piece.rstrip()) > width:
            lines.append(" " * len(lead))
        lines[-1] += piece
    return [line.rstrip() for line in lines]


def state_diagram(futures: Iterable[HasStory], lifecycle: Lifecycle = CONFIRMED) -> str:
    """The lifecycle in Mermaid, with the futures' counts on its arrows."""
    return lifecycle.to_mermaid(transition_counts(futures))


def sequence_diagram(future: HasStory, *, name: str = "future") -> str:
    """One future's story as a Mermaid sequence diagram.

    Args:
        future: whose story.
        name: what to call it in the diagram.
    """
    story = future.story
    origin = story[0].time if story else 0.0
    lines = ["sequenceDiagram"]
    for source in dict.fromkeys(move.source for move in story):
        lines.append(f"    participant {source} as {_PARTICIPANTS.get(source, source)}")
    lines.append(f"    participant future as {name}")
    first = "(earlier moves forgotten)" if story.forgotten else str(story.start)
    lines.append(f"    Note over future: {first}")
    for move in story:
        after = f"{(move.time - origin) * 1e3:.3f} ms"
        lines.append(f"    {move.source}->>future: {move.event} ({after})")
        lines.append(f"    Note over future: {move.state}")
    for event, count in sorted(story.stays.items()):
        lines.append(f"    Note over future: {event} x{count} did not move it")
    return "\n".join(lines)


def story_text(future: HasStory, *, name: str = "future") -> str:
    """One future's story as text, with what is known of a cancel."""
    lines = [f"{name}: {future.state}", str(future.story)]
    outcome = future.cancel_outcome
    if outcome is not None:
        lines.append(f"  cancel: {outcome}: {outcome.means}")
    return "\n".join(lines)


def paths(futures: Iterable[HasStory]) -> Counter[str]:
    """Which ways through the lifecycle were taken, how often: "pending → running → finished"."""
    return Counter(future.story.path() for future in futures)
