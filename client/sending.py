"""One task on its way out: its inputs are claimed, then it goes into the outgoing queue."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from futurefsm.client.errors import InvalidReferenceError, QueueFullError
from futurefsm.client.future import Future
from futurefsm.client.inbox import Asked, Submitted
from futurefsm.client.inputs import Packed
from futurefsm.client.references import ObjectReference
from futurefsm.client.tracked import Call, ResultOf, Stored
from futurefsm.client.uploads import Blob
from futurefsm.fsm import events as ev
from futurefsm.fsm.errors import ClientClosedError
from futurefsm.fsm.outcomes import INPUT_CANCELLED
from futurefsm.fsm.story import CALLER
from futurefsm.protocol.messages import TaskCapability

if TYPE_CHECKING:
    from futurefsm.client.agent import Agent

# What a task occupies in the outgoing queue beside its bytes.
_TASK_OVERHEAD = 512


class Terms(NamedTuple):
    """How a task is to be run, as it is sent. See `Call`."""

    metadata: bytes
    delayed: bool = False
    capabilities: tuple[TaskCapability, ...] = ()
    needed_by: int | None = None


class Sending:
    """A task that is about to be sent.

    Args:
        agent: the client's connection.
        future: its future, pending.
        fn: the function, for error messages.
        packed: its function and arguments.
        terms: how it is to be run.
    """

    __slots__ = ("_agent", "_arguments", "_claimed", "_fn", "_packed", "_terms", "future")

    def __init__(
        self,
        agent: "Agent",
        future: Future[Any],
        fn: Callable[..., Any],
        packed: Packed,
        terms: Terms,
    ) -> None:
        self.future = future
        self._agent = agent
        self._fn = fn
        self._packed = packed
        self._terms = terms
        self._arguments: tuple[Any, ...] = packed.arguments
        self._claimed: list[Any] = []

    def claim(self) -> None:
        """Have its inputs kept for it. Where the end of one decides its own, it ends here.

        Waits for the value of an input that is on its way: it travels again.

        Raises:
            InvalidReferenceError: an input is another client's, or deleted. Nothing is claimed.
        """
        if self._packed.plain:
            return
        try:
            results: dict[int, Any] = {}
            made = []
            for place, argument in enumerate(self._packed.arguments, 1):
                if isinstance(argument, ObjectReference):
                    self._agent.references.promise(argument)
                    self._claimed.append(argument)
                    made.append(Stored(argument.object_id))
                elif isinstance(argument, Future):
                    if id(argument) not in results:
                        results[id(argument)] = self._result(argument, place)
                    made.append(results[id(argument)])
                else:
                    made.append(argument)
            self._arguments = tuple(made)
        except BaseException:
            self.withdraw()
            raise
        if self.future.done():
            self.withdraw()

    def _result(self, source: Future[Any], place: int) -> Any:
        if not source.belongs_to(self._agent):
            raise InvalidReferenceError(
                f"argument {place} is a future of another client than {self._agent.name}: pass its "
                "result()"
            )
        if source.promise():
            self._claimed.append(source)
            return ResultOf(source.task_id)
        if source.cancelled():
            self._end(ev.CANCEL, INPUT_CANCELLED)
            return None
        error = source.exception()
        if error is not None:
            self._end(ev.RESULT_FAILED, error)
            return None
        return self._agent.serializer.argument(source.result(), f"argument {place}", self._fn)

    def _end(self, event: ev.Event, value: Any) -> None:
        if not self.future.done():
            self.future.settle_here(event, value)

    def put(self, timeout: float) -> None:
        """Into the outgoing queue.

        Raises:
            QueueFullError: no room within `timeout` seconds.
            ClientClosedError: the client is closed.
        """
        agent, future, terms = self._agent, self.future, self._terms
        if future.done():
            return
        function, arguments = self._packed.function, self._arguments
        call = Call(
            future.task_id,
            function,
            arguments,
            terms.metadata,
            terms.delayed,
            terms.needed_by,
            terms.capabilities,
        )
        size = _TASK_OVERHEAD
        for argument in arguments:
            if argument.__class__ is Blob:
                size += len(argument.payload)
        try:
            agent.inbox.put_task(Submitted(future, call, size), timeout, wake=False)
            # Wakes the agent, behind both of its commands: one that is woken by the first finds
            # nothing to send, and takes the interpreter from who is about to write the second.
            agent.pump.accepted(future)
        except QueueFullError:
            self.withdraw()
            raise
        except ClientClosedError:
            self.withdraw()
            future.fire(ev.DISCONNECT, None, CALLER)
            raise
        except BaseException:
            # Ctrl-C, at a place that nobody knows. Nobody will hold this future.
            agent.inbox.put(Asked(self._broken_off))
            raise

    def abandon(self) -> None:
        """Nobody will hold its future: end it, however far it came."""
        self._agent.inbox.put(Asked(self._broken_off))

    def _broken_off(self) -> None:
        """On the pump's thread."""
        if not self._agent.pump.abandon(self.future):
            self.withdraw()

    def withdraw(self) -> None:
        """It is not sent: give back what was claimed. Again: nothing."""
        claimed, self._claimed = self._claimed, []
        ties = self._agent.pump.tracker.ties
        for each in claimed:
            if isinstance(each, ObjectReference):
                self._agent.references.withdraw(each)
            else:
                task_id = each.task_id
                self._agent.inbox.put(Asked(lambda task_id=task_id: ties.withdraw(task_id)))  # type: ignore[misc]
