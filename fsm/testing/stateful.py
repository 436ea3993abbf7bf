"""FutureMachine: a Hypothesis state machine made from a lifecycle (extra: testing).

    TestMine = FutureMachine.of(make=MyFuture, lifecycle=STRICT).TestCase

Hypothesis makes futures of the class, delivers every event and makes every public call in any
order, and after each step compares the answer, the state, the callbacks and the waiters with the
table's rows. A failure is shrunk to the fewest steps and says which row it contradicts.

One thread asks at a time here; for several at once there is `races`.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cache, wraps
from typing import Any, ClassVar

from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from futurefsm.fsm.lifecycles import STRICT
from futurefsm.fsm.table import Lifecycle
from futurefsm.fsm.testing.acts import Acts, sweep
from futurefsm.fsm.testing.bench import Bench
from futurefsm.fsm.testing.compared import Compared
from futurefsm.fsm.testing.subject import Deliver, Subject


def _of(attribute: str) -> Any:
    """One of the machine's own: what a class can do is known when its first future is there."""
    return st.runner().flatmap(lambda machine: st.sampled_from(tuple(getattr(machine, attribute))))


def _lists_of(attribute: str) -> Any:
    return st.runner().flatmap(
        lambda machine: st.lists(
            st.sampled_from(getattr(machine, attribute)),
            min_size=1,
            max_size=machine.futures_max,
        )
    )


class _TestCase:
    """What `unittest` and pytest run: first the sweep, then Hypothesis."""

    def __get__(self, _machine: Any, kind: "type[FutureMachine]") -> Any:
        return _test_case(kind)


@cache
def _test_case(kind: "type[FutureMachine]") -> Any:
    case: Any = vars(RuleBasedStateMachine)["TestCase"].__get__(None, kind)
    search = case.runTest

    @wraps(search)
    def run(self: Any) -> None:
        kind.sweep()
        search(self)

    return type(case.__name__, (case,), {"runTest": run, "__module__": kind.__module__})


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
    futures_max: ClassVar[int] = 3
    covered: ClassVar[Counter[tuple[str, str]]]

    futures = Bundle("futures")
    TestCase = _TestCase()

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
        subject = self.subject
        acts = Acts(subject)
        self.bench = Bench(subject, self.patience_s)
        self.states = acts.states
        self.happenings, self.listeners = acts.happenings, acts.listeners
        self.questions = acts.questions

    @classmethod
    def sweep(cls) -> None:
        """Everything that can happen, once from every state: the first thing that `TestCase` does.

        Raises:
            Differs: the future does not do what its table says.
        """
        cls.covered.update(sweep(cls.subject, cls.patience_s))

    def teardown(self) -> None:
        """Count the rows; end the threads."""
        for each in self.bench.futures:
            type(self).covered.update(each.model.used)
        self.bench.close()

    # One rule: Hypothesis leaves out rules at random, and makes failures of few rules smaller.

    @initialize(target=futures, states=_lists_of("states"))
    def make(self, states: list[str]) -> Any:
        """The futures, each brought to a state."""
        return multiple(*(self.bench.make(state) for state in states))

    @rule(future=futures, what=_of("happenings") | _of("listeners") | _of("questions"))
    def do(self, future: Compared, what: str) -> None:
        """Something happens to one of them, or it is asked."""
        acts = (self.happenings, self.listeners, self.questions)
        next(each[what] for each in acts if what in each)(future)
