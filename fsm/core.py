"""How a future moves: state, story, and who is told. `future.py` adds what users ask of it.

The future owns its state under its own lock. Whoever fires an event performs, after the lock is
released, what concerns the future (wake the waiters, run the callbacks) and hands the effects of
the wire to `perform`. What is rare (waiters, callbacks, outcome) is made when needed.

A step is prepared without the lock and taken under it, where nothing is computed any more: so a
finalizer that the garbage collector runs in between may fire the same future, and nothing that
raises can leave it half moved.
"""

import concurrent.futures
import logging
from collections.abc import Callable
from time import monotonic
from typing import Any, ClassVar, TypeVar

from futurefsm.fsm import errors, threads
from futurefsm.fsm.compiled import Node, Step
from futurefsm.fsm.lifecycles import CONFIRMED
from futurefsm.fsm.lock import FutureLock
from futurefsm.fsm.outcomes import Outcome
from futurefsm.fsm.rare import TOLD, Callbacks, Rare, Told, Waiters, Waiting, each
from futurefsm.fsm.settled import ASKS_IN_STEPS, Settled
from futurefsm.fsm.states import State
from futurefsm.fsm.story import CALLER, UNMOVED, WIRE, Kept, Raw, Story, extended, raw_of
from futurefsm.fsm.table import Lifecycle, unfit

T = TypeVar("T")

logger = logging.getLogger("futurefsm.fsm")


