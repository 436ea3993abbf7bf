"""How a client ends: by its user, behind its user's back, and with the interpreter.

Every way is bounded. There is no ``__del__``.
"""

import atexit
import concurrent.futures
import logging
import os
from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from futurefsm.client.blame import shown
from futurefsm.client.inbox import Asked
from futurefsm.client.latch import Latch
from futurefsm.fsm import leftover
from futurefsm.fsm.errors import ClientClosedError, FutureTimeoutError
from futurefsm.fsm.future import Future
from futurefsm.fsm.threads import must_not_wait

if TYPE_CHECKING:
    from futurefsm.client.agent import Agent

logger = logging.getLogger("futurefsm.client")

# What the interpreter's exit may take for all clients together, in seconds.
EXIT_S = 2.0
# Of these, at most: for the question what is unfinished, and for the answers to the cancels.
ASK_S = 0.25
CANCEL_S = 0.5
# Callbacks that are due get this long when a client closes, in seconds.
CALLBACKS_S = 2.0
# Beyond the waits that were asked for: for an agent that is busy; for the last messages to leave,
# and the engine to end. In seconds.
_BUSY_S = 5.0
_CLOSE_S = 10.0
# A scheduler that was asked to end, and that nobody has reached since for so long, has ended. In
# seconds; looked at so often.
_GONE_S = 5.0
_LOOK_S = 0.05

_open: "WeakSet[Agent]" = WeakSet()


def register(agent: "Agent") -> None:
    """End this client with the interpreter, if nobody does before."""
    if not len(_open):
        # Registered late, so that it runs before the handlers of what was imported before.
        atexit.unregister(_at_exit)
        atexit.register(_at_exit)
    _open.add(agent)


def unsettled(agent: "Agent", patience: float | None = None) -> list[Any]:
    """The client's futures whose answer is owed.

    The agent is asked, behind all that was submitted. Waits `patience` s for it, by default as long
    as for a scheduler: to take silence for "none" leaves running what was to be cancelled.
    """
    seconds = agent.timeout if patience is None else patience
    return agent.call(agent.pump.unsettled, timeout=seconds) or []


def _owed(agent: "Agent") -> list[Any]:
    """The same where its client is closed: as long as the agent gets on with what came before."""
    while True:
        behind = len(agent.inbox)
        found = agent.call(agent.pump.unsettled, timeout=_BUSY_S)
        if found is not None or len(agent.inbox) >= behind:
            return found or []


def cancel_all(futures: Iterable[concurrent.futures.Future[Any]], timeout: float | None) -> bool:
    """Ask for all, then wait for all under one deadline; True where every one is settled."""
    asked = list(futures)
    _let_go(asked)
    for future in asked:
        ask(future)
    # As cancel() itself: on a loop's thread, or where answers are delivered, it only asks.
    if must_not_wait() is None:
        _wait_settled(asked, timeout)
    return all(future.done() for future in asked)


def _wait_settled(futures: list[Any], timeout: float | None) -> None:
    """Wait for those whose cancel is decided, one after the other, under one deadline.

    The last first: answers come in order, so behind it there is mostly nobody left to wait for.
    `concurrent.futures.wait` would take the locks of all at once, and put itself into a list of
    each: too much where a million are pending.
    """
    deadline = None if timeout is None else monotonic() + timeout
    for future in reversed(futures):
        if isinstance(future, Future) and not future.done() and _will_be_cancelled(future):
            left = None if deadline is None else max(0.0, deadline - monotonic())
            if not future._lock_is_mine() and not future._wait_settled(left):
                return


def ask(future: Any) -> None:
    """Request its cancel, and do not wait for the answer. Takes any executor's future."""
    if isinstance(future, Future):
        future.cancel(timeout=0)
    elif isinstance(future, concurrent.futures.Future):
        future.cancel()
    else:
        raise TypeError(f"only a future can be cancelled, not {shown(future)}")


def _let_go(futures: Iterable[Any]) -> None:
    """Unlock what Ctrl-C has left locked: the pump, which needs it, would wait for ever."""
    leftover.let_go(f._lock for f in futures if isinstance(f, Future))


def _will_be_cancelled(future: Future[Any]) -> bool:
    return bool(future.state.cancel_decided)


def wait_closed(agent: "Agent") -> None:
    """Wait until its last future has its value, and its callbacks have run."""
    agent.join()
    _end_callbacks(agent, CALLBACKS_S)


def disconnect(agent: "Agent", timeout: float | None) -> None:
    """Cancel what is unfinished, wait for the answers, end."""
    agent.inbox.close(f"cannot schedule new futures after shutdown of client {agent.name}")
    if not agent.ended.is_set():
        _let_go(list(agent.pump.futures.values()))
        cancel_all(_owed(agent), timeout)
        agent.leave(now=True)
        if not agent.join(_CLOSE_S):
            agent.kill_engine()
    _end_callbacks(agent, CALLBACKS_S)


