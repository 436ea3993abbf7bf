"""The simulated world: clients, scheduler, object store and workers in one thread, without time,
sockets or chance.

    world = World(lifecycle=CONFIRMED, clients=2, workers=2, faults=HARSH, tape=bytes(...))
    world.run()

A step reads its choice from the tape: something is delivered, a user calls, a worker ends, time
passes, something breaks. After each step the invariants are checked. What does not hold raises
`Broken`, whose text tells the story and how to replay it.
"""

from typing import Any

from futurefsm.client.testing import guards
from futurefsm.client.testing.checks import Checks
from futurefsm.client.testing.engine import Engine
from futurefsm.client.testing.invariants import KINDS, SETTLES, Broken
from futurefsm.client.testing.network import Channel, Packet
from futurefsm.client.testing.ops import table
from futurefsm.client.testing.parts import PRODUCTION, Parts
from futurefsm.client.testing.party import Party
from futurefsm.client.testing.people import timed_out
from futurefsm.client.testing.record import Record
from futurefsm.client.testing.switches import NONE, Faults
from futurefsm.client.testing.tape import Tape
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.table import Lifecycle
from futurefsm.protocol.codec import encode
from futurefsm.protocol.ids import short

# A world that needs more steps than this to come to rest never does.
_STEPS_MAX = 100_000
# What users may still do once all clients are closed, in steps.
_AFTER = 16
# Longer than the silence after which a scheduler forgets a client.
_LONG_S = 120.0


