"""``python -m futurefsm.fsm.testing``: the full targets, and the gallery one by one."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from futurefsm.fsm.testing import campaign
from futurefsm.fsm.testing.gallery.exhibits import Exhibit


def main(argv: list[str] | None = None) -> int:
    """0 where every target was met, 1 where one was missed, 2 where the question makes no sense."""
    parser = argparse.ArgumentParser(prog="python -m futurefsm.fsm.testing")
    commands = parser.add_subparsers(dest="command", required=True)
    full = commands.add_parser("campaign", help="measure the targets; what `make races` runs")
    full.add_argument("sections", nargs="*", metavar="SECTION", help=", ".join(campaign.TITLES))
    full.add_argument("--write", type=Path, help="the page that the results go into")
    full.add_argument("--seeds", type=int, default=campaign.SEEDS)
    full.add_argument("--jobs", type=int, default=1, help="processes that share a proof")
    full.add_argument(
        "--also", metavar="MODULE:NAME", help="pairs of a harness and modules, for `alarms`"
    )
    full.add_argument("--quick", action="store_true", help="a small part of everything")
    commands.add_parser("list", help="the bugs of the gallery")
    show = commands.add_parser("show", help="find one bug of the gallery and draw it")
    show.add_argument("number", help="as `list` prints it")
    show.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(argv)
    try:
        status = _do(options)
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader went away (`| head`). Nothing can be said to it; let the interpreter not try.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return status


def _do(options: argparse.Namespace) -> int:
    if options.command == "campaign":
        return _campaign(options)
    if options.command == "list":
        for exhibit in (*campaign.HISTORY, *campaign.PUBLIC):
            print(f"{exhibit.number:20} {exhibit.title}  [{', '.join(exhibit.checks)}]")
        return 0
    return _show(options.number, options.seed)


def _campaign(options: argparse.Namespace) -> int:
    # Proofs to the end take an hour: they are run for who asks for them.
    names = options.sections or [name for name in campaign.TITLES if name != "proofs"]
    unknown = [name for name in names if name not in campaign.TITLES]
    if unknown:
        known = ", ".join(campaign.TITLES)
        print(f"no such section: {', '.join(unknown)}; there are {known}", file=sys.stderr)
        return 2
    also: Sequence[campaign.Lot] = ()
    if options.also:
        module, _, name = options.also.partition(":")
        also = getattr(importlib.import_module(module), name)
    missed = campaign.run(
        names,
        options.write,
        seeds=options.seeds,
        quick=options.quick,
        jobs=options.jobs,
        also=also,
    )
    for each in missed:
        print(f"missed: {each}")
    return 1 if missed else 0


def _show(number: str, seed: int) -> int:
    exhibit: Exhibit | None = None
    for each in (*campaign.HISTORY, *campaign.PUBLIC):
        if each.number == number:
            exhibit = each
    if exhibit is None:
        print(f"no such bug: {number}", file=sys.stderr)
        return 2
    done = campaign.hunt(exhibit, seed)
    if done is None:
        print(f"not found with seed {seed}")
        return 1
    print(done[0])
    return 0


if __name__ == "__main__":
    sys.exit(main())
