"""A small manager of futures: submits, hands over messages, disconnects. Written as one would."""

import logging
import threading
from collections.abc import Callable

from futurefsm.fsm.testing.gallery.reference import ClientFuture, Wire, deadline_of, left_of

logger = logging.getLogger("futurefsm.fsm.testing.gallery")


class Manager:
    """Makes futures, sends their tasks, and hands each message to the future that it is for.

    Args:
        wire: what leads out.
        future_type: the class of its futures.
        delayed: their results are fetched when somebody asks.
    """

    def __init__(
        self,
        wire: Wire,
        future_type: Callable[..., ClientFuture] = ClientFuture,
        *,
        delayed: bool = False,
    ) -> None:
        self._wire = wire
        self._type = future_type
        self._delayed = delayed
        self._lock = threading.Lock()
        self._futures: dict[str, ClientFuture] = {}
        self._closed = False
        # Threads that deliver just now: a wait there would wait for itself.
        self._delivering: set[int] = set()

    def create(self) -> ClientFuture:
        """A pending future: its task was not sent yet.

        Raises:
            RuntimeError: the manager is closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the client is closed")
            task = f"task {len(self._futures) + 1}"
            future = self._type(self._wire, task, delayed=self._delayed, waits=self._waits)
            self._futures[task] = future
        return future

    def submit(self) -> ClientFuture:
        """A future whose task is sent. Raises as `create`."""
        future = self.create()
        future.on_submit()
        return future

    def disconnect(self, timeout: float | None = 30.0) -> None:
        """Cancel what is not settled, wait for the answers under one deadline, then settle all."""
        deadline = deadline_of(timeout)
        for future in self._close():
            future._ask(left_of(deadline), also_finished=False)
        for future in self._all():
            if future._may_wait():
                future._wait_settled(left_of(deadline))
        for future in self._all():
            future.on_disconnect()

    def deliver(self, message: str, task: str, key: str = "") -> None:
        """The agent's side: a message came. Never raises for what a peer sent, and never waits."""
        me = threading.get_ident()
        self._delivering.add(me)
        try:
            future = self._find(task, message)
            if future is not None:
                self._hand_over(future, message, key)
        finally:
            self._delivering.discard(me)

    def _hand_over(self, future: ClientFuture, message: str, key: str) -> None:
        kind, _, how = message.partition("_")
        if kind == "confirm":
            future.on_confirm(how)
        elif message == "result_worker_died":
            future.on_worker_died()
        elif kind == "result":
            future.on_result(key, failed=how == "failed")
        elif message == "connection_lost":
            future.on_connection_lost()
        elif message == "disconnect":
            future.on_disconnect()
        elif message == "reconnected":
            future.on_reconnected()
        else:
            logger.warning("%s: unknown message %s", future.task, message)

    def _find(self, task: str, message: str) -> ClientFuture | None:
        """The future that a message is for. It is kept as long as anything may come for it."""
        with self._lock:
            return self._futures.get(task)

    def peek(self, task: str) -> ClientFuture | None:
        """A future by its task; None where it is not known (any more)."""
        return self._futures.get(task)

    def _close(self) -> list[ClientFuture]:
        with self._lock:
            self._closed = True
            return list(self._futures.values())

    def _all(self) -> list[ClientFuture]:
        with self._lock:
            return list(self._futures.values())

    def _waits(self) -> bool:
        return threading.get_ident() not in self._delivering
