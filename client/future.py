"""The client's Future: its value lives in the object store until its bytes are here.

The pump delivers bytes; they become an object once, outside all locks, in the thread of the first
who asks (or in the callback thread, where there are callbacks). The others wait for it within their
own time-outs.
"""

from collections.abc import Callable
from threading import get_ident
from time import monotonic
from typing import Any, TypeVar

from futurefsm.client.home import Here, Home, Phase
from futurefsm.client.making import made_of
from futurefsm.client.meeting import meet
from futurefsm.fsm import errors, leftover
from futurefsm.fsm import events as ev
from futurefsm.fsm import future as base
from futurefsm.fsm.compiled import Step
from futurefsm.fsm.outcomes import NEVER_SENT, TOO_LATE, WORKER_DIED_OUTCOME, Outcome
from futurefsm.fsm.rare import Rare
from futurefsm.fsm.story import CLIENT
from futurefsm.fsm.table import Lifecycle
from futurefsm.protocol.ids import short
from futurefsm.protocol.mapping import profile_of
from futurefsm.protocol.task_flags import Profile
from futurefsm.protocol.transport.buffers import give_back

T = TypeVar("T")

leftover.takes_locks(__file__)


class Future(base.Future[T]):
    """A future of a `Client`. Made by `Client.submit`, never by hand."""

    __slots__ = (
        "_delayed",
        "_failed",
        "_held",
        "_home",
        "_label",
        "_loader",
        "_payload",
        "_phase",
        "metadata",
        "promised",
        "task_id",
    )

    def __init__(
        self,
        lifecycle: Lifecycle,
        home: Home,
        task_id: bytes,
        label: str,
        *,
        delayed: bool = False,
    ) -> None:
        super().__init__(lifecycle)
        # Nobody asked for its value yet, so nobody fetches it.
        self._delayed = delayed
        # How many tasks were announced that need its result, while that is in the store.
        self.promised = 0
        # Of its TaskResult.
        self.metadata = b""
        self.task_id = task_id
        self._home = home
        self._label = label
        self._phase = Phase.NONE
        self._failed = False
        self._payload: Any = None
        self._loader = 0
        # Callbacks of a settled future whose value is still on its way.
        self._held: list[Callable[[Any], object]] | None = None

    def describe(self) -> str:
        return f"task {short(self.task_id)} ({self._label})"

    def _repr_value(self) -> str:
        if self._phase in _NOT_MADE:
            return " raised something" if self._failed else " returned something"
        return super()._repr_value()

    def value_text(self) -> str:
        """Where its value is, in words, for a future that finished."""
        if self._phase is Phase.STORED:
            return "its value is in the object store, and nobody has asked for it"
        if self._phase is Phase.OWED:
            return "its value is on its way from the object store"
        if self._phase in (Phase.HERE, Phase.LOADING):
            return f"the bytes of its value are here ({len(self._payload or b''):,} bytes)"
        return f"it{super()._repr_value()}"

    def profiling_info(self) -> Profile | None:
        """What the task cost: seconds, bytes, seconds of the processor; None where nobody told.

        Raises:
            InvalidStateError: it has not ended.
        """
        if not self._node.settled:
            raise errors.InvalidStateError(f"{self.describe()} has not ended", self.story)
        return profile_of(self.metadata)

    # Told by the base class.

    def perform(self, step: Step, value: Any) -> None:
        self._home.stepped(self.task_id, step, value)
        if step.discards:
            self._release_held()

    def violated(self, step: Step, source: str) -> None:
        self._home.violated(self.task_id, f"{step.row} (from the {source})")

    def _keep(self, step: Step, value: Any) -> None:
        self._failed = not step.offers
        if isinstance(value, Here):
            self._phase = Phase.MADE
            super()._keep(step, value.value)
            return
        # The value is an object's id; the tracker asks for its bytes.
        self._phase = Phase.STORED if self._delayed else Phase.OWED

    def _take_special(self, step: Step, value: Any, source: str) -> None:
        super()._take_special(step, value, source)
        if step.discards:
            self._phase, self._payload = Phase.NONE, None
            self._lock.wake()

    def _learn(self, rare: Rare, step: Step, value: Any, source: str) -> None:
        if isinstance(value, Outcome):
            # Known here, and better than by the row: no scheduler has heard of the task.
            rare.outcome = value
        elif source == CLIENT and step.outcome in (TOO_LATE, WORKER_DIED_OUTCOME):
            # A result from here is that of another, which this one needed: its own never ran.
            rare.outcome = NEVER_SENT
        else:
            super()._learn(rare, step, value, source)

    def _raised(self) -> bool:
        # Known before its bytes are here.
        return self._failed or super()._raised()

    def _call_back(self, callbacks: list[Callable[[Any], object]]) -> None:
        with self._lock:
            if self._phase is Phase.OWED or self._held is not None:
                self._held = [*(self._held or ()), *callbacks]
                return
        self._queue(callbacks)

    def _queue(self, callbacks: list[Callable[[Any], object]]) -> None:
        if not self._home.callbacks.put(self, callbacks):
            # The client is closed: as the standard library, in the thread that asks.
            self.load()
            for fn in callbacks:
                self.call_one(fn)

    def _release_held(self) -> None:
        # In the order added: until the list is empty, later ones go behind those in it.
        while True:
            with self._lock:
                held = self._held
                self._held = [] if held else None
            if not held:
                return
            try:
                self._queue(held)
            except BaseException:
                self._release_held()
                raise

    def call_one(self, fn: Callable[[Any], object]) -> None:
        """Call one callback; what it raises is logged."""
        self._call_one(fn)

    def promise(self) -> bool:
        """A task is about to be submitted that needs its result: it is kept for it in the store.

        False where it is too late: the future is cancelled, or its value is here or on its way.
        """
        with self._lock:
            ended = self._node.settled and self._phase is not Phase.STORED
            if not ended:
                self.promised += 1
            return not ended

    def _ask(self) -> None:
        """Somebody wants the value: ask for it, once."""
        with self._lock:
            asked, self._delayed = self._delayed, False
            if self._phase is Phase.STORED:
                self._phase = Phase.OWED
        if asked and not self._home.want(self):
            self.lose(b"", "its client was closed before anybody asked for it")

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return meet(
            self,
            f"{self.describe()} means something to its own client only: pass its future to "
            "submit() as an argument, or inside one, not in a closure, a global or a file",
        )

    def belongs_to(self, home: Home) -> bool:
        """Whether it is a future of this client."""
        return self._home is home

    def settle_here(self, event: ev.Event, value: Any) -> None:
        """Its task is never sent, for its end is known: `event` is RESULT_SUCCESS, RESULT_FAILED,
        with what it brings, or CANCEL, with an outcome."""
        if event == ev.CANCEL:
            self.fire(event, value, CLIENT)
            if not self._node.announced and ev.SUBMIT in self._node.on:
                self.fire(ev.SUBMIT, None, CLIENT)
            return
        if self._node.on[event].violates:
            self.fire(ev.SUBMIT, None, CLIENT)
        self.fire(event, Here(value), CLIENT)

    # Told by the pump.

    def deliver(self, payload: Any) -> None:
        """The bytes of the value are here."""
        with self._lock:
            if self._phase is Phase.OWED:
                self._phase, self._payload = Phase.HERE, payload
                self._lock.wake()
        self._release_held()

    def lose(self, object_id: bytes, reason: str) -> None:
        """The bytes of the value cannot be had."""
        error = errors.ResultLostError(
            f"{self.describe()} ended, but its result"
            f"{f', object {short(object_id)},' if object_id else ''} cannot be had: {reason}",
            self.story,
        )
        error.object_id = object_id
        with self._lock:
            if self._phase is Phase.OWED:
                # First what it says, as in `_load`: a finished future is read without the lock.
                self._exception = error
                self._phase = Phase.MADE
                self._lock.wake()
        self._release_held()

    # Asked by users.

    def cancel(self, timeout: float | None = base._UNSET) -> bool:
        self._home.check_process(waits=timeout != 0)
        if timeout is base._UNSET:
            timeout = self._home.cancel_timeout
        said = super().cancel(timeout)
        if self._node.settled and not self._node.announced and ev.SUBMIT in self._node.on:
            # Where an executor has to announce a cancel to wait() and as_completed(), this is the
            # executor: at once, not when a worker would have been free.
            # Those who need its result hear of it as well.
            self._home.stepped(self.task_id, self.fire(ev.SUBMIT, None, CLIENT), None)
        return said

    def add_done_callback(self, fn: Callable[[Any], object]) -> None:
        """As in the base class; callbacks run in order on the client's callback thread."""
        if not self._node.settled:
            self._home.check_process()  # a forked child would never hear
        if self._delayed:
            self._ask()
        super().add_done_callback(fn)

    def result(self, timeout: float | None = None) -> T:
        """As in the base class. What has finished may have left its value in the store."""
        try:
            return self._awaited_result(timeout)
        finally:
            # This frame is in the traceback of the exception that the future holds: a cycle.
            self = None  # type: ignore[assignment]

    def exception(self, timeout: float | None = None) -> BaseException | None:
        """What the task raised, or None. Waits and raises as `result`."""
        if self._phase in _NOT_MADE and self._lock_is_mine():
            # `concurrent.futures.wait(return_when=FIRST_EXCEPTION)` asks while it holds the locks
            # of all its futures. The pump may need another of these locks before it can bring the
            # bytes of this one: waiting would dead-lock. It only wants to know: is there one?
            return _NotLoaded(self.describe()) if self._failed else None
        return super().exception(timeout)

    def _wait_or_raise(self, timeout: float | None) -> None:
        if self._node.settled and self._phase in (Phase.NONE, Phase.MADE):
            return
        self._home.check_process(waits=True)
        if self._delayed:
            self._ask()
        deadline = None if timeout is None else monotonic() + timeout
        super()._wait_or_raise(timeout)
        if not self._load(deadline):
            raise errors.FutureTimeoutError(
                f"{self.describe()} is {self.state}, but its value is not here after {timeout} s",
                self.story,
            )

    def _wait_for_value(self, timeout: float | None) -> bool:
        # In one sleep: who is woken when the task has ended, and sleeps again until the value is
        # here, fights the agent for the interpreter just when that is about to ask for the value.
        here = lambda: self._node.settled and self._phase not in _NOT_HERE  # noqa: E731
        return self._wait_until(here, timeout) or self._node.settled

    def load(self) -> None:
        """Make the value of the bytes that are here, if nobody did. Never raises."""
        self._load(0.0)

    def _load(self, deadline: float | None) -> bool:
        """Wait for the value until `deadline` (monotonic) and make it; False if time ran out."""
        me = get_ident()
        while True:
            with self._lock:
                if self._phase is Phase.LOADING and self._loader == me:
                    raise errors.WouldDeadlockError(
                        f"{self.describe()}: its value's own unpickling asks for it", self.story
                    )
                if self._phase is Phase.HERE:
                    self._phase, self._loader = Phase.LOADING, me
                    payload, failed = self._payload, self._failed
                    break
                if self._phase not in _NOT_HERE:
                    return True
            if (role := self._why_not_wait()) is not None:
                raise errors.WouldDeadlockError(
                    f"{self.describe()}: its value is not here, and this thread {role}", self.story
                )
            left = None if deadline is None else max(0.0, deadline - monotonic())
            if not self._wait_until(lambda: self._phase not in _NOT_HERE, left):
                return False
        value, error = None, None
        try:
            value, error = made_of(self, self._home.serializer, payload, failed)
        except BaseException:
            # Ctrl-C while unpickling: the bytes are still here for the next who asks.
            with self._lock:
                if self._phase is Phase.LOADING:
                    self._phase = Phase.HERE
                self._lock.wake()
            raise
        with self._lock:
            if self._phase is Phase.LOADING:
                self._result, self._exception = value, error
                self._phase, self._payload = Phase.MADE, None
            self._lock.wake()
        give_back(payload)
        return True

    # The names that client code of this protocol already uses.

    def set_result_ready(
        self, object_id: bytes | None, task_state: Any, profile_result: Any = None
    ) -> None:
        """The scheduler says that the task ended and left an object."""
        failed = str(getattr(task_state, "name", task_state)).lower() != "success"
        self.fire(ev.RESULT_FAILED if failed else ev.RESULT_SUCCESS, object_id)

    def set_result(self, result: T) -> None:
        """Not for a client's future: its value comes from the task."""
        raise errors.InvalidStateError(
            f"{self._state}: {self!r}: the result of a client's future comes from its task",
            self.story,
        )

    def set_exception(self, exception: BaseException | None) -> None:
        """Not for a client's future: its exception comes from the task."""
        raise errors.InvalidStateError(
            f"{self._state}: {self!r}: the exception of a client's future comes from its task",
            self.story,
        )


_NOT_HERE = (Phase.OWED, Phase.LOADING)
_NOT_MADE = (Phase.STORED, Phase.OWED, Phase.HERE, Phase.LOADING)


class _NotLoaded(Exception):
    """Stands for an exception whose bytes are not here yet."""
