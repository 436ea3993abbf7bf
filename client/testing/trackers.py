"""What a simulated world asks of a client's tracker, so that a user's own can take its place.

    class MyTracker: ...        # whatever it derives from

    World(parts=Parts("mine", tracker=MyTracker), faults=HARSH, tape=tape).run()

A tracker is the client's side of the protocol: message and time in, outputs (`client.outputs`) out.
It knows ids, never a future. What each method means is said at `client.tracker.Tracker`, the one
that production uses.
"""

from collections.abc import Collection, Iterable
from typing import Any, Protocol

from futurefsm.fsm.states import State
from futurefsm.fsm.table import Lifecycle
from futurefsm.protocol.ids import IdSource
from futurefsm.protocol.messages import Message


class TrackerLike(Protocol):
    """One client's tracker, as its pump and the world use it. Nothing private is asked."""

    # How many tasks may be with the engine at once; None: all.
    credits: int | None
    violations: int
    ties: Any

    def opened(self, now: float) -> None: ...
    def reopened(self, now: float) -> None: ...
    def tick(self, now: float) -> None: ...
    def deadline(self) -> float | None: ...
    def received(self, message: Message, now: float) -> None: ...
    def submit(self, call: Any, now: float) -> None: ...
    def grant(self) -> bytes | None: ...
    def perform(self, task_id: bytes, effects: Iterable[str], value: Any, now: float) -> None: ...
    def settled(self, task_id: bytes, state: State, error: object = None) -> None: ...
    def want(self, task_id: bytes) -> None: ...
    def discard(self, task_id: bytes) -> None: ...
    def fetched(self, object_id: bytes, payload: bytes) -> None: ...
    def fetch_failed(self, object_id: bytes, reason: str) -> None: ...
    def stored(self, object_id: bytes) -> None: ...
    def storage_lost(self, reason: str) -> None: ...
    def send_object(self, object_id: bytes, blob: Any) -> None: ...
    def clear(self) -> None: ...
    def doubt(self, now: float, resent: Collection[bytes]) -> None: ...
    def disconnect(self) -> None: ...
    def take(self) -> list[Any]: ...


class MakesTracker(Protocol):
    """A class of trackers, or whatever makes one."""

    def __call__(
        self,
        identity: bytes,
        ids: IdSource,
        lifecycle: Lifecycle,
        *,
        credits: int | None = None,
    ) -> TrackerLike: ...


def kept(tracker: Any) -> frozenset[bytes] | None:
    """The objects that a tracker keeps in the store for tasks to come.

    A tracker of one's own may say so by a method `kept()`; None where nobody can tell, and then the
    world does not ask whether the store holds more than that.
    """
    own = getattr(tracker, "kept", None)
    if own is not None:
        return frozenset(own())
    uploads = getattr(tracker, "_uploads", None)
    if uploads is None:
        return None
    return frozenset(uploads.kept())


def fetches(tracker: Any, object_id: bytes) -> bool:
    """Whether it waits for the bytes of an object just now; False where nobody can tell."""
    values = getattr(tracker, "values", None)
    return values is not None and object_id in values.fetching
