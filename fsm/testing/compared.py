"""A future of any class and its model, side by side: each call is made of both, and compared."""

import concurrent.futures
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from futurefsm.fsm import effects as fx
from futurefsm.fsm import events as ev
from futurefsm.fsm.story import CALLER, CLIENT, WIRE
from futurefsm.fsm.table import Row
from futurefsm.fsm.testing import words
from futurefsm.fsm.testing.aside import Got, Stuck
from futurefsm.fsm.testing.callbacks import Heard, Waiter
from futurefsm.fsm.testing.differs import Differs
from futurefsm.fsm.testing.model import Model, Taken
from futurefsm.fsm.testing.subject import FROM_THE_WIRE, METHODS, UNKNOWN

if TYPE_CHECKING:
    from futurefsm.fsm.testing.bench import Bench

# So short that nobody notices, and yet a wait that runs out.
_INSTANT_S = 1e-6


class Compared:
    """One future of the class under test, and its model.

    Attributes:
        future: the future.
        model: what the table says of it.
        number: 1, 2, 3: in the order in which they were made.
    """

    def __init__(self, bench: "Bench", number: int) -> None:
        self.bench = bench
        self.subject = bench.subject
        self.number = number
        self.name = f"future {number}"
        self.model = Model(self.subject.lifecycle)
        self.future: Any = None
        self.heard = Heard(self)
        made = self.ask(f"{self.name} = make()", self.subject.make)
        if made.error is not None:
            raise made.error
        self.future = made.value
        self.values = 0
        self._waiters: list[Waiter] = []

    def __repr__(self) -> str:
        return f"<{self.name}: {self.model.state}>"

    # What happens to it.

    def happen(self, event: str) -> None:
        """An event, by whichever way it can come."""
        if event in self.subject.wire_events(self.future):
            self.deliver(event)
        elif event == ev.CANCEL:
            self.cancel()
        else:
            methods = self.subject.methods(self.future)
            self.method(next(name for name in methods if METHODS[name] == event))

    def deliver(self, event: str) -> None:
        """A message arrives. Whatever it is, it raises nothing."""
        value = self._value(event)
        shown = words.shown(event, value)
        taken = self._take(event, value, WIRE)
        self._do(
            f"{shown} from the wire",
            lambda: self.subject.deliver(self.future, event, value),
            taken.row,
            words.NOTHING_RAISED,
        )

    def fire(self, event: str) -> None:
        """A caller in this process fires an event of one of our own futures."""
        value = self._value(event)
        taken = self._take(event, value, CALLER)
        refused = words.INVALID if taken.refused else words.NOTHING_RAISED
        self._do(
            f"fire({words.shown(event, value)}, source='caller')",
            lambda: self.future.fire(event, value, CALLER),
            taken.row,
            refused,
        )

    def method(self, name: str) -> None:
        """One of the methods that an executor calls."""
        event = METHODS[name]
        known = self.model.announced and self.model.state.is_cancelled
        settles = name in ("set_result", "set_exception")
        args = (self._value(event),) if settles else ()
        source = WIRE if name in FROM_THE_WIRE else CALLER
        taken = self._take(event, args[0] if args else None, source)
        expected: tuple[str, ...] = (words.NOTHING_RAISED,)
        if taken.refused and source == CALLER:
            expected = (words.INVALID,)
        elif event == ev.SUBMIT:
            expected = (str(taken.row.answer is not False),)
            if known and not self.subject.is_ours(self.future):
                # `concurrent.futures` takes a second announcement for a mistake of the executor.
                expected += (words.INVALID,)
        shown = ", ".join(words.short(each) for each in args)
        self._do(
            f"{name}({shown})",
            lambda: self._called(name, args),
            taken.row,
            *expected,
        )

    def _called(self, name: str, args: tuple[Any, ...]) -> Any:
        try:
            return getattr(self.future, name)(*args)
        except RuntimeError as error:
            # What `concurrent.futures` raises of its own when a task is started twice.
            if METHODS[name] == ev.SUBMIT and not self.subject.is_ours(self.future):
                raise concurrent.futures.InvalidStateError(str(error)) from error
            raise

    def cancel(self, wait: bool = False) -> None:
        """Its user cancels.

        Args:
            wait: a moment, which runs out; where `cancel()` knows time-outs.
        """
        wait = wait and self.subject.takes_timeout(self.future)
        timeout = _INSTANT_S if wait else 0.0
        taken = self._take(ev.CANCEL, None, CALLER)
        expected = words.INVALID if taken.refused else str(taken.row.answer is not False)
        if wait and self._times_out(taken):
            self._take(ev.CANCEL_TIMED_OUT, None, CLIENT)
        self._do(
            f"cancel({f'timeout={timeout}' if wait else ''})",
            lambda: self.subject.cancel(self.future, timeout),
            taken.row,
            expected,
        )

    def _times_out(self, taken: Taken) -> bool:
        model = self.model
        if taken.refused or taken.row.answer is False or model.settled:
            return False
        return model.state.cancel_decided and ev.CANCEL_TIMED_OUT in self.subject.lifecycle.events

    def add_callback(self, kind: str = "note") -> None:
        """Add a callback; `callbacks.KINDS` has the kinds."""
        callback = self.heard.fresh(kind)
        now = self.model.add_callback(callback)
        if now:
            self.heard.expect([callback])
        self._do(
            f"add_done_callback({callback})",
            lambda: self.future.add_done_callback(self.heard.function(callback)),
            None,
            words.NOTHING_RAISED,
        )

    def watch(self) -> None:
        """One waits for it, as `wait()` and `as_completed()` do."""
        waiter = Waiter(len(self._waiters) + 1)
        self._waiters.append(waiter)
        self.model.add_waiter(waiter)

        def act() -> None:
            with self.future._condition:
                self.future._waiters.append(waiter)

        self._do(f"waiter {waiter.number} begins to wait", act, None, words.NOTHING_RAISED)

    # What it is asked.

    def result(self, wait: bool = False) -> None:
        """`result()`; without a time-out only where it is settled."""
        self._ask("result", lambda t: self.subject.result(self.future, t), wait)

    def exception(self, wait: bool = False) -> None:
        """`exception()`, likewise."""
        self._ask("exception", lambda t: self.subject.exception(self.future, t), wait)

    def _ask(self, name: str, act: Callable[[float | None], Any], wait: bool) -> None:
        timeout = None if wait and self.model.settled else 0
        self._do(
            f"{name}(timeout={timeout})",
            lambda: act(timeout),
            None,
            words.answer(self.model, name),
        )

    def cancelled(self) -> None:
        """`cancelled()`: it must not wait, as no `cancel()` was allowed to."""
        self._do("cancelled()", lambda: self.future.cancelled(), None, str(self.model.cancelled))

    def repr(self) -> None:
        """`repr()` raises nothing in any state."""
        self._do("repr()", lambda: repr(self.future) and None, None, words.NOTHING_RAISED)

    # The comparison.

    def _value(self, event: str) -> Any:
        """What comes with an event: by what the table makes of it, now or elsewhere."""
        rows = [self.model.row(event)]
        rows += [row for row in self.subject.lifecycle.rows if row.event == event]
        for row in rows:
            if fx.OFFER_VALUE in row.effects:
                return words.Value(self._number())
            if fx.OFFER_ERROR in row.effects:
                return words.TaskError(self._number())
        return None

    def _number(self) -> int:
        self.values += 1
        return self.values

    def _take(self, event: str, value: Any, source: str) -> Taken:
        taken = self.model.take(event, value, source)
        self.hear(taken)
        return taken

    def hear(self, taken: Taken) -> None:
        """Who has to hear of a step."""
        for waiter in taken.waiters:
            waiter.expected.append(words.told(self.model))
        self.heard.expect(taken.callbacks)

    def _do(self, call: str, act: Callable[[], Any], row: Row | None, *expected: str) -> None:
        """A call, its answer, and all that may have changed by it."""
        call = f"{self.name}: {call}"
        got, looks = self.bench.act(call, act, self)
        said = self.said(got)
        after = f"   {row}" if row is not None else ""
        self.bench.tell(f"{call} → {said}{after}")
        if said not in expected and not (words.NOTHING_RAISED in expected and got.error is None):
            raise self.differs(call, " or ".join(dict.fromkeys(expected)), said, row)
        self.bench.compare(call, row, looks)

    def said(self, got: Got) -> str:
        """An answer in words. The error that the table names is known by its effect."""
        own = self.model.own_error
        error = got.value if isinstance(got.value, BaseException) else got.error
        if own is None or error is None or words.is_standard(error):
            return words.said(got)
        if not self.subject.is_own_error(self.future, str(own), error):
            return words.said(got)
        return str(own) if got.error is None else f"raises {own}"

    def ask(self, call: str, act: Callable[[], Any]) -> Got:
        """Make a call where it cannot hang us."""
        bench = self.bench
        try:
            return bench.asking.call(act, bench.patience())
        except Stuck as stuck:
            raise self.hangs(call, stuck) from None

    def hangs(self, call: str, stuck: Stuck) -> Differs:
        """The error of a call that has not come back."""
        self.subject.hung = True
        return self.differs(call, "an answer at once", f"none: it waits at {stuck.where}", None)

    def look(self, call: str, row: Row | None) -> None:
        """All that it says by itself, and who heard of it."""
        seen = self.ask(f"{call}, then a look at it", self.seen)
        if seen.error is not None:
            raise self.differs(f"{call}, then a look at it", "no exception", words.said(seen), row)
        self.compare(call, row, seen.value)

    def compare(self, call: str, row: Row | None, seen: dict[str, Any]) -> None:
        """What was seen, and who heard of it, with the table."""
        for what, expected, got in self._pairs(seen):
            if got != expected:
                raise self.differs(call, f"{what} {expected}", f"{what} {got}", row)

    def seen(self) -> dict[str, Any]:
        """What it says by itself."""
        future, subject = self.future, self.subject
        return {
            "done()": future.done(),
            "running()": future.running(),
            "state": subject.state(future),
            "_state": subject.view(future),
            "cancel_outcome": subject.outcome(future),
            "effects": subject.effects(future),
        }

    def _pairs(self, seen: dict[str, Any]) -> Iterator[tuple[str, Any, Any]]:
        """(what, as the table says, as the future says)."""
        model = self.model
        yield "done()", model.settled, seen["done()"]
        if seen["state"] is not None:
            yield "state", str(model.state), seen["state"]
        yield "running()", model.running, seen["running()"]
        if seen["_state"] is not None:
            yield "_state", model.view, seen["_state"]
        if seen["cancel_outcome"] != UNKNOWN:
            yield "cancel_outcome", model.outcome, seen["cancel_outcome"]
        if seen["effects"] is not None:
            yield "effects on the wire", words.listed(model.effects), words.listed(seen["effects"])
        yield "callbacks that ran:", *self.heard.both()
        for waiter in self._waiters:
            told = words.listed(waiter.told)
            yield f"waiter {waiter.number} was told:", words.listed(waiter.expected), told

    def differs(self, call: str, expected: str, got: str, row: Row | None) -> Differs:
        """The error to raise."""
        name = self.subject.name or type(self.future).__name__
        lifecycle = self.subject.lifecycle.name
        return Differs(name, lifecycle, call, expected, got, row, self.bench.story)
