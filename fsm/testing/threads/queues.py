"""SimpleQueue of a run. `queue.Queue` and its kin need none: they are Python over `threading`."""

import queue
from collections import deque
from typing import Any

from futurefsm.fsm.testing.threads.active import ACTIVE, get_ident
from futurefsm.fsm.testing.threads.scheduler import Arena
from futurefsm.fsm.testing.threads.tasks import LOCK

real_simple_queue = queue.SimpleQueue
# "Holder" of an empty queue: who gets waits as for a lock that nobody has.
_EMPTY = object()


class SimpleQueue:
    """`queue.SimpleQueue` of a run; made outside one, the real thing."""

    kind = "SimpleQueue"

    def __new__(cls) -> Any:
        arena = ACTIVE.arena
        if arena is None or arena.ident != get_ident():
            return real_simple_queue()
        return object.__new__(cls)

    def __init__(self) -> None:
        arena = ACTIVE.arena
        assert arena is not None
        self._arena: Arena = arena
        self._items: deque[Any] = deque()
        self._owner: object | None = _EMPTY
        self.number = arena.serial("SimpleQueue")

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Never waits; `block` and `timeout` are there as in `queue.Queue`."""
        self._arena.point("put", self)
        self._items.append(item)
        self._owner = None

    def put_nowait(self, item: Any) -> None:
        self.put(item)

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        arena = self._arena
        me = arena.me
        if block and timeout is not None and timeout < 0:
            raise ValueError("'timeout' must be a non-negative number")
        if timeout != timeout:
            raise ValueError("Invalid value NaN (not a number)")
        if me is None or arena.ident != get_ident():
            arena.elsewhere(self)
            if not self._items and block and timeout is None:
                raise arena.stuck("get", self)
        else:
            me.op = "get"
            me.what = me.lock = self
            if block:
                me.state = LOCK
                if timeout is not None:
                    me.timed = True
                    me.deadline = arena.now + timeout
                if arena.on_wait is not None and not self._items:
                    arena.tell(arena.on_wait, me.number, "get", self, timeout is not None, None)
            arena.step(me)
        if not self._items:
            if me is not None and me.fired:
                arena.come_back(me, self)
            raise queue.Empty
        item = self._items.popleft()
        if not self._items:
            self._owner = _EMPTY
        return item

    def get_nowait(self) -> Any:
        return self.get(block=False)

    def empty(self) -> bool:
        self._arena.point("empty", self)
        return not self._items

    def qsize(self) -> int:
        self._arena.point("qsize", self)
        return len(self._items)

    def __repr__(self) -> str:
        return f"<{self._arena.name_of(self)}, {len(self._items)} items>"
