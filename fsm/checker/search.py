"""Every reachable state, breadth first, and what can be said of the graph that they make. PURE."""

from collections.abc import Callable, Iterable, Sequence

from futurefsm.fsm.checker.model import (
    AlwaysPossible,
    Condition,
    Invariant,
    LeadsTo,
    NoDeadlock,
    Property,
    System,
)
from futurefsm.fsm.checker.stepping import Predicate, Stepper, Vector

STATES_MAX = 2_000_000


class Graph:
    """What was explored.

    Attributes:
        states: in the order in which they were found, which is that of their distance.
        edges: for each state, the steps out of it: label, state, label, state...
        parents: for each state, who found it and by which label; of the first, (-1, -1).
        first: (part, state, event) of a row → the state out of which it was first taken.
        complete: there are no more states than these.

    Args:
        system: what to explore.
        states_max: give up when there are more.
        until: give up when this holds of a state, which is then the last one.
    """

    def __init__(
        self, system: System, states_max: int = STATES_MAX, *, until: Condition | None = None
    ) -> None:
        self.system = system
        self.stepper = Stepper(system)
        self.states: list[Vector] = [self.stepper.initial]
        self.edges: list[tuple[int, ...]] = []
        self.parents: list[tuple[int, int]] = [(-1, -1)]
        self.first: dict[tuple[str, str, str], int] = {}
        self.complete = True
        self.transitions = 0
        self._explore(states_max, None if until is None else self.stepper.predicate(until))

    def _explore(self, states_max: int, until: Predicate | None) -> None:
        successors, hits, rows = self.stepper.successors, self.stepper.hits, self.stepper.rows
        states, edges, parents = self.states, self.edges, self.parents
        number = {states[0]: 0}
        seen: set[int] = set()
        # The list grows while it is walked.
        for here, vector in enumerate(states):
            steps: list[int] = []
            for label, after in successors(vector):
                there = number.get(after)
                if there is None:
                    there = number[after] = len(states)
                    states.append(after)
                    parents.append((here, label))
                    if until is not None and until(after):
                        self.complete = False
                        return
                steps += (label, there)
            edges.append(tuple(steps))
            self.transitions += len(steps) // 2
            if len(hits) > len(seen):
                for row in hits - seen:
                    self.first[rows[row]] = here
                seen |= hits
            if len(states) > states_max:
                self.complete = False
                return

    def way_to(self, there: int) -> list[tuple[int, int]]:
        """The shortest way from the first state: (label, state) after (label, state)."""
        way = []
        while there:
            here, label = self.parents[there]
            way.append((label, there))
            there = here
        return way[::-1]

    def steps(self, here: int) -> Iterable[tuple[int, int]]:
        """The steps out of a state: (label, state)."""
        flat = self.edges[here]
        return zip(flat[::2], flat[1::2], strict=True)


class Broken:
    """A property that does not hold.

    Attributes:
        property: which.
        way: the steps that lead there: (label, state).
        loop: the steps that then go on for ever; empty where nothing more happens, or where the
            property is broken at the end of the way.
        stuck: nothing but calls and faults can happen at the end of the way.
    """

    def __init__(
        self,
        what: Property,
        way: list[tuple[int, int]],
        loop: Sequence[tuple[int, int]] = (),
        *,
        stuck: bool = False,
    ) -> None:
        self.property = what
        self.way = way
        self.loop = list(loop)
        self.stuck = stuck


def look(graph: Graph, what: Property) -> Broken | None:
    """Whether a property holds: None, or the shortest way to where it does not."""
    predicate = graph.stepper.predicate
    if isinstance(what, Invariant):
        holds = predicate(what.holds)
        bad = next((n for n, vector in enumerate(graph.states) if not holds(vector)), None)
        return None if bad is None else Broken(what, graph.way_to(bad))
    if isinstance(what, NoDeadlock):
        return _dead(graph, what, predicate(what.final))
    if isinstance(what, AlwaysPossible):
        return _trapped(graph, what, predicate(what.goal))
    return _starved(graph, what, predicate(what.start), predicate(what.goal))


def _fair(graph: Graph) -> list[int]:
    """For each label, the number of its class of fair steps; -1 where it is not fair."""
    names = {label.fair: n for n, label in enumerate(graph.stepper.labels) if label.fair}
    return [names[label.fair] if label.fair else -1 for label in graph.stepper.labels]


def _dead(graph: Graph, what: NoDeadlock, final: Predicate) -> Broken | None:
    fair = _fair(graph)
    for here, flat in enumerate(graph.edges):
        if all(fair[label] < 0 for label in flat[::2]) and not final(graph.states[here]):
            return Broken(what, graph.way_to(here), stuck=True)
    return None


