"""The tasks that a client has forgotten, as far as late messages are concerned. PURE."""

from collections import OrderedDict

from futurefsm.client.tracked import Tracked
from futurefsm.fsm import effects as fx
from futurefsm.fsm.events import Event
from futurefsm.fsm.states import FINISHED, State
from futurefsm.fsm.table import Lifecycle

# Settled tasks that are remembered, so that a late or duplicate message is known for what it is.
ENDED_MAX = 16_384


class Ended:
    """The table of ended tasks.

    Args:
        lifecycle: says what a late message asks for.
    """

    def __init__(self, lifecycle: Lifecycle) -> None:
        self._lifecycle = lifecycle
        # How each ended, the object that was offered, and the losing one that was deleted.
        self._ends: OrderedDict[bytes, tuple[State, bytes | None, bytes | None]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._ends)

    def __contains__(self, task_id: bytes) -> bool:
        return task_id in self._ends

    def add(self, task_id: bytes, state: State, tracked: Tracked) -> None:
        """One more; the oldest goes when there are too many."""
        self._ends[task_id] = state, tracked.object_id, tracked.deleted
        if len(self._ends) > ENDED_MAX:
            self._ends.popitem(last=False)

    def stray(self, task_id: bytes, event: Event, object_id: bytes | None) -> bytes | None:
        """The object that a late message leaves behind and nobody will ask for."""
        state, offered, deleted = self._ends[task_id]
        row = self._lifecycle.row(state, event)
        # A second result of a finished task: the table knows duplicates, not that it may bring an
        # object of its own.
        unwanted = fx.DELETE_RESULT in row.effects or state is FINISHED
        if not unwanted or object_id in (None, offered, deleted):
            return None
        self._ends[task_id] = state, offered, object_id
        return object_id
