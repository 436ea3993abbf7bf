"""The pump's inbox: first in, first out, bounded in tasks and bytes.

What moves a future in another thread goes through here, so that a task is sent before its cancel.
"""

from collections import deque
from collections.abc import Callable
from threading import Condition, RLock
from time import monotonic
from typing import NamedTuple

from futurefsm.client.errors import QueueFullError
from futurefsm.client.tracked import Call
from futurefsm.client.uploads import Blob
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.errors import ClientClosedError
from futurefsm.fsm.threads import must_not_wait

TASKS_MAX = 65_536
BYTES_MAX = 256 * 2**20


class Submitted(NamedTuple):
    """A new task and its future."""

    future: "object"
    call: Call
    size: int


class Stepped(NamedTuple):
    """A step that a future took in another thread, with effects for the wire."""

    task_id: bytes
    step: Step
    value: object


class Sent(NamedTuple):
    """An object that its user sent, and holds a reference to."""

    object_id: bytes
    blob: Blob
    size: int


class Asked(NamedTuple):
    """Something to be done on the pump's thread."""

    act: Callable[[], None]


Command = Submitted | Stepped | Sent | Asked


class Inbox:
    """Commands for the pump.

    Args:
        wake: called after each command; makes the pump look.
        tasks_max, bytes_max: a submit beyond them waits.
    """

    def __init__(
        self,
        wake: Callable[[], None],
        *,
        tasks_max: int = TASKS_MAX,
        bytes_max: int = BYTES_MAX,
    ) -> None:
        self._wake = wake
        self._tasks_max = tasks_max
        self._bytes_max = bytes_max
        self._commands: deque[Command] = deque()
        # Taken bare, never by `with self._room`: see `latch.py`. Reentrant, for finalizers.
        self._lock = RLock()
        self._room = Condition(self._lock)
        self._tasks = 0
        self._bytes = 0
        # Threads that wait for room, each for its own size.
        self._waiting = 0
        self._closed: str | None = None
        self._shut = False

    def __len__(self) -> int:
        return len(self._commands)

    def put(self, command: Command) -> bool:
        """Append a command. Never waits. False when nobody will ever read it."""
        if self._shut:
            return False
        self._commands.append(command)
        self._wake()
        return True

    def put_owed(self, command: Command) -> bool:
        """Append what must not be lost. Never waits. False when nobody will ever read it."""
        # Under the lock, so that `shut` leaves nothing behind that nobody reads.
        with self._lock:
            if self._shut:
                return False
            self._commands.append(command)
        self._wake()
        return True

    def put_task(self, command: Submitted | Sent, timeout: float, *, wake: bool = True) -> None:
        """Append a task, or an object, when there is room for its `size` bytes.

        What is larger than all the room is let in when it is alone.

        Args:
            wake: make the pump look; else whoever calls does (`wake`), when all is in it that
                belongs together.

        Raises:
            QueueFullError: no room within `timeout` s; at once where the thread must not wait.
            ClientClosedError: the client is closed.
        """
        size = command.size
        deadline: float | None = None
        with self._lock:
            while True:
                if self._closed is not None:
                    raise ClientClosedError(self._closed)
                fits = self._tasks < self._tasks_max and self._bytes + size <= self._bytes_max
                if fits or self._tasks <= 0:
                    # Counted behind that: were Ctrl-C to come in between, there would be room for
                    # one too many from then on, and never for one too few.
                    self._commands.append(command)
                    self._tasks += 1
                    self._bytes += size
                    break
                now = monotonic()
                deadline = now + timeout if deadline is None else deadline
                self._wait_for_room(timeout, deadline - now)
        if wake:
            self._wake()

    def _wait_for_room(self, timeout: float, left: float) -> None:
        why = must_not_wait()
        if why is not None or left <= 0:
            reason = f"this thread {why} and must not wait" if why else f"waited {timeout} s"
            raise QueueFullError(
                f"the outgoing queue is full ({self._tasks} tasks, {self._bytes} bytes): {reason}. "
                "Submit more slowly, or raise the client's timeout."
            )
        self._waiting += 1
        try:
            self._room.wait(left)
        finally:
            self._waiting -= 1

    def wake(self) -> None:
        """Make the pump look."""
        self._wake()

    def take(self) -> Command | None:
        """The oldest command, or None."""
        if not self._commands:
            return None
        command = self._commands.popleft()
        if isinstance(command, (Submitted, Sent)):
            with self._lock:
                self._tasks -= 1
                self._bytes -= command.size
                if self._waiting:
                    self._room.notify_all()
        return command

    def futures(self) -> list[object]:
        """Those whose tasks nobody has taken yet."""
        return [each.future for each in self._commands.copy() if isinstance(each, Submitted)]

    def close(self, why: str) -> None:
        """No task is accepted any more; those who wait for room are told."""
        with self._lock:
            self._closed = self._closed or why
            self._room.notify_all()

    def shut(self, why: str) -> None:
        """Nobody reads any more. What is in it was accepted, and has to be taken once more."""
        self.close(why)
        with self._lock:
            self._shut = True

    @property
    def closed(self) -> str | None:
        """Why no task is accepted any more; None while tasks are."""
        return self._closed
