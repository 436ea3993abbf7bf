"""The codec of an engine that has just started: without pycapnp, which takes a third of the start
to import.

Until the first result an embedded engine reads and writes very few messages, which look alike each
time. Its client, which has pycapnp, tells it how: what both know whole, and the shapes of tasks and
results (`protocol/shapes.py`). The codec itself is imported soon after, when nobody waits for a
result, or at once for a message that was not told.
"""

from __future__ import annotations

import gc
import os
import pickle
import sys
import time
from importlib import import_module
from math import inf
from typing import TYPE_CHECKING, Any

from futurefsm.protocol import messages as m
from futurefsm.protocol.ids import OBJECT_ID_BYTES, TASK_ID_BYTES
from futurefsm.protocol.shapes import Shapes
from futurefsm.protocol.task_flags import TaskFlags, profile_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AFTER_S = 0.1
"""So long after the engine is ready the codec is imported, for which the engine stands still."""

BUSY_S = 1.0
"""So long, where there is work all the time."""

_ARGUMENTS = 3
"""Tasks with so many arguments at most are told."""

_BYTES_MAX = 4096
"""No message that is told has more."""


def tell(identity: bytes, hostname: str, storage: m.StorageAddress) -> bytes:
    """How the first messages look: for `begin`, in the engine.

    Args:
        identity, hostname: of the client that has started it.
        storage: where it keeps objects.
    """
    from futurefsm.protocol.codec import encode

    whole = (
        m.ClientHeartbeat(m.Resource(), 0, hostname),
        m.ClientHeartbeatEcho(storage),
        m.ClientDisconnect(),
    )
    shapes = Shapes(encode)
    for message in _examples(identity):
        shapes.write(message)
    return pickle.dumps(([(message, encode(message)) for message in whole], shapes.told()))


def _examples(identity: bytes) -> Iterator[m.Message]:
    task_id, object_id = bytes(TASK_ID_BYTES), bytes(OBJECT_ID_BYTES)
    flags, profile = TaskFlags().pack(), profile_bytes(0.0, 0, 0.0)
    argument = m.Argument(m.ArgumentType.OBJECT_ID, object_id)
    for count in range(_ARGUMENTS + 1):
        yield m.Task(task_id, identity, flags, object_id, count * (argument,))
    for kind in (m.TaskResultType.SUCCESS, m.TaskResultType.FAILED):
        yield m.TaskResult(task_id, kind, profile, (object_id,))


class NotTold(Exception):
    """A message that only the codec knows."""


class Told:
    """What the client has told.

    Args:
        data: of `tell`.
    """

    def __init__(self, data: bytes) -> None:
        whole, shapes = pickle.loads(data)
        self._data: dict[m.Message, bytes] = dict(whole)
        self._messages = {data: message for message, data in whole}
        self._shapes = Shapes(_not_told)
        self._shapes.know(shapes)

    def encode(self, message: m.Message) -> bytes:
        """As the codec's. Raises `NotTold`."""
        return self._data.get(message) or self._shapes.write(message) or _not_told(message)

    def decode(self, data: Any) -> m.Message:
        """As the codec's. Raises `NotTold`."""
        data = bytes(data) if len(data) <= _BYTES_MAX else b""
        return self._messages.get(data) or self._shapes.read(data) or _not_told(data)


def _not_told(_: Any) -> Any:
    raise NotTold


class Codec:
    """The codec, from the first message on. One thread.

    Attributes:
        encode, decode: as the codec's; those, once it is loaded.
        due: when it is to be loaded; None: it is, or will be when it is asked.
    """

    def __init__(self) -> None:
        self.encode: Callable[[m.Message], bytes] = self._encode
        self.decode: Callable[[Any], m.Message] = self._decode
        self.due: float | None = None
        self._told: Told | None = None
        self._latest = 0.0

    def begin(self, told: bytes) -> float:
        """Be ready for messages.

        Args:
            told: of `tell`, about the first; empty: for any.

        Returns:
            when `tick` is to be called; `inf` for never.

        Raises:
            ImportError: there is no pycapnp.
        """
        from importlib.util import find_spec

        if told and find_spec("capnp") is not None:
            self._told = Told(told)
            now = time.monotonic()
            self.due, self._latest = now + AFTER_S, now + BUSY_S
            return self.due
        self._load()
        return inf

    def tick(self, now: float, *, busy: bool) -> None:
        """Load it, if it is time to; where somebody waits for a result, a little later."""
        if self.due is None or self.due > now:
            return
        if busy and now < self._latest:
            self.due = now + AFTER_S
        else:
            self._load_late()

    def _encode(self, message: m.Message) -> bytes:
        try:
            return _not_told(message) if self._told is None else self._told.encode(message)
        except NotTold:
            self._load_late()
        return self.encode(message)

    def _decode(self, data: Any) -> m.Message:
        try:
            return _not_told(data) if self._told is None else self._told.decode(data)
        except NotTold:
            self._load_late()
        return self.decode(data)

    def _load_late(self) -> None:
        """While the engine serves: without it there is no sense in going on."""
        self.due = None
        try:
            os.getcwd()
        except OSError:
            # pycapnp needs a current directory, and this one was deleted since the start.
            os.chdir("/")
        collects = gc.isenabled()
        gc.disable()
        try:
            self._load()
        except Exception as error:
            sys.exit(f"futurefsm engine: pycapnp cannot be loaded: {error}")
        finally:
            if collects:
                gc.enable()

    def _load(self) -> None:
        codec = import_module("futurefsm.protocol.codec")
        self.encode, self.decode = codec.encode, codec.decode
        self._told = None


CODEC = Codec()
"""This process's."""
