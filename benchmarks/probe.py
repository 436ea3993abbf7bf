"""The least that a client of a Scaler can do, for `cluster.py`: what no client can do without.

One thread, no lifecycle, no story, no callback, no second try, no care for what goes wrong: it
sends what a task needs, in as few writes as it can, waits, asks for the values, unpickles and
deletes them. A future here is a place for a value. So a rate of it is roughly the most that the
cluster lets any client have, and a target beyond it cannot be met. For a cluster that is up.
"""

import os
import pickle
import select
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import cloudpickle
import zmq

from futurefsm.protocol.codec import decode, encode
from futurefsm.protocol.ids import IdSource, new_identity, serializer_id
from futurefsm.protocol.messages import (
    Argument,
    ArgumentType,
    ClientDisconnect,
    ClientHeartbeat,
    ClientHeartbeatEcho,
    InstructionType,
    Message,
    ObjectInstruction,
    ObjectMetadata,
    ObjectType,
    Task,
    TaskCancel,
    TaskCancelConfirm,
    TaskResult,
)
from futurefsm.protocol.object_store import Got, StoreClient
from futurefsm.protocol.task_flags import TaskFlags
from futurefsm.protocol.transport.buffers import Buffers, give_back
from futurefsm.protocol.transport.ymq import YmqStream, connect_tcp

_SERIALIZER = b"\x80\x02cscaler.client.serializer.default\nDefaultSerializer\n)\x81."
# What is queued leaves when it is so many tasks, or bytes.
_BATCH, _BATCH_BYTES = 256, 1 << 20
# As our own client: where so many are on their way, messages gather for so many seconds.
_MANY, _REST_S = 32, 0.01
_BEAT_S = 2.0
_SILENCE_S = 60.0
_PENDING, _CANCELLED = object(), object()


class Place:
    """Where a value comes to."""

    __slots__ = ("probe", "value")

    def __init__(self, probe: "Probe") -> None:
        self.probe = probe
        self.value: Any = _PENDING

    def result(self) -> Any:
        if self.value is _PENDING:
            self.probe.wait_for(self)
        return self.value

    def cancelled(self) -> bool:
        return self.value is _CANCELLED


class _Ymq:
    """The scheduler's channel."""

    def __init__(self, host: str, port: int, identity: bytes) -> None:
        self._stream = YmqStream(connect_tcp(host, port), identity)
        self.poll_item = self._stream.poll_item
        _flushed(self._stream)
        while self._stream.peer_identity is None:
            select.select([self.poll_item], [], [])
            self._stream.receive()

    def send(self, messages: list[bytes]) -> None:
        self._stream.send_frames(messages)
        _flushed(self._stream)

    def receive(self) -> list[Any]:
        return self._stream.receive()

    def close(self) -> None:
        self._stream.close()


class _Zmq:
    """The same, over ZeroMQ."""

    def __init__(self, host: str, port: int, identity: bytes) -> None:
        self._context = zmq.Context()
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.setsockopt(zmq.IDENTITY, identity)
        self._socket.set_hwm(0)
        self._socket.connect(f"tcp://{host}:{port}")
        self.poll_item = self._socket.fileno()

    def send(self, messages: list[bytes]) -> None:
        for message in messages:
            self._socket.send(message)

    def receive(self) -> list[Any]:
        messages = []
        while int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            messages.append(self._socket.recv())
        return messages

    def close(self) -> None:
        self._socket.close(1000)
        self._context.term()


