"""Tasks that were accepted and not yet handed to a worker. PURE.

A task is here from its acceptance until it is assigned or withdrawn: first it waits for its
objects, then in a heap, higher priority first and first come first served among equals.
"""

from collections.abc import Callable, Iterable
from heapq import heapify, heappop, heappush
from operator import attrgetter
from typing import TYPE_CHECKING, Protocol

from futurefsm.fsm.compiled import Node
from futurefsm.fsm.lifecycles import SCHEDULER
from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import serializer_id

if TYPE_CHECKING:
    from futurefsm.client.engine.graphs import Graph

UNKNOWN: Node = SCHEDULER.compiled
"""Where every task starts."""

_FEW = 64
_DATA = attrgetter("data")


class Objects(Protocol):
    """What the scheduler asks of the object store."""

    @property
    def limit_bytes(self) -> int:
        """Of all payloads together."""

    @property
    def stored_bytes(self) -> int:
        """Of all payloads that exist."""

    def has(self, object_id: bytes) -> bool:
        """Whether the object exists."""

    def refused(self, object_id: bytes) -> int | None:
        """The size of an object that did not fit, else None."""


class Client:
    """A client that was heard of.

    Attributes:
        announced: it has a serializer of its own, or will have when its bytes arrive.
        foreign: objects that it announced and whose ids do not name it as their owner.
        graphs: those that are alive, by the ids of their umbrellas.
    """

    __slots__ = ("announced", "foreign", "graphs", "heard", "identity", "serializer", "tasks")

    def __init__(self, identity: bytes, now: float) -> None:
        self.identity = identity
        self.heard = now
        self.serializer = serializer_id(identity)
        self.announced = False
        self.tasks: dict[bytes, Task] = {}
        self.foreign: set[bytes] = set()
        self.graphs: dict[bytes, Graph] = {}


class Task:
    """A task that is alive.

    Attributes:
        order: the number of its arrival.
        missing: its objects that do not exist yet, while it waits for them.
        queued: it is in the heap, and meant to be.
        stream_output: its client wants to see what it writes.
        result: the id that its result must have; None for any.
        graph: the graph that it is a node of, until that was answered.
        silent: it was answered already; what becomes of it is told to nobody.
        returns: how often its worker died before it had begun it.
    """

    __slots__ = (
        "arguments",
        "client",
        "function",
        "graph",
        "missing",
        "node",
        "order",
        "priority",
        "queued",
        "result",
        "returns",
        "silent",
        "stream_output",
        "task_id",
        "worker",
    )

    def __init__(self, client: Client, message: m.Task, priority: int, order: int) -> None:
        self.client = client
        self.task_id = message.task_id
        self.function = message.func_object_id
        self.arguments = tuple(map(_DATA, message.function_args))
        self.priority = priority
        self.order = order
        self.node = UNKNOWN
        self.missing: set[bytes] | None = None
        self.queued = False
        self.worker = -1
        self.stream_output = False
        self.result: bytes | None = None
        self.graph: Graph | None = None
        self.silent = False
        self.returns = 0

    def needs(self) -> Iterable[bytes]:
        """The ids without which it cannot run."""
        if self.client.announced:
            return (self.function, *self.arguments, self.client.serializer)
        return (self.function, *self.arguments)


class Backlog:
    """The tasks that wait.

    Args:
        has: whether an object exists.

    Attributes:
        ready: the heap of those that could run now, some of them withdrawn: to be looked at only.
        awaits: whether a task waits for an object.
    """

    def __init__(self, has: Callable[[bytes], bool]) -> None:
        self._has = has
        self.ready: list[tuple[int, int, Task]] = []
        self._withdrawn = 0
        self._waiting: dict[bytes, dict[Task, None]] = {}
        self.awaits: Callable[[bytes], bool] = self._waiting.__contains__

    def __len__(self) -> int:
        """Entries held, those of withdrawn tasks included: what its memory is measured by."""
        return len(self.ready) + sum(map(len, self._waiting.values()))

    def add(self, task: Task) -> None:
        """A task begins to wait."""
        needs = task.needs()
        if all(map(self._has, needs)):
            self._push(task)
            return
        task.missing = missing = {one for one in needs if not self._has(one)}
        for object_id in missing:
            self._waiting.setdefault(object_id, {})[task] = None

    def stored(self, object_id: bytes) -> None:
        """An object exists now."""
        for task in self._waiting.pop(object_id, ()):
            assert task.missing is not None
            task.missing.discard(object_id)
            if not task.missing:
                self._push(task)

    def waiting_for(self, object_id: bytes) -> tuple[Task, ...]:
        """The tasks that wait for an object."""
        return tuple(self._waiting.get(object_id, ()))

    def _push(self, task: Task) -> None:
        task.missing = None
        task.queued = True
        heappush(self.ready, (-task.priority, task.order, task))

    def withdraw(self, task: Task) -> None:
        """A task waits no longer; nothing happens if it did not."""
        if task.missing is not None:
            for object_id in task.missing:
                waiting = self._waiting[object_id]
                del waiting[task]
                if not waiting:
                    del self._waiting[object_id]
            task.missing = None
        elif task.queued:
            # It stays in the heap until it surfaces, or until half of the heap is of its kind.
            task.queued = False
            self._withdrawn += 1
            if self._withdrawn > _FEW and 2 * self._withdrawn > len(self.ready):
                self.ready[:] = [entry for entry in self.ready if entry[2].queued]
                heapify(self.ready)
                self._withdrawn = 0

    def top(self) -> int | None:
        """The priority of the task that `next` would give, but for objects that were deleted."""
        while self.ready:
            if self.ready[0][2].queued:
                return -self.ready[0][0]
            heappop(self.ready)
            self._withdrawn -= 1
        return None

    def next(self) -> Task | None:
        """Take out the task that is to run now; None if none can.

        One whose object was deleted after it had arrived goes back to wait for it.
        """
        while self.ready:
            task = heappop(self.ready)[2]
            if not task.queued:
                self._withdrawn -= 1
                continue
            task.queued = False
            if all(map(self._has, task.needs())):
                return task
            self.add(task)
        return None
