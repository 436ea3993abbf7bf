"""A small client of the engine, made of the protocol's own parts. Bounded waits, no sleeps."""

import pickle
import socket
import time
from collections.abc import Callable
from typing import Any

import cloudpickle
from engine_server import EngineServer

from futurefsm.client.engine.launch import EngineHandle
from futurefsm.protocol import messages as m
from futurefsm.protocol.codec import decode, encode
from futurefsm.protocol.ids import IdSource, new_identity
from futurefsm.protocol.object_store import (
    Got,
    Put,
    RequestKind,
    StoreClient,
    StoreEvent,
    StoreHeader,
    encode_header,
)
from futurefsm.protocol.task_flags import TaskFlags
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq import YmqStream, connect_tcp, connect_unix
from futurefsm.protocol.transport.zmq_transport import ZmqDealer

BOUND = 60.0


class YmqPeer:
    """The least that speaks YMQ, with the interface of a `ZmqDealer`."""

    def __init__(self, address: str, identity: bytes) -> None:
        scheme, _, rest = address.partition("://")
        host, _, port = rest.rpartition(":")
        sock = connect_unix(rest) if scheme == "ipc" else connect_tcp(host, int(port))
        self.stream = YmqStream(sock, identity)
        self.poll_item = self.stream.poll_item
        self.stream.flush()
        self._came: list[bytes] = []

    def send(self, data: bytes) -> None:
        """Queue, and send what the link takes: all of it, for what tests send."""
        self.stream.send_frames([data])
        self.stream.flush()

    def receive(self) -> bytes | None:
        """The next message, or None."""
        if not self._came and not self.stream.eof:
            self._came += map(bytes, self.stream.receive())
        return self._came.pop(0) if self._came else None

    def close(self) -> None:
        """End the link."""
        self.stream.close()


