"""Which code a simulated world is made of: production's, or a broken part in its place."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from futurefsm.client.engine.scheduler import Scheduler
from futurefsm.client.engine.store import ObjectStore
from futurefsm.client.future import Future
from futurefsm.client.pump import Pump
from futurefsm.client.testing.trackers import MakesTracker
from futurefsm.client.tracker import Tracker
from futurefsm.client.uploads import Uploads
from futurefsm.fsm.table import Lifecycle


def _unchanged(lifecycle: Lifecycle) -> Lifecycle:
    return lifecycle


@dataclass(frozen=True, slots=True)
class Parts:
    """The classes of a world. Each may be replaced by one with the same interface.

    Attributes:
        tracker: the client's side of the protocol; a user's own need not derive from ours
            (`trackers.TrackerLike` says what it has to have).
        uploads: only for a tracker that derives from ours.
        name: how a token names them; those of `GALLERY` are found by it.
        derive: makes the table that the world's futures obey from the one that was asked for.
        invariant: for a broken part: the invariant that it must break.
    """

    name: str = "production"
    tracker: MakesTracker = Tracker
    uploads: type[Uploads] = Uploads
    pump: type[Pump] = Pump
    future: type[Future[Any]] = Future
    scheduler: type[Scheduler] = Scheduler
    store: type[ObjectStore] = ObjectStore
    derive: Callable[[Lifecycle], Lifecycle] = _unchanged
    invariant: str = ""


PRODUCTION = Parts()
