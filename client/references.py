"""Objects that a client keeps in the store for many tasks: `Client.send_object`."""

import weakref
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Any

from futurefsm.client.errors import InvalidReferenceError
from futurefsm.client.inbox import Asked, Sent
from futurefsm.client.meeting import meet
from futurefsm.protocol.ids import short

if TYPE_CHECKING:
    from futurefsm.client.agent import Agent
    from futurefsm.client.uploads import Blob


class ObjectReference:
    """Stands for an object in the store, as an argument of this client's tasks.

    Made by `Client.send_object`. The object stays until `delete()`, `Client.clear()`, the end of
    the client, or until nobody holds the reference; and in any case as long as a task needs it.

    Attributes:
        name: shown by monitors.
        size: bytes, serialised.
        object_id: 32 bytes.
    """

    __slots__ = ("__weakref__", "_hold", "name", "object_id", "size")

    def __init__(self, hold: "Hold", name: str, size: int) -> None:
        self._hold = hold
        self.object_id = hold.object_id
        self.name = name
        self.size = size

    def __repr__(self) -> str:
        gone = f", {self._hold.gone}" if self._hold.gone else ""
        return f"<ObjectReference {self.name!r}, {self.size:,} bytes{gone}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ObjectReference):
            return NotImplemented
        return self.object_id == other.object_id

    def __hash__(self) -> int:
        return hash(self.object_id)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return meet(
            self,
            "an ObjectReference means something to its own client only: pass it to submit() as an "
            "argument, or inside one, not in a closure, a global or a file",
        )

    def delete(self) -> None:
        """Delete the object as soon as no task needs it. Again: nothing."""
        self._hold.let_go("deleted")


class Hold:
    """A client's hold on one object: shared by the reference and what happens behind it."""

    def __init__(self, references: "References", object_id: bytes) -> None:
        self.references = references
        self.object_id = object_id
        self.gone = ""
        self._promised = 0
        self._lock = Lock()

    def promise(self) -> None:
        """A task is about to be submitted that needs the object.

        Raises:
            InvalidReferenceError: it is deleted.
        """
        with self._lock:
            if self.gone:
                raise InvalidReferenceError(
                    f"the reference to object {short(self.object_id[16:])} is of no use: it was "
                    f"{self.gone}"
                )
            self._promised += 1

    def let_go(self, why: str) -> None:
        """The object may go when the tasks that were promised it have ended."""
        # A finalizer may come here while this very thread holds the lock; not for the same object,
        # to which it has a reference then.
        with self._lock:
            if self.gone:
                return
            self.gone = why
            promised = self._promised
        self.references.disown(self, promised)


class References:
    """The objects that one client has sent.

    Args:
        agent: the client's connection.
    """

    def __init__(self, agent: "Agent") -> None:
        self._agent = agent
        self._live: set[Hold] = set()

    def send(
        self, blob: "Blob", new_object_id: Callable[[bytes], bytes], timeout: float
    ) -> ObjectReference:
        """Put serialised bytes into the outgoing queue.

        Raises:
            QueueFullError, ClientClosedError: as `Client.submit`.
        """
        agent = self._agent
        hold = Hold(self, new_object_id(agent.pump.tracker.identity))
        size = len(blob.payload)
        agent.inbox.put_task(Sent(hold.object_id, blob, size), timeout)
        self._live.add(hold)
        reference = ObjectReference(hold, blob.name, size)
        weakref.finalize(reference, hold.let_go, "dropped").atexit = False
        return reference

    def promise(self, reference: ObjectReference) -> None:
        """A task of this client is about to be submitted that needs the object.

        Raises:
            InvalidReferenceError: it is another client's, or deleted.
        """
        if reference._hold.references is not self:
            raise InvalidReferenceError(
                f"{reference!r} belongs to another client than {self._agent.name}; send the object "
                "with this one"
            )
        reference._hold.promise()

    def withdraw(self, reference: ObjectReference) -> None:
        """The task does not come."""
        tracker, object_id = self._agent.pump.tracker, reference.object_id
        self._agent.inbox.put(Asked(lambda: tracker.return_object(object_id)))

    def disown(self, hold: Hold, promised: int) -> None:
        """Nobody holds it any more."""
        self._live.discard(hold)
        tracker = self._agent.pump.tracker
        self._agent.inbox.put(Asked(lambda: tracker.disown(hold.object_id, promised)))

    def clear(self) -> None:
        """Let go of all."""
        for hold in list(self._live):
            hold.let_go("deleted by clear()")
