"""Histories of runs, written by hand, for tests of the race kit's checks."""

from typing import Any

from futurefsm.fsm.testing import checks
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.failure import Trouble
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.history import Raised, Returned, Seen, Stopped
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.stage import subject_of

TRUE = Returned(True)
FALSE = Returned(False)
NONE = Returned(None)
TIMEOUT = Raised("TimeoutError")
CANCELLED = Raised("CancelledError")


class Log:
    """Writes a log, and the program that goes with it.

    Threads are numbered from 0; each call is made at once, or begun and ended apart.
    """

    def __init__(self, harness: Harness, *, futures: int = 1, threads: int = 2) -> None:
        self.harness = harness
        self._futures = futures
        self._threads: list[list[Call]] = [[] for _ in range(threads)]
        self._path: list[Move] = []
        self.log: list[tuple[Any, ...]] = []
        self.end = "done"
        self.stopped: list[Stopped] = []
        self._callbacks = 0

    def begin(self, thread: int, call: Call) -> "Log":
        """A thread begins a call."""
        self._threads[thread].append(call)
        self.log.append((h.CALL, thread, len(self._threads[thread]) - 1))
        if call.name == "add_done_callback":
            self._callbacks += 1
            adds = (h.ADDS, self._callbacks, thread, len(self._threads[thread]) - 1)
            self.log.append(adds)
        return self

    def ends(self, thread: int, answer: Returned | Raised, *, moved: bool = False) -> "Log":
        """Its latest call answers."""
        self.log.append((h.ANSWER, thread, len(self._threads[thread]) - 1, answer, moved))
        return self

    def call(self, thread: int, call: Call, answer: Returned | Raised) -> "Log":
        """A whole call."""
        return self.begin(thread, call).ends(thread, answer)

    def deliver(
        self,
        event: str,
        answer: Returned | Raised = NONE,
        *,
        future: int = 0,
        sends: bool = True,
    ) -> "Log":
        """The pump delivers. What is submitted is sent, where the harness has messages."""
        self._path.append(Move(event, future))
        number = len(self._path) - 1
        self.log.append((h.DELIVER, number))
        if event == "submit" and self.harness.messages and sends:
            self.log.append((h.SENT, "Task", future, None, ()))
        self.log.append((h.DELIVERED, number, answer))
        return self

    def note(self, *record: Any) -> "Log":
        """Any other record."""
        self.log.append(record)
        return self

    def called_back(self, callback: int, *, future: int = 0, held: tuple[str, ...] = ()) -> "Log":
        """A callback is called by the pump."""
        return self.note(h.CALLBACK, callback, future, len(self._threads), held)

    def final(
        self, state: str | None, done: bool | None, outcome: str | None = None, future: int = 0
    ) -> "Log":
        """What there is at the end."""
        return self.note(h.FINAL, future, state, done, False if done else None, outcome)

    def stops(
        self, task: int, op: str = "wait", what: str = "Condition 1", holder: str = ""
    ) -> "Log":
        """The run ends in a dead-lock; a task stays in a wait."""
        self.end = "deadlock"
        self.stopped.append(
            Stopped(task, "pump" if task == 2 else f"task {task}", op, what, holder)
        )
        return self

    def seen(self) -> Seen:
        """All of it."""
        threads = tuple(tuple(calls) for calls in self._threads)
        program = Program(threads, tuple(self._path), (), self._futures)
        return Seen(program, tuple(self.log), self.end, tuple(self.stopped))

    def troubles(self) -> tuple[Trouble, ...]:
        """What the checks say."""
        return checks.judge(h.read(self.seen()), subject_of(self.harness))

    def names(self) -> list[str]:
        """The checks that fail."""
        return [trouble.check for trouble in self.troubles()]
