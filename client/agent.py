"""The agent: the one thread that owns a client's sockets. It drives the pump.

It blocks in one poll over all sockets until a message, a command or a deadline comes; nothing else
wakes it. It ends when it was told to, or when the link is gone for good, and leaves every future
settled, every socket closed and the engine, if it is ours, stopped.
"""

import logging
import os
from collections.abc import Callable
from threading import Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from futurefsm.client.callbacks import CallbackThread
from futurefsm.client.errors import ForkedClientError
from futurefsm.client.inbox import Asked, Inbox
from futurefsm.client.insecure import InsecureConnectionWarning, warn_of_storage
from futurefsm.client.latch import Latch
from futurefsm.client.outbox import Outbox
from futurefsm.client.outputs import Send
from futurefsm.client.pump import Pump, WireOutput
from futurefsm.client.references import References
from futurefsm.client.serializer import Serializer
from futurefsm.client.storage_link import StorageLink, as_address
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.errors import ConnectionLostError
from futurefsm.fsm.threads import delivering
from futurefsm.protocol.codec import decode
from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.messages import ClientHeartbeatEcho, StorageAddress
from futurefsm.protocol.object_store import Got, NotHeld
from futurefsm.protocol.object_store import Put as Stored
from futurefsm.protocol.transport.poller import Poller, Waker

if TYPE_CHECKING:
    from futurefsm.client.link import Link

logger = logging.getLogger("futurefsm.client")

R = TypeVar("R")

# Messages taken from the scheduler before anything else is looked at.
_MESSAGES_A_TURN = 512
# What was sent last may need this long to leave, in seconds.
_LINGER_S = 1.0
# An engine that has closed its sockets is about to end; its exit code says why.
_ENDING_S = 10.0


