"""The agent: the one thread that owns a client's sockets. It drives the pump.

It blocks in one poll over all sockets until a message, a command or a deadline comes; nothing else
wakes it. It ends when it was told to, or when the link is gone for good, and leaves every future
settled, every socket closed and the engine, if it is ours, stopped.
"""

import logging
import os
import socket
from collections.abc import Callable
from threading import Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING, Any, TypeVar

from futurefsm.client.callbacks import CallbackThread
from futurefsm.client.errors import ForkedClientError
from futurefsm.client.inbox import Asked, Inbox
from futurefsm.client.latch import Latch
from futurefsm.client.outbox import Outbox
from futurefsm.client.outputs import Delete, Get, Put, Send
from futurefsm.client.pump import Pump, WireOutput
from futurefsm.client.references import References
from futurefsm.client.serializer import Serializer
from futurefsm.client.tracker import Tracker
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.errors import ConnectionLostError
from futurefsm.fsm.threads import delivering
from futurefsm.protocol.codec import decode, encode
from futurefsm.protocol.errors import ProtocolError, TransportClosedError
from futurefsm.protocol.messages import Message, StorageAddress
from futurefsm.protocol.object_store import Got, NotHeld, StoreClient
from futurefsm.protocol.object_store import Put as Stored
from futurefsm.protocol.transport.base import Transport
from futurefsm.protocol.transport.poller import Poller, Waker
from futurefsm.protocol.transport.ymq import YmqStream, connect_tcp, connect_unix
from futurefsm.protocol.transport.ymq_channel import YmqDealer

if TYPE_CHECKING:
    from futurefsm.client.link import Engine

logger = logging.getLogger("futurefsm.client")

R = TypeVar("R")

# Messages taken from the scheduler before anything else is looked at.
_MESSAGES_A_TURN = 512
# While more bytes wait for the storage channel, no further task is taken from the inbox.
_UNSENT_MAX = 64 * 2**20
# What was sent last may need this long to leave, in seconds.
_LINGER_S = 1.0


