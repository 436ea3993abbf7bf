"""What was measured, and how the page shows it.

`results.json` keeps the last figures of each part, so that parts can be measured at different times
(a machine that is quiet for ten minutes is rare). In ``docs/why/scale.md`` what stands between
``<!-- scale: NAME -->`` and ``<!-- /scale -->`` is written from it; the rest of the page is prose.
"""

import json
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from benchmarks.scale.plot import Plot

_FILE = Path(__file__).with_name("results.json")
_DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = _DOCS / "why" / "scale.md"
_BLOCK = re.compile(r"(<!-- scale: ([a-z]+) -->\n).*?(<!-- /scale -->)", re.DOTALL)

Data = dict[str, Any]


def load() -> Data:
    """What was measured so far."""
    return json.loads(_FILE.read_text()) if _FILE.exists() else {}


def merge(fresh: Data) -> Data:
    """Put what was just measured in the place of what was there, key by key; keep it."""
    data = load()
    _merge(data, fresh)
    _FILE.write_text(json.dumps(data, indent=1, ensure_ascii=False) + "\n")
    return data


def _merge(data: Data, fresh: Data) -> None:
    for key, value in fresh.items():
        if isinstance(value, dict):
            _merge(data.setdefault(key, {}), value)
        else:
            data[key] = value


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    head = list(head)
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _world(data: Data, workers: int, tasks: int, arguments: int = 0) -> Data:
    return data["worlds"].get(f"{workers}x{tasks}x{arguments}", {})


def _cells(world: Data) -> list[str]:
    """Microseconds a task and a message of each core; how many messages a task."""
    found = []
    for core, messages in (
        ("tracker", "client messages"),
        ("pump", "client messages"),
        ("scheduler", "scheduler messages"),
    ):
        micros = world["µs"].get(core)
        if micros is None:
            found += ["", ""]
        else:
            found += [f"{micros:.1f}", f"{micros / world[messages]:.1f}"]
    return found


def _swept(data: Data) -> list[list[str]]:
    order = [(10, 100_000, 0), (100, 100_000, 0), (1_000, 100_000, 0), (10_000, 100_000, 0)]
    order += [(10_000, 1_000, 0), (10_000, 10_000, 0), (10, 1_000_000, 0), (10_000, 1_000_000, 0)]
    order += [(10_000, 100_000, 1)]
    rows = []
    for workers, tasks, arguments in order:
        world = _world(data, workers, tasks, arguments)
        if world:
            about = "" if not arguments else f", {arguments} new argument each"
            rows.append([f"{workers:,}", f"{tasks:,}{about}", *_cells(world)])
    return rows


def growth(data: Data) -> str:
    """Every world, a line each."""
    head = ["workers", "tasks", "tracker, µs a task", "a message", "pump, µs a task", "a message"]
    return _table([*head, "scheduler, µs a task", "a message"], _swept(data))


def story(data: Data) -> str:
    """What happened in the largest one."""
    world = _world(data, 10_000, 1_000_000)
    return (
        f"In the largest world {world['events']:,} events happened: {world['cancels']:,} cancels, "
        f"{world['killed']:,} workers\nkilled by them, at most {world['most pending']:,} tasks "
        f"pending at once. Latencies: {data['latency']['source']};\nmedian "
        f"{data['latency']['median']:.0f} µs, one in a hundred over {data['latency']['p99']:.0f} "
        f"µs, one in a thousand over {data['latency']['p999']:.0f} µs.\n"
    )


def steps(data: Data) -> str:
    """Lines of Python for each message."""
    return _table(
        ["workers", "tasks", "tracker", "pump", "scheduler"],
        [
            [
                f"{row['workers']:,}",
                f"{row['tasks']:,}",
                *(f"{row[core]:.1f}" for core in ("tracker", "pump", "scheduler")),
            ]
            for row in data["steps"].values()
        ],
    )


