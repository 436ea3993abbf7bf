"""A scheduler for real, unmodified code of several threads, one at a time.

`run` runs one schedule; `installed` keeps the primitives swapped over many runs.
"""

from typing import TYPE_CHECKING

from futurefsm.fsm._lazy import attach

if TYPE_CHECKING:
    from futurefsm.fsm.testing.threads.active import arena as arena
    from futurefsm.fsm.testing.threads.install import installed as installed
    from futurefsm.fsm.testing.threads.runner import run as run
    from futurefsm.fsm.testing.threads.scheduler import Arena as Arena
    from futurefsm.fsm.testing.threads.steps import Blocked as Blocked
    from futurefsm.fsm.testing.threads.steps import Choose as Choose
    from futurefsm.fsm.testing.threads.steps import Ended as Ended
    from futurefsm.fsm.testing.threads.steps import Option as Option
    from futurefsm.fsm.testing.threads.steps import Run as Run
    from futurefsm.fsm.testing.threads.steps import Step as Step
    from futurefsm.fsm.testing.threads.steps import Trouble as Trouble
    from futurefsm.fsm.testing.threads.steps import Uncontrolled as Uncontrolled
    from futurefsm.fsm.testing.threads.steps import benign as benign

_NAMES = {
    "active": "arena",
    "install": "installed",
    "runner": "run",
    "scheduler": "Arena",
    "steps": "Blocked Choose Ended Option Run Step Trouble Uncontrolled benign",
}

__getattr__, __all__ = attach(
    __name__,
    {name: f"{__name__}.{file}" for file, names in _NAMES.items() for name in names.split()},
)
