"""The bench: the futures of one test, each beside its model; what is asked of several at once."""

import concurrent.futures
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from futurefsm.fsm.states import State
from futurefsm.fsm.table import Row
from futurefsm.fsm.testing import words
from futurefsm.fsm.testing.aside import Aside
from futurefsm.fsm.testing.compared import Compared
from futurefsm.fsm.testing.model import ways
from futurefsm.fsm.testing.subject import Subject

Act = Callable[[Compared], None]

# How long is waited for what has hung before.
_HUNG_S = 1.0


class Bench:
    """What the futures of one test share: how they are made, the thread that asks, the story.

    Args:
        subject: the class under test.
        patience_s: real seconds after which a call counts as hanging.

    Attributes:
        story: every step so far, one line each.
    """

    def __init__(self, subject: Subject, patience_s: float = 5.0) -> None:
        self.subject = subject
        self._patience_s = patience_s
        self.story: list[str] = []
        self.count = 0
        self.futures: list[Compared] = []
        self.asking, self.beside = Aside(), Aside()
        # What can be done with them, known with the first one.
        self.ways: dict[State, list[str]] = {}

    def fresh(self) -> None:
        """Forget all futures and their story."""
        self.futures.clear()
        self.story.clear()
        self.count = 0

    def make(self, state: str | None = None, listeners: Iterable[Act] = ()) -> Compared:
        """One fresh future beside a fresh model.

        Args:
            state: where to bring it, by the shortest way; by default it stays in the start.
            listeners: what is done to it before that.
        """
        future = Compared(self, len(self.futures) + 1)
        self.futures.append(future)
        self.tell(f"{future.name} = make()")
        self.look(f"{future.name} = make()", None)
        for listen in listeners:
            listen(future)
        if state is not None and state != future.model.state:
            self.ways = self.ways or ways(
                self.subject.lifecycle, self.subject.usable(future.future)
            )
            for event in self.ways[state]:  # type: ignore[index]
                future.happen(event)
        return future

    def patience(self) -> float:
        """Real seconds. Hypothesis makes a failure small by many repetitions."""
        return min(self._patience_s, _HUNG_S) if self.subject.hung else self._patience_s

    def close(self) -> None:
        """End the threads."""
        self.asking.close()
        self.beside.close()

    def tell(self, line: str) -> None:
        """One step more in the story."""
        self.count += 1
        self.story.append(f"{self.count:3}  {line}")

    def look(self, call: str, row: Row | None) -> None:
        """At all futures: what happens to one moves no other."""
        for future in self.futures:
            future.look(call, row)

    def wait(self, among: Sequence[Compared], return_when: str = "ALL_COMPLETED") -> None:
        """`concurrent.futures.wait` over some of them, without waiting."""
        there = {id(each.future): each for each in among}
        # Where all are there already it has to return by itself.
        timeout = None if all(each.model.announced for each in there.values()) else 0

        def act() -> str:
            futures = [each.future for each in among]
            done, rest = concurrent.futures.wait(futures, timeout, return_when)
            return words.sides(
                [there[id(f)].number for f in done], [there[id(f)].number for f in rest]
            )

        done = [each.number for each in there.values() if each.model.announced]
        rest = [each.number for each in there.values() if not each.model.announced]
        who = ", ".join(each.name for each in among)
        call = f"wait([{who}], timeout={timeout}, {return_when})"
        self.over(among[0], call, act, words.sides(done, rest))

    def as_completed(self, among: Sequence[Compared]) -> None:
        """`concurrent.futures.as_completed` over some of them, without waiting."""
        there = {id(each.future): each for each in among}

        def act() -> str:
            done: list[int] = []
            try:
                for future in concurrent.futures.as_completed([e.future for e in among], 0):
                    done.append(there[id(future)].number)
            except TimeoutError:
                return words.sides(done, {each.number for each in among} - set(done))
            return words.sides(done, [])

        done = [each.number for each in there.values() if each.model.announced]
        rest = [each.number for each in there.values() if not each.model.announced]
        who = ", ".join(each.name for each in among)
        self.over(among[0], f"as_completed([{who}], timeout=0)", act, words.sides(done, rest))

    def over(self, first: Compared, call: str, act: Callable[[], Any], expected: str) -> None:
        """A call over several futures."""
        got = first.ask(call, act)
        said = words.said(got)
        self.tell(f"{call} → {said}")
        if said != expected:
            raise first.differs(call, expected, said, None)
        self.look(call, None)