class Core(concurrent.futures.Future[T]):
    """The moving part of `Future`; never used alone.

    Raises:
        ValueError: the lifecycle is not about a future.

    Hooks for an author of a client: `perform`, `violated`, `describe`, `_keep`, `_take_special`,
    `_learn`, `_tell`, `_call_back`. Those that say "under the lock" must neither raise nor wait.
    """

    __slots__ = (
        "_condition",
        "_exception",
        "_node",
        "_rare",
        "_result",
        "_story",
        "_waiting",
    )

    default_lifecycle: ClassVar[Lifecycle] = CONFIRMED

    _start: ClassVar[Node] = CONFIRMED.compiled
    # As concurrent.futures calls it; `_lock` is the same.
    _condition: FutureLock  # type: ignore[assignment]
    _lock: FutureLock
    _node: Node
    _rare: Rare | None
    _story: Kept
    # Waiters of wait() and as_completed(), until they are told.
    _waiting: Waiting
    _result: Any
    _exception: BaseException | None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls._start = _start(cls.default_lifecycle)

    def __init__(self, lifecycle: Lifecycle | None = None) -> None:
        # The standard library's __init__ makes a condition and two lists: not called, see _rare.
        lock = self._condition = FutureLock()
        lock._waiters = None
        self._node = self._start if lifecycle is None else _start(lifecycle)
        self._story = UNMOVED
        self._result = self._exception = self._rare = self._waiting = None

    # What concurrent.futures' own functions (wait, as_completed) and its tests look at.

    @property
    def _state(self) -> str:  # type: ignore[override]
        return self._node.view  # type: ignore[return-value]

    @property
    def _waiters(self) -> list[Any] | Waiters:  # type: ignore[override]
        return TOLD if self._node.announced else Waiters(self)

    @property
    def _done_callbacks(self) -> Callbacks:
        return self._made_rare().callbacks

    def _made_rare(self) -> Rare:
        rare = self._rare
        if rare is None:
            fresh = self._fresh_rare()
            with self._lock:
                rare = self._put_rare(fresh)
        return rare

    def _fresh_rare(self) -> Rare | None:
        """What `_put_rare` needs: made before the lock is taken; None where there is one."""
        return Rare() if self._rare is None else None

    def _put_rare(self, fresh: Rare | None) -> Rare:
        """The rare parts: those that are there, or the fresh ones. Under the lock."""
        rare = self._rare
        if rare is None:
            assert fresh is not None
            rare = self._rare = fresh
        return rare

    # Reading.

    @property
    def lifecycle(self) -> Lifecycle:
        """The table that it obeys."""
        return self._node.lifecycle

    @property
    def state(self) -> State:
        """The state now; equal to its name."""
        return self._node.state

    @property
    def story(self) -> Story:
        """What happened to it so far (state, event, monotonic time, where from). Bounded."""
        with self._lock:
            return self._told(self._raw())

    def _raw(self) -> Raw:
        return raw_of(self._node.moves, self._story)

    def _told(self, raw: Raw) -> Story:
        rare = self._rare
        if rare is None:
            return Story(self.lifecycle.start, raw)
        return Story(self.lifecycle.start, raw, rare.stays, rare.forgotten)

    @property
    def cancel_outcome(self) -> Outcome | None:
        """What is known of a request to cancel; None where there was none."""
        rare = self._rare
        return rare.outcome if rare is not None else None

    def done(self) -> bool:
        """True once it is settled: cancelled, or finished."""
        return self._node.settled

    def describe(self) -> str:
        """What it is, for error messages; a subclass names the task here."""
        return "the future"

    # Moving.

    def fire(self, event: str, value: Any = None, source: str = WIRE) -> Step:
        """Let an event happen, and perform what follows.

        Args:
            event: an event of the lifecycle, or its name.
            value: what came with it: the value of a success, the exception of a failure.
            source: where it comes from: "wire", "client", or "caller" (in this process).

        Returns:
            the step that was taken; the effects that concern the wire were handed to `perform`.

        Raises:
            InvalidStateError: a caller in this process fired what the table forbids. From anywhere
                else a violation is counted, handed to `violated`, and moves nothing.
            KeyError: the lifecycle has no such event.
            BaseException: what `perform` raised, or a callback that is no `Exception` (Ctrl-C): at
                the end, when the future has moved and all who wait for it were told.
        """
        while True:
            # In this order: a future that leaves the common ways moves its node before its story.
            kept: Any = self._story
            node = self._node
            try:
                after = node.ways[source][event]
            except KeyError:
                after = None  # a source of the caller's own; or there is no such event
            if after is not None:
                step: Step = after.step
                story = monotonic() if after.first else complex(kept, monotonic())
                # As `with`, but for its price (a sixth of all).
                lock, won, told = self._lock, False, None
                try:
                    lock.acquire()
                    won = self._node is node and self._story is kept
                    if won:
                        if step.offers is not None:
                            self._keep(step, value)
                        self._node = after
                        self._story = story
                        if self._rare is not None or self._waiting is not None or lock._waiters:
                            told = self._take_told(step)
                    lock.release()
                except BaseException:
                    self._interrupted(after, value, won, told)
                    raise
                if not won:
                    continue  # somebody was quicker: look again
                if told is not None:
                    self._follow(step, value, told)
                elif step.effects:
                    self.perform(step, value)
                return step
            try:
                step = node.on[event]
            except KeyError:
                raise self._unknown(event) from None
            if step.violates or (step.violates_by_caller and source == CALLER):
                return self._refuse(step, source)
            if self._took_special(node, step, value, source, kept):
                return step

    def _took_special(self, node: Node, step: Step, value: Any, source: str, before: Kept) -> bool:
        """Take a step that is on no common way; False if somebody was quicker."""
        fresh = self._fresh_rare()
        story = raw = raw_of(node.moves, before)
        # What a step discards is let go after the lock: its finalizers are not ours.
        kept, dropped = value, None
        if step.moves:
            story = extended(raw, step, monotonic(), source)
        if step.own_error is not None:
            kept = self._own_error(step, value, self._told(story))
        with self._lock:
            if self._node is not node or self._story is not before:
                return False
            rare = self._put_rare(fresh)
            if step.discards:
                dropped = (self._result, self._exception)
            self._take_special(step, kept, source)
            if step.moves:
                self._story = story
                rare.forgotten += len(story) == len(raw)
            told = self._take_told(step)
        del dropped
        self._follow(step, value, told)
        return True

    def _interrupted(self, after: Node, value: Any, won: bool, told: Told | None) -> None:
        """Ctrl-C while a step was taken: the lock is let go, and what was taken is told."""
        step: Step = after.step
        moved = won and self._node is after
        # The first place where Ctrl-C can come is behind acquire(), the last behind release().
        if self._lock._is_owned():
            if moved and told is None:
                told = self._take_told(step)
            self._lock.release()
        if moved:
            self._follow(step, value, told or (None, []))

    def _take_told(self, step: Step) -> Told:
        """Who is to be told of a step. Wakes those who sleep. Under the lock."""
        rare = self._rare
        if step.notifies:
            self._lock.wake()
        callbacks = [] if rare is None else rare.take(step)
        waiters = None
        # Behind every call, and in one go: Ctrl-C before it has taken nothing.
        if step.announces:
            waiters, self._waiting = self._waiting, None
        return waiters, callbacks

    def _take_special(self, step: Step, value: Any, source: str) -> None:
        """Change what a step changes beside the story. Under the lock.

        Args:
            value: what came with the event; the error, where the step makes one of its own.
        """
        rare = self._made_rare()
        # What a node says must be there as long as the node is: kept before, let go behind. Who
        # reads without the lock (`_ended`) relies on it.
        if step.offers is not None:
            self._keep(step, value)
        elif step.own_error is not None:
            self._exception = value
        if not step.moves:
            rare.stayed(step.event)
        self._learn(rare, step, value, source)
        if step.moves or step.announces:
            self._node = step.node
        if step.discards:
            self._result = self._exception = None

    def _learn(self, rare: Rare, step: Step, value: Any, source: str) -> None:
        """Note what a step tells about a cancel. Under the lock, before the node moves."""
        if step.outcome is not None:
            rare.learn(step.outcome)

    def _keep(self, step: Step, value: Any) -> None:
        """Keep what a settling event brought. Under the lock."""
        if step.offers:
            self._result = value
        else:
            self._exception = value

    def _follow(self, step: Step, value: Any, told: Told) -> None:
        """Tell everybody. Nobody is forgotten because telling another raised."""
        waiters, callbacks = told
        try:
            if waiters is not None:
                self._tell(each(waiters))
        finally:
            try:
                if step.effects:
                    self.perform(step, value)
            finally:
                if callbacks:
                    self._call_back(callbacks)

    def perform(self, step: Step, value: Any) -> None:
        """Told, on the thread that fired and under no lock, the effects that concern the wire.

        A bare future has no wire; a client's future overrides this. Two steps that two threads
        fire one after the other may be handed over in either order. What it raises reaches who
        fired, after the callbacks.

        Args:
            step: its `effects` are to be performed, in order.
            value: what came with the event.
        """

    def violated(self, step: Step, source: str) -> None:
        """Told, under no lock, of a message that a correct peer never sends. It moved nothing."""
        if self._made_rare().stays.get(step.event) == 1:
            logger.warning(
                "%s: %s from the %s is a violation; ignored", self.describe(), step.row, source
            )

    def _own_error(self, step: Step, value: Any, story: Story) -> BaseException:
        """The error of a step that makes one. `value`: more about it, or the exception itself."""
        if isinstance(value, BaseException):
            return value
        return errors.own_error(str(step.own_error), self.describe(), value, story)

    def _refuse(self, step: Step, source: str) -> Step:
        rare = self._made_rare()
        with self._lock:
            rare.stayed(step.event)
        if source == CALLER:
            state = step.row.source
            message = f"{self._state}: {self!r}: {step.event} is not allowed in state {state}"
            raise errors.InvalidStateError(message, self.story)
        self.violated(step, source)
        return step

    def _unknown(self, event: str) -> KeyError:
        known = ", ".join(self.lifecycle.events)
        return KeyError(f"{self.lifecycle!r} has no event {event!r}; it has {known}")

    def _given_to(self, fn: Callable[[Any], object]) -> Any:
        """What a callback is called with: this future; a moment of it, where asyncio asks."""
        asks_in_steps = getattr(fn, "__module__", None) == ASKS_IN_STEPS
        return Settled(self) if asks_in_steps else self

    def _tell(self, waiters: list[Any]) -> None:
        """Tell `wait()` and `as_completed()`, as the standard library's futures do."""
        for waiter in waiters:
            if self._node.state.is_cancelled:
                waiter.add_cancelled(self)
            elif self._raised():
                waiter.add_exception(self)
            else:
                waiter.add_result(self)

    def _raised(self) -> bool:
        """Whether a finished future ended with an exception."""
        return self._exception is not None

    def _call_back(self, callbacks: Callbacks) -> None:
        """Run callbacks of a settled future, in order, under no lock."""
        interrupt: BaseException | None = None
        with threads.calling_back():
            for fn in callbacks:
                try:
                    self._call_one(fn)
                except BaseException as raised:
                    # Ctrl-C, SystemExit: the callbacks behind it still hear.
                    interrupt = interrupt or raised
        if interrupt is not None:
            raise interrupt

    def _call_one(self, fn: Callable[[Any], object]) -> None:
        try:
            fn(self._given_to(fn))
        except Exception:
            logger.exception("exception calling callback for %r", self)


# One place in memory with two names.
Core._lock = Core._condition


def _start(lifecycle: Lifecycle) -> Node:
    if getattr(lifecycle, "about", None) != "future":
        raise unfit(lifecycle)
    return lifecycle.compiled
