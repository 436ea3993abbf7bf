"""Which objects of this client the cluster has, and who needs them. PURE.

Functions and repeated arguments are uploaded once: equal bytes share one object. An object that no
task needs is kept while there is room, the oldest deleted when there is not, and all of them when
no task has come for a while: another task may need it, and deleting one costs a cluster as much as
a tenth of a task. Only what is large and cannot be shared goes with its task. An object that its
user sent and holds a reference to is kept until it is disowned.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from hashlib import blake2b
from typing import NamedTuple

from futurefsm.protocol.messages import (
    Argument,
    ArgumentType,
    InstructionType,
    ObjectInstruction,
    ObjectMetadata,
    ObjectType,
)
from futurefsm.protocol.piggyback import Handed

# What idle uploads may occupy in the cluster.
IDLE_BYTES_MAX = 64 * 2**20
IDLE_COUNT_MAX = 16_384

# A larger object that no other task can share is deleted with the last task that needs it.
LONE_BYTES_MAX = 64 * 1024

# A larger object cannot be uploaded again: its bytes would be held as long as any task needs them.
KEPT_BYTES_MAX = 8 * 2**20


def digest_of(payload: bytes) -> bytes:
    """Of all bytes: the same for equal ones only."""
    return blake2b(payload, digest_size=16).digest()


class Blob(NamedTuple):
    """Bytes to upload.

    Attributes:
        payload: the serialised object.
        digest: equal for equal bytes, and hardly ever for others (see `likeness`); None for bytes
            that are not to be shared.
        name: shown by monitors.
    """

    payload: bytes | Handed
    digest: bytes | None
    name: str


class Upload:
    """One object in the cluster, and how many tasks need it."""

    __slots__ = (
        "argument",
        "digest",
        "dropped",
        "name",
        "needed_by",
        "object_id",
        "payload",
        "promised",
        "redeemed",
        "size",
    )

    def __init__(self, object_id: bytes, blob: Blob) -> None:
        self.object_id = object_id
        # How a task names it.
        self.argument = Argument(ArgumentType.OBJECT_ID, object_id)
        self.digest = blob.digest
        self.name = blob.name
        self.size = len(blob.payload)
        # For a scheduler that has forgotten this client, and all of its objects.
        self.payload = bytes(blob.payload) if self.size <= KEPT_BYTES_MAX else None
        self.needed_by = 0
        self.dropped = False
        # Of a reference: the tasks that came, and, once it is disowned, all that will.
        self.redeemed = 0
        self.promised: int | None = None


class Uploads:
    """The table of uploads.

    Args:
        new_object_id: makes an id of this client.
    """

    def __init__(
        self,
        new_object_id: Callable[[], bytes],
        *,
        idle_bytes_max: int = IDLE_BYTES_MAX,
        idle_count_max: int = IDLE_COUNT_MAX,
    ) -> None:
        self._new_object_id = new_object_id
        self._shared: dict[bytes, Upload] = {}
        self._owned: dict[bytes, Upload] = {}
        # What no task needs, the oldest first. The large ones by themselves: a few of them would
        # drive out thousands that are small.
        self._idle: OrderedDict[bytes, Upload] = OrderedDict()
        self._bulky: OrderedDict[bytes, Upload] = OrderedDict()
        self._idle_bytes = 0
        self._idle_bytes_max = idle_bytes_max
        self._idle_count_max = idle_count_max
        # Sent, and not yet known to be stored. The two channels have no mutual order: were such an
        # object deleted on the scheduler's channel, its bytes could arrive behind that, for ever.
        self._unstored: dict[bytes, Upload] = {}
        # What the next flush tells the scheduler.
        self.created: list[Upload] = []
        self.dropped: list[bytes] = []

    def __len__(self) -> int:
        return len(self._shared)

    def need(self, blob: Blob) -> tuple[Upload, bool]:
        """One task more needs these bytes; True where they have to be sent."""
        digest = blob.digest
        shared = self._shared.get(digest) if digest is not None else None
        if shared is not None and shared.payload is not None and shared.payload != blob.payload:
            # They only look alike.
            digest = digest_of(bytes(blob.payload))
            shared = self._shared.get(digest)
        if shared is not None:
            if not shared.needed_by:
                idle = self._bulky if shared.size > LONE_BYTES_MAX else self._idle
                del idle[shared.object_id]
                self._idle_bytes -= shared.size
            shared.needed_by += 1
            return shared, False
        upload = Upload(self._new_object_id(), blob)
        upload.needed_by = 1
        if digest is not None:
            upload.digest = digest
            self._shared[digest] = upload
        self.created.append(upload)
        self._unstored[upload.object_id] = upload
        return upload, True

    def own(self, object_id: bytes, blob: Blob) -> None:
        """A new object that its user holds a reference to."""
        upload = self._owned[object_id] = Upload(object_id, Blob(blob.payload, None, blob.name))
        upload.needed_by = 1
        self.created.append(upload)
        self._unstored[object_id] = upload

    def borrow(self, object_id: bytes) -> Upload | None:
        """One task more needs an owned object; None where there is none.

        The task must have been announced to the reference before that was disowned.
        """
        upload = self._owned.get(object_id)
        if upload is not None:
            upload.redeemed += 1
            if upload.promised is None:
                upload.needed_by += 1
        return upload

    def disown(self, object_id: bytes, promised: int) -> None:
        """Its user needs it no more; `promised` tasks needed it in all, some still to come."""
        upload = self._owned.get(object_id)
        if upload is not None and upload.promised is None:
            upload.promised = promised
            upload.needed_by += promised - upload.redeemed
            self.release(upload)

    def stored(self, object_id: bytes) -> None:
        """The store has it: from now on it can be deleted."""
        upload = self._unstored.pop(object_id, None)
        if upload is not None and upload.dropped:
            self.dropped.append(object_id)

    def release(self, upload: Upload) -> None:
        """One task less needs it."""
        upload.needed_by -= 1
        if upload.needed_by:
            return
        if upload.digest is None:
            owned = self._owned.pop(upload.object_id, None) is not None
            if owned or upload.size > LONE_BYTES_MAX:
                self._drop(upload)
                return
            upload.payload = None
        idle = self._bulky if upload.size > LONE_BYTES_MAX else self._idle
        idle[upload.object_id] = upload
        self._idle_bytes += upload.size
        while self._idle_bytes > self._idle_bytes_max:
            self._drop_oldest(self._bulky or self._idle)
        while len(self._idle) + len(self._bulky) > self._idle_count_max:
            self._drop_oldest(self._idle or self._bulky)

    def kept(self) -> set[bytes]:
        """The ids of all that is in the cluster, or on its way, but for what references hold."""
        return {each.object_id for each in self._shared.values()} | set(self._idle)

    @property
    def idle(self) -> int:
        """How many objects no task needs."""
        return len(self._idle) + len(self._bulky)

    def again(self, needed: Iterable[Upload]) -> list[tuple[Upload, bytes]]:
        """The cluster may have lost them all: those to upload again, with their bytes. What no
        task needs is dropped; what a reference needs is kept.

        Args:
            needed: by tasks.
        """
        self.clear_idle()
        wanted = {upload.object_id: upload for upload in (*needed, *self._owned.values())}
        found = [(up, up.payload) for up in wanted.values() if up.payload is not None]
        self._unstored.update((upload.object_id, upload) for upload, _ in found)
        return found

    def clear_idle(self, count: int | None = None) -> None:
        """Drop what no task needs: everything, or so many, large ones and the oldest first."""
        left = self.idle if count is None else min(count, self.idle)
        for _ in range(left):
            self._drop_oldest(self._bulky or self._idle)

    def _drop_oldest(self, queue: "OrderedDict[bytes, Upload]") -> None:
        _, upload = queue.popitem(last=False)
        self._idle_bytes -= upload.size
        if upload.digest is not None:
            del self._shared[upload.digest]
        self._drop(upload)

    def _drop(self, upload: Upload) -> None:
        upload.dropped = True
        if upload.object_id not in self._unstored:
            self.dropped.append(upload.object_id)


def announcement(identity: bytes, created: list[Upload]) -> ObjectInstruction:
    """Tells the scheduler of new objects."""
    metadata = ObjectMetadata(
        tuple(up.object_id for up in created),
        (ObjectType.OBJECT,) * len(created),
        tuple(up.name.encode(errors="backslashreplace") for up in created),
        tuple(up.size for up in created),
    )
    return ObjectInstruction(InstructionType.CREATE, identity, metadata)


def serializer_announcement(identity: bytes, object_id: bytes, size: int) -> ObjectInstruction:
    """Tells the scheduler of the client's serializer."""
    metadata = ObjectMetadata((object_id,), (ObjectType.SERIALIZER,), (b"serializer",), (size,))
    return ObjectInstruction(InstructionType.CREATE, identity, metadata)


def deletion(identity: bytes, object_ids: list[bytes]) -> ObjectInstruction:
    """Tells the scheduler, and with it all workers, to drop objects."""
    return ObjectInstruction(InstructionType.DELETE, identity, ObjectMetadata(tuple(object_ids)))
