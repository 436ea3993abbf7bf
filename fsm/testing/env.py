"""Env: the world of one run. Messages, the object store, callbacks, the pump; and what was seen.

A harness gets it with every call. What a future sends, fetches and deletes goes through it: each is
a point where another thread may go on, and each must be done under no lock.
"""

import asyncio
import concurrent.futures
import re
import traceback
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from futurefsm.fsm.events import RESULT_FAILED, RESULT_SUCCESS
from futurefsm.fsm.testing import history as h
from futurefsm.fsm.testing.programs import AWAIT, Call, Move, Program
from futurefsm.fsm.testing.threads.tasks import is_ours

if TYPE_CHECKING:
    from futurefsm.fsm.testing.harness import Harness
    from futurefsm.fsm.testing.threads.scheduler import Arena

FETCH_FAILS = "fetch fails"
# What code may raise by mistake. Ctrl-C, and what steers a test, is nobody's fault.
FAULTS = (Exception, SystemExit, asyncio.CancelledError)


class LostError(RuntimeError):
    """The object store cannot give an object."""


class TaskError(RuntimeError):
    """What a task raised, as the pump delivers it. Equal by its text."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, TaskError) and self.args == other.args

    def __hash__(self) -> int:
        return hash(self.args)


class CallbackError(RuntimeError):
    """What a user's callback raises, to see where it comes out."""


# Errors that futures give on purpose.
_MEANT = (
    asyncio.CancelledError,
    asyncio.InvalidStateError,
    concurrent.futures.CancelledError,
    concurrent.futures.InvalidStateError,
    concurrent.futures.TimeoutError,
    CallbackError,
    LostError,
    TaskError,
)
_ADDRESS = re.compile(r" at 0x[0-9a-f]+")
_TEXT_MAX = 120
_PLAIN = (str, int, tuple)

_returned = h.maker(h.Returned)
_raised = h.maker(h.Raised)