class Agent:
    """One client's connection. Implements what futures need of their client (`future.Home`).

    Args:
        name: for threads and messages.
        link: to the scheduler, and the engine behind it if that ends with the agent.
        cancel_timeout: seconds a cancel() waits by default.
        timeout: seconds to wait for the first sign of life.
        serializer: what turns values into bytes; by default cloudpickle.
    """

    def __init__(
        self,
        name: str,
        link: "Link",
        *,
        cancel_timeout: float | None,
        timeout: float,
        serializer: Serializer | None = None,
    ) -> None:
        self.name = name
        self.scheduler = link.scheduler
        self.cancel_timeout = cancel_timeout
        self.timeout = timeout
        self.serializer = serializer or Serializer()
        self.callbacks = CallbackThread(name)
        self.references = References(self)
        self.pid = os.getpid()
        self._waker = Waker()
        self.inbox = Inbox(self._waker.wake)
        self.pump = Pump(link.tracker, self.inbox)
        self.pump.on_say = self.callbacks.say
        self.ready = Latch()
        self.ended = Latch()
        self._link = link
        self._engine = link.engine
        self._poller = Poller()
        self._channel = link.channel
        self._outbox = Outbox(link.channel)
        self._connections = 0
        self._storage = StorageLink(
            self._poller, link.open_stream, patience_s=timeout, redial=link.engine is None
        )
        self._leave_when_idle = False
        self._leave_now = False
        self._thread = Thread(target=self._run, name=f"{name}-agent", daemon=True)

    # For other threads.

    def start(self) -> None:
        """Start the thread and wait until the engine answers.

        Raises:
            ConnectionLostError: no answer within the time-out; says from whom.
            RuntimeError: the system starts no thread any more.
        """
        try:
            self._thread.start()
        except RuntimeError:
            self._finish()
            raise
        if not self.ready.wait(self.timeout) and not self.ended.is_set():
            trouble = self._trouble()
            self.leave(now=True)
            self.join(_LINGER_S)
            raise ConnectionLostError(self._no_answer(trouble))
        if self.pump.lost is not None:
            self.join(_LINGER_S)
            raise ConnectionLostError(self.pump.lost)

    def stepped(self, task_id: bytes, step: Step, value: Any) -> None:
        """A future's step has effects for the wire."""
        self.pump.stepped(task_id, step, value)

    def want(self, future: Any) -> bool:
        """Somebody asks for the value of a delayed future; False where nobody will fetch it."""
        return self.pump.want(future)

    def violated(self, task_id: bytes, what: str) -> None:
        """The scheduler broke the protocol."""
        self.pump.violated(task_id, what)

    def check_process(self) -> None:
        """A child of a fork has neither the threads nor the sockets.

        Raises:
            ForkedClientError: at once, instead of a wait for ever.
        """
        if os.getpid() != self.pid:
            raise ForkedClientError(
                f"client {self.name} belongs to process {self.pid}; this is its forked child "
                f"{os.getpid()}, which has no connection. Make a new Client() here."
            )

    def call(self, act: Callable[[], R], timeout: float = 5.0) -> R | None:
        """Run `act` on the agent's thread and return what it returns; None where that has ended."""
        if self._thread is current_thread():
            return act()  # a finalizer, which the garbage collector runs wherever it likes
        done = Latch()
        answer: list[R] = []

        def run() -> None:
            try:
                answer.append(act())
            finally:
                done.set()

        if not self.inbox.put(Asked(run)):
            return None
        deadline = monotonic() + timeout
        # The agent may end between put() and its last look into the inbox.
        while not done.wait(min(0.05, max(0.0, deadline - monotonic()))):
            if self.ended.is_set() or monotonic() >= deadline:
                break
        return answer[0] if answer else None

    def leave(self, *, now: bool) -> None:
        """Accept no task any more, and end: at once, or when the last future has its value."""
        self.inbox.close(f"cannot schedule new futures after shutdown of client {self.name}")
        if now:
            self._leave_now = True
        else:
            self._leave_when_idle = True
        self._waker.wake()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for its end; False when the time ran out first, or on the agent's own thread."""
        if self._thread.ident is None:
            return True  # Ctrl-C came before it began
        if self._thread is current_thread():
            return False
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def owns_engine(self) -> bool:
        """Whether it ends the scheduler when it ends."""
        return self._engine is not None

    def kill_engine(self) -> None:
        """End an engine that does not end by itself, also where the agent cannot any more."""
        if self._engine is not None:
            self._engine.kill()
            if not self.join(_LINGER_S):
                self._engine.close()

    # On the agent's thread.

    def _run(self) -> None:
        with delivering(f"delivers the messages of client {self.name}"):
            try:
                self._open()
                while not self._turn():
                    pass
            except Exception as error:
                logger.exception("the message pump of client %s failed", self.name)
                self.pump.lost = f"the message pump of client {self.name} failed: {error!r}"
            finally:
                self._finish()

    def _open(self) -> None:
        self._poller.register(self._waker.poll_item)
        self._channel.attach(self._poller)

    def _turn(self) -> bool:
        """Wait for something, and do all that it brings; True when it is time to end."""
        ready = {item.item for item in self._poller.poll(self._patience())}
        now = monotonic()
        if self._waker.poll_item in ready:
            self._waker.drain()
        self._turn_channel(now)
        self._receive_messages(now)
        self._turn_storage(now)
        if self._outbox:
            self._outbox.flush()
        if not self._congested():
            self.pump.run_inbox(now)
        deadline = self.pump.tracker.deadline()
        if deadline is not None and deadline <= now and self.pump.lost is None:
            self._tick(now)
        self._perform(self.pump.take())
        self._flush()
        if self.pump.lost is not None or self._leave_now:
            return True
        idle = not self.pump.futures and not len(self.inbox)
        return self._leave_when_idle and idle

    def _congested(self) -> bool:
        return self._outbox.congested or self._storage.congested

    def _patience(self) -> float | None:
        """Seconds that the poll may sleep."""
        if self._channel.pending or (len(self.inbox) and not self._congested()):
            return 0.0
        deadlines = (
            self.pump.tracker.deadline(),
            self._channel.deadline(),
            self._storage.deadline(),
        )
        first = min((each for each in deadlines if each is not None), default=None)
        return None if first is None else max(0.0, first - monotonic())

    def _trouble(self) -> str:
        """What stands in the way of the first answer."""
        if not self._channel.up:
            return self._channel.trouble
        if self._storage.address is None:
            return "it accepts connections, but answers nothing"
        return f"its object store at {self._storage.address}: {self._storage.trouble}"

    def _no_answer(self, why: str) -> str:
        return (
            f"no answer from {self.scheduler} within {self.timeout:g} s: {why}; is it running, and "
            "is the address right?"
        )

    def _tick(self, now: float) -> None:
        self.pump.tick(now)
        if self.pump.lost is not None:
            why = "" if self._channel.up else f" ({self._channel.trouble})"
            self.pump.lost = f"{self.scheduler} is lost: {self.pump.lost}{why}"

    def _turn_channel(self, now: float) -> None:
        channel = self._channel
        channel.turn(now)
        if channel.connections != self._connections:
            first, self._connections = not self._connections, channel.connections
            if first:
                self.pump.opened(now)
                self._perform(self.pump.take())
            else:
                self._reconnected(now)
        if channel.lost is None or self.pump.lost is not None:
            return
        if self.ready.is_set() or self._engine is not None:
            self.pump.lost = self._why_it_ended(f"{self.scheduler} is gone: {channel.lost}")
        else:
            self.pump.lost = self._no_answer(channel.lost)

    def _reconnected(self, now: float) -> None:
        """The link to the same scheduler is back: a heartbeat first, then the cancels that are
        still unanswered. Its echo lets what may not have arrived follow."""
        logger.info("client %s is connected to %s again", self.name, self.scheduler)
        unsure = self._outbox.renew()
        self.pump.reopened(now)
        self._perform(self.pump.take())
        self.pump.reconnected(now, unsure)
        self._perform(self.pump.take())

    def _receive_messages(self, now: float) -> None:
        channel = self._channel
        for _ in range(_MESSAGES_A_TURN):
            data = channel.receive()
            if data is None:
                return
            try:
                message = decode(data)
            except ProtocolError as error:
                self.pump.violated(b"", str(error))
                continue
            if isinstance(message, ClientHeartbeatEcho):
                for again in self._outbox.echoed():
                    if self.pump.owes(again):
                        self._outbox.send(again)
            self.pump.receive(message, now)

    def _turn_storage(self, now: float) -> None:
        storage = self._storage
        told = self.pump.tracker.storage_address
        if told is not None and storage.address is None:
            self._open_storage(storage, told)
        for event in storage.turn(now):
            if isinstance(event, Got):
                self.pump.fetched(event.object_id, event.payload, now)
            elif isinstance(event, NotHeld):
                self.pump.fetch_failed(event.object_id, _no_memory(event.size), now)
            elif isinstance(event, Stored):
                self.pump.stored(event.object_id)
        if storage.up:
            self.ready.set()
        if storage.lost is not None and self.pump.lost is None:
            where = f"the object store of {self.scheduler} at {storage.address} is gone"
            self.pump.lost = self._why_it_ended(f"{where}: {storage.lost}")

    def _open_storage(self, storage: StorageLink, told: StorageAddress) -> None:
        try:
            address = self._link.storage_address or as_address(told)
            warn_of_storage(address, self._link.address)
        except (ValueError, InsecureConnectionWarning) as error:
            self.pump.lost = f"{self.scheduler} names an object store that cannot be: {error}"
        else:
            storage.open(address)

    def _why_it_ended(self, what: str) -> str:
        code = self._engine.wait(_ENDING_S) if self._engine is not None else None
        if self._engine is None or code is None:
            return what
        tail = self._engine.stderr_tail().strip()
        said = f"; the last it wrote:\n{tail}" if tail else ""
        return f"{self.scheduler} ended with exit code {code}{said}"

    def _perform(self, outputs: list[WireOutput]) -> None:
        requests = []
        for output in outputs:
            if isinstance(output, Send):
                self._outbox.send(output.message)
            else:
                requests.append(output)
        if requests:
            self._storage.ask(requests)

    def _flush(self) -> None:
        self._channel.flush()
        self._storage.flush()

    def _finish(self) -> None:
        """Settle everything, tell the scheduler, close. Must not fail half-way."""
        now = monotonic()
        steps: list[Callable[[], object]] = [
            lambda: self.inbox.shut(self.pump.lost or f"client {self.name} is closed"),
            lambda: self._settle_all(now),
            lambda: self._perform(self.pump.take()),
            self._flush,
            # An embedded engine forgets everything anyway.
            lambda: self._storage.close(_LINGER_S if self._engine is None else 0.0),
            lambda: self._channel.close(_LINGER_S),
            lambda: self._engine.close() if self._engine is not None else None,
            self._waker.close,
        ]
        for step in steps:
            try:
                step()
            except Exception:
                logger.exception("closing client %s", self.name)
        self.ready.set()
        self.ended.set()

    def _settle_all(self, now: float) -> None:
        if self.pump.lost is None or self.pump.tracker.shutdown_asked:
            self.pump.disconnect(now)
        else:
            self.pump.connection_lost(self.pump.lost, now)
            if self._channel.up:
                self.pump.tracker.disconnect()  # what runs is of no use to anybody


def _no_memory(size: int) -> str:
    return f"it has {size:,} bytes, and this process has no memory for them"
