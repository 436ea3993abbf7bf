"""Small systems for the tests of the checker, and SPIN."""

import re
import shutil
import subprocess
from functools import cache
from pathlib import Path

import pytest

from futurefsm.fsm import STRICT
from futurefsm.fsm.checker import Report, check
from futurefsm.fsm.checker.model import (
    Action,
    Assign,
    Channel,
    Fire,
    Invariant,
    LeadsTo,
    Not,
    Part,
    Property,
    Send,
    System,
    Variable,
    every,
    state,
    value,
)
from futurefsm.fsm.checker.promela import claim, to_promela
from futurefsm.fsm.checker.search import Graph, look
from futurefsm.fsm.effects import Effect
from futurefsm.fsm.events import Event
from futurefsm.fsm.states import State
from futurefsm.fsm.table import Lifecycle, goes, ignores, violates

OFF, ON = State("off"), State("on")
PRESS, RESET = Event("press"), Event("reset")
BEEP = Effect("beep")

# A lamp with a switch: what the smallest system is made of.
LAMP = Lifecycle(
    "lamp",
    OFF,
    (
        goes(OFF, PRESS, ON, BEEP, why="light"),
        ignores(ON, PRESS, why="it is on"),
        violates(OFF, RESET, why="it is off"),
        goes(ON, RESET, OFF, why="dark"),
    ),
    effects=(BEEP,),
    about="lamp",
)


def lamp(
    *properties: Property,
    reorders: bool = False,
    duplicates: bool = False,
    loses: bool = False,
    fair: bool = True,
    capacity: int = 2,
) -> System:
    """Somebody sends two messages to a lamp, in this order: press, reset."""
    sent = Variable("sent", 2)
    return System(
        "lamp",
        "a lamp behind a wire",
        ("hand", "room"),
        parts=(Part("light", "room", LAMP, {("off", "press"): (Assign("beeped", 1),)}, "blame"),),
        variables=(sent, Variable("beeped"), Variable("blame")),
        channels=(
            Channel(
                "wire",
                "hand",
                "room",
                ("press", "reset"),
                capacity,
                reorders=reorders,
                duplicates=duplicates,
                loses=loses,
            ),
        ),
        deliveries={
            ("wire", "press"): (Fire("light", PRESS),),
            ("wire", "reset"): (Fire("light", RESET),),
        },
        actions=(
            Action(
                "push",
                "hand",
                "pushes",
                value("sent", 0),
                (Assign("sent", 1), Send("wire", "press")),
                fair=fair,
            ),
            Action(
                "pull",
                "hand",
                "pulls",
                every(value("sent", 1)),
                (Assign("sent", 2), Send("wire", "reset")),
            ),
        ),
        properties=properties,
    )


LIGHTS = LeadsTo("Lights", value("beeped", 0), state("light", "on"), "there is light some time")


@cache
def report() -> Report:
    """All systems of STRICT, explored once for all tests. Those of CONFIRMED are ten times as
    large, and are explored by the command."""
    return check(STRICT)


def breaks(what: System, name: str) -> bool:
    """Whether a system breaks the property of that name. An invariant is looked for only until it
    is broken."""
    (asked,) = (each for each in what.properties if each.name == name)
    until = Not(asked.holds) if isinstance(asked, Invariant) else None
    return look(Graph(what, until=until), asked) is not None


class Spin:
    """A system, compiled by SPIN. Skips the test where SPIN or a compiler is missing."""

    def __init__(self, system: System, folder: Path) -> None:
        for program in ("spin", "gcc"):
            if shutil.which(program) is None:
                pytest.skip(f"{program} is not installed")
        self._folder = folder
        (folder / "model.pml").write_text(to_promela(system))
        self._run("spin", "-o2", "-a", "model.pml")
        self._run("gcc", "-O0", "-w", "-DNOREDUCE", "-DNFAIR=12", "-o", "pan", "pan.c")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self._folder, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    def states(self) -> int:
        """How many states can be reached."""
        # The search goes on behind an error; so deep that it is not cut short.
        said = self._run("./pan", "-N", "reachable", "-c0", "-m100000")
        assert "max search depth too small" not in said
        (number,) = re.findall(r"(\d+) states, stored", said)
        return int(number)

    def holds(self, what: Property) -> bool:
        """Whether a property holds."""
        fairly = ["-f"] if isinstance(what, LeadsTo) else []
        said = self._run("./pan", "-a", *fairly, "-m100000", "-N", claim(what.name))
        assert "max search depth too small" not in said
        (errors,) = re.findall(r"errors: (\d+)", said)
        return errors == "0"