class World:
    """A world.

    Args:
        lifecycle: what the futures obey.
        clients, workers: how many. One client of a lifecycle that cannot cancel what runs keeps its
            tasks until a worker is free, as on the embedded engine; several do not, as on a
            cluster.
        faults: what may go wrong.
        tape: decides everything.
        parts: the code that it is made of.
        encode: messages travel as real bytes (slower).
        logs: keep what is needed to tell the story (a little slower). A failure in a world that
            does not is told by a second run.

    Attributes:
        steps: choices made so far.
        deliveries: messages that arrived so far, on all channels.
        now: simulated seconds.
    """

    def __init__(
        self,
        lifecycle: Lifecycle = CONFIRMED,
        clients: int = 1,
        workers: int = 2,
        faults: Faults = NONE,
        tape: bytes = b"",
        *,
        parts: Parts = PRODUCTION,
        encode: bool = False,
        logs: bool = True,
    ) -> None:
        self.asked = lifecycle
        self.lifecycle = parts.derive(lifecycle)
        self.workers = workers
        self.faults = faults
        self.tape = Tape(tape)
        self.parts = parts
        self.encode = encode
        self.logs = logs
        self.steps = 0
        self.deliveries = 0
        self.now = 0.0
        # How many steps are worth their while: some calls after the last client has closed.
        self.spare = -1
        self.failure: Broken | None = None
        # (step, time, from lane, to lane, what, step of its sending)
        self.log: list[tuple[int, float, str, str, Any, int]] = []
        self.waits: list[Record] = []
        self.holds = clients == 1 and self._keeps_tasks()
        self._serial = 0
        self._numbers = 0
        self._ops = table(faults)
        self.parties = [Party(self, index) for index in range(clients)]
        self.by_identity = {party.identity: party for party in self.parties}
        self.by_lane = {party.lane: party for party in self.parties}
        self.channels: list[Channel] = [c for party in self.parties for c in party.channels]
        self.engine = Engine(self)
        self.checks = Checks(self)
        self._open()

    def _keeps_tasks(self) -> bool:
        if "running" not in self.lifecycle.states or "cancel" not in self.lifecycle.events:
            return False
        return self.lifecycle.row("running", "cancel").answer is False

    def _open(self) -> None:
        """Clients exist once they are connected: until the first echo nothing can happen."""
        self.engine.open()
        for party in self.parties:
            party.open()
            for channel in party.channels:
                while channel.flight:
                    channel.receive(channel.flight.popleft().what)

    # What a user of the world calls.

    def step(self) -> None:
        """One choice of the tape, and a look at all that may have moved.

        Raises:
            Broken: an invariant does not hold.
        """
        self.steps += 1
        if not self._ops[self.tape.next()](self):
            self.advance()
        if self.spare > 0:
            self.spare -= 1
        for party in self.parties:
            if party.acted:
                party.acted = False
                self.checks.look(party)
        if self.failure is not None:
            raise self.failure

    def run(self) -> "World":
        """The whole tape; then the fair end: all is delivered, all clients close.

        Raises:
            Broken: an invariant does not hold.
        """
        tape, step = self.tape, self.step
        with guards.watched(self):
            while tape.position < tape.size and self.spare:
                step()
            self.finish()
        return self

    def check(self) -> None:
        """Look at everything, also at what no step can have moved.

        Raises:
            Broken: an invariant does not hold.
        """
        self.checks.all_moves()
        if self.failure is not None:
            raise self.failure

    def settle(self) -> None:
        """Deliver all there is to deliver, in order, until nothing is left to do."""
        look, parties = self.checks.look, self.parties
        for _ in range(_STEPS_MAX):
            self.steps += 1
            if not self.advance():
                return
            for party in parties:
                if party.acted:
                    party.acted = False
                    look(party)
            if self.failure is not None:
                raise self.failure
        raise self.broken(SETTLES, f"it does not come to rest within {_STEPS_MAX:,} steps")

    def finish(self) -> None:
        """The end of every world.

        A network that is fair until then has to settle everything; closing the clients has to
        settle the rest at once; and when the scheduler knows that they left, nothing of them stays.
        """
        self.settle()
        while any(not p.gone and p.from_scheduler.frozen for p in self.parties):
            self.pass_time()
            self.check()
        self.settle()
        self.check()
        if self.faults.reliable:
            self.checks.settled_fairly()
        for party in self.parties:
            if not party.gone:
                party.end()
        self.check()
        for channel in self.channels:
            channel.frozen = False
        self.settle()
        self.check()
        self.checks.closed()
        self.now += _LONG_S
        self.engine.tick()
        self.settle()
        if self.faults.reliable:
            self.checks.store_empty()

    # What its parts call.

    def broken(self, invariant: str, what: str) -> Broken:
        """The error to raise. Where somebody swallows it, the step raises it again."""
        self.failure = self.failure or KINDS[invariant](invariant, what, self)
        return self.failure

    def keep(self, invariant: str, what: str) -> None:
        """As `broken`, for who must not raise: the step will."""
        self.broken(invariant, what)

    def put(self, channel: Channel, what: Any) -> None:
        """Send something."""
        if self.encode and channel.lossy:
            what = encode(what)
        self._serial += 1
        channel.flight.append(Packet(self._serial, self.steps, what))

    def deliver(self, channel: Channel, place: int = 0) -> None:
        """Something arrives."""
        flight = channel.flight
        if place:
            packet = flight[place]
            del flight[place]
        else:
            packet = flight.popleft()
        self.deliveries += 1
        if self.logs:
            self.log.append(
                (self.steps, self.now, channel.source, channel.target, packet.what, packet.sent)
            )
        channel.receive(packet.what)

    def advance(self) -> bool:
        """The benign choice: what has waited longest. False where nothing is left to do."""
        for party in self.parties:
            if party.inbox._commands and not party.gone:
                party.run_inbox()
                return True
            if party.callbacks.jobs:
                party.call_back()
                return True
        oldest = None
        serial = _STEPS_MAX << 32
        for channel in self.channels:
            if channel.flight and not channel.frozen:
                first = channel.flight[0][0]
                if first < serial:
                    oldest, serial = channel, first
        if oldest is not None:
            self.deliver(oldest)
            return True
        return self._advance_engine() or self._advance_people()

    def _advance_people(self) -> bool:
        """An interrupted thread goes on, or a disconnect() has nothing left to wait for."""
        for party in self.parties:
            if party.resume():
                return True
            if party.late:
                timed_out(party.late.popleft())
                return True
            if party.leaving and not party.gone and not party.live:
                party.end()
                return True
        return False

    def closed(self) -> None:
        """A client has ended."""
        if all(party.gone for party in self.parties):
            self.spare = _AFTER

    def _advance_engine(self) -> bool:
        engine = self.engine
        for worker in engine.workers.values():
            if worker.pipe:
                engine.report(worker)
                return True
        if engine.starting:
            engine.start_worker()
            return True
        for worker in engine.workers.values():
            if worker.task is not None:
                engine.finish(worker, True)
                return True
        return False

    def pass_time(self) -> bool:
        """The clock goes on to the next deadline, and who waited for it acts.

        Only a scheduler that stops is slower than a deadline: without that fault what is in flight
        comes first.
        """
        if not self.faults.silence and any(c.lossy and c.flight for c in self.channels):
            return False
        due = [party.tracker.deadline() for party in self.parties if not party.gone]
        due += [self.engine.scheduler.deadline(), *(each.waits_until for each in self.waits)]
        times = [each for each in due if each is not None]
        if not times:
            return False
        self.now = now = max(self.now, min(times))
        self.note("", "time passes")
        for party in self.parties:
            deadline = party.tracker.deadline()
            if not party.gone and deadline is not None and deadline <= now:
                party.tick()
        deadline = self.engine.scheduler.deadline()
        if deadline is not None and deadline <= now:
            self.engine.tick()
        self._end_waits()
        return True

    def _end_waits(self) -> None:
        for record in self.waits:
            if record.waits_until is not None and record.waits_until <= self.now:
                record.waits_until = None
                late = self.faults.preempt and self.tape.rarely()
                said = "its wait runs out" + " (interrupted)" * late
                self.note(record.party.lane, f"{record.name}.cancel(): {said}")
                if late:
                    record.party.late.append(record)
                else:
                    timed_out(record)
        self.waits = [each for each in self.waits if each.waits_until is not None]

    def touch(self, record: Record) -> None:
        """A call may have moved this future."""
        self.checks.one(record)

    def number(self) -> int:
        """Of the next future."""
        self._numbers += 1
        return self._numbers - 1

    def record(self, task_id: bytes) -> Record | None:
        """What is known of a task."""
        for party in self.parties:
            record = party.records.get(task_id)
            if record is not None:
                return record
        return None

    def note(self, lane: str, what: str, to: str = "") -> None:
        """Something happens that is no message."""
        if self.logs:
            self.log.append((self.steps, self.now, lane, to, what, self.steps))

    def call(self, party: Party, what: str) -> None:
        """A user's call."""
        self.log.append((self.steps, self.now, party.lane, "", what, self.steps))

    # For people.

    def task_name(self, task_id: bytes) -> str:
        """Its letter, or the beginning of its id."""
        record = self.record(task_id)
        return record.name if record is not None else short(task_id)

    def object_name(self, object_id: bytes) -> str:
        """Whose result it is, or the beginning of what is its own of the id."""
        task_id = self.engine.results.get(object_id)
        if task_id is not None:
            return f"result of {self.task_name(task_id)}"
        return short(object_id[16:])
