"""Iterative context bounding: every schedule once, in order of its number of preemptions. PURE.

Most races need one or two preemptions (Musuvathi and Qadeer, CHESS, 2007). A preemption is: a task
that could go on is stopped, or a timer fires while somebody could go on.
"""

from futurefsm.fsm.testing.threads.steps import Following, Run

Schedule = tuple[int, ...]


# The choices of a schedule; where it ends, the benign one.
following = Following


class Bounded:
    """The schedules of one program.

    Args:
        bound: at most so many preemptions; None: no bound.

    Use: as long as `next()` gives a schedule, run it and `learn` what came of it.
    """

    def __init__(self, bound: int | None = None) -> None:
        self.bound = bound
        # By number of preemptions: schedules that are still to be run.
        self._waiting: dict[int, list[Schedule]] = {0: [()]}
        self._now: Schedule = ()
        self._cost = 0

    def next(self) -> Schedule | None:
        """The next schedule, among those with the fewest preemptions; None: all were run."""
        waiting = self._waiting
        if not waiting:
            return None
        self._cost = cost = min(waiting)
        schedules = waiting[cost]
        self._now = schedules.pop()
        if not schedules:
            del waiting[cost]
        return self._now

    def learn(self, run: Run) -> None:
        """What the schedule that `next` gave turned out to be: its other ways are kept."""
        begin = len(self._now)
        choices, bound, waiting = run.choices, self.bound, self._waiting
        # Behind its schedule a run takes the benign choices, which cost nothing.
        spent = self._cost
        for place in range(begin, len(choices)):
            costs = run.costs[place]
            if spent == bound and 0 not in costs[1:]:
                continue
            head = tuple(choices[:place])
            for other in range(1, len(costs)):
                cost = spent + costs[other]
                if bound is None or cost <= bound:
                    waiting.setdefault(cost, []).append((*head, other))
