"""The command line: `futurefsm demo`, `diagram`, `check`, `engine`. argparse; light to import.

Exit codes: 0 done; 1 it failed; 2 an option cannot be used (one line on stderr); 130 Ctrl-C.
"""

import argparse
import importlib.metadata
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

from futurefsm.client import check_command
from futurefsm.client.demo.corpus import UsageError
from futurefsm.client.engine import command
from futurefsm.fsm.lifecycles import CONFIRMED, LIFECYCLES
from futurefsm.fsm.table import Lifecycle

INTERRUPTED = 130
USAGE = 2
WORKERS_MAX = 256
DEFAULT_DIAGRAM = Path("futurefsm-demo.md")

_DEMO = """\
Take a large body of real input, answer questions about it on all cores, and show what each future
went through.

1  Parse every Python file of the input (by default the running interpreter's standard library,
   without its tests) and count what is in it; then do the same one file after another in this
   process, and compare the times.
2  Race a search for a definition over all files. The first worker that finds it ends the race; the
   other tasks are cancelled, queued or running.
3  Cancel short tasks while their results arrive, so that some requests come too late; and let one
   worker be killed.

Then: how many futures finished, failed, were cancelled while queued or while running, had their
result discarded; and the lifecycle's diagram with counts on its arrows."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message} (try {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code.

    Args:
        argv: the arguments after the program's name; None for the process's own.
    """
    parser = _parser()
    try:
        arguments = parser.parse_args(argv)
        if arguments.command is None:
            parser.print_help()
            return 0
        code: int = arguments.run(arguments)
        sys.stdout.flush()
        return code
    except UsageError as error:
        print(f"futurefsm: {error}", file=sys.stderr)
        return USAGE
    except KeyboardInterrupt:
        print("\nfuturefsm: interrupted; all tasks cancelled, no process left", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader went away (`| head`). Nothing can be said to it; let the interpreter not try.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog="futurefsm",
        description="Futures for distributed tasks whose lifecycle is an explicit state machine.",
    )
    parser.add_argument("--version", action="version", version=f"futurefsm {version()}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", parser_class=_Parser)
    _add_demo(commands)
    _add_diagram(commands)
    check_command.add_parser(commands)
    command.add_parser(commands)
    return parser


def _add_demo(commands: "argparse._SubParsersAction[_Parser]") -> None:
    demo = commands.add_parser(
        "demo",
        help="run real tasks on real worker processes, cancel some, show each one's way",
        description=_DEMO,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument(
        "--path",
        type=Path,
        metavar="DIR",
        help="the folder whose Python files are read (default: the standard library)",
    )
    demo.add_argument(
        "--find",
        metavar="REGEX",
        help="what to search for among the names of functions and classes, such as "
        r"'Lock\.acquire$' (default: ^Future\.set_result$)",
    )
    demo.add_argument(
        "--workers",
        type=_workers,
        metavar="N",
        help=f"worker processes, 1 to {WORKERS_MAX} (default: one a core, two at least)",
    )
    demo.add_argument(
        "--diagram",
        type=Path,
        metavar="FILE",
        default=DEFAULT_DIAGRAM,
        help="where to write the diagrams, as Markdown with Mermaid (default: %(default)s; "
        "'' for nowhere)",
    )
    demo.set_defaults(run=_demo)


def _add_diagram(commands: "argparse._SubParsersAction[_Parser]") -> None:
    names = ", ".join(each.name for each in LIFECYCLES)
    diagram = commands.add_parser(
        "diagram", help="print a lifecycle", description=f"Print a lifecycle: {names}."
    )
    diagram.add_argument(
        "lifecycle",
        nargs="?",
        type=_lifecycle,
        default=CONFIRMED,
        metavar="LIFECYCLE",
        help=f"{names} (default: {CONFIRMED.name})",
    )
    diagram.add_argument(
        "--format",
        choices=("mermaid", "dot", "table"),
        default="mermaid",
        help="mermaid, Graphviz' dot, or the whole table in Markdown (default: %(default)s)",
    )
    diagram.set_defaults(run=_diagram)


def _workers(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= WORKERS_MAX:
        raise argparse.ArgumentTypeError(f"must be a number from 1 to {WORKERS_MAX}, not {text!r}")
    return number


def _lifecycle(text: str) -> Lifecycle:
    for each in LIFECYCLES:
        if each.name == text.lower():
            return each
    names = ", ".join(each.name for each in LIFECYCLES)
    raise argparse.ArgumentTypeError(f"there is no lifecycle {text!r}; there are {names}")


def version() -> str:
    """The installed version."""
    try:
        return importlib.metadata.version("futurefsm")
    except importlib.metadata.PackageNotFoundError:
        return "(not installed)"


def _demo(arguments: argparse.Namespace) -> int:
    from futurefsm.client.demo import run
    from futurefsm.client.demo.screen import screen_for

    options = run.Options(
        path=arguments.path,
        find=run.DEFAULT_PATTERN if arguments.find is None else arguments.find,
        workers=arguments.workers,
        diagram=arguments.diagram if arguments.diagram.name else None,
    )
    run.run(options, screen_for())
    return 0


def _diagram(arguments: argparse.Namespace) -> int:
    from futurefsm.fsm import document

    lifecycle: Lifecycle = arguments.lifecycle
    if arguments.format == "mermaid":
        text = lifecycle.to_mermaid()
    elif arguments.format == "dot":
        text = lifecycle.to_dot()
    else:
        text = document.table(lifecycle)
    print(text.rstrip())
    return 0
