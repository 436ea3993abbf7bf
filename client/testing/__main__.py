"""``python -m futurefsm.client.testing``: long campaigns, and replays of what they print."""

import argparse
import random
import sys
from secrets import randbelow

from futurefsm.client.testing.gallery import EXHIBITS
from futurefsm.client.testing.hunting import Setting, hunt
from futurefsm.client.testing.invariants import Broken
from futurefsm.client.testing.report import lanes, mermaid
from futurefsm.client.testing.switches import ALL, HARSH, LOSSY, NONE, ROGUE, Faults
from futurefsm.client.testing.tokens import read
from futurefsm.fsm.lifecycles import CONFIRMED, STRICT

_MODES = {"none": NONE, "harsh": HARSH, "lossy": LOSSY, "rogue": ROGUE, "all": ALL}
_LIFECYCLES = {lifecycle.name: lifecycle for lifecycle in (CONFIRMED, STRICT)}


def main(argv: list[str] | None = None) -> int:
    """0 where nothing broke, 1 where something did."""
    parser = argparse.ArgumentParser(prog="python -m futurefsm.client.testing")
    commands = parser.add_subparsers(dest="command", required=True)
    campaign = commands.add_parser("campaign", help="random worlds until one breaks")
    campaign.add_argument("--seconds", type=float, default=600.0)
    campaign.add_argument("--seed", type=int, help="repeats a campaign; by default a fresh one")
    campaign.add_argument("--faults", choices=[*_MODES], help="by default all of these by turns")
    campaign.add_argument("--lifecycle", choices=[*_LIFECYCLES], help="by default both by turns")
    campaign.add_argument("--encode", action="store_true", help="messages travel as real bytes")
    again = commands.add_parser("replay", help="run a printed world again and show its story")
    again.add_argument("token")
    again.add_argument("--mermaid", action="store_true", help="as a Mermaid sequence diagram")
    commands.add_parser("gallery", help="find every broken part of the gallery")
    options = parser.parse_args(argv)
    if options.command == "campaign":
        return _campaign(options)
    if options.command == "replay":
        return _replay(options)
    return _gallery()


def _campaign(options: argparse.Namespace) -> int:
    seed = randbelow(2**32) if options.seed is None else options.seed
    modes: list[Faults] = [_MODES[options.faults]] if options.faults else [*_MODES.values()]
    named = options.lifecycle
    lifecycles = [_LIFECYCLES[named]] if named else [*_LIFECYCLES.values()]

    def setting(chance: random.Random) -> Setting:
        return Setting(
            chance.choice(lifecycles),
            chance.choice((1, 1, 2, 3)),
            chance.choice((1, 2, 4)),
            chance.choice(modes),
            encode=options.encode,
        )

    print(f"seed {seed}, {options.seconds:.0f} s, {options.faults or 'all kinds of'} faults")
    done = hunt(setting, seed=seed, seconds=options.seconds)
    rate = done.deliveries / done.seconds if done.seconds else 0.0
    print(
        f"{done.worlds:,} worlds, {done.steps:,} steps, {done.deliveries:,} deliveries, "
        f"{rate:,.0f} a second"
    )
    if done.found is None:
        print("nothing broke")
        return 0
    print(done.found)
    return 1


def _replay(options: argparse.Namespace) -> int:
    try:
        world = read(options.token)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    broken = None
    try:
        world.run()
    except Broken as found:
        broken = found
    if options.mermaid:
        print(mermaid(world))
    elif broken is not None:
        print(broken)
    else:
        print("\n".join(lanes(world)))
        print("nothing broke")
    return int(broken is not None)


def _gallery() -> int:
    missed = 0
    for setting in EXHIBITS:
        parts = setting.parts
        done = hunt(lambda _, one=setting: one, seed=1, worlds=2000, invariant=parts.invariant)  # type: ignore[misc]
        if done.found is None:
            missed += 1
            print(f"{parts.name:22} NOT FOUND: {parts.invariant}")
            continue
        world = done.found.world
        print(
            f"{parts.name:22} {parts.invariant:20} world {done.worlds:3}; story: "
            f"{len(world.tape.data)} choices, {world.deliveries} deliveries"
        )
    print(f"{len(EXHIBITS) - missed} of {len(EXHIBITS)} found")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())
