"""The values of a client's tasks: which result objects are in the store, and who needs them. PURE.

Each value goes its own way through the table `VALUE`. An object may be needed by several at once:
the values that were offered it (an error reaches every task that depends on the one that raised),
and the tasks that take it as an argument. It is asked for once at a time, and deleted once, when
the last of them lets go. One that came with its TaskResult is here when it is asked for.
"""

from futurefsm.client.outputs import Delete, Deliver, Get, Output
from futurefsm.client.tracked import Tracked
from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm.compiled import Step
from futurefsm.protocol.piggyback import Payload


class Values:
    """The result objects of one client.

    Args:
        out: where the gets and deletions go.

    Attributes:
        fetching: object id → the tasks whose values wait for its bytes, in the order of asking.
            One error may reach a hundred thousand tasks, so each is found without looking at the
            others.
        here: objects that came with the messages; who put them there takes away what is left.
    """

    def __init__(self, out: list[Output]) -> None:
        self.fetching: dict[bytes, dict[bytes, None]] = {}
        self.here: dict[bytes, Payload] = {}
        self._needed: dict[bytes, int] = {}
        self._out = out

    def __len__(self) -> int:
        return len(self._needed)

    def knows(self, object_id: bytes) -> bool:
        """Whether somebody needs this object: then it is in the store."""
        return object_id in self._needed

    def hold(self, object_id: bytes) -> None:
        """One more needs it."""
        self._needed[object_id] = self._needed.get(object_id, 0) + 1

    def release(self, object_id: bytes) -> None:
        """One less needs it; the last one deletes it."""
        if self._let_go(object_id):
            self._out.append(Delete(object_id))

    def lost(self, object_id: bytes) -> None:
        """One less needs it, for it cannot be had: there is nothing to delete."""
        self._let_go(object_id)

    def _let_go(self, object_id: bytes) -> bool:
        left = self._needed.pop(object_id) - 1
        if left:
            self._needed[object_id] = left
        return not left

    def step(self, task_id: bytes, tracked: Tracked, event: ev.Event) -> Step:
        """Let an event happen to a task's value."""
        step = tracked.value.on[event]
        tracked.value = step.node
        object_id = tracked.object_id
        if object_id is not None:
            for effect in step.row.effects:
                if effect == fx.GET_OBJECT:
                    self._get(object_id, task_id, tracked)
                else:
                    self.release(object_id)
        return step

    def _get(self, object_id: bytes, task_id: bytes, tracked: Tracked) -> None:
        waiting = self.fetching.get(object_id)
        if waiting is not None:
            waiting[task_id] = None
        elif object_id in self.here:
            self.came(task_id, tracked, self.here.pop(object_id))
        else:
            self.fetching[object_id] = {task_id: None}
            self._out.append(Get(object_id))

    def came(self, task_id: bytes, tracked: Tracked, payload: Payload) -> None:
        """The bytes of a task's value are here."""
        if self.step(task_id, tracked, ev.BYTES).moves:
            self._out.append(Deliver(task_id, payload))

    def is_fetched(self, task_id: bytes, tracked: Tracked) -> bool:
        """Whether bytes are on their way to this task's value."""
        waiting = self.fetching.get(tracked.object_id or b"")
        return waiting is not None and task_id in waiting
