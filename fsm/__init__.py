"""The lifecycle: tables, machine, future.

Names are imported on first use: ``import futurefsm.fsm`` loads nothing but this file.
"""

from typing import TYPE_CHECKING

from futurefsm.fsm._lazy import attach

if TYPE_CHECKING:
    from futurefsm.fsm.diagram import to_dot as to_dot
    from futurefsm.fsm.diagram import to_mermaid as to_mermaid
    from futurefsm.fsm.document import to_markdown as to_markdown
    from futurefsm.fsm.effects import Effect as Effect
    from futurefsm.fsm.errors import CancelledError as CancelledError
    from futurefsm.fsm.errors import ClientClosedError as ClientClosedError
    from futurefsm.fsm.errors import ConnectionLostError as ConnectionLostError
    from futurefsm.fsm.errors import FutureTimeoutError as FutureTimeoutError
    from futurefsm.fsm.errors import InvalidStateError as InvalidStateError
    from futurefsm.fsm.errors import LifecycleError as LifecycleError
    from futurefsm.fsm.errors import ResultLostError as ResultLostError
    from futurefsm.fsm.errors import WorkerDiedError as WorkerDiedError
    from futurefsm.fsm.errors import WouldDeadlockError as WouldDeadlockError
    from futurefsm.fsm.events import Event as Event
    from futurefsm.fsm.future import Future as Future
    from futurefsm.fsm.lifecycles import CONFIRMED as CONFIRMED
    from futurefsm.fsm.lifecycles import LIFECYCLES as LIFECYCLES
    from futurefsm.fsm.lifecycles import SCHEDULER as SCHEDULER
    from futurefsm.fsm.lifecycles import STRICT as STRICT
    from futurefsm.fsm.lifecycles import VALUE as VALUE
    from futurefsm.fsm.machine import LifecycleMachine as LifecycleMachine
    from futurefsm.fsm.outcomes import Outcome as Outcome
    from futurefsm.fsm.states import State as State
    from futurefsm.fsm.story import Move as Move
    from futurefsm.fsm.story import Story as Story
    from futurefsm.fsm.table import Kind as Kind
    from futurefsm.fsm.table import Lifecycle as Lifecycle
    from futurefsm.fsm.table import Row as Row
    from futurefsm.fsm.table import goes as goes
    from futurefsm.fsm.table import ignores as ignores
    from futurefsm.fsm.table import violates as violates
    from futurefsm.fsm.threads import calling_back as calling_back
    from futurefsm.fsm.threads import delivering as delivering

_NAMES = {
    "diagram": "to_dot to_mermaid",
    "document": "to_markdown",
    "effects": "Effect",
    "errors": "CancelledError ClientClosedError ConnectionLostError FutureTimeoutError "
    "InvalidStateError LifecycleError ResultLostError WorkerDiedError WouldDeadlockError",
    "events": "Event",
    "future": "Future",
    "lifecycles": "CONFIRMED LIFECYCLES SCHEDULER STRICT VALUE",
    "machine": "LifecycleMachine",
    "outcomes": "Outcome",
    "states": "State",
    "story": "Move Story",
    "table": "Kind Lifecycle Row goes ignores violates",
    "threads": "calling_back delivering",
}

__getattr__, __all__ = attach(
    __name__,
    {name: f"{__name__}.{file}" for file, names in _NAMES.items() for name in names.split()},
)


def __dir__() -> list[str]:
    return __all__
