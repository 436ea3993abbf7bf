"""What all benchmarks share: clocks, samples, and where they were taken."""

import gc
import importlib.metadata
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from statistics import median
from typing import Any

Samples = list[float]


@contextmanager
def clocked(into: list[float]) -> Iterator[None]:
    """Append the seconds that the body takes. What lies about is collected before."""
    gc.collect()
    began = time.perf_counter()
    yield
    into.append(time.perf_counter() - began)


def seconds(act: Callable[[], object]) -> float:
    """How long one call takes."""
    took: list[float] = []
    with clocked(took):
        act()
    return took[0]


def spread(samples: Samples) -> dict[str, float]:
    """The median, and between what the samples lie."""
    return {"median": median(samples), "least": min(samples), "most": max(samples)}


def ratios(ours: Samples, theirs: Samples) -> dict[str, float]:
    """Ours divided by theirs: of the medians, and between what it lies round by round."""
    rounds = [a / b for a, b in zip(ours, theirs, strict=False) if b]
    if not rounds or not median(theirs):
        return {}
    whole = median(ours) / median(theirs)
    return {"median": whole, "least": min(*rounds, whole), "most": max(*rounds, whole)}


def in_turns(rounds: int, sides: Iterable[str]) -> Iterator[tuple[int, str]]:
    """Every side once a round; every second round in the opposite order."""
    names = list(sides)
    for number in range(rounds):
        for side in in_order(number, names):
            yield number, side


def in_order(number: int, sides: Iterable[str]) -> list[str]:
    """The sides as they take turns in a round of this number."""
    names = list(sides)
    return names if number % 2 == 0 else names[::-1]


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Package → its version, of those that are installed."""
    found = {}
    for name in packages:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def machine() -> dict[str, Any]:
    """Where and when this runs."""
    return {
        "date": f"{date.today():%d %B %Y}",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "processor": _processor(),
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "load": round(os.getloadavg()[0], 2),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.machine()


# What the kernel says of a process; Linux only.


def resident(pid: int | str = "self") -> int:
    """Bytes of memory that it has now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def resident_most(pid: int | str = "self") -> int:
    """Bytes of memory that it had at most."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("the kernel says nothing of VmHWM")


def processor_seconds(pid: int | str = "self") -> float:
    """Time of the processor in all its threads, to the nanosecond."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


def wake_ups(pid: int | str = "self") -> int:
    """How often its threads have gone to sleep, and so how often they were woken."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        for line in (task / "status").read_text().splitlines():
            if line.startswith("voluntary_ctxt_switches:"):
                total += int(line.split()[1])
    return total