def memory(data: Data) -> str:
    """Bytes of a task that waits."""
    return _table(
        ["tasks", "tracker", "tracker and future", "scheduler"],
        [
            [
                f"{row['tasks']:,}",
                *(f"{row[core]:,.0f}" for core in ("tracker", "client", "scheduler")),
            ]
            for row in data["memory"].values()
        ],
    )


def real(data: Data) -> str:
    """A real client and its engine."""
    rows = []
    for row in data["real"].values():
        pending, cancel, run = row["pending"], row["cancel"], row.get("run")
        rows.append(
            [
                f"{row['tasks']:,}",
                f"{pending['client']:.0f} / {pending['engine']:.0f}",
                f"{pending['client bytes']:,.0f} / {pending['engine bytes']:,.0f}",
                f"{cancel['client']:.0f} / {cancel['engine']:.0f}",
                f"{row['disconnect']:.0f}" if "disconnect" in row else "",
                f"{run['client']:.0f} / {run['engine']:.0f}" if run else "",
                f"{row['wait']:.1f}, {row['as_completed']:.1f}" if run else "",
            ]
        )
    head = ["tasks", "submit, µs", "bytes while pending", "cancel, µs", "disconnect, µs"]
    return _table([*head, "run to the end, µs", "`wait`, `as_completed`, µs"], rows)


def carries(data: Data) -> str:
    """Where the time of a client goes, and what is left of a second."""
    world = _world(data, 10, 100_000)
    run = [row["run"] for row in data["real"].values() if "run" in row][-1]
    tracker, pump = world["µs"]["tracker"], world["µs"]["pump"]
    codec = data["codec"]["encode Task"] + data["codec"]["decode TaskResult"]
    agent, whole = run["agent"], run["client"]
    rows = [
        ("tracker, with the tables", tracker),
        ("futures, and the way between them and the tracker", pump - tracker),
        ("codec: a Task, a TaskResult", codec),
        ("channels, requests, polls, turns, and the collector's part", agent - pump - codec),
        ("**the agent's thread**", agent),
        ("`submit()` in the user's thread, and the garbage collector there", whole - agent),
        ("**the client's process**", whole),
    ]
    told = _table(["for each task", "µs"], [[what, f"{micros:.0f}"] for what, micros in rows])
    messages = world["client messages"]
    return (
        f"{told}\nSo the agent's thread moves {messages * 1e6 / agent:,.0f} messages a second "
        f"at the most, {messages:.0f} for each task. With\n`submit()` in the same interpreter one "
        f"client carries {1e6 / whole:,.0f} tasks a second.\n"
    )


def pictures(data: Data) -> dict[str, str]:
    """Microseconds a message by workers and by tasks; file name → SVG."""
    found = {}
    for name, worlds, axis in (
        ("workers", [(each, 100_000) for each in (10, 100, 1_000, 10_000)], 0),
        ("tasks", [(10_000, each) for each in (1_000, 10_000, 100_000, 1_000_000)], 1),
    ):
        plot = Plot(f"µs a message, by the number of {name}", name)
        for core, messages in (
            ("pump", "client messages"),
            ("tracker", "client messages"),
            ("scheduler", "scheduler messages"),
        ):
            points = []
            for size in worlds:
                world = _world(data, *size)
                if core in world.get("µs", ()):
                    points.append((size[axis], world["µs"][core] / world[messages]))
            plot.line(core, points)
        found[f"scale-{name}.svg"] = plot.svg()
    return found


BLOCKS: dict[str, Callable[[Data], str]] = {
    "growth": growth,
    "story": story,
    "steps": steps,
    "memory": memory,
    "real": real,
    "carries": carries,
}


def filled(text: str, data: Data) -> str:
    """The page with its blocks written anew."""
    return _BLOCK.sub(lambda found: found[1] + BLOCKS[found[2]](data) + found[3], text)


def write(data: Data) -> None:
    """Refresh the page and its pictures."""
    PAGE.write_text(filled(PAGE.read_text(), data))
    for name, svg in pictures(data).items():
        (PAGE.parent / name).write_text(svg)
