"""Looks at a simulated world after every step, and all over at its end.

What is looked at after a step is what can have moved in it, so that looking costs little.
"""

from typing import TYPE_CHECKING, Any

from futurefsm.client.testing.invariants import (
    AGREEMENT,
    DELETED_ONCE,
    NO_LEAK,
    ONCE,
    ONE_VERDICT,
    RIGHT_VALUE,
    SETTLES,
    TRUE_OUTCOME,
)
from futurefsm.client.testing.party import IDLE_MAX, Party, TaskFailed
from futurefsm.client.testing.record import Record
from futurefsm.client.testing.trackers import kept
from futurefsm.client.tracker import Tracker
from futurefsm.fsm import outcomes
from futurefsm.fsm.errors import ResultLostError
from futurefsm.fsm.story import FIELDS

if TYPE_CHECKING:
    from futurefsm.client.testing.world import World


class Checks:
    """The eyes of a world."""

    def __init__(self, world: "World") -> None:
        self.world = world

    def look(self, party: Party) -> None:
        """After a step of a client: those of its futures that may have moved."""
        moved = None
        for record in party.live.values():
            future = record.future
            assert future is not None
            if future._story is not record.story or future._node is not record.node:
                if moved is None:
                    moved = [record]
                else:
                    moved.append(record)
        if moved is not None:
            for record in moved:
                self.one(record)
        if party.tracker.credits is not None:
            party.check_credits()

    def one(self, record: Record) -> None:
        """One future, if it moved."""
        future = record.future
        if future is None:
            return
        story, node = future._story, future._node
        if story is not record.story:
            raw = future._raw()
            for index in range(len(record.moves) * FIELDS, len(raw), FIELDS):
                self._move(record, raw[index])
            record.story = story
        record.node = node
        if record.state is not node.state:
            raise self.world.broken(
                ONE_VERDICT, f"task {record.name} is {node.state}, and no row moved it there"
            )
        if record.settled:
            self._told_once(record, future)

    def _move(self, record: Record, step: Any) -> None:
        world, row = self.world, step.row
        was, to = record.state, row.target
        if row.source != was:
            raise world.broken(ONE_VERDICT, f"task {record.name} was {was}, and took the row {row}")
        if was.absorbing or (was.settled and not step.event.by_user):
            raise world.broken(
                ONE_VERDICT, f"task {record.name} was {was}, and {step.event} moved it"
            )
        decided = to.cancel_decided or to.is_cancelled
        if record.told_cancel and not decided:
            raise world.broken(
                AGREEMENT, f"cancel() of task {record.name} said True, and then it became {to}"
            )
        if record.told_no and to.is_cancelled:
            raise world.broken(
                AGREEMENT, f"cancel() of task {record.name} said False, and then it was cancelled"
            )
        record.state = to
        record.moves.append((world.steps, world.now, str(step.event), to))
        if to.settled and not was.settled:
            record.settled = True
            record.waits_until = None
            party = record.party
            party.live.pop(record.task_id, None)
            if record.sent:
                party.open_tasks -= 1

    def _told_once(self, record: Record, future: Any) -> None:
        """The waiters of a settled future."""
        if not record.waiters or not future._node.announced:
            return
        for waiter in record.waiters:
            if len(waiter.told) != 1:
                heard = "nothing" if not waiter.told else " and ".join(waiter.told)
                raise self.world.broken(
                    ONCE,
                    f"task {record.name} is {record.state}; one who waits for it heard {heard}",
                )

    # The end.

    def all_moves(self) -> None:
        """Every future, also the settled ones, which nothing may move."""
        for party in self.world.parties:
            for record in party.order:
                self.one(record)
                self._outcome(record)

    def _outcome(self, record: Record) -> None:
        """What cancel_outcome says is so."""
        future = record.future
        if future is None or self.world.faults.rogue:
            return
        said = future.cancel_outcome
        if said is None:
            return
        name, lie = record.name, ""
        if said == outcomes.NEVER_SENT and record.starts:
            lie = "its task was started"
        elif said == outcomes.CONFIRMED_OUTCOME and not record.confirmed:
            lie = "its scheduler did not say so" * (not self.world.faults.duplicate)
        elif said == outcomes.TOO_LATE and record.ended is None and not self.world.engine.starved:
            lie = "its task did not end"
        if lie:
            raise self.world.broken(TRUE_OUTCOME, f"task {name}: cancel_outcome is {said}; {lie}")

    def settled_fairly(self) -> None:
        """A fair network has delivered everything."""
        parties = [party for party in self.world.parties if not party.forgotten]
        for party in parties:
            for record in party.order:
                self._settled(record, "everything was delivered")
            if party.pump.futures:
                names = ", ".join(self.world.task_name(each) for each in party.pump.futures)
                raise self.world.broken(
                    NO_LEAK, f"all is settled, but client {party.name} keeps the futures {names}"
                )
        self._no_results()
        for party in parties:
            self._only_idle_uploads(party)
            for record in party.order:
                self._called(record)
                if record.future is not None and record.ended is not None:
                    self._value(record)

    def _settled(self, record: Record, when: str) -> None:
        future = record.future
        if future is None:
            return
        if not future._node.settled:
            raise self.world.broken(SETTLES, f"{when}, and task {record.name} is {future.state}")
        if not future._node.announced and record.waiters:
            raise self.world.broken(
                ONCE, f"{when}, and nobody told those who wait for task {record.name}"
            )
        if future._phase.value == "owed":
            raise self.world.broken(
                SETTLES,
                f"{when}, and the value of task {record.name} is still owed: result() waits",
            )

    def _no_results(self) -> None:
        engine = self.world.engine
        for object_id, task_id in engine.results.items():
            owner = self.world.record(task_id)
            if owner is None or owner.party.gone or owner.party.forgotten:
                continue
            if engine.store.has(object_id):
                raise self.world.broken(
                    NO_LEAK,
                    f"all is settled, but the result of task {self.world.task_name(task_id)} is "
                    "still in the object store",
                )
            if object_id not in owner.party.deleted:
                raise self.world.broken(
                    DELETED_ONCE,
                    f"nobody deleted {self.world.object_name(object_id)}, yet it is gone",
                )

    def _only_idle_uploads(self, party: Party) -> None:
        """What a client keeps in the store is what it would use for the next task."""
        if party.gone:
            return
        known = kept(party.tracker)
        if known is None:
            return
        stored = self.world.engine.store._owned.get(party.prefix, ())
        if isinstance(party.tracker, Tracker) and len(stored) > IDLE_MAX:
            raise self.world.broken(
                NO_LEAK,
                f"all is settled, and client {party.name} leaves {len(stored)} objects in the "
                f"object store, where {IDLE_MAX} may stay",
            )
        for object_id in stored:
            if object_id not in known:
                raise self.world.broken(
                    NO_LEAK,
                    f"all is settled, but object {self.world.object_name(object_id)} is still in "
                    "the object store, and its client does not know it any more",
                )

    def _value(self, record: Record) -> None:
        """The value is that of this task's own run."""
        future = record.future
        assert future is not None
        if future.state.is_cancelled or future._phase.value in ("none", "owed"):
            return
        future.load()
        error, value = future._exception, future._result
        if isinstance(error, ResultLostError) and record.party.gone:
            return
        expected = record.task_id
        right = (
            error is None and value == expected
            if record.ended
            else isinstance(error, TaskFailed) and error.args[0] == expected
        )
        if not right:
            raise self.world.broken(
                RIGHT_VALUE,
                f"task {record.name} {'returned' if record.ended else 'raised'}, but its future "
                f"has {error!r}, {value!r}",
            )

    def closed(self) -> None:
        """All clients are closed, and all callbacks ran: nothing may wait any more."""
        for party in self.world.parties:
            for record in party.order:
                self._settled(record, "its client is closed")
                self._called(record)

    def _called(self, record: Record) -> None:
        if record.called != list(range(record.added)):
            raise self.world.broken(
                ONCE,
                f"task {record.name} has {record.added} callbacks, in order; those that were "
                f"called: {record.called}",
            )

    def store_empty(self) -> None:
        """No client is left, and the scheduler knows.

        A future that its user dropped has to be gone without the garbage collector's help, unless
        its exception may keep the frames of its callback.
        """
        world = self.world
        left = [each for each in world.engine.store._objects if each not in world.engine.late]
        if left:
            names = ", ".join(world.object_name(each) for each in left)
            raise world.broken(
                NO_LEAK, f"all clients have left, and the object store still has {names}"
            )
        for party in world.parties:
            for record in party.order:
                if record.dropped:
                    record.let_go()
                if record.framed or record.ref is None:
                    continue
                if record.ref() is not None:
                    raise world.broken(
                        NO_LEAK, f"nobody needs the future of task {record.name}, and it lives on"
                    )
