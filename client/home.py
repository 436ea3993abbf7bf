"""What a client's future and its client need to know of each other."""

from enum import Enum
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from futurefsm.fsm.compiled import Step

if TYPE_CHECKING:
    from futurefsm.client.callbacks import CallbackThread
    from futurefsm.client.future import Future
    from futurefsm.client.serializer import Serializer


class Home(Protocol):
    """What a client's futures need of their client."""

    name: str
    cancel_timeout: float | None
    serializer: "Serializer"
    callbacks: "CallbackThread"

    def stepped(self, task_id: bytes, step: Step, value: Any) -> None:
        """A step has effects for the wire."""

    def want(self, future: "Future[Any]") -> bool:
        """Somebody asks for a delayed value; False where nobody will fetch it any more."""

    def violated(self, task_id: bytes, what: str) -> None:
        """A peer broke the protocol."""

    def check_process(self, *, waits: bool = False) -> None:
        """Raise in a child of a fork. Waits: this thread is going to, for what the pump does."""


class Phase(Enum):
    """Where the value is, as far as this process knows. The tracker has the whole machine."""

    NONE = "none"
    STORED = "stored"
    OWED = "owed"
    HERE = "here"
    LOADING = "loading"
    MADE = "made"


class Here(NamedTuple):
    """The value of an event that brings it itself, not the id of an object."""

    value: Any
