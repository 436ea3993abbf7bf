"""Beyond this machine: ten thousand workers, a million tasks, one process.

    python -m benchmarks.scale [--quick] [--write]  # all; --write refreshes docs/why/scale.md
    python -m benchmarks.scale --world 10000x1000000x0 [--write]  # one world
    python -m benchmarks.scale --real 1000000 [--write]  # a real client, so many tasks
    python -m benchmarks.scale --measure-latency  # on a real cluster, into latencies.json

See `world.py` for what is real there and what is simulated.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from benchmarks.scale import latency, memory, page, real
from benchmarks.scale.world import Size, StepMeter, World, price_ns
from futurefsm.protocol.codec import decode, encode
from futurefsm.protocol.messages import Task, TaskResult, TaskResultType

FULL = (
    *((workers, 100_000, 0) for workers in (10, 100, 1_000, 10_000)),
    *((10_000, tasks, 0) for tasks in (1_000, 10_000, 1_000_000)),
    (10_000, 100_000, 1),
)
# The pump only: this one is for comparison, and the whole is to end within ten minutes.
HALF = ((10, 1_000_000, 0),)
QUICK = ((10, 300, 0), (300, 300, 0), (300, 300, 1))
FULL_STEPS = ((10, 1_000), (10, 10_000), (1_000, 10_000), (10_000, 30_000))
QUICK_STEPS = ((10, 200), (10, 800), (200, 800))
FULL_MEMORY = (1_000, 10_000, 100_000, 1_000_000)
QUICK_MEMORY = (500,)
REAL = (1_000, 10_000, 100_000)
# Seconds; the largest takes one of a minute.
_PATIENCE_S = 600.0


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def world(size: Size, *, split: bool) -> dict[str, Any]:
    """What a task costs in one world: microseconds by core, and messages."""
    price = price_ns()
    made = World(size, latency.load(), split=split)
    made.run()
    assert made.over(), f"something is left of {size}"
    costs = {name: meter.microseconds(price) / size.tasks for name, meter in made.meters.items()}
    if split:
        # The tracker's own price is in it: measured by the other world.
        return {"µs": {"tracker": costs["tracker"]}}
    return {
        "events": made.deliveries,
        "cancels": made.client.cancels,
        "killed": made.engine.died,
        "most pending": made.client.peak,
        "client messages": made.client.messages / size.tasks,
        "scheduler messages": made.engine.messages / size.tasks,
        "µs": costs,
    }


def worlds(sizes: Iterable[tuple[int, int, int]], only: str | None = None) -> dict[str, Any]:
    """All of them, each twice: for the pump, and for the tracker inside it."""
    found: dict[str, Any] = {}
    for size in sizes:
        row: dict[str, Any] = {"µs": {}}
        for name, split in (("pump", False), ("tracker", True)):
            if only in (None, name):
                made = world(Size(*size), split=split)
                row |= made | {"µs": row["µs"] | made["µs"]}
        found["x".join(map(str, size))] = row
        _say(f"{size}: {row['µs']}")
    return found


def steps(sizes: Iterable[tuple[int, int]]) -> dict[str, Any]:
    """The same, counted in lines of Python for each message."""
    rows = {}
    for workers, tasks in sizes:
        found: dict[str, float] = {"workers": workers, "tasks": tasks}
        for split in (False, True):
            made = World(Size(workers, tasks), latency.load(), split=split, meter=StepMeter)
            made.run()
            assert made.over()
            for name in ("tracker", "pump", "scheduler"):
                if name in made.meters:
                    messages = (made.engine if name == "scheduler" else made.client).messages
                    found[name] = made.meters[name].nanoseconds / messages
        rows[f"{workers}x{tasks}"] = found
    return rows


def reals(sizes: Iterable[int], only: str | None = None) -> dict[str, Any]:
    """A real client with so many tasks."""
    found = {}
    for tasks in sizes:
        found[str(tasks)] = real.measure(tasks, only)
        _say(f"{found[str(tasks)]}")
    return found


def anew(tasks: int) -> dict[str, Any]:
    """The same in an interpreter of its own. In one that has carried a million tasks the client
    finds memory that was used before, and what it needs does not show."""
    _say(f"a real client with {tasks:,} tasks")
    command = [sys.executable, "-m", "benchmarks.scale", "--real", str(tasks)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, timeout=_PATIENCE_S)
    found: dict[str, Any] = json.loads(done.stdout)["real"]
    return found


def travel() -> dict[str, Any]:
    """What the worlds' messages take."""
    found = latency.load()
    named = {"median": 0.5, "p99": 0.99, "p999": 0.999}
    micros = {name: found.scheduler.at(part) * 1e6 for name, part in named.items()}
    return {"source": found.source, **micros}


def codec() -> dict[str, float]:
    """Microseconds for each message, both ways."""
    me, result = b"Client|scale|" + b"0" * 32, b"r" * 32
    task = Task(b"t" * 16, me, b"f" * 16, b"o" * 32, ())
    answer = TaskResult(b"t" * 16, TaskResultType.SUCCESS, b"p" * 16, (result,))
    found = {}
    for name, message in (("Task", task), ("TaskResult", answer)):
        data = encode(message)
        for what, call, given in (("encode", encode, message), ("decode", decode, data)):
            found[f"{what} {name}"] = real.best(call, given)
    return found


def _parts(quick: bool) -> dict[str, Callable[[], dict[str, Any]]]:
    """All that is measured, by name."""
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "latency": travel,
        "codec": codec,
        "steps": lambda: steps(QUICK_STEPS if quick else FULL_STEPS),
        "memory": lambda: memory.measure(QUICK_MEMORY if quick else FULL_MEMORY),
        "worlds": lambda: worlds(QUICK),
    }
    if not quick:
        parts["worlds"] = lambda: worlds(FULL) | worlds(HALF, "pump")
        parts["real"] = lambda: {key: row for n in REAL for key, row in anew(n).items()}
    return parts


def main() -> None:
    """See the top of this file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale")
    parser.add_argument("--quick", action="store_true", help="small worlds, a few seconds")
    parser.add_argument("--write", action="store_true", help="refresh docs/why/scale.md")
    parser.add_argument("--merge", action="store_true", help="keep the figures, leave the page")
    parser.add_argument("--parts", help="some of latency,codec,steps,memory,worlds,real")
    parser.add_argument("--world", metavar="WORKERSxTASKSxARGUMENTS", help="this world only")
    parser.add_argument("--only", metavar="PART", help="pump or tracker; pending, closed or run")
    parser.add_argument("--real", type=int, metavar="TASKS", help="only a real client")
    parser.add_argument("--measure-latency", action="store_true")
    options = parser.parse_args()
    if options.measure_latency:
        latency.measure()
        return
    if options.world:
        workers, tasks, arguments = map(int, options.world.split("x"))
        data: dict[str, Any] = {"worlds": worlds([(workers, tasks, arguments)], options.only)}
    elif options.real:
        data = {"real": reals((options.real,), options.only)}
    else:
        parts = options.parts.split(",") if options.parts else list(_parts(options.quick))
        data = {name: _parts(options.quick)[name]() for name in parts}
    data["about"] = {
        "date": date.today().isoformat(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }
    if options.write:
        page.write(page.merge(data))
    elif options.merge:
        page.merge(data)
    else:
        print(json.dumps(data, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
