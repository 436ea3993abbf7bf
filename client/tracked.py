"""One task, as the tracker keeps it. PURE."""

from typing import NamedTuple

from futurefsm.client.uploads import Blob, Upload
from futurefsm.fsm.lifecycles import VALUE
from futurefsm.fsm.states import State
from futurefsm.protocol.messages import Task, TaskCapability


class Call(NamedTuple):
    """What a submit hands over: a task, and the bytes of what it needs.

    Attributes:
        metadata: `TaskFlags`, packed.
        delayed: the value stays in the object store until somebody asks for it.
    """

    task_id: bytes
    function: Blob
    arguments: tuple[Blob, ...]
    metadata: bytes
    delayed: bool = False
    capabilities: tuple[TaskCapability, ...] = ()


class Tracked:
    """What the wire needs to know of one task."""

    __slots__ = (
        "deleted",
        "message",
        "object_id",
        "sent",
        "sent_at",
        "settled",
        "uploads",
        "value",
    )

    def __init__(self) -> None:
        self.message: Task | None = None
        self.uploads: tuple[Upload, ...] = ()
        self.sent = False
        self.sent_at = 0.0
        self.settled: State | None = None
        self.object_id: bytes | None = None
        # The result object that a lost race left behind, once its deletion was asked for.
        self.deleted: bytes | None = None
        self.value = VALUE.compiled
