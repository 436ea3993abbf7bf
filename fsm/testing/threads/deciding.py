"""Who can go on, who goes on, and what that costs."""

import sys
from collections.abc import Callable, Sequence
from operator import attrgetter

from futurefsm.fsm.testing.threads.active import ACTIVE
from futurefsm.fsm.testing.threads.steps import Choose, Following, Option, Run, Uncontrolled
from futurefsm.fsm.testing.threads.tasks import (
    CALL,
    FIRE,
    GO,
    LATE,
    LOCK,
    RUN,
    Choice,
    Known,
    Moment,
    Task,
    where,
)
from futurefsm.fsm.testing.threads.tripwire import held_unseen


def costs_of(mine: bool, ready: int, timers: int) -> tuple[int, ...]:
    """Preemption cost of each option: the current task first if `mine`, others, timers."""
    others = (0, *[1] * (ready - 1)) if mine else (0,) * ready
    return (*others, *[1 if ready else 0] * timers)


_deadline = attrgetter("deadline")


def _in_order(timed: list[Task]) -> tuple[int, ...]:
    """The numbers of the tasks whose timers may fire. The first is the one that a clock would let
    fire: else a task that sleeps again and again would starve the others."""
    timed.sort(key=_deadline)
    return tuple([task.number for task in timed])


# Where no task is the current one.
_OF_NOBODY: Known = {}


def _choice(known: Known, moment: Moment, me: Task | None) -> Choice:
    """Make a choice: the current task first, if it can go on; others by number; timers.

    Args:
        known: where it is kept.
        me: the current task, if there is one.
    """
    ready, *timers = (moment,) if isinstance(moment, int) else moment
    able = [number for number in range(ready.bit_length()) if ready >> number & 1]
    own = None if me is None else me.number
    able.sort(key=lambda number: number != own)
    options = [GO[number] for number in able] + [FIRE[number] for number in timers]
    costs = costs_of(own in able, len(able), len(timers)) if len(options) > 1 else ()
    numbers = tuple([option.task for option in options])
    made = known[moment] = (tuple(options), costs, numbers, len(able))
    return made


class Deciding:
    """The part of an arena that knows its tasks and picks one."""

    on_step: Callable[[], None] | None = None

    def __init__(self, choose: Choose, max_steps: int, detailed: bool) -> None:
        self.choose = choose
        # What is left of a list of choices; None: somebody is asked.
        self._rest = iter(choose.schedule) if type(choose) is Following else None
        self.max_steps = max_steps
        self.detailed = detailed
        self.run = run = Run()
        self._raw = run.raw
        self._choices, self._costs = run.choices, run.costs
        self.tasks: list[Task] = []
        self.live: list[Task] = []
        # Tasks that the run does not end without.
        self.owed = 0
        self.me: Task | None = None
        self.now = 0.0
        self.fatal: BaseException | None = None

    @property
    def progress(self) -> int:
        """Steps made so far."""
        return len(self._raw)

    def pick(self, me: Task | None) -> Task | None:
        """Who goes on; None: the run is over, `run.end` says why.

        Most of the time of a run is spent here: so it is one function.

        Args:
            me: the task that was running, if it is still alive.
        """
        # What is asked here, and who chooses, is in no task: nothing of it is to switch.
        self.me = None
        raw = self._raw
        if (self.detailed and not self._seen(me)) or len(raw) >= self.max_steps:
            self._end_early()
            return None
        ready = 0
        timed: list[Task] | None = None
        for task in self.live:
            state = task.state
            if (
                not state  # RUN
                or (state == LOCK and task.lock._owner is None)
                or (state == CALL and task.ready())
            ):
                ready |= task.bit
            elif task.timed:
                timed = [task] if timed is None else [*timed, task]
        if not ready and (timed is None or not self.owed):
            if self.owed:
                self.run.end = "deadlock"
            return None
        moment: Moment = ready
        if timed is not None:
            moment = (ready, timed[0].number) if len(timed) == 1 else (ready, *_in_order(timed))
        known = _OF_NOBODY if me is None else me.known
        options, costs, numbers, able = known.get(moment) or _choice(known, moment, me)
        index = 0
        if costs:
            rest = self._rest
            if rest is None:
                asked = self.chosen(options, costs, None if me is None else me.number)
                if asked is None:
                    return None
                index = asked
            else:
                # As `chosen`, without its price: most runs follow a list.
                index = next(rest, 0)
                if index:
                    index %= len(options)
                    self.run.preemptions += costs[index]
                self._choices.append(index)
                self._costs.append(costs)
        task = self.tasks[numbers[index]]
        raw.append((options[index], task.op, task.what, task.where))
        task.state = RUN
        if index >= able:
            self._fire(task)
        else:
            task.timed = task.fired = False
        self.me = task
        return task

    def chosen(
        self, options: Sequence[Option], costs: tuple[int, ...], me: int | None
    ) -> int | None:
        """The index of what is taken, which is written down; None: the run must end."""
        rest = self._rest
        if rest is None:
            asked = self._ask(options, me)
            if asked is None:
                return None
            index = asked
        else:
            # As calling it: what is there, or round the corner; then the benign one.
            index = next(rest, 0) % len(options)
        self._choices.append(index)
        self._costs.append(costs)
        if index:
            self.run.preemptions += costs[index]
        return index

    def _fire(self, task: Task) -> None:
        """The timer of a task fires."""
        task.fired = True
        task.timed = False
        task.fires += 1
        if task.deadline > self.now:
            self.now = task.deadline
        self.now += LATE

    def _end_early(self) -> None:
        """No step follows: something is wrong already, or there were too many."""
        if self.fatal is None:
            self.run.end = "livelock" if self.owed else "done"

    def _ask(self, options: Sequence[Option], me: int | None) -> int | None:
        """What is chosen, by its index; None: the run must end."""
        # Primitives that it makes are not of the run.
        ACTIVE.arena = None
        try:
            index = self.choose(options, me)
            options[index]
        except BaseException as raised:
            # It must not be seen, and perhaps swallowed, by the code under test.
            self.fatal = raised
            return None
        finally:
            ACTIVE.arena = self  # type: ignore[assignment]
        return index

    def _seen(self, me: Task | None) -> bool:
        """In a detailed run: keep the line, tell who wants to know; False: the run must end."""
        if me is not None:
            frame = sys._getframe(2)
            me.where = where(frame)
            unseen = held_unseen(frame)
            if unseen is not None:
                self.fatal = Uncontrolled(f"{me.name} {unseen}")
                return False
        if self.on_step is not None:
            try:
                self.on_step()
            except BaseException as raised:
                self.fatal = raised
                return False
        return True