class EngineClient:
    """Talks to an engine as a client does, one step at a time.

    `handle` has an address and, if it is a server's, a backend.
    """

    def __init__(
        self,
        handle: "EngineHandle | EngineServer",
        identity: bytes | None = None,
        *,
        register: bool = True,
    ) -> None:
        self.identity = identity or new_identity()
        self.ids = IdSource(self.identity)
        channel: Any = YmqPeer if getattr(handle, "backend", "zmq") == "ymq" else ZmqDealer
        self._dealer = channel(handle.address, self.identity)
        self._poller = Poller()
        self._poller.register(self._dealer.poll_item)
        self.messages: list[m.Message] = []
        self.events: list[StoreEvent] = []
        self.stream: YmqStream | None = None
        self.store = StoreClient()
        if not register:
            return
        self.send(m.ClientHeartbeat())
        echo = self.wait(lambda one: isinstance(one, m.ClientHeartbeatEcho))
        assert isinstance(echo, m.ClientHeartbeatEcho)
        self.storage = echo.object_storage_address
        self.open_storage()

    def __enter__(self) -> "EngineClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open_storage(self) -> None:
        """Connect to the object store."""
        self.stream = YmqStream(self._dial(), self.identity)
        self._poller.register(self.stream.poll_item)

    def _dial(self) -> socket.socket:
        if self.storage.scheme == "tcp":
            return connect_tcp(self.storage.host, self.storage.port)
        return connect_unix(self.storage.host)

    def close_storage(self) -> None:
        """End the connection to the object store."""
        if self.stream is not None:
            self._poller.unregister(self.stream.poll_item)
            self.stream.close()
            self.stream = None

    def close(self) -> None:
        """End both channels without a word."""
        self.close_storage()
        self._poller.unregister(self._dealer.poll_item)
        self._dealer.close()

    # -- waiting

    def _pump(self, timeout_s: float) -> None:
        if self.stream is not None:
            done = self.stream.flush()
            self._poller.register(self.stream.poll_item, write=not done)
        self._poller.poll(timeout_s)
        while (data := self._dealer.receive()) is not None:
            self.messages.append(decode(data))
        if self.stream is not None:
            for message in self.stream.receive():
                self.events += self.store.receive(message)
            if self.stream.eof:
                self.close_storage()

    def until(self, done: Callable[[], bool], bound_s: float = BOUND) -> None:
        """Exchange what there is until `done()`; fails after the bound."""
        deadline = time.monotonic() + bound_s
        while not done():
            left = deadline - time.monotonic()
            assert left > 0, f"waited {bound_s} s; messages {self.messages}, events {self.events}"
            self._pump(left)

    def wait(self, wanted: Callable[[m.Message], bool]) -> m.Message:
        """The first such message; it is taken out."""
        self.until(lambda: any(map(wanted, self.messages)))
        at = next(i for i, one in enumerate(self.messages) if wanted(one))
        return self.messages.pop(at)

    def round_trip(self) -> None:
        """Wait until the engine has worked off all that was sent before on the scheduler channel:
        messages of one client keep their order, and each heartbeat is answered."""
        self.send(m.ClientHeartbeat())
        self.wait(lambda one: isinstance(one, m.ClientHeartbeatEcho))

    # -- acting

    def send(self, message: m.Message) -> None:
        """On the scheduler channel."""
        self._dealer.send(encode(message))

    def send_bytes(self, data: bytes) -> None:
        """Anything at all, on the scheduler channel."""
        self._dealer.send(data)

    def put(self, value: Any) -> bytes:
        """Upload an object; returns its id."""
        return self.put_bytes(cloudpickle.dumps(value))

    def put_bytes(self, data: bytes, object_id: bytes | None = None) -> bytes:
        """Upload bytes; returns the id."""
        assert self.stream is not None
        object_id = object_id or self.ids.object_id(self.identity)
        self.stream.send_frames(self.store.put(object_id, data))
        return object_id

    def stored(self, object_id: bytes) -> None:
        """Wait until the store acknowledged an object."""
        self.until(lambda: Put(object_id) in self.events)

    def task(self, function: bytes, *arguments: bytes, priority: int = 0) -> bytes:
        """Send a task whose objects are or will be there; returns its id."""
        task_id = self.ids.task_id()
        args = tuple(m.Argument(m.ArgumentType.OBJECT_ID, one) for one in arguments)
        flags = TaskFlags(priority=priority).pack()
        self.send(m.Task(task_id, self.identity, flags, function, args))
        return task_id

    def submit(self, function: Any, *arguments: Any) -> bytes:
        """Upload and send; returns the task's id."""
        return self.task(self.put(function), *map(self.put, arguments))

    def cancel(self, task_id: bytes, *, force: bool = True) -> None:
        """Ask; the answer comes as any message."""
        self.send(m.TaskCancel(task_id, force))

    def answer(self, task_id: bytes) -> m.TaskResult | m.TaskCancelConfirm:
        """The answer to a task, taken out."""
        kinds = (m.TaskResult, m.TaskCancelConfirm)
        found = self.wait(lambda one: isinstance(one, kinds) and one.task_id == task_id)
        assert isinstance(found, kinds)
        return found

    def fetch(self, object_id: bytes) -> bytes:
        """The bytes of an object, which is then deleted."""
        assert self.stream is not None
        self.stream.send_frames(self.store.get(object_id))
        self.stream.send_frames(self.store.delete(object_id))

        def found() -> list[Got]:
            return [e for e in self.events if isinstance(e, Got) and e.object_id == object_id]

        self.until(lambda: bool(found()))
        got = found()[0]
        self.events.remove(got)
        return bytes(got.payload)

    def outcome(self, task_id: bytes) -> tuple[m.TaskResultType, Any]:
        """How a task ended, with its value or exception loaded."""
        answer = self.answer(task_id)
        assert isinstance(answer, m.TaskResult), answer
        if not answer.results:
            return answer.result_type, answer.worker_exit
        return answer.result_type, pickle.loads(self.fetch(answer.results[0]))

    def figures(self) -> tuple[int, ...]:
        """What the store says of itself: ids, payloads, bytes, waiting requests, and more."""
        stream = YmqStream(self._dial(), b"figures")
        asked = StoreHeader(RequestKind.INFO, bytes(32), 0, 1)
        stream.send_frames([encode_header(asked)])
        stream.flush()
        poller, got = Poller(), []
        poller.register(stream.poll_item)
        while len(got) < 2:
            assert poller.poll(BOUND), "the store does not answer"
            got += stream.receive()
        stream.close()
        return tuple(int.from_bytes(got[1][at : at + 8], "little") for at in range(0, 48, 8))

    def emptied(self) -> None:
        """Wait until the store has nothing at all. It tells only who asks."""
        deadline = time.monotonic() + BOUND
        while self.figures()[0]:
            assert time.monotonic() < deadline, "objects are left in the store"
            time.sleep(0.01)

    def result(self, task_id: bytes) -> Any:
        """The value of a task that must succeed."""
        kind, value = self.outcome(task_id)
        assert kind is m.TaskResultType.SUCCESS, value
        return value
