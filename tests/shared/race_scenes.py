"""Failures written by hand, in the form of real ones, for tests of what is drawn of them."""

from collections.abc import Sequence
from typing import Any

from futurefsm.fsm.testing.failure import Counts, Failure, Trouble
from futurefsm.fsm.testing.harness import Harness
from futurefsm.fsm.testing.history import Seen
from futurefsm.fsm.testing.programs import Call, Move, Program
from futurefsm.fsm.testing.threads.steps import Blocked, Ended, Option, Run


class Futures(Harness):
    """What is tested, by its name."""


class Sketch:
    """A run, told step by step."""

    def __init__(self, *names: str) -> None:
        self.names = names
        self.run = Run()
        self.open = set(names)

    def before(self, *notes: str) -> "Sketch":
        self.run.notes[-1] = list(notes)
        return self

    def step(
        self, name: str, op: str, what: str = "", *notes: str, fires: bool = False, where: str = ""
    ) -> "Sketch":
        task = self.names.index(name)
        got = [f"hold {what}"] if op == "acquire" and not fires else []
        self.run.notes[len(self.run.raw)] = [*got, *notes]
        self.run.raw.append((Option(task, fires), op, what, where))
        return self

    def ends(self, *names: str) -> "Sketch":
        self.open -= set(names)
        return self

    def blocked(self, name: str, op: str, what: str, holder: str, where: str) -> "Sketch":
        task = self.names.index(name)
        self.run.blocked.append(Blocked(task, name, op, what, holder, where))
        self.run.end = "deadlock"
        return self

    def done(self) -> Run:
        self.run.ended = [Ended(name, None, None, name not in self.open) for name in self.names]
        return self.run


def failure(
    run: Run, program: Program, check: str, words: str, *also: Trouble, **more: Any
) -> Failure:
    return Failure(
        [Trouble(check, words), *also],
        program,
        run.choices,
        run,
        Seen(program, ()),
        Futures(),
        **more,
    )


def deadlock() -> Failure:
    """Two threads cancel; the second waits, with the lock, for what the pump cannot bring."""
    lock = "RLock 1"
    sketch = (
        Sketch("user 1", "user 2", "pump")
        .before(f"name {lock} = _lock of future 1", "name Event 1 = _event", "state running")
        .step("user 1", "start", "", "call cancel()")
        .step("user 1", "acquire", lock, where="client.py:90")
        .step(
            "user 1",
            "send",
            "TaskCancel",
            "send TaskCancel",
            f"release {lock}",
            "state cancel_requested",
            where="client.py:95",
        )
        .step("user 2", "start", "", "call cancel()")
        .step("user 2", "acquire", lock, where="client.py:90")
        .step("pump", "start")
        .step("pump", "await", "TaskCancel", "deliver confirm_canceled")
        .step("user 1", "wait", "Event 1", "answer cancel: True", fires=True, where="client.py:97")
        .ends("user 1")
        .blocked("user 2", "wait", "Event 1", "", "client.py:97")
        .blocked("pump", "acquire", lock, "user 2", "client.py:120")
    )
    program = Program(
        ((Call("cancel"),), (Call("cancel"),)),
        (Move("submit"), Move.await_("TaskCancel"), Move("confirm_canceled")),
        early=1,
    )
    words = "user 2 and the pump wait for each other: cancel() holds RLock 1"
    counts = Counts(schedules=1234, programs=56)
    return failure(sketch.done(), program, "released", words, counts=counts, seed=0)


def two_futures(calls: int = 1, *, words: str = "a waiter heard twice") -> Failure:
    """Two futures, three users, a pump; `calls` makes it longer."""
    names = ("user 1", "user 2", "user 3", "pump")
    sketch = Sketch(*names).before("state of future 1 running", "state of future 2 pending")
    for number in range(calls):
        for name in names[:3]:
            sketch.step(name, "start" if not number else "call", "", "call wait()")
            sketch.step(
                name, "acquire", "lock of future 1", where="a_long_name_of_a_module.py:1234"
            )
            sketch.step(
                name,
                "acquire",
                "lock of future 2",
                "hold lock of future 2",
                "release lock of future 2",
            )
            sketch.step(name, "notify_all", "Condition 1", "release lock of future 1")
        sketch.step("pump", "deliver", "", "deliver result_success of future 2")
        sketch.step(
            "pump", "set", "Event 7", f"state of future 2 {('running', 'finished')[number % 2]}"
        )
    for name in names[:3]:
        sketch.step(name, "wait", "Condition 1", "answer wait() = ((0, 1), ())")
        sketch.step(
            name,
            "acquire",
            "lock of future 1",
            "hold lock of future 1",
            "trouble a waiter was told twice",
        )
    call = Call("wait")
    program = Program(((call,), (call,), (call,)), (Move("result_success", 1),), futures=2)
    also = [Trouble("value", "is another one"), Trouble("no leak", "one object is left")]
    return failure(sketch.ends(*names).done(), program, "waiters once", words, *also)


def shown_notes(notes: Sequence[str]) -> Failure:
    """One step with notes."""
    sketch = Sketch("user 1").step("user 1", "start", "", *notes).ends("user 1")
    return failure(sketch.done(), Program(((),)), "value", "words")
