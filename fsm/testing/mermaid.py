"""A failure as a Mermaid sequence diagram. PURE.

Participants are the threads, in the order of their lanes, the futures, and the wire where something
is sent. A bar on a thread's line: it holds a lock.
"""

import re
from typing import Any

from futurefsm.fsm.testing.scene import Item, Row, Scene, scene

# Kind of an item → arrow to the future, or from it.
_TO_FUTURE = {"call": "->>", "deliver": "->>"}
_WIRE = {"send", "fetch", "delete"}


def mermaid(failure: Any) -> str:
    """Draw a failure (`futurefsm.fsm.testing.Failure`)."""
    return render(scene(failure))


def render(shown: Scene) -> str:
    """Draw a scene; see `mermaid`."""
    lines = ["sequenceDiagram"]
    futures = [tale.future for tale in shown.tales] or ["future 1"]
    for index, lane in enumerate(shown.lanes):
        lines.append(f"    participant T{index} as {_words(lane.name)}")
    for index, future in enumerate(futures):
        lines.append(f"    participant F{index} as {_words(future)}")
    if any(item.kind in _WIRE for row in shown.rows for item in row.items):
        lines.append("    participant W as wire")
    over = f"{'T0' if shown.lanes else 'F0'},F{len(futures) - 1}"
    lines.append(f"    Note over {over}: {_words(f'{shown.check}: {shown.words}')}")
    holding: frozenset[int] = frozenset()
    for row in shown.rows:
        lines += [f"    {_item(row, item, futures)}" for item in row.items if item.text != "starts"]
        for future, state in row.states:
            lines.append(f"    Note over F{futures.index(future)}: {_words(state)}")
        lines += [f"    activate T{lane}" for lane in sorted(row.holding - holding)]
        lines += [f"    deactivate T{lane}" for lane in sorted(holding - row.holding)]
        holding = row.holding
    lines += [f"    Note over {over}: {_words(each)}" for each in shown.blocked]
    # A bar that nobody ends is not drawn.
    lines += [f"    deactivate T{lane}" for lane in sorted(holding)]
    return "\n".join([*lines, ""])


def _item(row: Row, item: Item, futures: list[str]) -> str:
    """One arrow, or one note beside the thread."""
    task = f"T{row.lane}"
    words = _words(f"{row.number}. {item.text}")
    if item.kind in _TO_FUTURE or item.kind == "answer":
        found = re.search(r"\bfuture (\d+)\b", item.text)
        name = f"future {found.group(1)}" if found else futures[0]
        future = f"F{futures.index(name) if name in futures else 0}"
        return (
            f"{future}-->>{task}: {words}"
            if item.kind == "answer"
            else (f"{task}{_TO_FUTURE[item.kind]}{future}: {words}")
        )
    if item.kind in _WIRE:
        return f"{task}-)W: {words}"
    if item.kind in ("stuck", "timer"):
        return f"{task}-x{task}: {words}"
    return f"Note right of {task}: {words}"


def _words(text: str) -> str:
    """Words as Mermaid takes them: no line ends, no semicolons, nothing that is read as code."""
    text = " ".join(text.split())
    for char in "#;<>":
        text = text.replace(char, f"\0{ord(char)}\1")
    # "end" closes a block wherever it stands alone.
    text = re.sub(r"\bend\b", "en\N{WORD JOINER}d", text)
    return text.replace("\0", "#").replace("\1", ";")