class Probe:
    """Has what `cluster.py` does with a client."""

    def __init__(self, address: str, backend: str) -> None:
        host, _, port = address.removeprefix("tcp://").partition(":")
        self._identity, self._ids = new_identity(), IdSource(os.urandom(16))
        self._flags = TaskFlags().pack()
        self._store = StoreClient()
        # Task id → its place, and object id → that of the task whose value it is.
        self._tasks: dict[bytes, Place] = {}
        self._values: dict[bytes, Place] = {}
        self._functions: dict[Callable[..., Any], bytes] = {}
        self._created: list[tuple[bytes, int, ObjectType]] = []
        self._queued: list[Message] = []
        self._requests: list[Any] = []
        self._bytes = 0
        self._beat_at = 0.0
        self._channel: Any = (_Ymq if backend == "ymq" else _Zmq)(host, int(port), self._identity)
        self._poll = select.poll()
        self._poll.register(self._channel.poll_item, select.POLLIN)
        self._stream = self._dial_store()
        self._poll.register(self._stream.poll_item, select.POLLIN)
        self._put(serializer_id(self._identity), _SERIALIZER, ObjectType.SERIALIZER)

    def _dial_store(self) -> YmqStream:
        self.flush()
        while True:
            for message in map(decode, self._channel.receive()):
                if isinstance(message, ClientHeartbeatEcho):
                    told = message.object_storage_address
                    stream = YmqStream(connect_tcp(told.host, told.port), self._identity)
                    stream.use(Buffers())
                    return stream
            self._poll.poll(100)

    def submit(self, fn: Callable[..., Any], *args: Any) -> Place:
        function = self._functions.get(fn)
        if function is None:
            function = self._functions[fn] = self._ids.object_id(self._identity)
            self._put(function, cloudpickle.dumps(fn))
        arguments = []
        for arg in args:
            object_id = self._ids.object_id(self._identity)
            self._put(object_id, cloudpickle.dumps(arg))
            arguments.append(Argument(ArgumentType.OBJECT_ID, object_id))
        task_id = self._ids.task_id()
        place = self._tasks[task_id] = Place(self)
        self._queued.append(Task(task_id, self._identity, self._flags, function, tuple(arguments)))
        if len(self._queued) >= _BATCH or self._bytes >= _BATCH_BYTES:
            self.flush()
        return place

    def map(self, fn: Callable[..., Any], values: Iterable[Any]) -> Iterator[Any]:
        places = [self.submit(fn, value) for value in values]
        return (place.result() for place in places)

    def cancel(self, places: list[Place]) -> None:
        """Ask for all, wait for all."""
        wanted = set(places)
        for task_id, place in self._tasks.items():
            if place in wanted:
                self._queued.append(TaskCancel(task_id))
        for place in places:
            place.result()

    def disconnect(self) -> None:
        self._channel.send([encode(ClientDisconnect())])
        self._channel.close()
        self._stream.close()

    def _put(self, object_id: bytes, payload: bytes, kind: ObjectType = ObjectType.OBJECT) -> None:
        self._created.append((object_id, len(payload), kind))
        self._requests += self._store.put(object_id, payload)
        self._bytes += len(payload)

    def flush(self) -> None:
        """Send what is queued: announcements first, all in one write."""
        messages: list[Message] = []
        now = time.monotonic()
        if now >= self._beat_at:
            self._beat_at = now + _BEAT_S
            messages.append(ClientHeartbeat())
        if self._created:
            object_ids, sizes, kinds = zip(*self._created, strict=True)
            names = (b"probe",) * len(object_ids)
            about = ObjectMetadata(object_ids, kinds, names, sizes)
            messages.append(ObjectInstruction(InstructionType.CREATE, self._identity, about))
            self._created.clear()
        messages += self._queued
        self._queued.clear()
        if messages:
            self._channel.send([encode(message) for message in messages])
        if self._requests:
            self._stream.send_frames(self._requests)
            self._requests, self._bytes = [], 0
            _flushed(self._stream)

    def wait_for(self, place: Place) -> None:
        """Take what comes until its value is here.

        Raises:
            TimeoutError: nothing came for a minute.
        """
        deadline = time.monotonic() + _SILENCE_S
        while place.value is _PENDING:
            self.flush()
            if len(self._tasks) >= _MANY:
                time.sleep(_REST_S)
            # A descriptor of ZeroMQ's does not say again what it has said: look at it in any case.
            self._receive()
            if not self._requests and place.value is _PENDING:
                if self._poll.poll(100):
                    deadline = time.monotonic() + _SILENCE_S
                elif time.monotonic() > deadline:
                    raise TimeoutError(f"the cluster said nothing to the probe for {_SILENCE_S} s")
                self._receive()

    def _receive(self) -> None:
        for message in map(decode, self._channel.receive()):
            if isinstance(message, TaskResult):
                (object_id,) = message.results
                self._values[object_id] = self._tasks.pop(message.task_id)
                self._requests += self._store.get(object_id)
            elif isinstance(message, TaskCancelConfirm):
                self._tasks.pop(message.task_id).value = _CANCELLED
        for frame in self._stream.receive():
            for event in self._store.receive(frame):
                if isinstance(event, Got):
                    self._values.pop(event.object_id).value = pickle.loads(event.payload)
                    give_back(event.payload)
                    self._requests += self._store.delete(event.object_id)


def _flushed(stream: YmqStream) -> None:
    while not stream.flush():
        select.select([], [stream.poll_item], [])
