"""What a failure prints: the messages as arrows between lanes, each future's story, what broke, and
how to replay it."""

from typing import TYPE_CHECKING, Any

from futurefsm.client.testing.invariants import INVARIANTS
from futurefsm.client.testing.tokens import call
from futurefsm.protocol import messages as m
from futurefsm.protocol.codec import decode
from futurefsm.protocol.object_store import RequestKind, ResponseKind, decode_header

if TYPE_CHECKING:
    from futurefsm.client.testing.invariants import Broken
    from futurefsm.client.testing.record import Record
    from futurefsm.client.testing.world import World

_WIDTH = 100
_LANE = 5
# A story that was not shrunk may be long: its end is what matters.
_LINES_MAX = 200


def report(broken: "Broken") -> str:
    """The whole text of a failure."""
    world = broken.world
    if not world.logs:
        from futurefsm.client.testing.tokens import retold

        world = retold(world)
    lines = [
        f"{broken.invariant}: {broken.what}",
        f"  the invariant: {INVARIANTS[broken.invariant]}",
        f"  after {world.steps} steps, {world.deliveries} deliveries, {world.now:.1f} simulated s",
        "",
        *lanes(world),
        "",
        *(story(record) for party in world.parties for record in party.order),
        "replay:",
        f"  {call(world)}",
    ]
    return "\n".join(_cut(line) for line in lines[:-1]) + "\n" + lines[-1]


def _cut(text: str) -> str:
    return "\n".join(
        line if len(line) <= _WIDTH else line[: _WIDTH - 1] + "…" for line in text.split("\n")
    )


def lanes(world: "World") -> list[str]:
    """The messages in order: one arrow a line, from lane to lane."""
    names = [*(party.lane for party in world.parties), "S", "O", "W"]
    head = f"{'step':>5}  " + "".join(name.ljust(_LANE) for name in names)
    lines = ["lanes: " + _legend(world), head.rstrip()]
    log = world.log
    if len(log) > _LINES_MAX:
        lines.append(f"  ... {len(log) - _LINES_MAX} earlier lines left out")
    for step, _, source, target, what, sent in log[-_LINES_MAX:]:
        label = what if isinstance(what, str) else message_text(world, what, source)
        if target.endswith("✗"):
            label += ", which is lost"
        if sent not in (step, step - 1) and not isinstance(what, str):
            label += f" (sent in step {sent})"
        arrow = _arrow(names, source, target.rstrip("✗"), lost=target.endswith("✗"))
        lines.append(f"{step:>5}  {arrow} {label}")
    return lines


def _legend(world: "World") -> str:
    clients = ", ".join(party.lane for party in world.parties)
    kind = "client" if len(world.parties) == 1 else "clients"
    return f"{kind} {clients}; S scheduler, O object store, W workers"


def _arrow(names: list[str], source: str, target: str, *, lost: bool) -> str:
    cells = list(("│" + " " * (_LANE - 1)) * len(names))
    if source in names and (not target or target == source):
        cells[names.index(source) * _LANE] = "●"
    elif source in names and target in names:
        a, b = names.index(source) * _LANE, names.index(target) * _LANE
        low, high = min(a, b), max(a, b)
        for place in range(low + 1, high):
            cells[place] = "┼" if place % _LANE == 0 else "─"
        cells[a] = "├" if a < b else "┤"
        tip, at = ("▶", high - 1) if a < b else ("◀", low + 1)
        cells[at] = "✗" if lost else tip
    return "".join(cells)


def message_text(world: "World", what: Any, source: str = "") -> str:
    """A message, in words, with the names of the story."""
    if isinstance(what, bytes):
        what = decode(what)
    if isinstance(what, list):
        return _storage_text(world, what, answers=source == "O")
    if isinstance(what, m.TaskResult):
        kind = what.result_type.name.lower()
        left = ", ".join(world.object_name(each) for each in what.results) or "no object"
        return f"TaskResult {kind} {world.task_name(what.task_id)}: {left}"
    if isinstance(what, m.TaskCancelConfirm):
        kind = what.cancel_confirm_type.name.lower()
        return f"TaskCancelConfirm {kind} {world.task_name(what.task_id)}"
    if isinstance(what, m.Task | m.TaskCancel):
        return f"{type(what).__name__} {world.task_name(what.task_id)}"
    if isinstance(what, m.ObjectInstruction):
        kind = what.instruction_type.name.lower()
        ids = what.object_metadata.object_ids
        return f"ObjectInstruction {kind} {', '.join(world.object_name(each) for each in ids)}"
    return type(what).__name__


def _storage_text(world: "World", buffers: list[Any], *, answers: bool) -> str:
    # Requests and answers number their kinds alike: only the direction tells which it is.
    header = decode_header(buffers[0])
    kind = (ResponseKind if answers else RequestKind)(header.kind).name.lower().replace("_", " ")
    return f"{kind} {world.object_name(header.object_id)}"


def story(record: "Record") -> str:
    """One future's story, in simulated time."""
    future = record.future
    said = "" if future is None or future.cancel_outcome is None else f"; {future.cancel_outcome}"
    dropped = " (dropped by its user)" if record.dropped else ""
    path = " → ".join(["pending", *(str(state) for *_, state in record.moves)])
    lines = [f"future {record.name} of client {record.party.name}{dropped}: {path}{said}"]
    lines += [
        f"  step {step:>3} {time:8.1f} s  {event} → {state}"
        for step, time, event, state in record.moves
    ]
    if future is not None and future.story.stays:
        stays = future.story.stays
        lines.append(
            "  without moving it: " + ", ".join(f"{event} x{n}" for event, n in stays.items())
        )
    return "\n".join(lines)


def mermaid(world: "World") -> str:
    """The messages as a Mermaid sequence diagram."""
    lines = ["sequenceDiagram"]
    lines += [f"    participant {party.lane} as client {party.lane}" for party in world.parties]
    lines += ["    participant S as scheduler", "    participant O as object store"]
    lines += ["    participant W as workers"]
    for _, _, source, target, what, _ in world.log:
        label = what if isinstance(what, str) else message_text(world, what, source)
        label = label.replace(";", ",").replace("#", "")
        if target.endswith("✗"):
            lines.append(f"    {source}--x{target[:-1]}: {label}")
        elif target and target != source:
            lines.append(f"    {source}->>{target}: {label}")
        elif source:
            lines.append(f"    Note over {source}: {label}")
        else:
            lines.append(f"    Note over S: {label}")
    return "\n".join(lines)
