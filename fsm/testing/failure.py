"""What the race kit tells: a failure, a report of an exploration, a proof."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from futurefsm.fsm.testing.programs import Program

if TYPE_CHECKING:
    from futurefsm.fsm.testing.harness import Harness
    from futurefsm.fsm.testing.history import Seen
    from futurefsm.fsm.testing.threads.steps import Run


class Trouble(NamedTuple):
    """One thing that is wrong. `check`: the check that says so; `words`: what, for a reader."""

    check: str
    words: str


@dataclass
class Counts:
    """How much was looked at.

    Attributes:
        schedules: how many ran.
        programs: how many programs they were of.
        steps: operations performed, in all.
        seen: how many of them a user could tell apart (what was called, answered, sent, in which
            order).
        by_preemptions: schedules by their number of preemptions.
        rows: rows of the lifecycle that were taken, as (state, event).
        all_rows: how many the lifecycle has.
        seconds: how long it took, by the wall clock.
    """

    schedules: int = 0
    programs: int = 0
    steps: int = 0
    seen: int = 0
    by_preemptions: dict[int, int] = field(default_factory=dict)
    rows: set[tuple[str, str]] = field(default_factory=set)
    all_rows: int = 0
    seconds: float = 0.0

    def add(self, run: "Run") -> None:
        """One more schedule."""
        self.schedules += 1
        self.steps += len(run.raw)
        spent = run.preemptions
        self.by_preemptions[spent] = self.by_preemptions.get(spent, 0) + 1

    def merge(self, other: "Counts") -> None:
        """What another process has looked at, of the same table."""
        self.schedules += other.schedules
        self.programs += other.programs
        self.steps += other.steps
        self.seen += other.seen
        self.rows |= other.rows
        for spent, schedules in other.by_preemptions.items():
            self.by_preemptions[spent] = self.by_preemptions.get(spent, 0) + schedules

    def __str__(self) -> str:
        return (
            f"{self.schedules:,} schedules of {self.programs:,} programs, {self.seen:,} distinct, "
            f"{len(self.rows)} of {self.all_rows} rows"
        )


class Failure(AssertionError):
    """A schedule under which a future broke its promise.

    Attributes:
        check: the check that it broke; `words` says how.
        troubles: all that is wrong in this run; the first is that of `check`.
        program, schedule: what was run, and the choices (trailing zeros left out).
        run: the run, detailed.
        seen: what was called, answered, sent and told, in order.
        harness: who ran it.
        counts: how much was looked at before.
        seed: of the search that found it.
        stories: for each future its own story in lines, where it tells one.
        replay: the command that runs it again, where somebody knows.
        lines: the modules whose lines were switch points.
    """

    replay = ""
    lines: tuple[Any, ...] = ()

    def __init__(
        self,
        troubles: Sequence[Trouble],
        program: Program,
        schedule: Sequence[int],
        run: "Run",
        seen: "Seen",
        harness: "Harness",
        counts: Counts | None = None,
        *,
        seed: int | None = None,
        stories: Sequence[str] = (),
    ) -> None:
        self.troubles = tuple(troubles)
        self.check, self.words = self.troubles[0]
        self.program = program
        self.schedule = trimmed(schedule)
        self.run = run
        self.seen = seen
        self.harness = harness
        self.counts = counts or Counts()
        self.seed = seed
        self.stories = tuple(stories)
        super().__init__(self.check, self.words)

    def __str__(self) -> str:
        from futurefsm.fsm.testing.picture import picture

        return picture(self)

    @property
    def token(self) -> str:
        """What `replay` and ``--race-replay`` take."""
        from futurefsm.fsm.testing import tokens

        return tokens.encode(self.program, self.schedule, self.run.steps)

    def in_short(self) -> str:
        """A few lines, without the picture."""
        lines = [f"{self.harness.name}: {self.check}: {self.words}", str(self.program)]
        lines.append(f"schedule: {list(self.schedule)}; {self.run.preemptions} preemptions")
        return "\n".join(lines)

    @property
    def size(self) -> tuple[int, int, int, int]:
        """Calls, preemptions, switches and steps: the smaller the better."""
        return (
            self.program.calls,
            self.run.preemptions,
            self.run.switches,
            len(self.run.steps),
        )

    def __reduce__(self) -> tuple[Any, ...]:
        # A run holds answers of any type: what travels between processes is the text.
        return AssertionError, (str(self),)


class NotDeterministic(RuntimeError):
    """A schedule that did not run twice in the same way; names the first step that differed."""


@dataclass
class Report:
    """What `explore` found: `failure`, or None; and how much it looked at."""

    counts: Counts
    failure: Failure | None = None

    def check(self) -> "Report":
        """Itself.

        Raises:
            Failure: one was found.
        """
        if self.failure is not None:
            raise self.failure
        return self

    def __str__(self) -> str:
        found = "nothing" if self.failure is None else self.failure.check
        return f"{found} found in {self.counts}"


@dataclass
class Proof:
    """What `prove` went through: every schedule of every program within its bounds.

    Attributes:
        threads, calls, preemptions: the bounds.
        paths: how many paths of the pump.
        complete: nothing within the bounds was left out.
    """

    counts: Counts
    threads: int
    calls: int
    preemptions: int
    paths: int
    complete: bool = True

    def __str__(self) -> str:
        done = "all" if self.complete else "not all"
        return (
            f"{done} programs of at most {_many(self.threads, 'thread')} and "
            f"{_many(self.calls, 'call')} each, {_many(self.paths, 'path')}, at most "
            f"{_many(self.preemptions, 'preemption')}:\n{self.counts}"
        )


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def trimmed(schedule: Sequence[int]) -> tuple[int, ...]:
    """Without trailing zeros: where a schedule ends, the benign choice is made."""
    end = len(schedule)
    while end and not schedule[end - 1]:
        end -= 1
    return tuple(schedule[:end])
