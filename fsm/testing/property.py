"""races(harness): a test of Hypothesis. It draws the program, the messages, the faults and the
schedule; a failure shrinks, is kept in the database, and can be reproduced by its blob.
"""

from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from functools import cache, wraps
from typing import Any

from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as Settings
from hypothesis import strategies as st

from futurefsm.fsm.testing.drawing import Drawer
from futurefsm.fsm.testing.exploring import failure_of
from futurefsm.fsm.testing.failure import Counts, Failure
from futurefsm.fsm.testing.fit import at_least_one, not_negative
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.programs import Program
from futurefsm.fsm.testing.search.hybrid import FIRST, Bad, in_order
from futurefsm.fsm.testing.search.icb import Schedule, following
from futurefsm.fsm.testing.search.smallest import Found, fewest
from futurefsm.fsm.testing.stage import Stage
from futurefsm.fsm.testing.strategies import schedules

# Of each drawn program so many schedules by lot, beside the first ones in order.
_DRAWN = 8
# While Hypothesis shrinks, each failing example is made small itself, in so many schedules.
_POLISH = 200


class Property:
    """What a test made by `races` does with one example.

    Attributes:
        harness: what is tested.
        counts: how much was looked at, in all examples so far.
        options: what `replay` has to know as well.
    """

    def __init__(
        self,
        harness: Harness,
        *,
        preemptions: int,
        checks: Iterable[str] | None,
        backend: str | None,
        lines: Collection[str],
    ) -> None:
        self.harness = harness
        self._bound = min(1, preemptions)
        only = None if checks is None else frozenset(checks)
        self.options: dict[str, Any] = {"backend": backend, "lines": lines}
        self._stage = Stage(harness, only=only, **self.options)

    @property
    def counts(self) -> Counts:
        return self._stage.counts

    def open(self) -> AbstractContextManager[Stage]:
        """Around all examples: swapping the primitives takes as long as many schedules."""
        return self._stage.open()

    def example(self, program: Program, drawn: Iterable[Schedule]) -> None:
        """Run schedules of one program; `open` must be entered.

        Raises:
            Failure: one of them broke a check.
            NotDeterministic: it does not fail twice in the same way.
        """
        stage = self._stage
        bad = self._bad(stage, program, drawn)
        if bad is None:
            return
        check = bad.troubles[0].check
        found = fewest(stage, bad.found, check, tries=_POLISH)
        failure = failure_of(stage, Bad(found, bad.troubles))
        failure.__class__ = _class_of(check)
        raise failure

    def _bad(self, stage: Stage, program: Program, drawn: Iterable[Schedule]) -> Bad | None:
        for bad in in_order(stage, program, self._bound, FIRST):
            if bad is not None:
                return bad
        for schedule in drawn:
            shown = stage.run(program, following(schedule))
            if shown.troubles:
                return Bad(Found.of(program, shown.run), shown.troubles)
        return None


@cache
def _class_of(check: str) -> type[Failure]:
    """A class for each check: Hypothesis takes failures of different classes for different faults,
    so that what shrinks does not slip from one into another."""
    return type(Failure.__name__, (Failure,), {"__doc__": Failure.__doc__, "__module__": __name__})


def races(
    harness: Harness,
    *,
    schedules: int = 2000,
    preemptions: int = 2,
    checks: Collection[str] | None = None,
    backend: str | None = None,
    lines: Collection[str] = (),
    settings: Settings | None = None,
    **options: Any,
) -> Callable[[], None]:
    """A Hypothesis test: it draws the program, the messages, the faults and the schedule.

    The database, ``@reproduce_failure`` and ``@example`` work as with any test of Hypothesis.

    Args:
        harness: what is tested.
        schedules: about how many schedules run; an example runs up to 48 of one program.
        preemptions: a failure is told with the fewest preemptions that reach it; so many are
            tried.
        checks: names of checks (`checks.ORDER`); None: all.
        backend, lines: as for `explore`.
        settings: those of Hypothesis, in the place of ``@settings``; a time limit for an example
            and health checks mean nothing here and are switched off.
        options: for `drawing.Drawer`: `threads`, `calls`, `futures`, `wrong`.

    Returns:
        a function without arguments, for pytest: ``test_races = races(MyFutures())``. Its
        `race_harness` is the harness, its `race_property` has the counts.
    """
    at_least_one(schedules=schedules)
    not_negative(preemptions=preemptions)
    # Looks at the harness first.
    made = Property(harness, preemptions=preemptions, checks=checks, backend=backend, lines=lines)
    drawer = Drawer(harness, **options)

    def example(program: Program, drawn: list[Schedule]) -> None:
        made.example(program, drawn)

    # The database tells tests apart by their text and their signature, and all of ours have one
    # text.
    about = " ".join(["races", harness.name, *sorted(checks or ())])
    example.__annotations__["return"] = about
    drawn_of = st.lists(_schedules(), max_size=_DRAWN)
    examples = _settings(settings, schedules)(given(_programs(drawer), drawn_of)(example))

    @wraps(examples)
    def test_races() -> None:
        # What decorators like `reproduce_failure` have hung on the one is for the other.
        vars(examples).update(vars(test_races))
        with made.open():
            examples()

    del test_races.__wrapped__
    test_races.__name__ = test_races.__qualname__ = "test_races"
    test_races.race_harness = harness  # type: ignore[attr-defined]
    test_races.race_property = made  # type: ignore[attr-defined]
    return test_races


@st.composite
def _programs(draw: st.DrawFn, drawer: Drawer) -> Program:
    return drawer.draw(lambda n: draw(st.integers(0, n - 1)))


def _settings(given: Settings | None, schedules: int) -> Settings:
    """What a test of races runs with."""
    examples = max(1, schedules // (FIRST + _DRAWN))
    # A shrunk example is explained by its picture; the search here is its own.
    phases = set(Phase) - {Phase.explain, Phase.target}
    if given is None:
        given = Settings(max_examples=examples, print_blob=True)
    else:
        phases &= set(given.phases)
    return Settings(
        given,
        deadline=None,
        phases=[phase for phase in Phase if phase in phases],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
    )


def _schedules() -> st.SearchStrategy[Schedule]:
    return schedules()


__all__ = ["Failure", "Property", "races"]
