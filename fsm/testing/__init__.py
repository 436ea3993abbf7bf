"""The race kit: find, shrink, explain and prove away races in any Future class.

Names are imported on first use. Threads need nothing but the standard library (greenlets make them
faster); `races`, `FutureMachine` and `strategies` need Hypothesis, the plugin needs pytest.
"""

from typing import TYPE_CHECKING

from futurefsm.fsm._lazy import attach

if TYPE_CHECKING:
    from futurefsm.fsm.checker.report import check as check
    from futurefsm.fsm.testing import strategies as strategies
    from futurefsm.fsm.testing.differs import Differs as Differs
    from futurefsm.fsm.testing.env import Env as Env
    from futurefsm.fsm.testing.env import LostError as LostError
    from futurefsm.fsm.testing.exploring import explore as explore
    from futurefsm.fsm.testing.exploring import prove as prove
    from futurefsm.fsm.testing.exploring import replay as replay
    from futurefsm.fsm.testing.failure import Failure as Failure
    from futurefsm.fsm.testing.failure import NotDeterministic as NotDeterministic
    from futurefsm.fsm.testing.failure import Proof as Proof
    from futurefsm.fsm.testing.failure import Report as Report
    from futurefsm.fsm.testing.harness import Harness as Harness
    from futurefsm.fsm.testing.harness import StandardFutures as StandardFutures
    from futurefsm.fsm.testing.inloop import AsyncioFutures as AsyncioFutures
    from futurefsm.fsm.testing.inloop import AsyncioTasks as AsyncioTasks
    from futurefsm.fsm.testing.loop import Loop as Loop
    from futurefsm.fsm.testing.onloop import OnLoop as OnLoop
    from futurefsm.fsm.testing.programs import Call as Call
    from futurefsm.fsm.testing.programs import Move as Move
    from futurefsm.fsm.testing.programs import Program as Program
    from futurefsm.fsm.testing.property import races as races
    from futurefsm.fsm.testing.shipped import ConfirmedFutures as ConfirmedFutures
    from futurefsm.fsm.testing.shipped import StrictFutures as StrictFutures
    from futurefsm.fsm.testing.stateful import FutureMachine as FutureMachine
    from futurefsm.fsm.testing.subject import Subject as Subject
    from futurefsm.fsm.testing.tokens import TokenError as TokenError

_NAMES = {
    "differs": "Differs",
    "env": "Env LostError",
    "failure": "Failure NotDeterministic Proof Report",
    "harness": "Harness StandardFutures",
    "inloop": "AsyncioFutures AsyncioTasks",
    "loop": "Loop",
    "onloop": "OnLoop",
    "programs": "Call Move Program",
    "property": "races",
    "exploring": "explore prove replay",
    "shipped": "ConfirmedFutures StrictFutures",
    "stateful": "FutureMachine",
    "subject": "Subject",
    "tokens": "TokenError",
}

# Before a class is held against a table: whether the table is right.
_HOMES = {"check": "futurefsm.fsm.checker.report"}
_HOMES |= {name: f"{__name__}.{file}" for file, names in _NAMES.items() for name in names.split()}

__getattr__, __all__ = attach(__name__, _HOMES)
# A module, found as such; named here so that it is in every list.
__all__ += ["strategies"]


def __dir__() -> list[str]:
    return __all__
