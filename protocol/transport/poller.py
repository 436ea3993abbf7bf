"""Waiting for several links at once, and waking the thread that waits. No other file outside
this folder needs to know how. pyzmq is imported where a socket of ZeroMQ is to be watched.
"""

import os
import select
from contextlib import suppress
from math import ceil
from typing import Any, NamedTuple

_IN, _OUT = select.POLLIN, select.POLLOUT

# What a C int takes; who waits longer is woken after 24 days.
_LONGEST_MS = 2**31 - 1
_LONGEST_S = _LONGEST_MS / 1000


class Ready(NamedTuple):
    """An item that can be read, written, or both. A broken one counts as readable."""

    item: Any
    readable: bool
    writable: bool


class Poller:
    """Waits for `poll_item`s of transports and for plain file descriptors. For one thread.

    Readiness is a level: what was not read is reported again. (ZeroMQ's own descriptor only tells
    of edges; that is why it is never polled itself.)

    Args:
        many: many descriptors are watched, and few of them are ready at a time. Then the system
            keeps the list, where it can (`epoll`), and does not look at all of them at each `poll`.
            That takes a descriptor more.
    """

    def __init__(self, *, many: bool = False) -> None:
        self._in_seconds = many and hasattr(select, "epoll")
        self._plain: Any = select.epoll() if self._in_seconds else select.poll()
        # Item → (read, write).
        self._watched: dict[Any, tuple[bool, bool]] = {}
        # Descriptor → what is told when it can be read and no more, which is what is told most.
        self._readable: dict[int, Ready] = {}
        # Watches all of them while one is a socket of ZeroMQ.
        self._zmq: Any = None

    def register(self, item: Any, *, read: bool = True, write: bool = False) -> None:
        """Watch an item, or change what is watched for."""
        if isinstance(item, int):
            change = self._plain.modify if item in self._watched else self._plain.register
            change(item, (_IN if read else 0) | (_OUT if write else 0))
            self._readable[item] = Ready(item, True, False)
        self._watched[item] = (read, write)
        if self._zmq is not None:
            self._register_zmq(item)
        elif not isinstance(item, int):
            import zmq

            self._zmq = zmq.Poller()
            for each in self._watched:
                self._register_zmq(each)

    def _register_zmq(self, item: Any) -> None:
        import zmq

        read, write = self._watched[item]
        # As plain numbers: an operation on the enumeration takes 30 times as long as one on these.
        flags = (int(zmq.POLLIN) if read else 0) | (int(zmq.POLLOUT) if write else 0)
        self._zmq.register(item, flags)

    def unregister(self, item: Any) -> None:
        """Stop watching; an item that is not watched is ignored. Do it before you close it."""
        if self._watched.pop(item, None) is None:
            return
        if isinstance(item, int):
            self._plain.unregister(item)
            del self._readable[item]
        if self._zmq is not None:
            # It refuses what it does not watch for anything.
            with suppress(KeyError):
                self._zmq.unregister(item)
            if all(isinstance(each, int) for each in self._watched):
                self._zmq = None

    def poll(self, timeout_s: float | None) -> list[Ready]:
        """What is ready, at once or within the time-out (None: no bound; have a `Waker`).

        Negative time-outs count as none at all. Returns early, with nothing, never late: times are
        rounded up to milliseconds, so that a deadline has passed when the wait for it is over.
        """
        timeout: float | None = timeout_s
        if timeout is not None:
            timeout = 0.0 if timeout < 0.0 else timeout if timeout < _LONGEST_S else _LONGEST_S
            # `epoll` rounds up by itself.
            if self._zmq is not None or not self._in_seconds:
                timeout = ceil(timeout * 1000)
        if self._zmq is not None:
            return self._poll_zmq(timeout)
        readable = self._readable
        return [
            Ready(item, bool(events & ~_OUT), True) if events & _OUT else readable[item]
            for item, events in self._plain.poll(timeout)
        ]

    def _poll_zmq(self, timeout_ms: float | None) -> list[Ready]:
        import zmq

        out = int(zmq.POLLOUT)
        return [
            Ready(item, bool(events & ~out), bool(events & out))
            for item, events in self._zmq.poll(timeout_ms)
        ]


class Waker:
    """Lets any thread end another one's `Poller.poll`.

    The waiting thread registers `poll_item`, and while `pending` calls `drain` *before* it looks
    for the last time at what it may be woken for, and waits. While a wake is pending, `wake` costs
    one look at a flag.

    Attributes:
        poll_item: the descriptor to wait for.
        pending: whether somebody has called `wake` since the last `drain`.
    """

    __slots__ = ("_write", "pending", "poll_item")

    def __init__(self) -> None:
        self.poll_item, self._write = os.pipe()
        os.set_blocking(self.poll_item, False)
        os.set_blocking(self._write, False)
        self.pending = False

    @property
    def write_fd(self) -> int:
        """For `signal.set_wakeup_fd`: a byte written here wakes as well."""
        return self._write

    def wake(self) -> None:
        """Wake the thread. Never blocks; from any thread, also from a signal handler; nothing
        happens after `close`.
        """
        if self.pending:
            return
        try:
            # In this order, and undone when interrupted: a flag without its byte would silence
            # every later wake.
            self.pending = True
            os.write(self._write, b"w")
        except BlockingIOError:
            pass  # a full pipe wakes as well
        except BaseException as error:
            self.pending = False
            if not isinstance(error, OSError):
                raise

    def drain(self) -> None:
        """Accept the wake. Before anything else: what comes later wakes again."""
        try:  # noqa: SIM105 - once for each command: `suppress` takes longer than the rest
            os.read(self.poll_item, 4096)
        except OSError:  # nothing pending, or closed
            pass
        # After the read: a wake in between is left with its byte, which only wakes once more.
        self.pending = False

    def close(self) -> None:
        """Give the descriptors back. Any number of times."""
        read, write = self.poll_item, self._write
        self.poll_item = self._write = -1
        if read >= 0:
            os.close(read)
            os.close(write)
