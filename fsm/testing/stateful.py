"""FutureMachine: a Hypothesis state machine made from a lifecycle (extra: testing).

    TestMine = FutureMachine.of(make=MyFuture, lifecycle=STRICT).TestCase

Hypothesis makes futures of the class, delivers every event and makes every public call in any
order, and after each step compares the answer, the state, the callbacks and the waiters with the
table's rows. A failure is shrunk to the fewest steps and says which row it contradicts.

One thread asks at a time here; for several at once there is `races`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, precondition, rule

from futurefsm.fsm.lifecycles import STRICT
from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.bench import Bench
from futurefsm.fsm.testing.callbacks import KINDS
from futurefsm.fsm.testing.compared import Compared
from futurefsm.fsm.testing.model import ways
from futurefsm.fsm.testing.subject import Deliver, Subject

_WHEN = ("ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION")


def _of(attribute: str) -> Any:
    """One of the machine's own: what a class can do is known when its first future is there."""
    return st.runner().flatmap(lambda machine: st.sampled_from(getattr(machine, attribute)))


class FutureMachine(RuleBasedStateMachine):
    """A machine for one class of futures. Made by `of`, or by a subclass that sets `subject`.

    Attributes:
        subject: the class under test: how its futures are made, fed and looked at.
        patience_s: real seconds after which a call counts as hanging.
        futures_max: how many futures one example may have at once.
        covered: how often each row, as (state, event), was met by all examples so far.
    """

    subject: ClassVar[Subject]
    patience_s: ClassVar[float] = 5.0
    futures_max: ClassVar[int] = 4
    covered: ClassVar[Counter[tuple[str, str]]]

    futures = Bundle("futures")

    @classmethod
    def of(
        cls,
        make: Callable[[], Any],
        lifecycle: Lifecycle = STRICT,
        *,
        fire: Deliver | None = None,
        events: Iterable[str] | None = None,
        state: Callable[[Any], str | None] | None = None,
        effects: Callable[[Any], Sequence[str]] | None = None,
        name: str = "",
    ) -> "type[FutureMachine]":
        """A machine for a class of futures; its `TestCase` is a test.

        Args:
            make: makes one future in the lifecycle's start state; mostly the class itself.
            lifecycle: the table that it has to obey.
            fire: delivers an event of the wire: `fire(future, event, value)`. By default
                `future.fire(event, value)` where there is such a method. Without either, the
                future is moved by `set_running_or_notify_cancel`, `set_result` and
                `set_exception` alone.
            events: the events that `fire` can deliver; by default all of the lifecycle that are
                not the user's own.
            state: what a future says that its state is, by the lifecycle's name.
            effects: the effects of the wire that were performed for a future so far, in order.
            name: for messages.
        """
        subject = Subject(
            make, lifecycle, fire=fire, events=events, state=state, effects=effects, name=name
        )
        return cls.about(subject)

    @classmethod
    def about(cls, subject: Subject) -> "type[FutureMachine]":
        """The same for a `Subject`, whose every method can be overridden."""
        return type("FutureMachine", (cls,), {"subject": subject, "__module__": cls.__module__})

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        cls.covered = Counter()

    def __init__(self) -> None:
        super().__init__()
        self.bench = Bench(self.subject, self.patience_s)
        probe = self.subject.make()
        subject = self.subject
        self.wire = subject.wire_events(probe)
        self.methods = subject.methods(probe)
        self.all_events = tuple(map(str, subject.lifecycle.events))
        self.states = tuple(map(str, ways(subject.lifecycle, subject.usable(probe))))
        self.ours = subject.is_ours(probe)
        self.watched = subject.tells_waiters(probe)
        self.cancels = "cancel" in self.all_events

    def teardown(self) -> None:
        """Count the rows; end the threads."""
        for each in self.bench.futures:
            type(self).covered.update(each.model.used)
        self.bench.close()

    def _has_room(self) -> bool:
        return len(self.bench.futures) < self.futures_max

    # What happens to them.

    @precondition(_has_room)
    @rule(target=futures, state=_of("states"))
    def make(self, state: str) -> Compared:
        return self.bench.make(state)

    @precondition(lambda self: self.wire)
    @rule(future=futures, event=_of("wire"))
    def deliver(self, future: Compared, event: str) -> None:
        future.deliver(event)

    @precondition(lambda self: self.ours)
    @rule(future=futures, event=_of("all_events"))
    def fire(self, future: Compared, event: str) -> None:
        future.fire(event)

    @precondition(lambda self: self.methods)
    @rule(future=futures, name=_of("methods"))
    def call(self, future: Compared, name: str) -> None:
        future.method(name)

    @precondition(lambda self: self.cancels)
    @rule(future=futures, wait=st.booleans())
    def cancel(self, future: Compared, wait: bool) -> None:
        future.cancel(wait)

    # What they are asked.

    @rule(future=futures)
    def cancelled(self, future: Compared) -> None:
        future.cancelled()

    @rule(future=futures, wait=st.booleans())
    def result(self, future: Compared, wait: bool) -> None:
        future.result(wait)

    @rule(future=futures, wait=st.booleans())
    def exception(self, future: Compared, wait: bool) -> None:
        future.exception(wait)

    @rule(future=futures)
    def repr(self, future: Compared) -> None:
        future.repr()

    # Who hears of them.

    @rule(future=futures, kind=st.sampled_from(KINDS))
    def add_done_callback(self, future: Compared, kind: str) -> None:
        future.add_callback(kind)

    @precondition(lambda self: self.watched)
    @rule(future=futures)
    def watch(self, future: Compared) -> None:
        future.watch()

    @precondition(lambda self: self.watched)
    @rule(among=st.lists(futures, min_size=1, max_size=3), return_when=st.sampled_from(_WHEN))
    def wait(self, among: list[Compared], return_when: str) -> None:
        self.bench.wait(among, return_when)

    @precondition(lambda self: self.watched)
    @rule(among=st.lists(futures, min_size=1, max_size=3))
    def as_completed(self, among: list[Compared]) -> None:
        self.bench.as_completed(among)
