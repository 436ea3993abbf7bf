"""The embedded engine's object store: bytes by id. PURE: no socket, no clock, no thread.

Speaks the storage channel's requests for any number of connections. An object that is asked for
before it exists is sent when it does. What does not fit is not kept, and is remembered as refused:
the channel has no word for that, so the scheduler tells those whose tasks need it.
"""

from collections.abc import Callable, Collection, Hashable
from typing import NamedTuple

from futurefsm.protocol.errors import ProtocolError
from futurefsm.protocol.object_store import (
    Buffer,
    RequestKind,
    StoreRequest,
    StoreServerCodec,
    deleted_reply,
    duplicated_reply,
    got_reply,
    info_reply,
    put_reply,
)
from futurefsm.protocol.piggyback import Payload, plain

Connection = Hashable
Reply = tuple[Connection, list[Buffer]]
"""To which connection, and the messages."""

_OWNER = 16
_MAX_REFUSED = 10_000


class Changes(NamedTuple):
    """What happened to the objects since the last look.

    Attributes:
        stored: ids that exist now and did not, or have other bytes.
        dropped: ids that were deleted or replaced; whoever holds copies should drop them.
        refused: ids that did not fit.
    """

    stored: list[bytes]
    dropped: list[bytes]
    refused: list[bytes]


_NOTHING = Changes([], [], [])


