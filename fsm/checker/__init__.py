"""Proofs for small scopes: every reachable state of lifecycles joined by channels.

Names are imported on first use.
"""

from typing import TYPE_CHECKING

from futurefsm.fsm._lazy import attach

if TYPE_CHECKING:
    from futurefsm.fsm.checker.counterexample import Counterexample as Counterexample
    from futurefsm.fsm.checker.model import Action as Action
    from futurefsm.fsm.checker.model import AlwaysPossible as AlwaysPossible
    from futurefsm.fsm.checker.model import Assign as Assign
    from futurefsm.fsm.checker.model import Channel as Channel
    from futurefsm.fsm.checker.model import Clear as Clear
    from futurefsm.fsm.checker.model import Count as Count
    from futurefsm.fsm.checker.model import Empty as Empty
    from futurefsm.fsm.checker.model import Fire as Fire
    from futurefsm.fsm.checker.model import Invariant as Invariant
    from futurefsm.fsm.checker.model import LeadsTo as LeadsTo
    from futurefsm.fsm.checker.model import Look as Look
    from futurefsm.fsm.checker.model import ModelError as ModelError
    from futurefsm.fsm.checker.model import NoDeadlock as NoDeadlock
    from futurefsm.fsm.checker.model import Not as Not
    from futurefsm.fsm.checker.model import Part as Part
    from futurefsm.fsm.checker.model import Send as Send
    from futurefsm.fsm.checker.model import System as System
    from futurefsm.fsm.checker.model import Variable as Variable
    from futurefsm.fsm.checker.model import When as When
    from futurefsm.fsm.checker.model import every as every
    from futurefsm.fsm.checker.model import implies as implies
    from futurefsm.fsm.checker.model import some as some
    from futurefsm.fsm.checker.model import state as state
    from futurefsm.fsm.checker.model import value as value
    from futurefsm.fsm.checker.promela import to_promela as to_promela
    from futurefsm.fsm.checker.report import Checked as Checked
    from futurefsm.fsm.checker.report import Report as Report
    from futurefsm.fsm.checker.report import check as check
    from futurefsm.fsm.checker.systems import SCENES as SCENES
    from futurefsm.fsm.checker.systems import shipped as shipped
    from futurefsm.fsm.checker.systems import system as system
    from futurefsm.fsm.checker.systems import systems_for as systems_for
    from futurefsm.fsm.checker.variants import mutants as mutants
    from futurefsm.fsm.checker.variants import unchecked as unchecked

_NAMES = {
    "counterexample": "Counterexample",
    "model": "Action AlwaysPossible Assign Channel Clear Count Empty Fire Invariant LeadsTo Look "
    "ModelError NoDeadlock Not Part Send System Variable When every implies some state value",
    "variants": "mutants unchecked",
    "promela": "to_promela",
    "report": "Checked Report check",
    "systems": "SCENES shipped system systems_for",
}

__getattr__, __all__ = attach(
    __name__,
    {name: f"{__name__}.{file}" for file, names in _NAMES.items() for name in names.split()},
)


def __dir__() -> list[str]:
    return __all__
