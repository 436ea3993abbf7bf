"""The shell of the object store: a listener and its connections. One thread, never blocks.

A connection that asks for more than it reads is not read from until it has: what waits for it stays
bounded. Large objects are sent from where they are stored, uncopied.
"""

import socket
from collections.abc import Callable
from contextlib import suppress

from futurefsm.client.deadlines import AT_ONCE, Alarm
from futurefsm.client.engine.store import ObjectStore, Reply
from futurefsm.protocol.errors import ProtocolError, TransportClosedError
from futurefsm.protocol.transport.poller import Poller
from futurefsm.protocol.transport.ymq import YmqStream, accept

IDENTITY = b"ObjectStorageServer"

UNSENT_BYTES = 64 * 1024 * 1024
"""What may wait for a connection before it is not read from any more."""

_AGAIN_S = 1.0

Handler = Callable[[bool, bool], None]


class StorageServer:
    """Serves `store` to whoever connects.

    Args:
        listener: a listening socket; owned from here on.
        store: the objects.
        poller: where descriptors are registered.
        handlers: descriptor → what to call when it is ready; entries are added and removed.
        changed: called when messages may have changed the store, once for all that came together.
        gone: called with the identity of a connection that ended.
        complain: called with an identity and what was wrong.
        alarm: rings when `tick` is to be called.

    Attributes:
        deaf: it accepts no more connections, and `tick` is to be called, whatever the time.
        again_at: when it is to be called next; None for never.
    """

    def __init__(
        self,
        listener: socket.socket,
        store: ObjectStore,
        poller: Poller,
        handlers: dict[object, Handler],
        changed: Callable[[], None],
        gone: Callable[[bytes], None],
        complain: Callable[[bytes, str], None],
        alarm: Alarm,
    ) -> None:
        self._alarm = alarm
        self._listener = listener
        self._store = store
        self._poller = poller
        self._handlers = handlers
        self._changed = changed
        self._gone = gone
        self._complain = complain
        self._streams: dict[int, YmqStream] = {}
        self._interest: dict[int, tuple[bool, bool]] = {}
        self.deaf = False
        self.again_at: float | None = None
        self._listen()

    def tick(self, now: float) -> None:
        """Time passed: accept connections again, a while after there were too many."""
        if self.deaf:
            self.deaf = False
            self.again_at = now + _AGAIN_S
        elif self.again_at is not None and now >= self.again_at:
            self.again_at = None
            self._listen()

    def _listen(self) -> None:
        self._handlers[self._listener.fileno()] = self._accept
        self._poller.register(self._listener.fileno())

    def _accept(self, readable: bool, writable: bool) -> None:
        try:
            sock = accept(self._listener)
        except OSError as error:
            # No descriptor is left. The listener stays readable: do not spin; `tick` resumes.
            self._complain(b"", f"cannot accept a storage connection: {error}")
            self._poller.unregister(self._listener.fileno())
            self.deaf = True
            self._alarm.by(AT_ONCE)
            return
        if sock is None:
            return
        limit = self._store.limit_bytes
        stream = YmqStream(sock, IDENTITY, max_message=limit)
        fd = stream.poll_item
        self._streams[fd] = stream
        self._store.opened(fd)
        self._handlers[fd] = lambda readable, writable: self._ready(fd, readable, writable)
        self._flush(fd)

    def _ready(self, fd: int, readable: bool, writable: bool) -> None:
        stream = self._streams[fd]
        try:
            if readable and self._interest[fd][0]:
                self._serve(fd, stream)
        except (ProtocolError, TransportClosedError) as error:
            if self._streams.get(fd) is stream:
                self._complain(stream.peer_identity or b"", str(error))
                self._close(fd)
            return
        if self._streams.get(fd) is not stream:
            return
        if stream.eof:
            self._close(fd)
        else:
            self._flush(fd)

    def _serve(self, fd: int, stream: YmqStream) -> None:
        """All that has come. The replies leave together, and what changed is told once."""
        answered: dict[int, None] = {}
        try:
            for message in stream.receive():
                for connection, buffers in self._store.receive(fd, message):
                    assert isinstance(connection, int)
                    self._streams[connection].send_frames(buffers)
                    answered[connection] = None
        finally:
            for connection in answered:
                if connection in self._streams:
                    self._flush(connection)
            self._changed()

    def send(self, replies: list[Reply]) -> None:
        """Queue replies, and send what the connections take."""
        for connection, buffers in replies:
            assert isinstance(connection, int)
            stream = self._streams.get(connection)
            if stream is not None:
                stream.send_frames(buffers)
                self._flush(connection)

    def _flush(self, fd: int) -> None:
        stream = self._streams[fd]
        try:
            stream.flush()
        except TransportClosedError:
            self._close(fd)
            return
        interest = (stream.unsent < UNSENT_BYTES, stream.wants_write)
        if self._interest.get(fd) != interest:
            self._interest[fd] = interest
            self._poller.register(fd, read=interest[0], write=interest[1])

    def _close(self, fd: int) -> None:
        stream = self._streams.pop(fd)
        identity = stream.peer_identity
        self._poller.unregister(fd)
        del self._handlers[fd]
        self._interest.pop(fd, None)
        self._store.closed(fd)
        stream.close()
        if identity is not None:
            self._gone(identity)

    def connected(self, identity: bytes) -> bool:
        """Whether a connection with this identity is open."""
        return any(stream.peer_identity == identity for stream in self._streams.values())

    def close(self) -> None:
        """Close the listener and all connections."""
        for fd in tuple(self._streams):
            self._close(fd)
        with suppress(KeyError):
            del self._handlers[self._listener.fileno()]
        self._poller.unregister(self._listener.fileno())
        self._listener.close()