class ObjectStore:
    """All objects of one engine.

    Args:
        limit_bytes: of all payloads together.

    Attributes:
        stored_bytes: of all payloads; one that is shared by two ids counts once.
        changed: `changes` has something to tell.
        has: whether an object exists.
        get: its bytes; raises `KeyError`. Both are the dictionary's own: they are asked several
            times for each task.
    """

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.stored_bytes = 0
        self._objects: dict[bytes, Payload] = {}
        self.has: Callable[[bytes], bool] = self._objects.__contains__
        self.get: Callable[[bytes], Payload] = self._objects.__getitem__
        self._uses: dict[int, int] = {}
        self._owned: dict[bytes, dict[bytes, None]] = {}
        self._refused: dict[bytes, int] = {}
        self._codecs: dict[Connection, StoreServerCodec] = {}
        self._waiting: dict[bytes, list[tuple[Connection, StoreRequest, float]]] = {}
        self._waits: dict[Connection, dict[bytes, None]] = {}
        self._changes = Changes([], [], [])
        self.changed = False
        self._barred: set[bytes] = set()

    # -- what the engine asks

    @property
    def count(self) -> int:
        """How many ids exist."""
        return len(self._objects)

    @property
    def waiting(self) -> int:
        """How many requests wait for an object to exist."""
        return sum(len(requests) for requests in self._waiting.values())

    def size(self, object_id: bytes) -> int:
        """Its bytes' number; raises `KeyError`."""
        return len(self._objects[object_id])

    def refused(self, object_id: bytes) -> int | None:
        """The size of an object that was sent and did not fit, else None."""
        return self._refused.get(object_id)

    def fits(self, size: int) -> bool:
        """Whether an object of so many bytes would be kept."""
        return self.stored_bytes + size <= self.limit_bytes

    def changes(self) -> Changes:
        """What happened since the last call."""
        if not self.changed:
            return _NOTHING
        changes, self._changes = self._changes, Changes([], [], [])
        self.changed = False
        return changes

    def accept(self, object_id: bytes, payload: Payload) -> list[Reply]:
        """`put`, of what a client sends: not kept where its owner is barred."""
        return [] if object_id[:_OWNER] in self._barred else self.put(object_id, payload)

    def put(self, object_id: bytes, payload: Payload, *, force: bool = False) -> list[Reply]:
        """Keep an object, in place of an older one; the replies to those who wait for it.

        Whether it was kept, `has` and `refused` tell. `force` is for errors, which are small and
        must be heard of most when the store is full.
        """
        if not force:
            replaced = len(self._objects.get(object_id, b""))
            if not self.fits(len(payload) - replaced):
                self.refuse(object_id, len(payload))
                return []
        if object_id in self._waiting:
            return self._keep(object_id, payload)
        self._place(object_id, payload)
        return []

    def delete(self, object_id: bytes) -> bool:
        """Drop an object; whether it existed."""
        self._refused.pop(object_id, None)
        if object_id not in self._objects:
            return False
        self._drop(object_id)
        return True

    def delete_owned(self, owner: bytes, keep: Collection[bytes] = ()) -> int:
        """Drop all objects whose ids begin with these 16 bytes, but for `keep`; their number."""
        ids = [one for one in self._owned.get(owner, ()) if one not in keep]
        for object_id in ids:
            self._drop(object_id)
        for object_id in [one for one in self._refused if one.startswith(owner)]:
            del self._refused[object_id]
        return len(ids)

    def bar(self, owner: bytes) -> None:
        """What connections send with this owner is not kept any more, though acknowledged."""
        self._barred.add(owner)

    def admit(self, owner: bytes) -> None:
        """It is again."""
        self._barred.discard(owner)

    # -- what connections ask

    def opened(self, connection: Connection) -> None:
        """A connection begins; its requests come from `receive`."""
        self._codecs[connection] = StoreServerCodec()

    def closed(self, connection: Connection) -> None:
        """A connection ended; nobody waits there any more."""
        self._codecs.pop(connection, None)
        for object_id in self._waits.pop(connection, ()):
            left = [one for one in self._waiting[object_id] if one[0] != connection]
            if left:
                self._waiting[object_id] = left
            else:
                del self._waiting[object_id]

    def receive(self, connection: Connection, message: Buffer, now: float = 0.0) -> list[Reply]:
        """One message of a connection; the replies, also those to others that waited.

        Raises:
            ProtocolError: close this connection.
        """
        codec = self._codecs.get(connection)
        if codec is None:
            raise ProtocolError("a message of a connection that is closed", message)
        request = codec.receive(message)
        if request is None:
            return []
        match request.kind:
            case RequestKind.DUPLICATE if request.object_id[:_OWNER] in self._barred:
                return [(connection, duplicated_reply(request))]
            case RequestKind.SET:
                replies = self.accept(request.object_id, request.payload)
                return [(connection, put_reply(request)), *replies]
            case RequestKind.GET | RequestKind.DUPLICATE:
                return self._get(connection, request, now)
            case RequestKind.DELETE:
                existed = self.delete(request.object_id)
                return [(connection, deleted_reply(request, existed))]
            case RequestKind.INFO:
                return [(connection, info_reply(request, self._figures(now)))]

    def _get(self, connection: Connection, request: StoreRequest, now: float) -> list[Reply]:
        wanted = request.source_id or request.object_id
        if wanted in self._objects:
            return self._serve(connection, request, self._objects[wanted])
        self._waiting.setdefault(wanted, []).append((connection, request, now))
        self._waits.setdefault(connection, {})[wanted] = None
        return []

    def _serve(
        self, connection: Connection, request: StoreRequest, payload: Payload
    ) -> list[Reply]:
        if request.kind is RequestKind.GET:
            return [(connection, got_reply(request, plain(payload)))]
        return [(connection, duplicated_reply(request)), *self._keep(request.object_id, payload)]

    # -- the book

    def _keep(self, object_id: bytes, payload: Payload) -> list[Reply]:
        replies: list[Reply] = []
        # A list and not recursion: duplicates of duplicates may wait in a chain.
        todo = [(object_id, payload)]
        while todo:
            one, payload = todo.pop()
            self._place(one, payload)
            for connection, request, _ in self._waiting.pop(one, ()):
                # One connection may have asked twice.
                waits = self._waits.get(connection, {})
                waits.pop(one, None)
                if not waits:
                    self._waits.pop(connection, None)
                if request.kind is RequestKind.GET:
                    replies.append((connection, got_reply(request, plain(payload))))
                else:
                    replies.append((connection, duplicated_reply(request)))
                    todo.append((request.object_id, payload))
        return replies

    def _place(self, object_id: bytes, payload: Payload) -> None:
        if object_id in self._objects:
            self._drop(object_id)
        self._refused.pop(object_id, None)
        self._objects[object_id] = payload
        self._owned.setdefault(object_id[:_OWNER], {})[object_id] = None
        uses = self._uses.get(id(payload), 0)
        self._uses[id(payload)] = uses + 1
        if not uses:
            self.stored_bytes += len(payload)
        self._changes.stored.append(object_id)
        self.changed = True

    def _drop(self, object_id: bytes) -> None:
        payload = self._objects.pop(object_id)
        owned = self._owned[object_id[:_OWNER]]
        del owned[object_id]
        if not owned:
            del self._owned[object_id[:_OWNER]]
        uses = self._uses.pop(id(payload)) - 1
        if uses:
            self._uses[id(payload)] = uses
        else:
            self.stored_bytes -= len(payload)
        self._changes.dropped.append(object_id)
        self.changed = True

    def refuse(self, object_id: bytes, size: int) -> None:
        """An object that was sent is not kept; whoever waits for it is told."""
        if object_id in self._objects:
            # The old bytes are not what was asked for any more.
            self._drop(object_id)
        if len(self._refused) >= _MAX_REFUSED:
            del self._refused[next(iter(self._refused))]
        self._refused[object_id] = size
        self._changes.refused.append(object_id)
        self.changed = True

    def _figures(self, now: float) -> tuple[int, int, int, int, int, int]:
        oldest = min((one[2] for many in self._waiting.values() for one in many), default=now)
        return (
            len(self._objects),
            len(self._uses),
            self.stored_bytes,
            self.waiting,
            len(self._waiting),
            max(0, int(now - oldest)),
        )