class _Request:
    """The question whether the scheduler will end. A link that breaks may take it along, or the
    answer: it is asked again on the next connection, and where there is none any more it is
    answered by that.
    """

    def __init__(self, agent: "Agent") -> None:
        self.agent = agent
        self.accepted: bool | None = None
        self._answered = Latch()
        # The connection on which it was asked last: None before that, 0 where there was none.
        self._asked_on: int | None = None
        # Looks in a row at which there was none.
        self._unreached = 0
        # Whoever asked before, in another thread: one answer may have to do for both.
        self._earlier: Callable[[bool], object] | None = None

    # For the thread that asks.

    def wait(self, deadline: float) -> bool:
        """Until it is answered, or the client has ended; False where the deadline came first."""
        while not self._answered.wait(min(_LOOK_S, max(0.0, deadline - monotonic()))):
            if self.agent.ended.is_set():
                break
            if monotonic() >= deadline:
                return False
            self._look()
        return True

    def _look(self) -> None:
        connection = _connection(self.agent)
        if self._asked_on is not None and connection not in (0, self._asked_on):
            self.agent.inbox.put(Asked(self.ask))
        # Looks are counted, not seconds: whoever was stopped has not looked.
        self._unreached = self._unreached + 1 if self._asked_on and not connection else 0
        if self._unreached * _LOOK_S >= _GONE_S:
            self.agent.inbox.put(Asked(self._give_up))

    # On the agent's thread.

    def ask(self) -> None:
        """Send it, once on each connection, until it is answered."""
        connection = _connection(self.agent)
        if self.accepted is None and connection != self._asked_on:
            pump = self.agent.pump
            if self._asked_on is None:
                self._earlier, pump.on_shutdown = pump.on_shutdown, self._heard
            self._asked_on = connection
            pump.tracker.shutdown()

    def _heard(self, accepted: bool) -> None:
        earlier, self._earlier = self._earlier, None
        if earlier is not None:
            earlier(accepted)
        if self.accepted is not None:
            return
        self.accepted = accepted
        if accepted:
            # Its tasks are not answered any more.
            self.agent.leave(now=True)
        self.agent.pump.tracker.shutdown_asked = accepted
        self._answered.set()

    def _give_up(self) -> None:
        # Here, where no answer can come meanwhile.
        if self.accepted is None and not _connection(self.agent):
            self.agent.leave(now=True)


def shutdown_cluster(agent: "Agent", timeout: float) -> bool:
    """Ask the scheduler to end. See `Client.shutdown_cluster`."""
    if agent.owns_engine:
        disconnect(agent, agent.cancel_timeout)
        return True
    request = _Request(agent)
    if agent.inbox.closed is not None or not agent.inbox.put(Asked(request.ask)):
        raise ClientClosedError(agent.inbox.closed or f"client {agent.name} is closed")
    if not request.wait(monotonic() + timeout):
        raise FutureTimeoutError(
            f"{agent.scheduler} has not answered a shutdown within {timeout} s"
        )
    if request.accepted is False:
        return False
    wait_closed(agent)
    return True


def _connection(agent: "Agent") -> int:
    """The number of its connection to the scheduler; 0 while there is none."""
    channel = agent._channel
    return channel.connections if channel.up else 0


def _end_callbacks(agent: "Agent", seconds: float) -> None:
    stuck = agent.callbacks.close(seconds)
    if stuck is not None:
        logger.warning("client %s is closed, but %s still runs", agent.name, stuck)


def _at_exit() -> None:
    """Bounded to `EXIT_S` for all clients, with one line that says what was abandoned."""
    deadline = monotonic() + EXIT_S
    agents = [a for a in list(_open) if a.pid == os.getpid() and not a.ended.is_set()]
    for agent in agents:
        agent.inbox.close("cannot schedule new futures after interpreter shutdown")
        _let_go(list(agent.pump.futures.values()))
    left_behind = []
    for agent in agents:
        futures = unsettled(agent, ASK_S)
        if futures:
            left_behind.append(f"{len(futures)} tasks of client {agent.name}")
            cancel_all(futures, max(0.0, min(CANCEL_S, deadline - monotonic())))
        agent.leave(now=True)
    for agent in agents:
        if not agent.join(max(0.05, deadline - monotonic())):
            # A stopped engine would never see the end of this process.
            agent.kill_engine()
            left_behind.append(f"client {agent.name} itself, which did not end in time")
        agent.callbacks.close(max(0.0, deadline - monotonic()))
    if left_behind:
        logger.warning(
            "the interpreter exits; abandoned: %s. Close a client with shutdown() to wait for its "
            "tasks.",
            ", ".join(left_behind),
        )
