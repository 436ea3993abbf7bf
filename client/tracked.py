"""One task, as the tracker keeps it. PURE."""

from typing import Any, NamedTuple

from futurefsm.client.outputs import Output
from futurefsm.client.uploads import Blob, Upload
from futurefsm.fsm.lifecycles import VALUE
from futurefsm.fsm.states import State
from futurefsm.protocol.messages import Argument, ArgumentType, Task, TaskCapability


class ResultOf(NamedTuple):
    """An argument that is the result of another task of this client.

    Its future must have been told first (`Future.promise`), so that the result is kept for it.
    """

    task_id: bytes


class Stored(NamedTuple):
    """An argument that is in the object store: what an `ObjectReference` stands for.

    The reference must have been told first (`ObjectReference.promise`).
    """

    object_id: bytes


class Call(NamedTuple):
    """What a submit hands over: a task, and the bytes of what it needs.

    Attributes:
        metadata: `TaskFlags`, packed.
        delayed: the value stays in the object store until somebody asks for it.
        needed_by: how many tasks will be submitted that need its result, where nobody else can ask
            for it (an inner node of a graph); None where its user can.
        capabilities: what its worker must have.
    """

    task_id: bytes
    function: Blob
    arguments: tuple[Blob | ResultOf | Stored, ...]
    metadata: bytes
    delayed: bool = False
    needed_by: int | None = None
    capabilities: tuple[TaskCapability, ...] = ()


class Links:
    """What ties a task to others. Most tasks have none.

    Attributes:
        parts: the arguments, as far as they are known: results may be owed.
        unmet: the tasks whose results are owed.
        found: task id → the result object, held for this task until it has settled.
        dependants: the tasks that are held back for this one's result.
        promised: how many tasks were announced to need its result; known when it settles.
        redeemed: how many of them came, or were called off.
        kept: the result object, held for those that are still to come.
        needed_by: as in `Call`.
        doom: why it will never be sent.
        accepted: its future runs, so that it can be told.
        error: the exception that it ended with, where that is no object in the store.
    """

    __slots__ = (
        "accepted",
        "dependants",
        "doom",
        "error",
        "found",
        "kept",
        "needed_by",
        "parts",
        "promised",
        "redeemed",
        "unmet",
        "unneeded",
    )

    def __init__(self) -> None:
        self.parts: tuple[Argument | ResultOf, ...] = ()
        self.unmet: set[bytes] = set()
        self.found: dict[bytes, bytes] = {}
        self.dependants: dict[bytes, None] = {}
        self.promised = 0
        self.redeemed = 0
        self.kept: bytes | None = None
        self.needed_by: int | None = None
        self.doom: Output | None = None
        self.accepted = False
        self.unneeded = False
        self.error: Any = None

    def arguments(self) -> tuple[Argument, ...]:
        """What it is called with, once all of it is found."""
        return tuple(
            Argument(ArgumentType.OBJECT_ID, self.found[part.task_id])
            if isinstance(part, ResultOf)
            else part
            for part in self.parts
        )


class Tracked:
    """What the wire needs to know of one task."""

    __slots__ = (
        "asked",
        "delayed",
        "deleted",
        "doubted",
        "failed",
        "links",
        "message",
        "object_id",
        "resting",
        "sent",
        "sent_at",
        "settled",
        "task",
        "uploads",
        "value",
    )

    def __init__(self) -> None:
        self.message: Task | None = None
        self.uploads: tuple[Upload, ...] = ()
        self.sent = False
        # A cancel was sent.
        self.asked = False
        # Its result may have been lost with a link: to be sent again, should it not have begun.
        self.doubted: Task | None = None
        self.task: Task | None = None
        self.sent_at = 0.0
        self.settled: State | None = None
        self.object_id: bytes | None = None
        # The result object that a lost race left behind, once its deletion was asked for.
        self.deleted: bytes | None = None
        self.failed = False
        self.delayed = False
        # Settled, and its value waits in the store until somebody asks.
        self.resting = False
        self.links: Links | None = None
        self.value = VALUE.compiled
