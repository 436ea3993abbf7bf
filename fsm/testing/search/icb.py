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
        # By number of preemptions, what is still to be run: the choices of a schedule that was, so
        # many of them, and another choice there. The schedule itself is made when it is its turn.
        self._waiting: dict[int, list[tuple[Schedule, int, int]]] = {}
        self._now: Schedule | None = None
        self._cost = 0

    def next(self) -> Schedule | None:
        """The next schedule, among those with the fewest preemptions; None: all were run."""
        waiting = self._waiting
        if self._now is None:
            self._now = ()
            return ()
        if not waiting:
            return None
        self._cost = cost = min(waiting)
        others = waiting[cost]
        choices, place, other = others.pop()
        if not others:
            del waiting[cost]
        self._now = (*choices[:place], other)
        return self._now

    def learn(self, run: Run) -> None:
        """What the schedule that `next` gave turned out to be: its other ways are kept."""
        begin = len(self._now or ())
        bound, waiting = self.bound, self._waiting
        choices = tuple(run.choices)
        # Behind its schedule a run takes the benign choices, which cost nothing.
        spent = self._cost
        for place, costs in enumerate(run.costs[begin:], begin):
            # What costs nothing comes first: where the second option costs, all others do.
            if spent == bound and costs[1]:
                continue
            for other in range(1, len(costs)):
                cost = spent + costs[other]
                if bound is None or cost <= bound:
                    waiting.setdefault(cost, []).append((choices, place, other))
