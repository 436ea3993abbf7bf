"""What each worker holds of functions and arguments, so that they are sent once. PURE.

Both ends keep the same book: what a message says to keep and to forget, the worker does in the
order of the messages. A message that may be taken back changes nothing in it.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from typing import TypeAlias

from futurefsm.client.engine import frames
from futurefsm.protocol.piggyback import Buffer, Handed, Payload, plain

Blob: TypeAlias = tuple[bytes, Payload]
"""An object's id and bytes."""

CACHE_BYTES = 256 * 1024 * 1024
CACHE_ENTRIES = 4096
"""What one worker keeps of functions and of arguments that come again."""

Give: TypeAlias = Callable[[Payload, int], bool]

_ROLES = (b"s", b"f", b"a")


class Holdings:
    """Of all workers of one engine."""

    def __init__(self) -> None:
        # An argument is kept by a worker only once it has come a second time: most never do.
        self.seen: set[bytes] = set()
        # Object id → who holds it.
        self.holders: dict[bytes, dict[int, Holding]] = {}

    def of(self, worker: int, give: "Give | None" = None) -> "Holding":
        """A new worker's. `give` hands it an object, by a number; False where it cannot go so."""
        return Holding(worker, self, give)

    def forget(self, object_ids: Iterable[bytes]) -> list[int]:
        """The objects are deleted, or replaced. Returns the workers that hold one: they are to be
        told."""
        touched: dict[int, None] = {}
        for object_id in object_ids:
            self.seen.discard(object_id)
            if object_id not in self.holders:
                continue
            for number, holding in tuple(self.holders[object_id].items()):
                for role in _ROLES:
                    holding.drop(role + object_id)
                touched[number] = None
        return list(touched)


class Holding:
    """Of one worker.

    Args:
        worker: its number.
        holdings: the others'.
        give: see `Holdings.of`.
    """

    __slots__ = ("_all", "_bytes", "_forget", "_give", "_held", "_worker")

    def __init__(self, worker: int, holdings: Holdings, give: Give | None = None) -> None:
        self._worker = worker
        self._all = holdings
        self._give = give
        # Key → bytes; who was used last is last.
        self._held: OrderedDict[bytes, int] = OrderedDict()
        self._bytes = 0
        self._forget: list[bytes] = []

    def message(
        self,
        sequence: int,
        serializer: Blob | None,
        function: Blob,
        arguments: Sequence[Blob],
        priority: int,
        stream_output: bool,
    ) -> list[Buffer]:
        """A task for the worker, in pieces: what it does not hold comes along."""
        body: list[Buffer] = []
        before = self._bytes
        codec = None if serializer is None else self._part(b"s", serializer, True, body)
        call = self._part(b"f", function, True, body)
        parts = []
        seen = self._all.seen
        for blob in arguments:
            again = blob[0] in seen
            if not again:
                seen.add(blob[0])
            parts.append(self._part(b"a", blob, again, body, sequence))
        if self._bytes != before:  # nor is what was handed over in the body
            self._shrink()
        forget = self.to_forget() if self._forget else ()
        run = (sequence, codec, call, tuple(parts), forget, priority, stream_output)
        return [frames.run_head(run, sum(map(len, body))), *body]

    def offer(
        self,
        sequence: int,
        serializer: Blob | None,
        function: Blob,
        arguments: Sequence[Blob],
        priority: int,
    ) -> list[Buffer] | None:
        """The same for a message that may be taken back, whichever the worker takes meanwhile: it
        brings nothing to keep and says nothing to forget. None where it would have to."""
        held = self._held
        steady = b"f" + function[0] in held and not self._forget
        if not steady or (serializer is not None and b"s" + serializer[0] not in held):
            return None
        body: list[Buffer] = []
        codec = None if serializer is None else self._part(b"s", serializer, False, body)
        call = self._part(b"f", function, False, body)
        parts = tuple([self._part(b"a", blob, False, body) for blob in arguments])
        run = (sequence, codec, call, parts, (), priority, False)
        return [frames.run_head(run, sum(map(len, body))), *body]

    def to_forget(self) -> tuple[bytes, ...]:
        """What is to be told to the worker; it counts as told."""
        forget, self._forget = tuple(self._forget), []
        return forget

    def _part(
        self, role: bytes, blob: Blob, keep: bool, body: list[Buffer], number: int = 0
    ) -> frames.Part:
        object_id, payload = blob
        key = role + object_id
        if key in self._held:
            self._held.move_to_end(key)
            return (key, frames.ABSENT, True)
        size = len(payload)
        keep = keep and size <= CACHE_BYTES // 4
        if keep:
            self._held[key] = size
            self._bytes += size
            self._all.holders.setdefault(object_id, {})[self._worker] = self
        give = self._give if number else None
        if give is not None and isinstance(payload, Handed) and give(payload, number):
            return (key, frames.aside(size), keep)
        body.append(plain(payload))
        return (key, size, keep)

    def _shrink(self) -> None:
        """Forget what was not used for longest. What this run uses is the newest, and stays."""
        while len(self._held) > CACHE_ENTRIES or self._bytes > CACHE_BYTES:
            self.drop(next(iter(self._held)))

    def drop(self, key: bytes) -> None:
        """Hold this no longer, if it is held; the worker will be told."""
        size = self._held.pop(key, None)
        if size is None:
            return
        self._bytes -= size
        self._forget.append(key)
        object_id = key[1:]
        if not any(role + object_id in self._held for role in _ROLES):
            holders = self._all.holders[object_id]
            del holders[self._worker]
            if not holders:
                del self._all.holders[object_id]

    def drop_all(self) -> None:
        """The worker is gone."""
        for key in tuple(self._held):
            self.drop(key)
