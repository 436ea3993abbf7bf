"""A scheduler that does what a test says: real sockets, a real object store, no workers.

The test sees every message of the client and answers as it likes: late, never, twice, out of order.
"""

import queue
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import cloudpickle

from futurefsm.protocol import messages as m
from futurefsm.protocol.codec import decode, encode
from futurefsm.protocol.errors import TransportClosedError
from futurefsm.protocol.ids import IdSource
from futurefsm.protocol.object_store import (
    RequestKind,
    StoreServerCodec,
    deleted_reply,
    got_reply,
    put_reply,
)
from futurefsm.protocol.transport.poller import Poller, Waker
from futurefsm.protocol.transport.ymq import YmqStream, accept, listen_tcp, listen_unix
from futurefsm.protocol.transport.ymq_router import YmqRouter
from futurefsm.protocol.transport.zmq_transport import ZmqRouter

M = TypeVar("M")

# No test waits longer for anything.
PATIENCE_S = 60.0


class ScriptedScheduler:
    """Listens until it is closed. `address` is for `Client(address)`.

    Args:
        echo: whether heartbeats are answered.
        tcp: listen where a client of somebody else's make can connect, too.
        backend: "zmq", or "ymq", which has no other addresses.
    """

    def __init__(self, *, echo: bool = True, tcp: bool = False, backend: str = "zmq") -> None:
        self._dir = tempfile.TemporaryDirectory(prefix="futurefsm-test-")
        folder = Path(self._dir.name)
        self.echo = echo
        self.client = b""
        self.objects: dict[bytes, bytes] = {}
        self.deleted: list[bytes] = []
        self.hold_gets = False
        self.seen: list[m.Message] = []
        self._messages: queue.Queue[m.Message] = queue.Queue()
        self._deletions: queue.Queue[bytes] = queue.Queue()
        self._todo: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._ids = IdSource(b"scripted")
        tcp = tcp or backend == "ymq"
        where = "tcp://127.0.0.1:0" if tcp else f"ipc://{folder / 'scheduler'}"
        self.backend = backend
        self._router = YmqRouter(where) if backend == "ymq" else ZmqRouter(where)
        self.address = self._router.address
        if tcp:
            self._listener = listen_tcp("127.0.0.1")
            self._storage = m.StorageAddress(*self._listener.getsockname())
        else:
            self._listener = listen_unix(str(folder / "storage"))
            self._storage = m.StorageAddress(str(folder / "storage"), 0, "ipc")
        self._waker = Waker()
        self._poller = Poller()
        self._streams: dict[int, tuple[YmqStream, StoreServerCodec]] = {}
        self._waiting: dict[bytes, list[tuple[YmqStream, Any]]] = {}
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="scripted", daemon=True)
        self._thread.start()

    def __enter__(self) -> "ScriptedScheduler":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._stop = True
        self._waker.wake()
        self._thread.join(PATIENCE_S)
        self._dir.cleanup()

    # What a test does.

    def expect(self, kind: type[M]) -> M:
        """The next message of this kind; others before it are passed over."""
        while True:
            message = self._messages.get(timeout=PATIENCE_S)
            if isinstance(message, kind):
                return message

    def expect_deletion(self) -> bytes:
        """The next object that the client deleted on the storage channel."""
        return self._deletions.get(timeout=PATIENCE_S)

    def count(self, kind: type[m.Message]) -> int:
        """How many messages of this kind have come so far."""
        return sum(isinstance(message, kind) for message in self.seen)

    def send(self, message: m.Message) -> None:
        self._do(lambda: self._router.send(self.client, encode(message)))

    def send_raw(self, data: bytes) -> None:
        self._do(lambda: self._router.send(self.client, data))

    def confirm(self, task: m.Task, kind: m.CancelConfirmType) -> None:
        self.send(m.TaskCancelConfirm(task.task_id, kind))

    def result(self, task: m.Task, value: object, *, failed: bool = False) -> bytes:
        """Store a value and send its TaskResult; returns the object's id."""
        object_id = self._ids.object_id(self.client)
        payload = cloudpickle.dumps(value)
        self._do(lambda: self._store(object_id, payload))
        self.send_result(task, object_id, failed=failed)
        return object_id

    def send_result(self, task: m.Task, object_id: bytes, *, failed: bool = False) -> None:
        kind = m.TaskResultType.FAILED if failed else m.TaskResultType.SUCCESS
        self.send(m.TaskResult(task.task_id, kind, b"", (object_id,)))

    def result_bytes(self, task: m.Task, payload: bytes) -> bytes:
        """As `result`, of bytes that a test made."""
        object_id = self._ids.object_id(self.client)
        self._do(lambda: self._store(object_id, payload))
        self.send_result(task, object_id)
        return object_id

    def new_object_id(self) -> bytes:
        return self._ids.object_id(self.client)

    def store(self, object_id: bytes, value: object) -> None:
        payload = cloudpickle.dumps(value)
        self._do(lambda: self._store(object_id, payload))

    def cut_storage(self) -> None:
        """End the storage channel, in order (FIN)."""
        self._do(self._finish)

    # On its thread.

    def _do(self, act: Callable[[], object]) -> None:
        self._todo.put(act)  # type: ignore[arg-type]
        self._waker.wake()

    def _run(self) -> None:
        self._poller.register(self._router.poll_item)
        self._poller.register(self._listener.fileno())
        self._poller.register(self._waker.poll_item)
        while not self._stop:
            self._poller.poll(None)
            self._waker.drain()
            self._take_messages()
            while (sock := accept(self._listener)) is not None:
                stream = YmqStream(sock, b"ObjectStorageServer")
                self._streams[stream.poll_item] = (stream, StoreServerCodec())
                self._poller.register(stream.poll_item)
                self._flush(stream)
            for stream, codec in list(self._streams.values()):
                self._serve(stream, codec)
            with suppress(queue.Empty):
                while True:
                    self._todo.get_nowait()()
        self._cut()
        self._listener.close()
        self._router.close(0.2)
        self._waker.close()

    def _take_messages(self) -> None:
        while (got := self._router.receive()) is not None:
            self.client, data = got
            message = decode(data)
            if isinstance(message, m.ClientHeartbeat):
                if self.echo:
                    self._router.send(self.client, encode(m.ClientHeartbeatEcho(self._storage)))
                continue
            self.seen.append(message)
            self._messages.put(message)

    def _serve(self, stream: YmqStream, codec: StoreServerCodec) -> None:
        for frame in stream.receive():
            request = codec.receive(frame)
            if request is None:
                continue
            if request.kind is RequestKind.SET:
                stream.send_frames(put_reply(request))
                self._store(request.object_id, bytes(request.payload))
            elif request.kind is RequestKind.DELETE:
                existed = self.objects.pop(request.object_id, None) is not None
                stream.send_frames(deleted_reply(request, existed))
                self.deleted.append(request.object_id)
                self._deletions.put(request.object_id)
            elif request.object_id in self.objects and not self.hold_gets:
                stream.send_frames(got_reply(request, self.objects[request.object_id]))
            else:
                self._waiting.setdefault(request.object_id, []).append((stream, request))
        self._flush(stream)
        if stream.eof:
            self._poller.unregister(stream.poll_item)
            self._streams.pop(stream.poll_item)
            stream.close()

    def _store(self, object_id: bytes, payload: bytes) -> None:
        self.objects[object_id] = payload
        if self.hold_gets:
            return
        for stream, request in self._waiting.pop(object_id, ()):
            stream.send_frames(got_reply(request, payload))
            self._flush(stream)

    def _flush(self, stream: YmqStream) -> None:
        # A client that left takes nothing any more.
        with suppress(TransportClosedError):
            done = stream.flush()
            self._poller.register(stream.poll_item, write=not done)

    def release_gets(self) -> None:
        """Answer the gets that were held back."""

        def release() -> None:
            self.hold_gets = False
            for object_id in list(self._waiting):
                if object_id in self.objects:
                    self._store(object_id, self.objects[object_id])

        self._do(release)

    def _finish(self) -> None:
        # Not a close: with bytes that nobody has read yet it would be a reset.
        for stream, _ in self._streams.values():
            self._flush(stream)
            stream._sock.shutdown(socket.SHUT_WR)

    def _cut(self) -> None:
        for stream, _ in self._streams.values():
            self._poller.unregister(stream.poll_item)
            stream.close()
        self._streams.clear()
