"""All that `futurefsm check` says of the lifecycles that ship, said once more by SPIN.

    python benchmarks/spin.py                       # all systems: some ten minutes
    python benchmarks/spin.py confirmed_scaler      # one of them

SPIN is a model checker of other authors (Debian: spin, gcc). It gets the same models, as Promela,
and must come to the same number of states and the same verdict on every property that a formula of
linear time can say. The tests do this for what is small or broken; here it is everything. Ends with
1 where the two do not agree.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from futurefsm.fsm.checker import shipped, to_promela
from futurefsm.fsm.checker.model import AlwaysPossible, LeadsTo, Property, System
from futurefsm.fsm.checker.promela import claim
from futurefsm.fsm.checker.search import Graph, look

# So deep that no search is cut short; memory for each search, in MiB.
DEPTH = 5_000_000
MEMORY = 12_000
# For each property.
PATIENCE_S = 1800


class Pan:
    """A system, compiled by SPIN."""

    def __init__(self, system: System, folder: Path) -> None:
        self._folder = folder
        (folder / "model.pml").write_text(to_promela(system))
        self._run("spin", "-o2", "-a", "model.pml")
        options = ("-O1", "-w", "-DNOREDUCE", "-DCOLLAPSE", "-DNFAIR=12", f"-DMEMLIM={MEMORY}")
        self._run("gcc", *options, "-o", "pan", "pan.c")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command,
            cwd=self._folder,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        )
        return done.stdout

    def _search(self, *options: str) -> str:
        said = self._run("./pan", f"-m{DEPTH}", *options)
        if "max search depth too small" in said or "out of memory" in said:
            raise RuntimeError(f"the search was cut short:\n{said}")
        return said

    def states(self) -> int:
        """How many states can be reached."""
        (number,) = re.findall(r"(\d+) states, stored", self._search("-N", "reachable", "-c0"))
        return int(number)

    def holds(self, what: Property) -> bool:
        """Whether a property holds."""
        fairly = ["-f"] if isinstance(what, LeadsTo) else []
        (errors,) = re.findall(
            r"errors: (\d+)", self._search("-a", *fairly, "-N", claim(what.name))
        )
        return bool(errors == "0")


def compare(system: System) -> list[str]:
    """In what the two differ, in words."""
    began = time.perf_counter()
    graph, differences = Graph(system), []
    with tempfile.TemporaryDirectory() as folder:
        pan = Pan(system, Path(folder))
        stored = pan.states()
        if stored != len(graph.states):
            differences.append(f"{len(graph.states):,} states, SPIN finds {stored:,}")
        asked = [each for each in system.properties if not isinstance(each, AlwaysPossible)]
        for each in asked:
            ours, theirs = look(graph, each) is None, pan.holds(each)
            if ours != theirs:
                differences.append(f"{each.name}: {ours}, SPIN says {theirs}")
    spent = time.perf_counter() - began
    said = "; ".join(differences) or "agree"
    print(f"{system.name:24}{stored:>10,}{len(asked):>12}{spent:>9.0f} s  {said}", flush=True)
    return [f"{system.name}: {each}" for each in differences]


def main(argv: list[str] | None = None) -> int:
    """0 where both tools say the same."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("systems", nargs="*", help="names, as `futurefsm check` prints them")
    parser.add_argument("--if-installed", action="store_true", help="without SPIN it is no error")
    options = parser.parse_args(argv)
    wanted = options.systems
    missing = [program for program in ("spin", "gcc") if shutil.which(program) is None]
    if missing:
        print(f"not installed: {', '.join(missing)}; nothing is compared", file=sys.stderr)
        return 0 if options.if_installed else 2
    known = {system.name: system for system in shipped()}
    if strangers := sorted(set(wanted) - set(known)):
        print(f"no such system: {strangers[0]}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    print(f"{'system':24}{'states':>10}{'properties':>12}{'both in':>11}")
    differences = [each for name in wanted or known for each in compare(known[name])]
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
