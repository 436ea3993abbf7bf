"""Which task needs whose result: tasks are held back until all that they need is there. PURE.

A task that names the result of another is sent when that one has succeeded, with the object's id as
its argument. Where one of them fails, the task ends with the same error; where one is cancelled, so
is the task. Neither is ever sent.

Who submits a task tells the futures that it needs (a promise) before it asks whether they are
settled. So a result is kept for those that are still in the inbox when it arrives.
"""

from collections.abc import Callable

from futurefsm.client.outputs import Drop, Fire, Output
from futurefsm.client.tracked import Links, ResultOf, Tracked
from futurefsm.client.values import Values
from futurefsm.fsm import events as ev
from futurefsm.fsm.outcomes import INPUT_CANCELLED
from futurefsm.fsm.story import CLIENT
from futurefsm.protocol.messages import Argument

Told = Callable[[bytes, Tracked], None]


class Ties:
    """The dependences between the tasks of one client.

    Args:
        tasks: the tracker's own.
        values: who holds which object.
        out: where orders go.
        ready: told of a task that has all it needs.
        over: told of a task that may have become forgettable.
        waits: a future can only be told of its doom when it runs (`accepted`).
    """

    def __init__(
        self,
        tasks: dict[bytes, Tracked],
        values: Values,
        out: list[Output],
        *,
        ready: Told,
        over: Told,
        waits: bool,
    ) -> None:
        self._tasks = tasks
        self._values = values
        self._out = out
        self._ready = ready
        self._over = over
        self._waits = waits

    # A task that needs others.

    def bind(self, task_id: bytes, parts: tuple[Argument | ResultOf, ...]) -> None:
        """A new task with these arguments; `ready` is told at once where all are there."""
        tracked = self._tasks[task_id]
        links = _links(tracked)
        links.parts = parts
        for source_id in dict.fromkeys(p.task_id for p in parts if isinstance(p, ResultOf)):
            source = self._tasks.get(source_id)
            if source is None:
                # Its own submit was broken off: nobody will ever run it.
                self._doom(task_id, tracked, Drop(task_id, INPUT_CANCELLED))
                continue
            ties = _links(source)
            ties.redeemed += 1
            if source.settled is None and source.object_id is None:
                ties.dependants[task_id] = None
                links.unmet.add(source_id)
            else:
                self._input_ended(task_id, tracked, source_id, source)
            self._keep(source_id, source)
        if links.doom is not None:
            self._unlink(task_id, links)
        else:
            self._look(task_id, tracked)

    def accepted(self, links: Links) -> bool:
        """The future of the task with these ties runs. True where it can be sent."""
        if not (links.unmet or links.doom):
            return True
        links.accepted = True
        if links.doom is not None:
            self._out.append(links.doom)
        return False

    def owed(self, task_id: bytes) -> list[bytes]:
        """The tasks that this one waits for."""
        tracked = self._tasks.get(task_id)
        links = tracked.links if tracked is not None else None
        return sorted(links.unmet) if links is not None else []

    # A task that others need.

    def promise(self, task_id: bytes, count: int) -> None:
        """So many tasks in all were announced to need its result. None will be added."""
        tracked = self._tasks.get(task_id)
        if tracked is not None:
            _links(tracked).promised = count
            self._keep(task_id, tracked)

    def withdraw(self, task_id: bytes) -> None:
        """A task that was announced to need its result will not come."""
        tracked = self._tasks.get(task_id)
        if tracked is not None:
            _links(tracked).redeemed += 1
            self._keep(task_id, tracked)
            self._not_needed(task_id, tracked)

    def close(self) -> None:
        """The client ends: nobody comes any more who was announced."""
        for task_id, tracked in list(self._tasks.items()):
            if tracked.links is not None:
                tracked.links.redeemed = tracked.links.promised
                self._keep(task_id, tracked)

    def offered(self, task_id: bytes, tracked: Tracked) -> None:
        """Its result object is there: those who need it take hold of it."""
        self._tell_dependants(task_id, tracked)
        self._keep(task_id, tracked)

    def settled(self, task_id: bytes, tracked: Tracked, error: object) -> None:
        """It has ended, for the first time: it needs nothing any more."""
        links = _links(tracked)
        links.error = error
        self._tell_dependants(task_id, tracked)
        self._unlink(task_id, links)
        found, links.found = links.found, {}
        for object_id in found.values():
            self._values.release(object_id)

    # Inside.

    def _tell_dependants(self, task_id: bytes, tracked: Tracked) -> None:
        links = _links(tracked)
        dependants, links.dependants = links.dependants, {}
        for each in dependants:
            other = self._tasks[each]
            _links(other).unmet.discard(task_id)
            self._input_ended(each, other, task_id, tracked)
            self._look(each, other)

    def _input_ended(
        self, task_id: bytes, tracked: Tracked, source_id: bytes, source: Tracked
    ) -> None:
        links, object_id = _links(tracked), source.object_id
        if object_id is not None and self._values.knows(object_id):
            self._values.hold(object_id)
            links.found[source_id] = object_id
            if source.failed:
                self._doom(task_id, tracked, Fire(task_id, ev.RESULT_FAILED, object_id, CLIENT))
        elif (error := _links(source).error) is not None:
            # As if its own worker had died, but for the exception, which is the other's.
            self._doom(task_id, tracked, Fire(task_id, ev.RESULT_WORKER_DIED, error, CLIENT))
        else:
            self._doom(task_id, tracked, Drop(task_id, INPUT_CANCELLED))

    def _doom(self, task_id: bytes, tracked: Tracked, why: Output) -> None:
        links = _links(tracked)
        if links.doom is None:
            links.doom = why
            if links.accepted or not self._waits:
                self._out.append(why)

    def _look(self, task_id: bytes, tracked: Tracked) -> None:
        links = _links(tracked)
        if links.doom is not None:
            self._unlink(task_id, links)
        elif not links.unmet and tracked.settled is None:
            self._ready(task_id, tracked)

    def _unlink(self, task_id: bytes, links: Links) -> None:
        """It waits for nobody any more."""
        unmet, links.unmet = links.unmet, set()
        for source_id in sorted(unmet):
            source = self._tasks[source_id]
            _links(source).dependants.pop(task_id, None)
            self._not_needed(source_id, source)

    def _not_needed(self, task_id: bytes, tracked: Tracked) -> None:
        """An inner node that no task waits for any more need not run."""
        links = _links(tracked)
        if links.needed_by is None or links.unneeded or tracked.settled is not None:
            return
        if links.redeemed >= links.needed_by and not links.dependants:
            links.unneeded = True
            self._out.append(Fire(task_id, ev.CANCEL, None, CLIENT))

    def _keep(self, task_id: bytes, tracked: Tracked) -> None:
        """Keep its result object as long as tasks that need it are still to come."""
        links, object_id = _links(tracked), tracked.object_id
        outstanding = links.promised > links.redeemed
        if outstanding and links.kept is None and object_id is not None:
            if self._values.knows(object_id):
                links.kept = object_id
                self._values.hold(object_id)
        elif not outstanding and links.kept is not None:
            kept, links.kept = links.kept, None
            self._values.release(kept)
        if not outstanding:
            self._over(task_id, tracked)


def _links(tracked: Tracked) -> Links:
    links = tracked.links
    if links is None:
        links = tracked.links = Links()
    return links
