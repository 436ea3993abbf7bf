"""`futurefsm check`: prove what must hold of lifecycles, and show how it breaks where it does not.

Exit codes: 0 everything holds; 1 something does not, or was not proven; 2 an option cannot be used.
"""

import argparse
import importlib
import os
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from traceback import walk_tb
from typing import Any

from futurefsm.client.demo.corpus import UsageError
from futurefsm.fsm.checker.model import ModelError, System
from futurefsm.fsm.checker.promela import to_promela
from futurefsm.fsm.checker.report import HEADLINE, Checked, Report, check_system, rows_of
from futurefsm.fsm.checker.search import STATES_MAX
from futurefsm.fsm.checker.systems import SCENES, shipped, systems_for
from futurefsm.fsm.errors import LifecycleError
from futurefsm.fsm.lifecycles import LIFECYCLES
from futurefsm.fsm.table import Lifecycle

BROKEN = 1

_ABOUT = """\
Explore every reachable state of a client's future joined by channels with the others: its value, a
scheduler, a worker and an object store, with any number of calls by the user. The scheduler is
there twice, as the protocol means it and as OpenGRIS Scaler behaves; messages are lost, repeated
and overtake each other where a scene says so. What must hold and does not is shown as the shortest
story that leads there.

Without TARGET all lifecycles that ship are checked. TARGET is one of confirmed, strict, value,
scheduler, or a lifecycle or System of your own, as module:NAME."""


def add_parser(commands: Any) -> None:
    """Add the command to the command line.

    Args:
        commands: what `ArgumentParser.add_subparsers` returned.
    """
    scenes = "\n".join(f"  {name:14} {title}" for name, title in SCENES.items())
    parser = commands.add_parser(
        "check",
        help="prove what must hold of lifecycles: every reachable state",
        description=_ABOUT,
        epilog=f"scenes:\n{scenes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("target", nargs="?", metavar="TARGET", help="what to check")
    parser.add_argument(
        "--scene",
        action="append",
        choices=tuple(SCENES),
        metavar="SCENE",
        help="only this scene (listed below); may be given more than once",
    )
    parser.add_argument(
        "--states",
        type=_states,
        default=STATES_MAX,
        metavar="N",
        help="give up on a system with more states than this (default: %(default)s)",
    )
    parser.add_argument(
        "--mermaid",
        action="store_true",
        help="show each counterexample as a Mermaid sequence diagram, too",
    )
    parser.add_argument(
        "--promela",
        action="store_true",
        help="print the model for SPIN and check nothing; of one scene (default: meant)",
    )
    parser.set_defaults(run=run)


def _states(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a number above 0, not {text!r}")
    return number


def run(arguments: argparse.Namespace) -> int:
    """Check what was asked for; returns the exit code.

    Raises:
        UsageError: there is no such thing, or it cannot be checked.
    """
    lifecycles, systems = _systems(arguments.target, arguments.scene)
    if arguments.promela:
        print(to_promela(_one(systems, arguments.scene)), end="")
        return 0
    begin = perf_counter()
    print(HEADLINE)
    checked = list(_shown(systems, arguments.states))
    seconds = perf_counter() - begin
    # Where only some scenes are looked at, a row that is not taken means nothing.
    rows = () if arguments.scene else tuple(rows_of(each, checked) for each in lifecycles)
    report = Report(tuple(checked), rows)
    number = len(checked)
    which = "1 system" if number == 1 else f"{number} systems"
    print(f"{which}, {report.states:,} states, {report.transitions:,} steps, {seconds:.1f} s")
    for line in report.about_rows():
        print(line)
    _say_what_holds(report)
    for story in report.stories:
        print(f"\n{story}")
        if arguments.mermaid:
            print(f"\n```mermaid\n{story.to_mermaid()}```")
    return 0 if report.holds else BROKEN


def _shown(systems: tuple[System, ...], states_max: int) -> Iterator[Checked]:
    """Each system, as it comes."""
    for system in systems:
        checked = check_system(system, states_max=states_max)
        print(checked, flush=True)
        yield checked


def _say_what_holds(report: Report) -> None:
    """Each property, and in how many systems it holds."""
    names = dict.fromkeys(r.name for each in report.checked for r in each.results)
    said: dict[str, list[str]] = {}
    for name in names:
        results = [r for each in report.checked for r in each.results if r.name == name]
        # In a system that was not explored to its end nothing is proven.
        proven = [
            r for each in report.checked if each.complete for r in each.results if r.name == name
        ]
        good = sum(r.holds for r in proven)
        said.setdefault(f"{good} of {len(results)}", []).append(name)
    for count, which in said.items():
        line = f"holds in {count}: {', '.join(which)}"
        print(textwrap.fill(line, 100, subsequent_indent="    "))


def _one(systems: tuple[System, ...], scenes: list[str] | None) -> System:
    if scenes and len(systems) > 1:
        raise UsageError("--promela prints one model: give one --scene and one TARGET")
    return systems[0]


def _systems(
    target: str | None, scenes: list[str] | None
) -> tuple[tuple[Lifecycle, ...], tuple[System, ...]]:
    """The lifecycles in question, and the systems to look at."""
    lifecycles: tuple[Lifecycle, ...]
    if target is None:
        lifecycles, systems = tuple(LIFECYCLES), shipped()
    else:
        found = _target(target)
        if isinstance(found, System):
            if scenes:
                raise UsageError(f"{target} is a System, which has no scenes: leave --scene out")
            return (), (found,)
        lifecycles, systems = (found,), _of(target, found)
    if scenes:
        systems = tuple(system for system in systems if system.scene in scenes)
        if not systems:
            raise UsageError(f"{target}: none of its systems has the scene {', '.join(scenes)}")
    return lifecycles, systems


def _of(target: str, lifecycle: Lifecycle) -> tuple[System, ...]:
    try:
        return systems_for(lifecycle)
    except ModelError as error:
        raise UsageError(f"{target}: {error}") from error


def _target(target: str) -> Lifecycle | System:
    """A lifecycle that ships, or something of a module."""
    for each in LIFECYCLES:
        if each.name == target.lower():
            return each
    module_name, colon, name = target.partition(":")
    if not (colon and module_name and name):
        names = ", ".join(each.name for each in LIFECYCLES)
        raise UsageError(f"there is no lifecycle {target!r}; there are {names}, or module:NAME")
    # As `python -m`: what lies in the current folder can be imported.
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    # What was written since somebody looked into the folder is there, too.
    importlib.invalidate_caches()
    try:
        found: Any = importlib.import_module(module_name)
    except (LifecycleError, ModelError) as error:
        raise UsageError(f"{module_name}{_where(error)}: {_in_one_line(error)}") from error
    except (Exception, SystemExit) as error:
        why = f"{type(error).__name__}: {_in_one_line(error)}".rstrip(": ")
        raise UsageError(f"cannot import {module_name}: {why}{_where(error)}") from error
    for part in name.split("."):
        if not hasattr(found, part):
            raise UsageError(f"{module_name} has no {name}")
        found = getattr(found, part)
    if not isinstance(found, Lifecycle | System):
        raise UsageError(f"{target} is a {type(found).__name__}, not a Lifecycle or a System")
    return found


def _in_one_line(error: BaseException) -> str:
    return " ".join(str(error).split())


def _where(error: BaseException) -> str:
    """The line of a module at which an import raised, in brackets; empty: none was run."""
    module = where = ""
    for frame, number in walk_tb(error.__traceback__):
        file = frame.f_code.co_filename
        if frame.f_code.co_name == "<module>":
            module = file
        if file == module:
            where = f" ({Path(file).name}:{number})"
    return where