def _trapped(graph: Graph, what: AlwaysPossible, goal: Predicate) -> Broken | None:
    """Walk back from the goal along fair steps; who was not met is trapped."""
    fair = _fair(graph)
    back: list[list[int]] = [[] for _ in graph.edges]
    for here in range(len(graph.edges)):
        for label, there in graph.steps(here):
            if fair[label] >= 0 and there < len(back):
                back[there].append(here)
    left = [n for n, vector in enumerate(graph.states[: len(back)]) if goal(vector)]
    met = set(left)
    while left:
        for here in back[left.pop()]:
            if here not in met:
                met.add(here)
                left.append(here)
    bad = next((n for n in range(len(back)) if n not in met), None)
    return None if bad is None else Broken(what, graph.way_to(bad), stuck=True)


def _starved(graph: Graph, what: LeadsTo, start: Predicate, goal: Predicate) -> Broken | None:
    """A fair run that never comes to the goal: states without it that go round for ever.

    Fair means: no class of fair steps can happen from some time on for ever without happening.
    So among states that lead to each other, each class must be taken, or be impossible somewhere.
    """
    states, fair = graph.states, _fair(graph)
    within = [False] * len(graph.edges)
    left = [n for n in range(len(graph.edges)) if start(states[n]) and not goal(states[n])]
    for n in left:
        within[n] = True
    while left:
        for _, there in graph.steps(left.pop()):
            if there < len(within) and not within[there] and not goal(states[there]):
                within[there] = True
                left.append(there)
    classes = frozenset(each for each in fair if each >= 0)
    best: tuple[int, list[int]] | None = None
    for group in _groups(graph, within):
        nearest = min(group)
        if best is not None and best[0] < nearest:
            continue
        if _goes_on(graph, set(group), classes, fair):
            best = nearest, group
    if best is None:
        return None
    loop = _round(graph, best[0], set(best[1]), classes, fair)
    return Broken(what, graph.way_to(best[0]), loop, stuck=not loop)


def _goes_on(graph: Graph, group: set[int], classes: frozenset[int], fair: list[int]) -> bool:
    """Whether a fair run may stay among these states."""
    owed = set(classes)
    for here in group:
        possible = {fair[label] for label, _ in graph.steps(here)}
        taken = {fair[label] for label, there in graph.steps(here) if there in group}
        owed &= possible - taken
        if not owed:
            return True
    return False


def _round(
    graph: Graph, start: int, group: set[int], classes: frozenset[int], fair: list[int]
) -> list[tuple[int, int]]:
    """A way round among these states that is fair: it visits, for each class of steps, a state
    where that is impossible, or takes it."""
    owed, here = set(classes), start
    loop: list[tuple[int, int]] = []
    while True:
        owed &= {fair[label] for label, _ in graph.steps(here)}
        if not owed:
            break
        want = min(owed)

        def served(at: int, want: int = want) -> bool:
            ways = [there for label, there in graph.steps(at) if fair[label] == want]
            return not ways or any(there in group for there in ways)

        loop += _path(graph, here, group, served)
        here = loop[-1][1] if loop else start
        for label, there in graph.steps(here):
            if fair[label] == want and there in group:
                loop.append((label, there))
                here = there
                break
        owed.discard(want)
    if here != start:
        loop += _path(graph, here, group, lambda at: at == start)
    return loop


def _path(
    graph: Graph, start: int, group: set[int], found: Callable[[int], bool]
) -> list[tuple[int, int]]:
    """The shortest way among these states to one that is looked for."""
    came: dict[int, tuple[int, int]] = {}
    queue = [start]
    for here in queue:
        if found(here):
            way = []
            while here != start:
                before, label = came[here]
                way.append((label, here))
                here = before
            return way[::-1]
        for label, there in graph.steps(here):
            if there in group and there not in came and there != start:
                came[there] = (here, label)
                queue.append(there)
    raise AssertionError("a group is connected")


def _groups(graph: Graph, within: list[bool]) -> Iterable[list[int]]:
    """Greatest sets of states that lead to each other (Tarjan), single states too: a run may stay
    where it is for ever, since calls and faults need not come."""
    index: dict[int, int] = {}
    low: dict[int, int] = {}
    stack: list[int] = []
    on_stack: set[int] = set()
    for root in range(len(within)):
        if not within[root] or root in index:
            continue
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        work = [(root, iter(graph.edges[root][1::2]))]
        while work:
            here, steps = work[-1]
            for there in steps:
                if there >= len(within) or not within[there]:
                    continue
                if there not in index:
                    index[there] = low[there] = len(index)
                    stack.append(there)
                    on_stack.add(there)
                    work.append((there, iter(graph.edges[there][1::2])))
                    break
                if there in on_stack:
                    low[here] = min(low[here], index[there])
            else:
                work.pop()
                if work:
                    before = work[-1][0]
                    low[before] = min(low[before], low[here])
                if low[here] == index[here]:
                    group = []
                    while True:
                        one = stack.pop()
                        on_stack.discard(one)
                        group.append(one)
                        if one == here:
                            break
                    yield group
