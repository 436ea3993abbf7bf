"""The bench: the futures of one test, each beside its model; what is asked of several at once."""

import concurrent.futures
import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from futurefsm.fsm.states import State
from futurefsm.fsm.table import Row
from futurefsm.fsm.testing import words
from futurefsm.fsm.testing.aside import Aside, Got, Stuck
from futurefsm.fsm.testing.compared import Compared
from futurefsm.fsm.testing.model import ways
from futurefsm.fsm.testing.subject import Subject

Act = Callable[[Compared], None]
# What each future said of itself; None: it did not come to that.
Looks = list[tuple[Compared, dict[str, Any] | None]]

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
        # What futures log of callbacks that raise on purpose, and of refused calls, is no news.
        self._disabled = logging.root.manager.disable
        logging.disable(logging.CRITICAL)
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
        future.look(f"{future.name} = make()", None)
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
        """End the threads; loggers speak again."""
        logging.disable(self._disabled)
        self.asking.close()
        self.beside.close()

    def tell(self, line: str) -> None:
        """One step more in the story."""
        self.count += 1
        self.story.append(f"{self.count:3}  {line}")

    def act(self, call: str, act: Callable[[], Any], whose: Compared) -> tuple[Got, Looks]:
        """Make a call, and look at all futures behind it: what happens to one moves no other.

        Both in one go, for going to the other thread costs far more than a call.

        Args:
            call: for messages.
            whose: whose call it is.
        """
        futures = [whose, *(each for each in self.futures if each is not whose)]
        answers: list[Got] = []

        def both() -> list[dict[str, Any]]:
            try:
                answers.append(Got(act()))
            except Exception as error:
                answers.append(Got(error=error))
            return [each.seen() for each in futures]

        try:
            looked = self.asking.call(both, self.patience())
        except Stuck as stuck:
            if not answers:
                raise whose.hangs(call, stuck) from None
            # A look hangs: at whom, it is asked once more.
            looked = Got()
        return answers[0], list(zip(futures, looked.value or [None] * len(futures), strict=True))

    def compare(self, call: str, row: Row | None, looks: Looks) -> None:
        """What was seen with what the table says; `row`: what the call met."""
        for future, seen in looks:
            said = call if future is looks[0][0] else f"{call}, then a look at {future.name}"
            if seen is None:
                future.look(said, row)
            else:
                future.compare(said, row, seen)

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
        got, looks = self.act(call, act, first)
        said = words.said(got)
        self.tell(f"{call} → {said}")
        if said != expected:
            raise first.differs(call, expected, said, None)
        self.compare(call, None, looks)
