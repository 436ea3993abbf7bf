"""What the tracker asks its shell to do. PURE.

The production shell performs these on sockets, the simulated world on its own network; both hand
`Fire`, `Drop`, `Deliver`, `Lose` and `Forget` to the futures.

Nobody changes one. They are not frozen, nor tuples, because each task makes five or six of them: it
takes twice as long to make one of those.
"""

from dataclasses import dataclass
from typing import Any

from futurefsm.fsm.events import Event
from futurefsm.fsm.outcomes import Outcome
from futurefsm.fsm.story import WIRE
from futurefsm.protocol.messages import Message
from futurefsm.protocol.piggyback import Payload


@dataclass(slots=True)
class Send:
    """Send a message on the scheduler channel."""

    message: Message


@dataclass(slots=True)
class Put:
    """Upload an object on the storage channel."""

    object_id: bytes
    payload: Payload


@dataclass(slots=True)
class Get:
    """Ask for an object's bytes on the storage channel."""

    object_id: bytes


@dataclass(slots=True)
class Delete:
    """Delete an object on the storage channel."""

    object_id: bytes


@dataclass(slots=True)
class Fire:
    """Let an event happen to the task's future; `value` is what the event brought.

    `source`: where it comes from, as the future's story names it. `metadata`: of a TaskResult.
    """

    task_id: bytes
    event: Event
    value: Any
    source: str = WIRE
    metadata: bytes = b""


@dataclass(slots=True)
class Drop:
    """The task will never be sent: cancel its future. `outcome` says what is known of it."""

    task_id: bytes
    outcome: Outcome


@dataclass(slots=True)
class Deliver:
    """The bytes of the future's value are here."""

    task_id: bytes
    payload: Payload


@dataclass(slots=True)
class Lose:
    """The bytes of the future's value cannot be had."""

    task_id: bytes
    object_id: bytes
    reason: str


@dataclass(slots=True)
class Rest:
    """The task has ended, and its value waits in the store until its future is asked for it."""

    task_id: bytes


@dataclass(slots=True)
class Forget:
    """Nothing more will be said about this task."""

    task_id: bytes


@dataclass(slots=True)
class Violation:
    """A peer said what a correct peer never says. It moved nothing."""

    task_id: bytes
    what: str


@dataclass(slots=True)
class Say:
    """A task printed something; `error`: to its standard error."""

    text: str
    error: bool


@dataclass(slots=True)
class Shutdown:
    """The scheduler's answer to a request to end the whole cluster."""

    accepted: bool


@dataclass(slots=True)
class LinkLost:
    """The scheduler is silent for too long."""

    reason: str


Output = (
    Send
    | Put
    | Get
    | Delete
    | Fire
    | Drop
    | Deliver
    | Lose
    | Rest
    | Forget
    | Violation
    | Say
    | Shutdown
    | LinkLost
)
