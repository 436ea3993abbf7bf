"""The agent: the one thread that owns a client's sockets. It drives the pump.

It blocks in one poll over all sockets until a message, a command or a deadline comes; nothing else
wakes it. It ends when it was told to, or when the link is gone for good, and leaves every future
settled, every socket closed and the engine, if it is ours, stopped.
"""

import logging
import os
from collections.abc import Callable
from threading import Thread, current_thread, get_ident, main_thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

from futurefsm.client.callbacks import CallbackThread
from futurefsm.client.errors import ForkedClientError
from futurefsm.client.inbox import Asked, Inbox
from futurefsm.client.latch import Latch
from futurefsm.client.lines import Lines
from futurefsm.client.pace import Burst
from futurefsm.client.pump import Pump
from futurefsm.client.references import References
from futurefsm.client.serializer import Serializer
from futurefsm.fsm import leftover
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.errors import ConnectionLostError
from futurefsm.fsm.threads import delivering
from futurefsm.protocol.transport.poller import Waker

if TYPE_CHECKING:
    from futurefsm.client.link import Link

logger = logging.getLogger("futurefsm.client")

R = TypeVar("R")

# Asked by a future, it asks in turn.
leftover.takes_locks(__file__)

# For an engine so few that the first of many tasks are at work while the others are on their way. A
# cluster is a process further on, and one message for many is what it is best served with.
_COMMANDS_A_TURN = 32
_COMMANDS_A_TURN_CLUSTER = 1024
# While a burst goes on, so many of it: more than any cluster takes in the time, so that none has to
# wait for the next.
_COMMANDS_A_BURST = 512

# What was sent last may need this long to leave, in seconds.
_LINGER_S = 1.0

# To look at the lock of a future takes some 50 ns: that is to be 5 % of the time at most.
_LOOK_A_FUTURE_S = 1e-6