class Agent:
    """One client's connection. Implements what futures need of their client (`future.Home`).

    Args:
        name: for threads and messages.
        tracker: the pure side.
        open_channel: makes the scheduler channel, on the agent's thread.
        scheduler: the scheduler, as a person would name it.
        engine: the embedded engine, which ends with the agent; None for a cluster.
        cancel_timeout: seconds a cancel() waits by default.
        timeout: seconds to wait for the first sign of life.
        serializer: what turns values into bytes; by default cloudpickle.
    """

    def __init__(
        self,
        name: str,
        tracker: Tracker,
        open_channel: Callable[[], Transport],
        *,
        scheduler: str,
        engine: "Engine | None",
        cancel_timeout: float | None,
        timeout: float,
        serializer: Serializer | None = None,
    ) -> None:
        self.name = name
        self.scheduler = scheduler
        self.cancel_timeout = cancel_timeout
        self.timeout = timeout
        self.serializer = serializer or Serializer()
        self.callbacks = CallbackThread(name)
        self.references = References(self)
        self.pid = os.getpid()
        self._waker = Waker()
        self.inbox = Inbox(self._waker.wake)
        self.pump = Pump(tracker, self.inbox)
        self.pump.on_say = self.callbacks.say
        self.ready = Latch()
        self.ended = Latch()
        self._open_channel = open_channel
        self._engine = engine
        self._channel: Transport | None = None
        self._outbox: Outbox | None = None
        self._storage: YmqStream | None = None
        self._store = StoreClient()
        self._backlog: list[Any] = []
        self._poller = Poller()
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
            self.leave(now=True)
            self.join(_LINGER_S)
            raise ConnectionLostError(
                f"no answer from {self.scheduler} within {self.timeout} s: is it running, and is "
                "the address right?"
            )
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
        self._channel = self._open_channel()
        self._poller.register(self._channel.poll_item)
        self._outbox = Outbox(self._channel, self._poller)
        self._poller.register(self._waker.poll_item)
        self.pump.opened(monotonic())
        self._perform(self.pump.take())
        self._flush_channel()

    def _turn(self) -> bool:
        """Wait for something, and do all that it brings; True when it is time to end."""
        ready = {item.item for item in self._poller.poll(self._patience())}
        now = monotonic()
        if self._waker.poll_item in ready:
            self._waker.drain()
        self._receive_messages(now)
        if self._storage is None:
            self._open_storage(now)
        else:
            self._receive_objects(now)
        if self._outbox:
            self._send(None)
        if not self._congested():
            self.pump.run_inbox(now)
        deadline = self.pump.tracker.deadline()
        if deadline is not None and deadline <= now:
            self.pump.tick(now)
        self._perform(self.pump.take())
        self._flush_channel()
        if self.pump.lost is not None or self._leave_now:
            return True
        idle = not self.pump.futures and not len(self.inbox)
        return self._leave_when_idle and idle

    def _congested(self) -> bool:
        if self._outbox:
            return True
        return self._storage is not None and self._storage.unsent > _UNSENT_MAX

    def _patience(self) -> float | None:
        """Seconds that the poll may sleep."""
        if len(self.inbox) and not self._congested():
            return 0.0
        deadline = self.pump.tracker.deadline()
        return None if deadline is None else max(0.0, deadline - monotonic())

    def _receive_messages(self, now: float) -> None:
        channel = self._channel
        assert channel is not None
        for _ in range(_MESSAGES_A_TURN):
            try:
                data = channel.receive()
            except TransportClosedError as error:
                self.pump.lost = f"{self.scheduler} is gone: {error}"
                return
            if data is None:
                return
            try:
                message = decode(data)
            except ProtocolError as error:
                self.pump.violated(b"", str(error))
                continue
            self.pump.receive(message, now)

    def _open_storage(self, now: float) -> None:
        address = self.pump.tracker.storage_address
        if address is None:
            return
        try:
            sock = _dial(address, self.timeout)
        except OSError as error:
            self.pump.lost = f"the object store of {self.scheduler} at {address} refuses: {error}"
            return
        self._storage = YmqStream(sock, self.pump.tracker.identity)
        self._storage.send_frames(self._backlog)
        self._backlog = []
        self._poller.register(self._storage.poll_item)
        self.ready.set()

    def _receive_objects(self, now: float) -> None:
        storage = self._storage
        assert storage is not None
        try:
            for frame in storage.receive():
                for event in self._store.receive(frame):
                    if isinstance(event, Got):
                        self.pump.fetched(event.object_id, event.payload, now)
                    elif isinstance(event, NotHeld):
                        self.pump.fetch_failed(event.object_id, _no_memory(event.size), now)
                    elif isinstance(event, Stored):
                        self.pump.stored(event.object_id)
        except (ProtocolError, TransportClosedError) as error:
            self.pump.lost = f"the object store of {self.scheduler} broke the protocol: {error}"
            return
        if storage.eof:
            self.pump.lost = self._why_it_ended("it closed the connection")

    def _why_it_ended(self, what: str) -> str:
        code = self._engine.wait(_LINGER_S) if self._engine is not None else None
        if self._engine is None or code is None:
            return f"the object store of {self.scheduler} is gone: {what}"
        tail = self._engine.stderr_tail().strip()
        said = f"; the last it wrote:\n{tail}" if tail else ""
        return f"{self.scheduler} ended with exit code {code}{said}"

    def _perform(self, outputs: list[WireOutput]) -> None:
        frames: list[Any] = []
        for output in outputs:
            if isinstance(output, Send):
                self._send(output.message)
            elif isinstance(output, Put):
                frames += self._store.put(output.object_id, output.payload)
            elif isinstance(output, Get):
                frames += self._store.get(output.object_id)
            elif isinstance(output, Delete):
                frames += self._store.delete(output.object_id)
        storage = self._storage
        if storage is None:
            self._backlog += frames
            return
        if frames:
            storage.send_frames(frames)
        if storage.wants_write:
            self._flush_storage(storage)

    def _flush_storage(self, storage: YmqStream) -> None:
        try:
            done = storage.flush()
        except TransportClosedError as error:
            self.pump.lost = self._why_it_ended(str(error))
            return
        self._poller.register(storage.poll_item, write=not done)

    def _send(self, message: Message | None) -> None:
        """Send a message, or what waits."""
        assert self._outbox is not None
        try:
            if message is None:
                self._outbox.flush()
            else:
                self._outbox.send(encode(message))
        except TransportClosedError as error:
            self.pump.lost = f"{self.scheduler} is gone: {error}"

    def _flush_channel(self) -> None:
        channel = self._channel
        if isinstance(channel, YmqDealer):
            try:
                channel.flush()
            except TransportClosedError:
                return
            self._poller.register(channel.poll_item, write=channel.wants_write)

    def _finish(self) -> None:
        """Settle everything, tell the scheduler, close. Must not fail half-way."""
        now = monotonic()
        steps: list[Callable[[], object]] = [
            lambda: self.inbox.shut(self.pump.lost or f"client {self.name} is closed"),
            lambda: self._settle_all(now),
            lambda: self._perform(self.pump.take()),
            self._flush_channel,
            self._drain_storage,
            lambda: self._storage.close() if self._storage is not None else None,
            lambda: self._channel.close(_LINGER_S) if self._channel is not None else None,
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
        if self.pump.lost is not None and not self.pump.tracker.shutdown_asked:
            self.pump.connection_lost(self.pump.lost, now)
        else:
            self.pump.disconnect(now)

    def _drain_storage(self) -> None:
        """Let the last deletions leave, bounded; an embedded engine forgets everything anyway."""
        storage = self._storage
        if storage is None or self._engine is not None:
            return
        poller = Poller()
        try:
            poller.register(storage.poll_item, write=True)
            end = monotonic() + _LINGER_S
            while storage.wants_write and monotonic() < end:
                poller.poll(max(0.0, end - monotonic()))
                storage.flush()
        except TransportClosedError:
            pass


def _no_memory(size: int) -> str:
    return f"it has {size:,} bytes, and this process has no memory for them"


def _dial(address: StorageAddress, timeout: float) -> socket.socket:
    if address.scheme == "ipc":
        return connect_unix(address.host, timeout)
    return connect_tcp(address.host, address.port, timeout)
