"""Identities and ids. PURE but for `new_identity`, which asks the system for randomness.

A client's identity is text, ``Client|<32 hex>`` or ``Client|<name>|<32 hex>``; a scheduler looks
for the prefix when it keeps a client alive. A task id is 16 bytes. An object id is 32: the md5 of
the owner's identity, then 16 bytes of its own.
"""

from functools import lru_cache
from hashlib import blake2b, md5
from itertools import count
from os import urandom

TASK_ID_BYTES = 16
OBJECT_ID_BYTES = 32
# ZeroMQ has room for an identity of 255.
NAME_BYTES_MAX = 200

_SERIALIZER_TAG = md5(b"serializer", usedforsecurity=False).digest()


def new_identity(name: str | None = None) -> bytes:
    """A fresh client identity.

    Args:
        name: shown by monitors; not empty, printable, without ``|`` (it separates the parts), at
            most `NAME_BYTES_MAX` bytes.

    Raises:
        TypeError: for a name that is no string.
        ValueError: for a name that would make the identity ambiguous, or that cannot be sent.
    """
    if name is None:
        return f"Client|{urandom(16).hex()}".encode()
    if not isinstance(name, str):
        raise TypeError(f"a client's name must be a string, not {name!r}")
    if not name.isprintable() or len(name.encode()) > NAME_BYTES_MAX:
        raise ValueError(
            f"a client's name must be printable and have at most {NAME_BYTES_MAX} bytes, not "
            f"{name[:50]!r}"
        )
    if not name or "|" in name:
        raise ValueError(f"a client's name must not be empty nor contain '|': {name!r}")
    return f"Client|{name}|{urandom(16).hex()}".encode()


@lru_cache(maxsize=256)
def owner_prefix(identity: bytes) -> bytes:
    """The 16 bytes with which ids of this owner's objects begin."""
    return md5(identity, usedforsecurity=False).digest()


def serializer_id(identity: bytes) -> bytes:
    """The id under which workers look for this client's serializer."""
    return owner_prefix(identity) + _SERIALIZER_TAG


def short(id: bytes) -> str:
    """The first 8 hex digits, for people."""
    return id[:4].hex()


class IdSource:
    """Makes ids that never repeat, the same ones again from the same seed.

    Safe to call from many threads. A third of the cost of a uuid4.

    Args:
        seed: 16 random bytes in production, anything fixed in a simulation. Two sources with one
            seed make the same ids.
    """

    __slots__ = ("_base", "_counter")

    def __init__(self, seed: bytes) -> None:
        self._base = blake2b(seed, digest_size=TASK_ID_BYTES)
        # next() of a count is one atomic step; an attribute that is read and written is not.
        self._counter = count()

    def task_id(self) -> bytes:
        """16 fresh bytes."""
        digest = self._base.copy()
        digest.update(next(self._counter).to_bytes(8, "little"))
        return digest.digest()

    def object_id(self, identity: bytes) -> bytes:
        """32 fresh bytes that belong to this owner."""
        return owner_prefix(identity) + self.task_id()
