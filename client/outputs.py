"""What the tracker asks its shell to do. PURE.

The production shell performs these on sockets, the simulated world on its own network; both hand
`Fire`, `Drop`, `Deliver`, `Lose` and `Forget` to the futures.
"""

from typing import Any, NamedTuple

from futurefsm.fsm.events import Event
from futurefsm.fsm.outcomes import Outcome
from futurefsm.fsm.story import WIRE
from futurefsm.protocol.messages import Message
from futurefsm.protocol.piggyback import Payload


class Send(NamedTuple):
    """Send a message on the scheduler channel."""

    message: Message


class Put(NamedTuple):
    """Upload an object on the storage channel."""

    object_id: bytes
    payload: Payload


class Get(NamedTuple):
    """Ask for an object's bytes on the storage channel."""

    object_id: bytes


class Delete(NamedTuple):
    """Delete an object on the storage channel."""

    object_id: bytes


class Fire(NamedTuple):
    """Let an event happen to the task's future; `value` is what the event brought.

    `source`: where it comes from, as the future's story names it. `metadata`: of a TaskResult.
    """

    task_id: bytes
    event: Event
    value: Any
    source: str = WIRE
    metadata: bytes = b""


class Drop(NamedTuple):
    """The task will never be sent: cancel its future. `outcome` says what is known of it."""

    task_id: bytes
    outcome: Outcome


class Deliver(NamedTuple):
    """The bytes of the future's value are here."""

    task_id: bytes
    payload: Payload


class Lose(NamedTuple):
    """The bytes of the future's value cannot be had."""

    task_id: bytes
    object_id: bytes
    reason: str


class Rest(NamedTuple):
    """The task has ended, and its value waits in the store until its future is asked for it."""

    task_id: bytes


class Forget(NamedTuple):
    """Nothing more will be said about this task."""

    task_id: bytes


class Violation(NamedTuple):
    """A peer said what a correct peer never says. It moved nothing."""

    task_id: bytes
    what: str


class Say(NamedTuple):
    """A task printed something; `error`: to its standard error."""

    text: str
    error: bool


class Shutdown(NamedTuple):
    """The scheduler's answer to a request to end the whole cluster."""

    accepted: bool


class LinkLost(NamedTuple):
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
