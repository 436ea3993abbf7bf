"""What a schedule is made of, and what one run of it was. Pure: no threads, no clock.

A run is deterministic: its choices are all that decides it. Whoever searches gives a `Choose` and
reads the `Run`.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from itertools import pairwise
from typing import Any, NamedTuple


class Uncontrolled(RuntimeError):
    """Something runs that the scheduler cannot control, so its schedules would mean nothing.

    A lock made before the run is contended; C code blocks; a thread that is not of the run touches
    its locks. The message names the line and says what to do.
    """


class Option(NamedTuple):
    """One way to go on."""

    task: int  # its number, in order of spawn
    fires: bool  # its timed wait expires (True), or it runs on (False)


# (options, the current task or None) → index of the one to take. Called only where there are at
# least two. Index 0 is always the benign one: go on, do not switch, let no timer fire.
Choose = Callable[[Sequence[Option], int | None], int]


def benign(options: Sequence[Option], current: int | None) -> int:
    """The `Choose` that never switches where it need not, and lets no timer fire before time."""
    return 0


class Following:
    """A `Choose`: the choices of a schedule; where it ends, the benign one.

    A choice that is not there is taken round the corner: an edit of the code under test may have
    left fewer.
    """

    __slots__ = ("_rest", "schedule")

    def __init__(self, schedule: Sequence[int]) -> None:
        self.schedule = schedule
        self._rest = iter(schedule)

    def __call__(self, options: Sequence[Option], current: int | None) -> int:
        return next(self._rest, 0) % len(options)


class Step(NamedTuple):
    """What was chosen, and the operation that the task then performed."""

    task: int
    fires: bool
    op: str  # "acquire", "wait", "set", "send", "start", ...
    what: str  # what it is done to: "RLock 1", "Condition 2", ""
    where: str  # "file.py:12" of the code under test; empty unless the run was detailed
    notes: tuple[str, ...]  # what was noted in this step


class Blocked(NamedTuple):
    """A task that could not go on when the run ended."""

    task: int
    name: str
    op: str
    what: str
    holder: str  # name of the task that has what it waits for; empty: nobody, or no lock
    where: str  # "file.py:12"


class Ended(NamedTuple):
    """What became of a task."""

    name: str
    value: object
    error: BaseException | None
    done: bool  # False: the run ended before it did


class Trouble(NamedTuple):
    """Something wrong that a hook reported while the run went on."""

    check: str
    words: str
    step: int  # index of the step in which it was seen


# A step as it is recorded: option, operation, its object (named later), line.
Raw = tuple[Option, str, Any, str]


class Run:
    """One schedule, done.

    Attributes:
        choices: index that was taken, one per real choice (of two options or more).
        costs: for each real choice the preemption cost (0 or 1) of each of its options.
        preemptions: how often a task that could go on was stopped, or a timer fired before its
            time.
        counts: number of options of each real choice.
        end: "done", "deadlock", or "livelock" (the bound of steps was reached).
        blocked: who could not go on, where it did not end as "done".
        ended: what became of each task, in order of spawn.
        troubles: what hooks reported.
        before: what was noted before the first step.
        now: virtual seconds at its end.
    """

    def __init__(self) -> None:
        # id of an object → the object, and what to call it.
        self.labels: dict[int, tuple[Any, str]] = {}
        self.raw: list[Raw] = []
        self.notes: dict[int, list[str]] = {}
        self.choices: list[int] = []
        self.costs: list[tuple[int, ...]] = []
        self.preemptions = 0
        self.end = "done"
        self.blocked: list[Blocked] = []
        self.ended: list[Ended] = []
        self.troubles: list[Trouble] = []
        self.now = 0.0

    @cached_property
    def steps(self) -> list[Step]:
        """All steps. Names are made when they are asked for."""
        name_of, notes = self.name_of, self.notes
        return [
            Step(o.task, o.fires, op, name_of(what), where, tuple(notes.get(index, ())))
            for index, (o, op, what, where) in enumerate(self.raw)
        ]

    def name_of(self, thing: Any) -> str:
        """What reports call an object: its label, or its kind and number ("RLock 1")."""
        if isinstance(thing, str):
            return thing
        label = self.labels.get(id(thing))
        if label is not None:
            return label[1]
        kind = getattr(thing, "kind", "")
        return f"{kind} {thing.number}" if kind else str(thing)

    @property
    def before(self) -> tuple[str, ...]:
        return tuple(self.notes.get(-1, ()))

    @property
    def counts(self) -> list[int]:
        return [len(each) for each in self.costs]

    @property
    def switches(self) -> int:
        """How often another task went on than the one before."""
        tasks = [raw[0].task for raw in self.raw]
        return sum(a != b for a, b in pairwise(tasks))

    def __repr__(self) -> str:
        return f"<Run {self.end}: {len(self.raw)} steps, {self.switches} switches>"