class Agent:
    """One client's connection. Implements what futures need of their client (`future.Home`).

    Args:
        name: for threads and messages.
        link: to the scheduler, and the engine behind it if that ends with the agent.
        cancel_timeout: seconds a cancel() waits by default.
        timeout: seconds to wait for the first sign of life.
        serializer: what turns values into bytes; by default cloudpickle.
    """

    def __init__(
        self,
        name: str,
        link: "Link",
        *,
        cancel_timeout: float | None,
        timeout: float,
        serializer: Serializer | None = None,
    ) -> None:
        self.name = name
        self.scheduler = link.scheduler
        self.cancel_timeout = cancel_timeout
        self.timeout = timeout
        self.serializer = serializer or Serializer()
        self.callbacks = CallbackThread(name)
        self.references = References(self)
        self.pid = os.getpid()
        self._main = main_thread().ident
        # When the locks of all futures were looked at last, by `_let_go`.
        self._looked = 0.0
        self._waker = Waker()
        self.inbox = Inbox(self._waker.wake)
        self.pump = Pump(link.tracker, self.inbox)
        self.pump.on_say = self.callbacks.say
        self.ready = Latch()
        self.ended = Latch()
        self._engine = link.engine
        self._lines = Lines(
            name, link, self.pump, self.ready, self._waker.poll_item, timeout=timeout
        )
        self._channel, self._storage = self._lines.channel, self._lines.storage
        self._outbox = self._lines.outbox
        self._commands = _COMMANDS_A_TURN if link.engine else _COMMANDS_A_TURN_CLUSTER
        # The last turn has not emptied the inbox; so many commands were left in it.
        self._behind = False
        self._left = 0
        self._leave_when_idle = False
        self._leave_now = False
        self._thread = Thread(target=self._run, name=f"{name}-agent", daemon=True)

    # For other threads.

    def start(self) -> None:
        """Start the thread and wait until the engine answers.

        Raises:
            ConnectionLostError: no answer within the time-out; says from whom.
            RuntimeError: the system starts no thread any more.
        """
        try:
            self._thread.start()
        except RuntimeError:
            self._finish()
            raise
        if not self.ready.wait(self.timeout) and not self.ended.is_set():
            trouble = self._lines.trouble
            self.leave(now=True)
            self.join(_LINGER_S)
            raise ConnectionLostError(self._lines.no_answer(trouble))
        if self.pump.lost is not None:
            self.join(_LINGER_S)
            raise ConnectionLostError(self.pump.lost)

    def stepped(self, task_id: bytes, step: Step, value: Any) -> None:
        """A future's step has effects for the wire."""
        self.pump.stepped(task_id, step, value)

    def want(self, future: Any) -> bool:
        """Somebody asks for the value of a delayed future; False where nobody will fetch it."""
        return self.pump.want(future)

    def violated(self, task_id: bytes, what: str) -> None:
        """The scheduler broke the protocol."""
        self.pump.violated(task_id, what)

    def check_process(self, *, waits: bool = False) -> None:
        """A child of a fork has neither the threads nor the sockets.

        Args:
            waits: this thread is going to, for what the pump does.

        Raises:
            ForkedClientError: at once, instead of a wait for ever.
        """
        if os.getpid() != self.pid:
            raise ForkedClientError(
                f"client {self.name} belongs to process {self.pid}; this is its forked child "
                f"{os.getpid()}, which has no connection. Make a new Client() here."
            )

        # Only the main thread hears of Ctrl-C.
        if waits and get_ident() == self._main:
            self._let_go()

    def _let_go(self) -> None:
        """Give back the locks that Ctrl-C has left with this thread: the pump may need them.

        To look at all futures takes time: again only when a multiple of it has passed.
        """
        now = monotonic()
        futures = self.pump.futures
        if now - self._looked >= (len(futures) + len(self.inbox)) * _LOOK_A_FUTURE_S:
            self._looked = now
            # First those that the pump does not know yet: it may take them in meanwhile.
            known: list[Any] = [*self.inbox.futures(), *futures.values()]
            leftover.let_go([future._lock for future in known])

    def call(self, act: Callable[[], R], timeout: float = 5.0) -> R | None:
        """Run `act` on the agent's thread and return what it returns; None where that has ended."""
        if self._thread is current_thread():
            return act()  # a finalizer, which the garbage collector runs wherever it likes
        done = Latch()
        answer: list[R] = []

        def run() -> None:
            try:
                answer.append(act())
            finally:
                done.set()

        if not self.inbox.put(Asked(run)):
            return None
        deadline = monotonic() + timeout
        # The agent may end between put() and its last look into the inbox.
        while not done.wait(min(0.05, max(0.0, deadline - monotonic()))):
            if self.ended.is_set() or monotonic() >= deadline:
                break
        return answer[0] if answer else None

    def leave(self, *, now: bool) -> None:
        """Accept no task any more, and end: at once, or when the last future has its value."""
        self.inbox.close(f"cannot schedule new futures after shutdown of client {self.name}")
        if now:
            self._leave_now = True
        else:
            self._leave_when_idle = True
        self._waker.wake()

    def join(self, timeout: float | None = None) -> bool:
        """Wait for its end; False when the time ran out first, or on the agent's own thread."""
        if self._thread.ident is None:
            return True  # Ctrl-C came before it began
        if self._thread is current_thread():
            return False
        self._thread.join(timeout)
        return not self._thread.is_alive()

    @property
    def owns_engine(self) -> bool:
        """Whether it ends the scheduler when it ends."""
        return self._engine is not None

    def kill_engine(self) -> None:
        """End an engine that does not end by itself, also where the agent cannot any more."""
        if self._engine is not None:
            self._engine.kill()
            if not self.join(_LINGER_S):
                self._engine.close()

    # On the agent's thread.

    def _run(self) -> None:
        with delivering(f"delivers the messages of client {self.name}"):
            try:
                self._lines.open()
                while not self._turn():
                    pass
            except Exception as error:
                logger.exception("the message pump of client %s failed", self.name)
                self.pump.lost = f"the message pump of client {self.name} failed: {error!r}"
            finally:
                self._finish()

    def _turn(self) -> bool:
        """Wait for something, and do all that it brings; True when it is time to end."""
        lines, pump = self._lines, self.pump
        # Commands that came behind the last look at the inbox, and are no reason to look at a line.
        hurry = len(self.inbox) > 0 and not lines.congested
        due = pump.tracker.deadline()
        ready = lines.wait(due, rest=not self._behind, hurry=hurry)
        now = monotonic()
        lines.turn(now, ready, hurry=hurry)
        if not len(self.inbox):
            self._behind, self._left = False, 0
        elif not lines.congested:
            burst = self._channel.bursts and self._gather(now)
            limit = _COMMANDS_A_BURST if burst else self._commands
            self._behind = pump.run_inbox(now, limit) == limit
            self._left = len(self.inbox) if self._behind else 0
        if due is not None and due <= now and pump.lost is None:
            self._tick(now)
        lines.perform(pump.take())
        lines.flush()
        waker = self._waker
        if waker.pending or waker.poll_item in ready:
            # Behind the work: nobody needs to wake who is awake, and a system call in front of it
            # would give the interpreter to the thread that is about to wait for it. In front of the
            # last looks, at `_leave_now` and, in the next turn, at the inbox.
            waker.drain()
        if pump.lost is not None or self._leave_now:
            return True
        return self._leave_when_idle and not pump.futures and not len(self.inbox)

    def _gather(self, now: float) -> bool:
        """Where many tasks are being submitted let them come, for a moment; True where still more
        come."""
        burst = Burst(now, self._left)
        while seconds := burst.rest(len(self.inbox), monotonic()):
            sleep(seconds)
        return burst.goes_on

    def _tick(self, now: float) -> None:
        self.pump.tick(now)
        if self.pump.lost is not None:
            why = "" if self._channel.up else f" ({self._channel.trouble})"
            self.pump.lost = f"{self.scheduler} is lost: {self.pump.lost}{why}"

    def _finish(self) -> None:
        """Settle everything, tell the scheduler, close. Must not fail half-way."""
        now = monotonic()
        steps: list[Callable[[], object]] = [
            lambda: self.inbox.shut(self.pump.lost or f"client {self.name} is closed"),
            lambda: self._settle_all(now),
            lambda: self._lines.perform(self.pump.take()),
            self._lines.flush,
            # An embedded engine forgets everything anyway.
            lambda: self._storage.close(_LINGER_S if self._engine is None else 0.0),
            lambda: self._channel.close(_LINGER_S),
            lambda: self._engine.close() if self._engine is not None else None,
            self._waker.close,
        ]
        for step in steps:
            try:
                step()
            except Exception:
                logger.exception("closing client %s", self.name)
        self.ready.set()
        self.ended.set()

    def _settle_all(self, now: float) -> None:
        if self.pump.lost is None or self.pump.tracker.shutdown_asked:
            self.pump.disconnect(now)
        else:
            self.pump.connection_lost(self.pump.lost, now)
            if self._channel.up:
                self.pump.tracker.disconnect()  # what runs is of no use to anybody