class Env:
    """The world of one run.

    Attributes:
        program: what runs.
        futures: the futures under test, in order.
        box: a harness's own things; empty at the start of each run.
        log: what was seen so far (`history`).
        detailed: somebody will draw this run: say everything.
    """

    __slots__ = (
        "arena",
        "box",
        "calling",
        "callbacks",
        "detailed",
        "faults",
        "futures",
        "harness",
        "left",
        "log",
        "objects",
        "program",
        "refused",
        "sent",
        "stock",
    )

    def __init__(
        self, harness: "Harness", program: Program, arena: "Arena", *, detailed: bool = False
    ) -> None:
        self.harness = harness
        self.program = program
        self.arena = arena
        self.detailed = detailed
        self.futures: list[Any] = []
        self.box: dict[str, Any] = {}
        self.log: list[tuple[Any, ...]] = []
        self.faults = program.faults
        self.objects: dict[str, Any] = {}
        # Everything that ever was in the store.
        self.stock: dict[str, Any] = {}
        self.sent: list[tuple[str, int]] = []
        self.refused: set[int] = set()
        self.callbacks = 0
        # Task → the call that it is making: (thread, number).
        self.calling: dict[int | None, tuple[int, int]] = {}
        # Users' threads that have not ended.
        self.left = len(program.threads)

    # What a future does.

    def send(self, message: str, future: Any = None) -> None:
        """Send a message to the scheduler: "Task", "TaskCancel". `future`: whose it is."""
        arena, number = self.arena, self.number(future)
        me = arena.me
        task = arena.current if me is None else me.number
        if task is not None:
            arena.point("send", message)
        self.log.append((h.SENT, message, number, task, self._held()))
        self.sent.append((message, number))
        if self.detailed:
            arena.note(f"send {message}{self._whose(number)}")
            self._trouble(f"sends {message}")

    def offer(self, key: str, value: Any) -> None:
        """A worker puts a result into the object store, once."""
        if key not in self.stock:
            self.objects[key] = self.stock[key] = value
            self.log.append((h.OFFERED, key))

    def fetch(self, key: str) -> Any:
        """Get an object from the store.

        Raises:
            LostError: it is not there, or fetching fails in this program.
        """
        if self.arena.current is not None:
            self.arena.point("fetch", key)
        found = key in self.objects and FETCH_FAILS not in self.faults
        self.log.append((h.FETCHED, key, self.arena.current, self._held(), found))
        if self.detailed:
            self.arena.note(f"fetch {key}" + ("" if found else ": it fails"))
            self._trouble(f"fetches {key}")
        if not found:
            raise LostError(f"{key} cannot be had")
        return self.objects[key]

    def delete(self, key: str) -> None:
        """Delete an object from the store."""
        if self.arena.current is not None:
            self.arena.point("delete", key)
        self.log.append((h.DELETED, key, self.arena.current, self._held()))
        self.objects.pop(key, None)
        if self.detailed:
            self.arena.note(f"delete {key}")
            self._trouble(f"deletes {key}")

    # What a harness asks.

    def number(self, future: Any) -> int:
        """The number of a future, from 0; -1: it is none of those under test."""
        for number, each in enumerate(self.futures):
            if each is future:
                return number
        return -1

    def numbers(self, futures: Iterable[Any]) -> tuple[int, ...]:
        """The numbers of futures, sorted."""
        return tuple(sorted(self.number(each) for each in futures))

    def key(self, future: Any, event: str = RESULT_SUCCESS) -> str:
        """The key of the object that is the result of a future: its value, or its error."""
        what = "error" if event == RESULT_FAILED else "object"
        return f"{what} {self.number(future) + 1}"

    def callback(self, call: Call) -> Callable[[Any], None]:
        """A callback for `add_done_callback`: says that it was called, then does `call.how`."""
        self.callbacks += 1
        thread, number = self.calling[self.arena.current]
        self.log.append((h.ADDS, self.callbacks, thread, number))
        return partial(self._called_back, self.callbacks, call.how)

    def _called_back(self, callback: int, how: str, future: Any) -> None:
        arena = self.arena
        self.log.append((h.CALLBACK, callback, self.number(future), arena.current, self._held()))
        if self.detailed:
            arena.note(f"callback {callback}{self._whose(self.number(future))}")
            self._trouble(f"calls callback {callback}")
        if how == "raises":
            raise CallbackError("raised by a callback")
        if how == "exits":
            raise SystemExit("a callback leaves")
        before = self.calling.get(arena.current)
        for number in range(len(h.INSIDE.get(how, ()))):
            call = h.inside(how, number, self.number(future), self.program.futures)
            self.make(-callback, number, call)
        if before is not None:
            self.calling[arena.current] = before

    # What the threads do.

    def make(self, thread: int, number: int, call: Call) -> None:
        """A thread makes a call of the program."""
        arena, log, harness = self.arena, self.log, self.harness
        me = arena.me
        self.calling[arena.current if me is None else me.number] = (thread, number)
        if self.detailed:
            arena.note(f"call {self._said(call)}")
        # A cancelled() need not wait where the time of an earlier cancel() ran out before it.
        before = arena.now if call.name != "cancelled" else 0.0
        log.append((h.CALL, thread, number))
        answer: h.Answer
        mistake: str | None = None
        try:
            answer = _returned((token(harness.call(self, self.futures[call.future], call)),))
        except FAULTS as error:
            # Not kept: its traceback holds this frame, and with it the whole run, in a circle.
            answer = raised(harness, error)
            mistake = self._explained(error) if self.detailed else None
        log.append((h.ANSWER, thread, number, answer, arena.now != before))
        if self.detailed:
            arena.note(f"answer {self._said(call)} {_told(answer)}")
            if mistake is not None:
                arena.note(mistake)

    def user(self, thread: int) -> None:
        """What a user's thread does."""
        arena = self.arena
        for number, call in enumerate(self.program.threads[thread]):
            if number:
                # Between two calls another thread may go on, also where neither takes a lock.
                arena.point("call", str(call))
            self.make(thread, number, call)
        self.left -= 1

    def walk(self) -> None:
        """What the pump does: the path, but for what was early."""
        for number in range(self.program.early, len(self.program.path)):
            if not self.move(number):
                return

    def move(self, number: int) -> bool:
        """One move of the path; False where an awaited message will not come."""
        move = self.program.path[number]
        if move.event == AWAIT:
            awaited = (move.message, move.future)
            came = partial(self.sent.__contains__, awaited)
            self.arena.block("await", move.message, lambda: came() or not self.left)
            return came()
        if move.future in self.refused and not move.forced:
            return True
        future, harness, arena = self.futures[move.future], self.harness, self.arena
        value = self._brought(number, move, future)
        if self.detailed:
            arena.note(f"deliver {move.event}{self._whose(move.future)}")
        self.log.append((h.DELIVER, number))
        answer: h.Answer
        try:
            said = harness.deliver(self, future, move.event, value)
            answer = _returned((said if isinstance(said, bool) else None,))
            if said is False:
                self.refused.add(move.future)
        except FAULTS as error:
            answer = raised(harness, error)
            self.refused.add(move.future)
            if self.detailed and (mistake := self._explained(error)) is not None:
                self.arena.note(mistake)
        self.log.append((h.DELIVERED, number, answer))
        return True

    def _brought(self, number: int, move: Move, future: Any) -> Any:
        """What comes with an event."""
        if move.event not in (RESULT_SUCCESS, RESULT_FAILED):
            return None
        value = value_of(number, move.event)
        if not self.harness.objects:
            return value
        key = self.key(future, move.event)
        self.offer(key, value)
        return key

    def _held(self) -> tuple[str, ...]:
        arena = self.arena
        me = arena.me
        if me is None:
            return ()
        # As `held`, without the call.
        return tuple([arena.name_of(lock) for lock in arena.locks if lock._owner is me])

    def _whose(self, number: int) -> str:
        return f" future {number + 1}" if number >= 0 else ""

    def _said(self, call: Call) -> str:
        return str(call) if call.on_all else f"future {call.future + 1}.{call}"

    def _explained(self, error: BaseException) -> str | None:
        """A mistake in the code, and the line that raised it, in words; None: it was meant."""
        if isinstance(error, _MEANT):
            return None
        steps = [f for f in traceback.extract_tb(error.__traceback__) if not is_ours(f.filename)]
        where = f" ({Path(steps[-1].filename).name}:{steps[-1].lineno})" if steps else ""
        # The text of a future takes its lock.
        plain = all(isinstance(part, str | int) for part in error.args)
        text = _ADDRESS.sub("", " ".join(str(error).split()))[:_TEXT_MAX] if plain else ""
        return f"{type(error).__name__}: {text}".rstrip(": ") + where

    def _trouble(self, what: str) -> None:
        """Mark the step in which something foreign happens under a lock."""
        if held := self._held():
            self.arena.note(f"trouble {what} while it holds {' and '.join(held)}")


def _told(answer: h.Answer) -> str:
    """An answer as the pictures show it."""
    if isinstance(answer, h.Returned):
        return f"= {answer.value}"
    return f"! {answer.name}" + (f": {answer.text}" if answer.text else "")


def value_of(number: int, event: str) -> Any:
    """What the move of that number brings: a value, or an exception. Each is another one."""
    if event == RESULT_FAILED:
        return TaskError(f"error {number}")
    return f"value {number}"


def token(value: Any) -> Any:
    """A value that can be hashed and compared, for the log."""
    if value is None or isinstance(value, _PLAIN):
        return value
    if isinstance(value, BaseException):
        name = type(value).__name__
        return h.Error(name, str(value) if isinstance(value, TaskError) else "")
    return f"<{type(value).__name__}>"


def raised(harness: "Harness", error: BaseException) -> h.Raised:
    """The answer of a call that raised. The texts of other errors name objects by address."""
    text = str(error) if isinstance(error, TaskError) else ""
    return _raised((harness.error_name(error), text))
