"""A client's two lines: to its scheduler, and to its object store. For the agent's thread.

What comes on them goes to the pump; what the pump wants sent goes out on them. Only a line that has
something to say is looked at.
"""

import logging
from operator import attrgetter
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from futurefsm.client.carrying import Carrying
from futurefsm.client.deadlines import earliest
from futurefsm.client.insecure import InsecureConnectionWarning, warn_of_storage
from futurefsm.client.latch import Latch
from futurefsm.client.making import no_memory
from futurefsm.client.outbox import Outbox
from futurefsm.client.outputs import Delete, Get, Put, Send
from futurefsm.client.pace import TASKS_MIN, Pace
from futurefsm.client.pump import Pump, WireOutput
from futurefsm.client.storage_link import StorageLink, as_address
from futurefsm.protocol.codec import decode
from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.messages import ClientHeartbeatEcho, StorageAddress, TaskResult
from futurefsm.protocol.object_store import Got, NotHeld
from futurefsm.protocol.object_store import Put as Stored
from futurefsm.protocol.transport.poller import Poller

if TYPE_CHECKING:
    from futurefsm.client.link import Link

logger = logging.getLogger("futurefsm.client")

_ITEM = attrgetter("item")

# Messages taken from the scheduler before anything else is looked at.
_MESSAGES_A_TURN = 512
# The store is looked at so often, in seconds, whatever else happens: its silence is measured.
_LOOK_S = 0.1
# An engine that has closed its sockets is about to end; its exit code says why.
_ENDING_S = 10.0


class Lines:
    """Both lines of one client.

    Args:
        name: of the client, for messages.
        link: to the scheduler, and the engine behind it if that ends with the client.
        pump: what moves the futures. That a line is gone for good is noted there (`Pump.lost`).
        ready: set when both lines are there.
        waker: the poller's item that is no line.
        timeout: seconds to wait for the first sign of life.
    """

    def __init__(
        self, name: str, link: "Link", pump: Pump, ready: Latch, waker: Any, *, timeout: float
    ) -> None:
        self.channel = link.channel
        self.outbox = Outbox(link.channel)
        self._poller = Poller()
        self.storage = StorageLink(
            self._poller, link.open_stream, patience_s=timeout, redial=link.engine is None
        )
        self._name = name
        self._link = link
        self._pump = pump
        self._ready = ready
        self._timeout = timeout
        self._connections = 0
        self._waker = waker
        self._look_at = 0.0
        self._due: float | None = None
        self._pace = Pace()
        # Only an engine of our own knows of that.
        steady = link.channel.steady
        self._carrying = Carrying(pump, self.outbox, self.storage, link.hand) if steady else None
        # Sends what the pump wants sent.
        self.perform = self._carrying.perform if self._carrying is not None else self._perform

    def open(self) -> None:
        """Begin to dial. Blocks nothing."""
        self._poller.register(self._waker)
        self.channel.attach(self._poller)

    @property
    def congested(self) -> bool:
        """Whether nothing further should be sent."""
        return self.outbox.congested or self.storage.congested

    def wait(self, until: float | None, *, rest: bool, hurry: bool) -> set[Any]:
        """Rest, if there is much to come; then wait until something can be done.

        Args:
            until: at the latest, in monotonic seconds; None: no other deadline than the lines' own.
            rest: there is nothing left to send, of which a rest would let only a part leave.
            hurry: look, and do not wait.

        Returns:
            the poller's items that are ready.
        """
        channel = self.channel
        pending = channel.pending
        many = rest and not pending and len(self._pump.futures) >= TASKS_MIN
        if many and (seconds := self._rest()):
            sleep(seconds)
        # When the channel wants its next turn, whatever comes.
        due = self._due = channel.deadline()
        patience: float | None = 0.0
        if not (hurry or pending):
            stored = self.storage.deadline()
            if due is not None or stored is not None:
                until = earliest(until, due, stored)
            patience = None if until is None else until - monotonic()
        return set(map(_ITEM, self._poller.poll(patience)))

    def _rest(self) -> float:
        tracker = self._pump.tracker
        # Where tasks wait here for a free worker, a rest would be the worker's too.
        if tracker.credits is not None or self._pump.lost is not None:
            return 0.0
        return self._pace.rest(len(self._pump.futures), self.storage.traffic, monotonic())

    def turn(self, now: float, ready: set[Any], *, hurry: bool = False) -> None:
        """Do all that can be done now.

        Args:
            ready: what `wait` has returned; empty where the time ran out: then both are looked at.
            hurry: but not where there was no time to run out.
        """
        stored = self.storage.poll_item in ready
        late = not ready and not hurry
        if late or self.channel.pending or len(ready) > stored + (self._waker in ready):
            self._turn_channel(now)
            self._receive_messages(now)
        elif self._due is not None and self._due <= now:
            self._turn_channel(now)
        if stored or late or now >= self._look_at:
            self._turn_storage(now)
        if self.outbox:
            self.outbox.flush()

    def _perform(self, outputs: list[WireOutput]) -> None:
        requests: list[Put | Get | Delete] = []
        for output in outputs:
            if isinstance(output, Send):
                self.outbox.send(output.message)
            else:
                requests.append(output)
        if requests:
            self.storage.ask(requests)

    def flush(self) -> None:
        """Send what the lines take now."""
        self.channel.flush()
        self.storage.flush()

    # The scheduler.

    @property
    def trouble(self) -> str:
        """What stands in the way of the first answer."""
        if not self.channel.up:
            return self.channel.trouble
        if self.storage.address is None:
            return "it accepts connections, but answers nothing"
        return f"its object store at {self.storage.address}: {self.storage.trouble}"

    def no_answer(self, why: str) -> str:
        """What is said where nobody answers."""
        return (
            f"no answer from {self._link.scheduler} within {self._timeout:g} s: {why}; is it "
            "running, and is the address right?"
        )

    def _turn_channel(self, now: float) -> None:
        channel, pump = self.channel, self._pump
        channel.turn(now)
        if channel.connections != self._connections:
            first, self._connections = not self._connections, channel.connections
            if first:
                pump.opened(now)
                self.perform(pump.take())
            else:
                self._reconnected(now)
        if channel.lost is None or pump.lost is not None:
            return
        if self._ready.is_set() or self._link.engine is not None:
            pump.lost = self._why_it_ended(f"{self._link.scheduler} is gone: {channel.lost}")
        else:
            pump.lost = self.no_answer(channel.lost)

    def _reconnected(self, now: float) -> None:
        """The link to the same scheduler is back: a heartbeat first, then the cancels that are
        still unanswered. Its echo lets what may not have arrived follow."""
        logger.info("client %s is connected to %s again", self._name, self._link.scheduler)
        pump = self._pump
        unsure = self.outbox.renew()
        pump.reopened(now)
        self.perform(pump.take())
        pump.reconnected(now, unsure)
        self.perform(pump.take())

    def _receive_messages(self, now: float) -> None:
        receive, pump, carrying = self.channel.receive, self._pump, self._carrying
        took: list[float] = []
        for _ in range(_MESSAGES_A_TURN):
            data = receive()
            if data is None:
                break
            if carrying is not None and carrying.receive(data):
                continue
            try:
                message = decode(data)
            except ProtocolError as error:
                pump.violated(b"", str(error))
                continue
            if message.__class__ is ClientHeartbeatEcho:
                for again in self.outbox.echoed():
                    if pump.owes(again):
                        self.outbox.send(again)
            elif message.__class__ is TaskResult:
                sent = pump.tracker.sent_at(message.task_id)
                took.append(0.0 if sent is None else now - sent)
            pump.receive(message, now)
        self._pace.ended(took)

    # The object store.

    def _turn_storage(self, now: float) -> None:
        storage, pump = self.storage, self._pump
        told = pump.tracker.storage_address
        if told is not None and storage.address is None:
            self._open_storage(storage, told)
        for event in storage.turn(now):
            if isinstance(event, Got):
                pump.fetched(event.object_id, event.payload, now)
            elif isinstance(event, Stored):
                pump.stored(event.object_id)
            elif isinstance(event, NotHeld):
                pump.fetch_failed(event.object_id, no_memory(event.size), now)
        # In each turn, while there is no connection.
        self._look_at = 0.0
        if storage.up:
            self._look_at = now + _LOOK_S
            self._ready.set()
        if storage.lost is not None and pump.lost is None:
            where = f"the object store of {self._link.scheduler} at {storage.address} is gone"
            pump.lost = self._why_it_ended(f"{where}: {storage.lost}")

    def _open_storage(self, storage: StorageLink, told: StorageAddress) -> None:
        try:
            address = self._link.storage_address or as_address(told)
            warn_of_storage(address, self._link.address)
        except (ValueError, InsecureConnectionWarning) as error:
            self._pump.lost = (
                f"{self._link.scheduler} names an object store that cannot be: {error}"
            )
        else:
            storage.open(address)

    # Ends.

    def _why_it_ended(self, what: str) -> str:
        engine = self._link.engine
        code = engine.wait(_ENDING_S) if engine is not None else None
        if engine is None or code is None:
            return what
        tail = engine.stderr_tail().strip()
        said = f"; the last it wrote:\n{tail}" if tail else ""
        return f"{self._link.scheduler} ended with exit code {code}{said}"
